"""Writes what peft makes of adapters, for the small models that small.py beside it wrote (run that first; make.py
says what to install): adapters made by peft with rsLoRA, with patterns of ranks and alphas, and with targets given by
a pattern; and those in `ours`, which our own code wrote (UPDATE_GOLDENS=1 node --test
dist/test/device/engine/adapters.test.js) and which peft has to load as they are. The logits of each, for the batch
of golden.json, are in adapters.safetensors.

    venv/bin/python test/device/engine/goldens/adapters.py
"""

import json
import warnings

import torch
from make import HERE, load, make_adapter
from safetensors.torch import save_file

MODELS = {'small-1': ['wi', 'wo'], 'small-2': ['wi_0', 'wi_1', 'wo']}


def main():
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    warnings.simplefilter('error')  # a pattern or a tensor that fits nothing is only warned of
    for name, feed_forward in MODELS.items():
        folder = HERE / name
        random = torch.Generator().manual_seed(len(feed_forward))
        make_adapter(folder, 'adapter-rslora', random, r=3, lora_alpha=2, use_rslora=True, lora_dropout=0.1,
                     target_modules=['q', 'wo'])
        make_adapter(folder, 'adapter-patterns', random, r=3, lora_alpha=2, init_lora_weights='gaussian',
                     target_modules=['q', 'k', 'v', 'EncDecAttention.o', *feed_forward],
                     rank_pattern={'decoder.*wo': 5, 'SelfAttention.q': 2, 'q|k': 4, '^encoder.*v': 1},
                     alpha_pattern={'.*EncDecAttention.[ko]': 7, 'block.0.layer.0.SelfAttention.v': 0.5})
        make_adapter(folder, 'adapter-regex', random, r=2, lora_alpha=3, use_rslora=True,
                     rank_pattern={'q': 4}, target_modules=r'decoder\..*Attention\.(q|o)')
        with open(folder / 'golden.json') as file:
            batch = {key: torch.tensor(value) for key, value in json.load(file)['case'].items()}
        variants = ['adapter-rslora', 'adapter-patterns', 'adapter-regex', 'ours']
        with torch.no_grad():
            save_file({variant: load(folder, variant)(**batch).logits.contiguous() for variant in variants},
                      folder / 'adapters.safetensors')


if __name__ == '__main__':
    main()
