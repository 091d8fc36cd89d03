"""Writes generation.json: what transformers' `generate` makes of 208 random inputs, for both tiny models of make.py,
without an adapter and with the one on q and v, under each of the sets of options below (CPU, float32).

    python3.11 -m venv venv && venv/bin/pip install \
        torch==2.15.0 transformers==4.57.6 peft==0.21.2 safetensors==0.8.0 numpy==2.4.6
    venv/bin/python test/device/engine/goldens/generation.py

Inputs are decoded in padded batches of 13. An input counts only where float64, in a batch of other padding, gives the
same tokens under every set of options: elsewhere two beams are so close that rounding decides, and no implementation
can be held to it. `excluded` says how many were left out so, in order of drawing; nothing else was.
"""

import json
from pathlib import Path

import torch
from peft import PeftModel
from transformers import T5ForConditionalGeneration

HERE = Path(__file__).parent
PAD, EOS, VOCABULARY = 0, 1, 96
INPUTS, BATCH, LONGEST = 52, 13, 60
SEEDS = {('t5-v1.0', 'base'): 1, ('t5-v1.0', 'adapter'): 2, ('t5-v1.1', 'base'): 3, ('t5-v1.1', 'adapter'): 4}

OPTIONS = [
    dict(max_new_tokens=24),
    dict(max_new_tokens=24, no_repeat_ngram_size=2, min_new_tokens=6),
    dict(max_new_tokens=20, no_repeat_ngram_size=1),
    dict(max_new_tokens=16, num_beams=2),
    *(dict(max_new_tokens=40, num_beams=3, early_stopping=stopping) for stopping in (True, False, 'never')),
    dict(max_new_tokens=24, num_beams=4, length_penalty=2.0, no_repeat_ngram_size=3, min_new_tokens=8,
         early_stopping=True),  # as T5's own config says for summaries
    dict(max_new_tokens=20, num_beams=4, length_penalty=0.0),
    dict(max_new_tokens=20, num_beams=3, length_penalty=0.6, early_stopping='never'),
    dict(max_new_tokens=20, num_beams=5, length_penalty=1.5, no_repeat_ngram_size=2, early_stopping='never'),
    dict(max_new_tokens=12, num_beams=4, length_penalty=-1.0, early_stopping='never'),
    dict(max_new_tokens=16, num_beams=3, length_penalty=-0.5, min_new_tokens=3),
    dict(max_new_tokens=1, num_beams=3),
]
NAMES = dict(max_new_tokens='maxTokens', num_beams='beams', length_penalty='lengthPenalty',
             no_repeat_ngram_size='noRepeatNgram', min_new_tokens='minTokens', early_stopping='earlyStopping')


def main():
    torch.set_num_threads(1)
    groups = [group(*key, seed) for key, seed in SEEDS.items()]
    options = [{NAMES[name]: value for name, value in one.items()} for one in OPTIONS]
    lines = ',\n'.join(' ' + json.dumps(one, separators=(',', ':')) for one in groups)
    text = f'{{"batch":{BATCH},"options":{json.dumps(options)},\n"groups":[\n{lines}\n]}}\n'
    (HERE / 'generation.json').write_text(text)


def group(version, variant, seed):
    """Inputs with what each set of options makes of them: generated[option][input]."""
    single, double = (load(version, variant, dtype) for dtype in (torch.float32, torch.float64))
    random = torch.Generator().manual_seed(seed)
    inputs, generated, excluded = [], [[] for _ in OPTIONS], 0
    while len(inputs) < INPUTS:
        drawn = [draw(random) for _ in range(BATCH)]
        found = [generate(single, drawn, options) for options in OPTIONS]
        exact = [generate(double, [*drawn, draw_length(random, LONGEST + 8)], options) for options in OPTIONS]
        for row, ids in enumerate(drawn):
            if any(a[row] != b[row] for a, b in zip(found, exact)):
                excluded += 1
            elif len(inputs) < INPUTS:
                inputs.append(ids)
                for every, rows in zip(generated, found):
                    every.append(rows[row])
    print(version, variant, 'excluded', excluded)
    return dict(version=version, variant=variant, excluded=excluded, inputs=inputs, generated=generated)


def load(version, variant, dtype):
    model = T5ForConditionalGeneration.from_pretrained(HERE / version, dtype=torch.float32)
    if variant != 'base':
        model = PeftModel.from_pretrained(model, HERE / version / variant)
    return model.to(dtype).eval()


def draw(random):
    return draw_length(random, torch.randint(1, LONGEST, (1,), generator=random).item())


def draw_length(random, length):
    return torch.randint(3, VOCABULARY, (length,), generator=random).tolist() + [EOS]


@torch.no_grad()
def generate(model, rows, options):
    """Ids by row: without the start token, up to and with the first </s>."""
    width = max(map(len, rows))
    input_ids = torch.tensor([ids + [PAD] * (width - len(ids)) for ids in rows])
    mask = (input_ids != PAD).long()
    generated = model.generate(input_ids=input_ids, attention_mask=mask, do_sample=False, **options)
    ids = [row[1:] for row in generated.tolist()]
    return [row[:row.index(EOS) + 1] if EOS in row else row for row in ids]


if __name__ == '__main__':
    main()
