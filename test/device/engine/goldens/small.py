"""Writes reference values for small T5 models of random geometry, where make.py beside it (which says what to
install, and how) has two of one shape: a folder each with the model and its two adapters as PEFT writes them,
golden.json (batch, losses, dropout's rates and masks, as bits) and golden.safetensors (logits, gradients; float32).

    venv/bin/python test/device/engine/goldens/small.py

The batch has padding, -100 among the labels wherever it fell, an all -100 row, and a decoder mask as well. With
dropout the model trains as transformers and peft do, at their own places; the masks that PyTorch drew are kept.
"""

import json
from functools import partial
from unittest.mock import patch

import numpy as np
import torch
from make import EOS, HERE, IGNORE, PAD, compact, load, make_adapter, padded, randomise_model, trainable
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy
from transformers import T5Config, T5ForConditionalGeneration
from transformers.models.t5.modeling_t5 import T5Attention

VERSIONS = {'v1.0': dict(feed_forward_proj='relu', tie_word_embeddings=True),
            'v1.1': dict(feed_forward_proj='gated-gelu', tie_word_embeddings=False)}
SEEDS = {'small-1': ('v1.0', 1), 'small-2': ('v1.1', 2), 'small-3': ('v1.0', 3), 'small-4': ('v1.1', 4)}
VARIANTS = ('base', 'adapter', 'adapter-all')
HOLES = 0.2  # of the labels
RATES = {'base': (0.2, 0.0), 'adapter': (0.0, 0.25), 'adapter-all': (0.1, 0.3)}  # T5's own, the adapter's


def main():
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    for name, (version, seed) in SEEDS.items():
        write(HERE / name, torch.Generator().manual_seed(seed), VERSIONS[version])


def write(folder, random, version):
    config = T5Config(**geometry(random), **version)
    model = T5ForConditionalGeneration(config).eval()
    randomise_model(model, random)
    model.save_pretrained(folder, safe_serialization=True)
    feed_forward = ['wi_0', 'wi_1', 'wo'] if config.is_gated_act else ['wi', 'wo']
    make_adapter(folder, 'adapter', random, r=pick(1, 5, random), lora_alpha=pick(1, 9, random),
                 target_modules=['q', 'v'])
    make_adapter(folder, 'adapter-all', random, r=pick(1, 5, random), lora_alpha=pick(1, 9, random),
                 target_modules=['q', 'k', 'v', 'o', *feed_forward])
    batch = make_batch(config, random)
    golden = {'case': {key: value.tolist() for key, value in batch.items()}, 'loss': {}, 'dropout': {}}
    tensors = {}
    for variant in VARIANTS:
        golden['loss'][variant] = record(load(folder, variant), batch, variant, tensors)
        model_rate, adapter_rate = RATES[variant]
        model = load(folder, variant)
        masks, function = put_dropout(model, model_rate, adapter_rate, random)
        with patch('torch.nn.functional.dropout', function):
            loss = record(model, batch, f'dropout.{variant}', tensors)
        golden['dropout'][variant] = dict(model=model_rate, adapter=adapter_rate, loss=loss, masks={
            site: dict(shape=list(mask.shape), kept=np.packbits(mask.numpy() > 0).tobytes().hex())
            for site, mask in masks.items()})
    save_file({key: tensor.contiguous().clone() for key, tensor in sorted(tensors.items())},
              folder / 'golden.safetensors')
    (folder / 'golden.json').write_text(compact(golden) + '\n')


def record(model, batch, prefix, tensors):
    """Keeps logits and gradients as `<prefix>.logits` and `<prefix>.grad.<name>`; answers with the loss."""
    logits = model(**batch).logits
    loss = cross_entropy(logits.flatten(0, 1), batch['labels'].flatten(), ignore_index=IGNORE)
    loss.backward()
    tensors[f'{prefix}.logits'] = logits.detach()  # [batch, target, vocab]
    for name, parameter in trainable(model).items():
        tensors[f'{prefix}.grad.{name}'] = parameter.grad
    return loss.item()


def put_dropout(model, model_rate, adapter_rate, random):
    """Dropout at each place where the model has one. Answers with its masks by the name of the place, `dropout:`
    before those of T5 and `loraDropout:` before those of adapters, and with torch's function to use meanwhile."""
    masks, attention, stack_calls = {}, [], {}

    def drop(site, rate, x):
        if rate == 0:
            return x
        assert site not in masks, site
        masks[site] = (torch.rand(x.shape, generator=random) >= rate).float() / (1 - rate)
        return x * masks[site]

    def drop_at_ends(stack, x):  # a stack has one module for its embeddings and its last norm
        stack_calls[stack] = stack_calls.get(stack, 0) + 1
        return drop(f'dropout:{stack}.' + ('embed_tokens', 'final_layer_norm')[stack_calls[stack] - 1],
                    model_rate, x)

    for full_name, module in model.named_modules():
        name = full_name.removeprefix('base_model.model.')
        if isinstance(module, T5Attention):
            module.register_forward_pre_hook(lambda *_, name=name: attention.append(name))
        elif name in ('encoder.dropout', 'decoder.dropout'):
            module.forward = partial(drop_at_ends, name.split('.')[0])
        elif '.lora_dropout.' in name:
            module.forward = partial(drop, f'loraDropout:{name.split(".lora_dropout")[0]}', adapter_rate)
        elif isinstance(module, torch.nn.Dropout):
            module.forward = partial(drop, f'dropout:{name}', model_rate)
    # Attention drops its probabilities by the function, which no module calls now.
    return masks, lambda x, **_: drop(f'dropout:{attention[-1]}', model_rate, x)


def geometry(random):
    return dict(vocab_size=pick(24, 40, random), d_model=2 * pick(3, 6, random), d_kv=pick(3, 7, random),
                num_heads=pick(1, 4, random), d_ff=pick(5, 16, random), num_layers=pick(1, 2, random),
                num_decoder_layers=pick(1, 2, random), layer_norm_epsilon=[1e-6, 1e-3][pick(0, 1, random)],
                relative_attention_num_buckets=4 * pick(2, 8, random),
                relative_attention_max_distance=[24, 128][pick(0, 1, random)], dropout_rate=0.0,
                pad_token_id=PAD, eos_token_id=EOS, decoder_start_token_id=pick(0, 2, random))


def make_batch(config, random):
    sizes = [(pick(3, 40, random), pick(2, 20, random)) for _ in range(4)]
    token_ids = lambda length: [pick(3, config.vocab_size - 1, random) for _ in range(length - 1)] + [EOS]
    sources, targets = ([token_ids(length) for length in column] for column in zip(*sizes))
    masks = [padded([[1] * length for length in column], 0) for column in zip(*sizes)]
    labels = padded(targets, IGNORE)
    labels[torch.rand(labels.shape, generator=random) < HOLES] = IGNORE
    labels[0, 0] = labels[-1] = IGNORE
    return {'input_ids': padded(sources, PAD), 'attention_mask': masks[0],
            'decoder_attention_mask': masks[1], 'labels': labels}


def pick(low, high, random):
    return torch.randint(low, high + 1, (), generator=random).item()


if __name__ == '__main__':
    main()
