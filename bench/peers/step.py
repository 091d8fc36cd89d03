"""A LoRA step of PyTorch, transformers and peft as a competent user sets them up; the protocol of bench/step-worker.ts.

step.py JSON: {model, workload, threads, variant}; variant is eager, compiled, bf16 or checkpointed.
"""
import json
import sys
import time

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForSeq2SeqLM

settings = json.loads(sys.argv[1])
variant = settings["variant"]
torch.set_num_threads(settings["threads"])
torch.manual_seed(1)

with open(settings["workload"]) as file:
    workload = json.load(file)
source = torch.tensor(workload["source"])
batch = {
    "input_ids": source,
    "attention_mask": torch.ones_like(source),
    "labels": torch.tensor(workload["target"]),
    "use_cache": False,
}


def load():
    for attention in ("sdpa", "eager"):
        try:
            return AutoModelForSeq2SeqLM.from_pretrained(
                settings["model"], dtype=torch.float32, attn_implementation=attention, local_files_only=True
            )
        except ValueError:  # transformers' T5 may have no sdpa.
            continue
    raise RuntimeError("no attention implementation fits")


base = load()
if variant == "checkpointed":
    base.gradient_checkpointing_enable({"use_reentrant": False})
    base.enable_input_require_grads()
lora = LoraConfig(r=16, lora_alpha=32, lora_dropout=0.0, target_modules=["q", "v"], task_type="SEQ_2_SEQ_LM")
model = get_peft_model(base, lora)
model.train()  # The configuration's dropout rate is 0.
trained = [p for p in model.parameters() if p.requires_grad]
optimizer = torch.optim.AdamW(trained, lr=1e-4, weight_decay=0.01, fused=True)
run = torch.compile(model, dynamic=False) if variant == "compiled" else model


def step():
    begun = time.perf_counter()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=variant == "bf16"):
        loss = run(**batch).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(trained, 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return loss.item(), (time.perf_counter() - begun) * 1000


def peak_rss_mb():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))


def say(count):
    done = [step() for _ in range(count)]
    print(json.dumps({"ms": [ms for _, ms in done], "loss": done[0][0], "peakRssMb": peak_rss_mb()}), flush=True)


say(1)
for line in sys.stdin:
    say(int(line))
