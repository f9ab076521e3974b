"""Makes the golden tensors of the engine's tests with PyTorch, transformers and PEFT: run once, its output is committed.

    python test/engine/golden/make.py [NAME...]

A tiny checkpoint of each family as transformers writes it, most with what sets the family apart made small enough to
matter within 20 tokens: windows of a few tokens, soft caps near the scores, positions far beyond those of pretraining.
For each, in float32: loss and all gradients of one text; LoRA gradients for given factors; the loss sequences of five
Adam steps, full and LoRA; a greedy continuation; what a text longer than the context costs in windows, and the loss of
its beginning, as a training step cuts it. Attention is "eager": transformers' sdpa passes over Gemma 2's soft cap.
"""
import base64, json, pathlib, shutil, sys
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM

HERE = pathlib.Path(__file__).parent
IDS = [0, 5, 17, 3, 44, 9, 21, 60, 2, 33, 8, 8, 12, 51, 7, 29, 40, 1, 6, 18]


def b64(tensor):
    return base64.b64encode(tensor.detach().to(torch.float32).contiguous().numpy().tobytes()).decode()


def loss_of(model, ids):
    logits = model(torch.tensor([ids[:-1]])).logits[0]
    return torch.nn.functional.cross_entropy(logits.float(), torch.tensor(ids[1:])), logits


def adam_losses(model, parameters):
    optimiser = torch.optim.AdamW(parameters, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
    losses = []
    for step in range(5):
        loss, _ = loss_of(model, IDS[step:] + IDS[:step])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return {"learning_rate": 2e-3, "weight_decay": 0.01, "losses": losses, "after": loss_of(model, IDS)[0].item()}


def make(name, kind, dtype=torch.float32, rank=4, other_head=False, **settings):
    torch.manual_seed(1)
    out = HERE / name
    shutil.rmtree(out, ignore_errors=True)
    config = AutoConfig.for_model(kind, **settings)
    model = AutoModelForCausalLM.from_config(config).to(torch.float32)
    with torch.no_grad():
        for p_name, p in model.named_parameters():  # away from the init's symmetries
            p.copy_((p + 0.3 * torch.randn_like(p) if p.ndim == 1 else torch.randn_like(p) * 0.15).to(dtype))
    model.to(dtype).save_pretrained(out)
    if other_head:  # stored beside embeddings that config.json says are tied
        file = out / "model.safetensors"
        save_file({**load_file(file), "lm_head.weight": torch.randn(config.vocab_size, config.hidden_size) * 0.3}, file, {"format": "pt"})
    load = lambda: AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32, attn_implementation="eager")
    model = load()
    loss, _ = loss_of(model, IDS)
    loss.backward()
    golden = {"ids": IDS, "loss": loss.item(), "gradients": {n: b64(p.grad) for n, p in model.named_parameters()}}

    model = load()
    golden["adam"] = adam_losses(model, model.parameters())
    model = load()
    with torch.no_grad():
        ids = IDS[:6]
        for _ in range(12):
            ids.append(int(model(torch.tensor([ids])).logits[0, -1].argmax()))
    golden["greedy"] = {"prompt": IDS[:6], "continuation": ids[6:]}

    # a window holds at most the context's 64 inputs, brings 32 targets and what fits before them
    context = 64
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

    model = get_peft_model(load(), LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", lora_dropout=0.0))
    factors = {n: p for n, p in model.named_parameters() if "lora_" in n}
    with torch.no_grad():
        for p in factors.values():
            p.copy_(torch.randn_like(p) * 0.1)
    short = lambda n: n.removeprefix("base_model.model.").replace(".default", "")
    before = {short(n): b64(p) for n, p in factors.items()}
    loss, _ = loss_of(model, IDS)
    loss.backward()
    golden["lora"] = {"rank": rank, "loss": loss.item(), "factors": before,
                      "gradients": {short(n): b64(p.grad) for n, p in factors.items()}}
    golden["lora"]["adam"] = adam_losses(model, factors.values())
    (out / "golden.json").write_text(json.dumps(golden))
    print(name, sum(p.numel() for p in model.parameters()), "parameters,", sum(f.stat().st_size for f in out.iterdir()), "bytes")


first = dict(vocab_size=64, hidden_size=32, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=64, bos_token_id=None, eos_token_id=0)
small = dict(first, hidden_size=16, intermediate_size=20, num_key_value_heads=2, pad_token_id=None)
MODELS = {
    # tied embeddings, grouped queries, heads wider than hidden / H
    "qwen3": dict(**first, kind="qwen3", num_key_value_heads=2, head_dim=12, tie_word_embeddings=True, rope_theta=10000.0),
    # untied, a bfloat16 file
    "llama": dict(**first, kind="llama", num_key_value_heads=1, tie_word_embeddings=False, rope_theta=5000.0, dtype=torch.bfloat16),
    # biases on queries, keys and values; the second layer slides
    "qwen2": dict(**small, kind="qwen2", rank=2, tie_word_embeddings=True, use_sliding_window=True, sliding_window=5, max_window_layers=1),
    # config.json says tied, the file holds another lm_head
    "other_head": dict(**small, kind="qwen2", rank=2, tie_word_embeddings=True, other_head=True),
    # every bias there is; wavelengths on all three sides of llama3's borders
    "llama3": dict(**dict(small, hidden_size=32), kind="llama", rank=2, attention_bias=True, mlp_bias=True, tie_word_embeddings=True,
                   rope_scaling=dict(rope_type="llama3", rope_theta=500.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=32)),
    "mistral": dict(**small, kind="mistral", rank=2, head_dim=6, sliding_window=7),
    # fused matrices, part of each head rotated, longrope
    "phi3": dict(**dict(small, hidden_size=32), kind="phi3", rank=2, tie_word_embeddings=True, sliding_window=9, partial_rotary_factor=0.5, original_max_position_embeddings=64,
                 rope_scaling=dict(rope_type="longrope", short_factor=[1.0, 1.5], long_factor=[2.0, 4.0], factor=4.0)),
    "gemma2": dict(**small, kind="gemma2", rank=2, head_dim=6, query_pre_attn_scalar=3, sliding_window=4, attn_logit_softcapping=0.5, final_logit_softcapping=1.5),
    "gemma3": dict(**dict(small, num_hidden_layers=3), kind="gemma3_text", rank=2, head_dim=6, query_pre_attn_scalar=9, sliding_window=5, sliding_window_pattern=2, rope_theta=1000.0,
                   rope_local_base_freq=10.0, rope_scaling=dict(rope_type="linear", factor=8.0)),
    "smollm3": dict(**small, kind="smollm3", rank=2, no_rope_layers=[1, 0]),
    # yarn
    "olmo2": dict(**dict(small, hidden_size=32), kind="olmo2", rank=2, rope_scaling=dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=16, beta_fast=4, rope_theta=100.0)),
    "granite": dict(**small, kind="granite", rank=2, tie_word_embeddings=True, embedding_multiplier=6.0, logits_scaling=0.5, residual_multiplier=0.4, attention_multiplier=0.9),
}
for name in sys.argv[1:] or MODELS:
    make(name, **MODELS[name])
