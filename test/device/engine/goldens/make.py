"""Writes the reference values that the training engine is held against: two tiny random T5 models as hub
folders, two LoRA adapters for each as PEFT writes them, and what PyTorch computes with them (CPU, float32).

    python3.11 -m venv venv && venv/bin/pip install \
        torch==2.15.0 transformers==4.57.6 peft==0.21.2 safetensors==0.8.0 numpy==2.4.6
    venv/bin/python test/device/engine/goldens/make.py

transformers stays below 5: from there on T5Config forces tied embeddings, so v1.1 cannot be built untied.

For each model a folder: config.json, model.safetensors, generation_config.json, adapter/ (q and v),
adapter-all/ (every linear layer), golden.json (inputs, losses, schedules, generated ids) and
golden.safetensors (logits and gradients, float32). `layout` below lists the keys. Everything follows from the
seeds below (chosen so that some generated rows end by themselves); a second run on the same kind of machine
writes the same bytes.
"""

import json
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy
from transformers import T5Config, T5ForConditionalGeneration, get_linear_schedule_with_warmup

HERE = Path(__file__).parent
PAD, EOS, IGNORE = 0, 1, -100
STEPS, WARMUP_STEPS, LEARNING_RATE, MAX_NORM, ACCUMULATION = 50, 5, 5e-3, 1.0, 2
MAX_NEW_TOKENS = 24
LORA_DEVIATION = 0.15  # at 0.3 attention saturates, and 20 steps in float32 and float64 part by 2 %

SHAPE = dict(vocab_size=96, d_model=32, d_kv=8, num_heads=4, d_ff=48, num_layers=2, num_decoder_layers=2,
             relative_attention_num_buckets=32, relative_attention_max_distance=128, dropout_rate=0.0,
             pad_token_id=PAD, eos_token_id=EOS, decoder_start_token_id=PAD)
MODELS = {
    't5-v1.0': dict(seed=86, feed_forward_proj='relu', tie_word_embeddings=True, ff=['wi', 'wo']),
    't5-v1.1': dict(seed=34, feed_forward_proj='gated-gelu', tie_word_embeddings=False,
                    ff=['wi_0', 'wi_1', 'wo']),
}
# [source lengths, target lengths] of a batch; lengths count the closing </s>.
SHORT = ([26, 9, 17], [11, 19, 5])  # past the buckets of one distance: 8 in the encoder, 16 in the decoder
LONG = ([150, 40], [7, 36])  # past max_distance (128), where the last bucket takes all
MICRO_BATCHES = [([12, 20], [9, 6]), ([25, 7], [5, 13]), ([8, 16], [12, 4]), ([18, 10], [7, 16])]


def main():
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    for name, spec in MODELS.items():
        write(HERE / name, **spec)


def write(folder, seed, ff, **spec):
    random = torch.Generator().manual_seed(seed)
    model = T5ForConditionalGeneration(T5Config(**SHAPE, **spec)).eval()
    randomise_model(model, random)
    model.save_pretrained(folder, safe_serialization=True)
    make_adapter(folder, 'adapter', random, r=4, lora_alpha=8, target_modules=['q', 'v'])
    make_adapter(folder, 'adapter-all', random, r=2, lora_alpha=3, target_modules=['q', 'k', 'v', 'o', *ff])

    cases = {'short': make_batch(SHORT, random), 'long': make_batch(LONG, random)}
    micro_batches = [make_batch(lengths, random) for lengths in MICRO_BATCHES]
    golden, tensors = layout(folder, cases, micro_batches)
    save_file(dict(sorted(tensors.items())), folder / 'golden.safetensors')
    (folder / 'golden.json').write_text(compact(golden) + '\n')


