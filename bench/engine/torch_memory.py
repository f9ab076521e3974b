"""PyTorch's side of `npm run bench -- engine --memory`: a few training steps in a fresh process, and its peak memory.

The model is float32 and trained as one would who watches memory: gradients are freed after each step (set_to_none), AdamW
is fused, nothing else is kept. One argument, JSON; one line of JSON as the answer.
"""
import json, re, sys, time
import torch
from transformers import AutoModelForCausalLM

request = json.loads(sys.argv[1])
torch.set_num_threads(request["threads"])
torch.set_flush_denormal(True)
model = AutoModelForCausalLM.from_pretrained(request["directory"], dtype=torch.float32)
if request["method"] == "lora":
    from peft import LoraConfig, get_peft_model

    rank = request["rank"]
    model = get_peft_model(model, LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", lora_dropout=0.0))
optimiser = torch.optim.AdamW(
    [p for p in model.parameters() if p.requires_grad], lr=1e-5, weight_decay=0.0, fused=True
)
ids = torch.tensor([request["ids"]])
best = float("inf")
for _ in range(request["steps"]):
    started = time.perf_counter()
    optimiser.zero_grad(set_to_none=True)
    loss = torch.nn.functional.cross_entropy(model(ids[:, :-1], use_cache=False).logits[0], ids[0, 1:])
    loss.backward()
    optimiser.step()
    value = loss.item()
    del loss
    best = min(best, time.perf_counter() - started)
peak = int(re.search(r"VmHWM:\s+(\d+) kB", open("/proc/self/status").read()).group(1))
print(json.dumps({"peak_mb": peak * 1024 / 1e6, "ms": best * 1000, "loss": value}))
