"""PyTorch's side of `npm run bench -- engine`: the same checkpoint, the same tokens, as many threads.

Reads a line of JSON {"do": "full" | "lora" | "generate", "ids": [...], "tokens": N} and answers one with the milliseconds
it took, of the clock and of the processor: a training step with AdamW (forward, backward, update), or N tokens generated greedily with a cache.
"""
import json, sys, time
import torch

torch.set_num_threads(int(sys.argv[2]))
torch.set_flush_denormal(True)
try:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM
except ImportError as error:
    print(json.dumps({"missing": str(error)}), flush=True)
    sys.exit(0)

directory, rank = sys.argv[1], int(sys.argv[3])
load = lambda: AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32)
base = load()
full = load()
lora = get_peft_model(load(), LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", lora_dropout=0.0))
adam = lambda model: torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-5, weight_decay=0.0, fused=True)
models = {"full": (full, adam(full)), "lora": (lora, adam(lora))}
print(json.dumps({"ready": True, "torch": torch.__version__}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    ids = torch.tensor([request["ids"]])
    started, worked = time.perf_counter(), time.process_time()
    if request["do"] == "generate":
        with torch.no_grad():
            out = base(ids, use_cache=True)
            for _ in range(request["tokens"]):
                token = out.logits[:, -1:].argmax(-1)
                out = base(token, past_key_values=out.past_key_values, use_cache=True)
        value = 0.0
    else:
        model, optimiser = models[request["do"]]
        optimiser.zero_grad(set_to_none=True)
        logits = model(ids[:, :-1]).logits[0]
        loss = torch.nn.functional.cross_entropy(logits, ids[0, 1:])
        loss.backward()
        optimiser.step()
        value = loss.item()
    times = {"ms": (time.perf_counter() - started) * 1000, "cpu_ms": (time.process_time() - worked) * 1000}
    print(json.dumps({**times, "loss": value}), flush=True)