def layout(folder, cases, micro_batches):
    """golden.json and golden.safetensors of one model. Tensor keys of the long case start with `long.`."""
    losses, tensors = {}, {}
    for case, batch in cases.items():
        prefix = '' if case == 'short' else f'{case}.'
        losses[case] = {}
        for variant in ('base', 'adapter', 'adapter-all'):
            model = load(folder, variant)
            logits = model(**batch).logits
            loss = cross_entropy(logits.flatten(0, 1), batch['labels'].flatten(), ignore_index=IGNORE)
            loss.backward()
            losses[case][variant] = loss.item()
            tensors[f'{prefix}logits.{variant}'] = logits.detach()  # [batch, target, vocab]
            kind = 'full' if variant == 'base' else variant
            for name, parameter in trainable(model).items():
                tensors[f'{prefix}grad.{kind}.{name}'] = parameter.grad
    golden = {
        'cases': {case: rows(batch) for case, batch in cases.items()},
        'loss': losses,
        'training': {
            'optimizer': dict(name='AdamW', learningRate=LEARNING_RATE, beta1=0.9, beta2=0.999, epsilon=1e-8,
                              weightDecay=0.01, maxGradNorm=MAX_NORM, schedule='linear',
                              warmupSteps=WARMUP_STEPS, totalSteps=STEPS, accumulation=ACCUMULATION),
            'microBatches': [rows(batch) for batch in micro_batches],
            'lora': train(load(folder, 'adapter'), micro_batches),
            'lora-all': train(load(folder, 'adapter-all'), micro_batches),
            'full': train(load(folder, 'base'), micro_batches),
        },
        'generation': {
            'maxNewTokens': MAX_NEW_TOKENS,
            **{variant: greedy(load(folder, variant), cases['short']) for variant in ('base', 'adapter')},
        },
    }
    return golden, {key: tensor.contiguous().clone() for key, tensor in tensors.items()}


def train(model, micro_batches):
    """Losses (before each step), learning rates and gradient norms (before clipping) of STEPS AdamW steps.
    A step takes the next ACCUMULATION micro-batches, cyclically, and divides by all their label tokens."""
    parameters = list(trainable(model).values())
    optimizer = torch.optim.AdamW(parameters, lr=LEARNING_RATE, betas=(0.9, 0.999), eps=1e-8,
                                  weight_decay=0.01)
    schedule = get_linear_schedule_with_warmup(optimizer, WARMUP_STEPS, STEPS)
    record = {'loss': [], 'learningRate': [], 'gradNorm': []}
    for step in range(STEPS):
        taken = [micro_batches[(step * ACCUMULATION + i) % len(micro_batches)] for i in range(ACCUMULATION)]
        tokens = sum((batch['labels'] != IGNORE).sum() for batch in taken)
        loss = 0.0
        for batch in taken:
            logits = model(**batch).logits
            nll = cross_entropy(logits.flatten(0, 1), batch['labels'].flatten(), ignore_index=IGNORE,
                                reduction='sum') / tokens
            nll.backward()
            loss += nll.item()
        record['loss'].append(loss)
        record['learningRate'].append(schedule.get_last_lr()[0])
        record['gradNorm'].append(torch.nn.utils.clip_grad_norm_(parameters, MAX_NORM).item())
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    return record


@torch.no_grad()
def greedy(model, batch):
    """Generated ids by row: without the start token, up to and with the first </s>."""
    inputs = {key: batch[key] for key in ('input_ids', 'attention_mask')}
    generated = model.generate(**inputs, max_new_tokens=MAX_NEW_TOKENS, do_sample=False, num_beams=1)
    ids = [row[1:] for row in generated.tolist()]
    return [row[:row.index(EOS) + 1] if EOS in row else row for row in ids]


def trainable(model):
    """Trainable parameters by their name in the file that PEFT or transformers saves."""
    return {name.replace('.default.', '.'): parameter for name, parameter in model.named_parameters()
            if parameter.requires_grad}


def load(folder, variant):
    """The saved model, as a user would load it; with an adapter only the adapter is trainable."""
    model = T5ForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
    if variant != 'base':
        model = PeftModel.from_pretrained(model, folder / variant, is_trainable=True)
    return model.eval()


