"""Makes the golden tensors of the engine's tests with PyTorch, transformers and PEFT: run once, its output is committed.

    python test/engine/golden/make.py

Two tiny checkpoints as transformers writes them: Qwen3 (tied embeddings, grouped queries, heads wider than hidden/H)
and Llama (untied, bfloat16 file). For each, in float32: logits, loss and all gradients of one text; LoRA gradients for
given factors; the loss sequence of five Adam steps; a greedy continuation; what a text longer than the context costs in
windows, and the loss of its beginning, as a training step cuts it.
"""
import base64, json, pathlib, shutil
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, Qwen3Config, Qwen3ForCausalLM

HERE = pathlib.Path(__file__).parent
IDS = [0, 5, 17, 3, 44, 9, 21, 60, 2, 33, 8, 8, 12, 51, 7, 29, 40, 1, 6, 18]


def b64(tensor):
    return base64.b64encode(tensor.detach().to(torch.float32).contiguous().numpy().tobytes()).decode()


def loss_of(model, ids):
    logits = model(torch.tensor([ids[:-1]])).logits[0]
    return torch.nn.functional.cross_entropy(logits.float(), torch.tensor(ids[1:])), logits


def make(name, config, kind, dtype):
    torch.manual_seed(1)
    out = HERE / name
    shutil.rmtree(out, ignore_errors=True)
    model = kind(config).to(torch.float32)
    with torch.no_grad():
        for p_name, p in model.named_parameters():  # away from the init's symmetries
            p.copy_((p + 0.3 * torch.randn_like(p) if p.ndim == 1 else torch.randn_like(p) * 0.15).to(dtype))
    model.to(dtype).save_pretrained(out)
    load = lambda: AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32)
    model = load()
    loss, logits = loss_of(model, IDS)
    loss.backward()
    golden = {"ids": IDS, "loss": loss.item(), "logits": b64(logits), "gradients": {n: b64(p.grad) for n, p in model.named_parameters()}}

    model = load()
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
    losses = []
    for step in range(5):
        ids = IDS[step:] + IDS[:step]
        loss, _ = loss_of(model, ids)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    golden["adam"] = {"learning_rate": 2e-3, "weight_decay": 0.01, "losses": losses, "after": loss_of(model, IDS)[0].item()}
    model = load()
    with torch.no_grad():
        ids = IDS[:6]
        for _ in range(12):
            ids.append(int(model(torch.tensor([ids])).logits[0, -1].argmax()))
    golden["greedy"] = {"prompt": IDS[:6], "continuation": ids[6:]}

    # a window holds at most the context's 64 inputs, brings 32 targets and what fits before them
    model, context = load(), config.max_position_embeddings
    ids = torch.randint(1, config.vocab_size, (150,), generator=torch.Generator().manual_seed(5)).tolist()
    nats, at = 0.0, 1
    with torch.no_grad():
        while at < len(ids):
            end = min(len(ids), at + context // 2)
            begin = max(0, end - 1 - context)
            logp = torch.log_softmax(model(torch.tensor([ids[begin:end - 1]])).logits[0], -1)
            nats -= sum(logp[i - begin - 1, ids[i]].item() for i in range(at, end))
            at = end
        golden["long"] = {"ids": ids, "nats": nats, "cut_loss": loss_of(model, ids[:context + 1])[0].item()}

    model = get_peft_model(load(), LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", lora_dropout=0.0))
    factors = {n: p for n, p in model.named_parameters() if "lora_" in n}
    with torch.no_grad():
        for p in factors.values():
            p.copy_(torch.randn_like(p) * 0.1)
    loss, _ = loss_of(model, IDS)
    loss.backward()
    short = lambda n: n.removeprefix("base_model.model.").replace(".default", "")
    golden["lora"] = {"rank": 4, "loss": loss.item(), "factors": {short(n): b64(p) for n, p in factors.items()},
                      "gradients": {short(n): b64(p.grad) for n, p in factors.items()}}
    (out / "golden.json").write_text(json.dumps(golden))
    print(name, sum(p.numel() for p in model.parameters()), "parameters,", sum(f.stat().st_size for f in out.iterdir()), "bytes")


shared = dict(vocab_size=64, hidden_size=32, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=64, bos_token_id=None, eos_token_id=0)
make("qwen3", Qwen3Config(**shared, num_key_value_heads=2, head_dim=12, tie_word_embeddings=True, rope_theta=10000.0), Qwen3ForCausalLM, torch.float32)
make("llama", LlamaConfig(**shared, num_key_value_heads=1, tie_word_embeddings=False, rope_theta=5000.0), LlamaForCausalLM, torch.bfloat16)