def make_adapter(folder, name, random, **options):
    model = T5ForConditionalGeneration.from_pretrained(folder)
    model.name_or_path = model.config._name_or_path = folder.name
    options = dict(task_type='SEQ_2_SEQ_LM', bias='none') | options
    peft = get_peft_model(model, LoraConfig(**options))
    for _, parameter in sorted(trainable(peft).items()):
        normal(parameter, LORA_DEVIATION, random)  # lora_B too: at zero, lora_A had no gradient
    peft.save_pretrained(folder / name, save_embedding_layers=False)  # 'auto' would ask the hub
    (folder / name / 'README.md').unlink()
    path = folder / name / 'adapter_config.json'  # its targets are a set: sort them
    config = json.loads(path.read_text())
    if isinstance(config['target_modules'], list):
        config['target_modules'].sort()
    path.write_text(json.dumps(config, indent=2, sort_keys=True))


def randomise_model(model, random):
    """About T5's own scales, but nothing at 0 or 1: norms scatter about 1, position biases are as large as
    scores, and sublayers outweigh the embedding, so that a tied head does not just repeat its input."""
    config = model.config
    inner = config.num_heads * config.d_kv
    deviation = {
        'shared': 0.7, 'lm_head': 2 * config.d_model**-0.5, 'relative_attention_bias': 0.7,
        'q': (config.d_model * config.d_kv)**-0.5, 'k': config.d_model**-0.5, 'v': config.d_model**-0.5,
        'o': 2.5 * inner**-0.5, 'wi': config.d_model**-0.5, 'wi_0': config.d_model**-0.5,
        'wi_1': config.d_model**-0.5, 'wo': 2.5 * config.d_ff**-0.5,
    }
    for name, parameter in sorted(model.named_parameters()):
        layer = name.split('.')[-2]
        if 'layer_norm' in layer:
            normal(parameter, 0.2, random, mean=1.0)
        else:
            normal(parameter, deviation[layer], random)


def normal(parameter, deviation, random, mean=0.0):
    parameter.data = torch.randn(parameter.shape, generator=random) * deviation + mean


def make_batch(lengths, random):
    """Random tokens that end in </s>; padded with 0 and masked (sources) or with -100 (labels)."""
    sources, labels = ([token_ids(length, random) for length in column] for column in lengths)
    input_ids = padded(sources, PAD)
    mask = (input_ids != PAD).long()
    return {'input_ids': input_ids, 'attention_mask': mask, 'labels': padded(labels, IGNORE)}


def token_ids(length, random):
    # Odd lengths draw from few ids: tokens repeat within a row, so an embedding's gradient has to add up.
    high = 12 if length % 2 else SHAPE['vocab_size']
    return torch.randint(3, high, (length - 1,), generator=random).tolist() + [EOS]


def padded(rows_of_ids, value):
    width = max(map(len, rows_of_ids))
    return torch.tensor([ids + [value] * (width - len(ids)) for ids in rows_of_ids])


def rows(batch):
    return {'inputIds': batch['input_ids'].tolist(), 'attentionMask': batch['attention_mask'].tolist(),
            'labels': batch['labels'].tolist()}


def compact(value, indent=''):
    """JSON with a line for each list of plain values: readable, and small diffs."""
    deeper = indent + ' '
    if isinstance(value, dict):
        lines = (f'{deeper}{json.dumps(key)}: {compact(item, deeper)}' for key, item in value.items())
        return '{\n' + ',\n'.join(lines) + f'\n{indent}}}'
    if isinstance(value, list) and any(isinstance(item, (list, dict)) for item in value):
        return '[\n' + ',\n'.join(deeper + compact(item, deeper) for item in value) + f'\n{indent}]'
    return json.dumps(value)


if __name__ == '__main__':
    main()
