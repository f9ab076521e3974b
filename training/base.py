"""Trains the base model on DATA/train.jsonl within a budget of processor time, resumable, and writes DATA/out/base.

The learning rate is a function of the share of the budget used: 2 % warm-up, constant, then linear to zero over the
last 45 %, so the run ends decayed whenever it is told to end. The budget is the process's own processor time divided by
its threads: a pause, or another program on the cores, makes the run longer and not worse. Each thread works through its
part of the batch alone and they meet once a step; threads that share every matrix product wait for each other a hundred
times, which on a busy machine costs a third of the speed. Windows are 512 tokens at first and 1,024 in the last quarter.
Checkpoints in DATA/base.pt, the curve in DATA/base.csv.
"""
import argparse, concurrent.futures, json, pathlib, time
import numpy, torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from model import Config, Qwen3
from muon import Muon

HERE = pathlib.Path(__file__).parent
# the mix: shares of the windows drawn. Most for what the demonstration is made of, and for TypeScript declarations, whose
# repetitions make xz hardest to beat; configuration is scarce and would be read too often with more.
MIX = {"typescript": 0.21, "markdown": 0.17, "docs": 0.17, "python": 0.12, "c": 0.11, "manuals": 0.09, "javascript": 0.08, "config": 0.05}
LONG = 0.75  # share of the budget from which windows are twice as long


def tokens(data, split, tokenizer_file):
    """All documents of a split as one array of ids per domain, each document after an <|endoftext|>; cached."""
    cache = data / f"{split}.npz"
    if cache.exists():
        return dict(numpy.load(cache))
    tokenizer, ids, size = Tokenizer.from_file(str(tokenizer_file)), {}, {}
    documents = [json.loads(line) for line in (data / f"{split}.jsonl").open()]
    for at in range(0, len(documents), 500):
        batch = documents[at:at + 500]
        for document, encoded in zip(batch, tokenizer.encode_batch([d["text"] for d in batch])):
            ids.setdefault(document["domain"], []).append(numpy.array([0, *encoded.ids], dtype=numpy.uint16))
            size[document["domain"]] = size.get(document["domain"], 0) + len(document["text"].encode())
    arrays = {domain: numpy.concatenate(parts) for domain, parts in ids.items()}
    arrays |= {f"{domain}:bytes": numpy.array(total) for domain, total in size.items()}
    numpy.savez(cache, **arrays)
    return arrays


def windows(arrays, length, batch, rng):
    """(ids, targets): windows of domains drawn from the mix."""
    domains = [d for d in MIX if len(arrays.get(d, ())) > length + 1]
    share = numpy.array([MIX[d] for d in domains])
    rows = []
    for domain in rng.choice(len(domains), size=batch, p=share / share.sum()):
        ids = arrays[domains[domain]]
        at = rng.integers(0, len(ids) - length - 1)
        rows.append(ids[at:at + length + 1].astype(numpy.int64))
    rows = torch.from_numpy(numpy.stack(rows))
    return rows[:, :-1].contiguous(), rows[:, 1:].contiguous()


@torch.no_grad()
def bits_per_byte(model, arrays, length, most):
    """Per domain, on windows spread over the split."""
    result = {}
    for domain in sorted(d for d in arrays if ":" not in d):
        ids = arrays[domain]
        cut = [ids[at:at + length + 1] for at in range(0, len(ids) - length - 1, max(length, len(ids) // most))][:most]
        if cut:
            rows = torch.from_numpy(numpy.stack(cut).astype(numpy.int64))
            loss = sum(model(part[:, :-1], part[:, 1:]).item() * len(part) for part in rows.split(8)) / len(rows)
            result[domain] = loss / numpy.log(2) * len(ids) / float(arrays[f"{domain}:bytes"])
    return result


def gradients(model, ids, targets, bf16):
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        loss = model(ids, targets)
    return loss.item(), torch.autograd.grad(loss, list(model.parameters()))


def accumulate(model, ids, targets, bf16, workers, count):
    """The mean loss; its gradients are left in the parameters."""
    parts = [workers.submit(gradients, model, i, t, bf16) for i, t in zip(ids.chunk(count), targets.chunk(count))]
    losses, grads = zip(*(part.result() for part in parts))
    for p, *several in zip(model.parameters(), *grads):
        p.grad = torch.stack(several).mean(0) if len(several) > 1 else several[0]
    return sum(losses) / len(losses)


def export(model, config, out):
    out.mkdir(parents=True, exist_ok=True)
    state = {name: value.detach().to(torch.bfloat16).contiguous() for name, value in model.state_dict().items()}
    save_file(state, out / "model.safetensors", metadata={"format": "pt"})
    (out / "config.json").write_text(json.dumps(config.to_huggingface(), indent=2) + "\n")
    (out / "generation_config.json").write_text(json.dumps({"eos_token_id": 0, "do_sample": True}, indent=2) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path(".sift/training"))
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--muon", type=float, default=0.02)
    parser.add_argument("--adam", type=float, default=0.003)
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--compile", action="store_true")
    o = parser.parse_args()
    out = o.data / "out/base"
    torch.set_num_threads(o.threads)
    torch.manual_seed(0)
    torch._dynamo.config.automatic_dynamic_shapes = False  # two shapes, each compiled for itself
    tokenizer = out / "tokenizer.json"
    train, valid = tokens(o.data, "train", tokenizer), tokens(o.data, "valid", tokenizer)
    config = Config(vocab_size=Tokenizer.from_file(str(tokenizer)).get_vocab_size())
    model = Qwen3(config)
    print(f"{sum(p.numel() for p in model.parameters()) / 1e6:.2f} M parameters, {sum(len(a) for d, a in train.items() if ':' not in d) / 1e6:.1f} M training tokens", flush=True)
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n]
    others = [p for n, p in model.named_parameters() if p.ndim != 2 or "embed" in n]
    optimisers = [Muon(matrices, lr=o.muon, dtype=torch.bfloat16 if o.bf16 else torch.float32),
                  torch.optim.AdamW(others, lr=o.adam, betas=(0.9, 0.95), weight_decay=0.0, fused=True)]
    peaks = [o.muon, o.adam]
    used, step, seen = 0.0, 0, 0
    checkpoint = o.data / "base.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint)
        model.load_state_dict(state["model"])
        for optimiser, kept in zip(optimisers, state["optimisers"]):
            optimiser.load_state_dict(kept)
        used, step, seen = state["used"], state["step"], state["seen"]
        print(f"resumed at step {step}, {used / 60:.1f} min used", flush=True)
    if o.compile:
        model.hidden = torch.compile(model.hidden)
        for longer in (1, 2):  # both shapes now: the compiler is not to be entered by two threads at once
            gradients(model, *windows(train, o.length * longer, o.batch // longer // o.threads, numpy.random.default_rng(0)), o.bf16)
    workers = concurrent.futures.ThreadPoolExecutor(o.threads, initializer=torch.set_num_threads, initargs=(1,))
    clock = lambda: time.process_time() / o.threads
    budget, curve, rng = o.minutes * 60, (o.data / "base.csv").open("a"), numpy.random.default_rng(step)
    last, saved, mean = clock(), time.monotonic(), None
    while used < budget:
        share = used / budget
        rate = min(1.0, share / 0.02 + 0.02, max(0.0, (1 - share) / 0.45))
        for optimiser, peak in zip(optimisers, peaks):
            for group in optimiser.param_groups:
                group["lr"] = peak * rate
        longer = 2 if share >= LONG else 1
        ids, targets = windows(train, o.length * longer, o.batch // longer, rng)
        loss = accumulate(model, ids, targets, o.bf16, workers, o.threads)
        torch.nn.utils.clip_grad_norm_(others, 1.0)
        for optimiser in optimisers:
            optimiser.step()
        model.zero_grad(set_to_none=True)
        step, seen = step + 1, seen + ids.numel()
        mean = loss if mean is None else 0.98 * mean + 0.02 * loss
        now = clock()
        used, last = used + now - last, now
        if step % 50 == 0:
            print(f"step {step}  loss {mean:.3f}  {seen / 1e6:.2f} M tokens  {used / 60:.1f}/{o.minutes:.0f} min  {seen / used:.0f} tok/s", flush=True)
            print(step, seen, f"{used:.0f}", f"{mean:.4f}", sep=",", file=curve, flush=True)
        if time.monotonic() - saved > 300 or used >= budget:
            with torch.autocast("cpu", torch.bfloat16, enabled=o.bf16):
                scores = bits_per_byte(model, valid, o.length, most=16)
            print("bits per byte (valid):", {d: round(float(b), 3) for d, b in scores.items()}, flush=True)
            torch.save({"model": model.state_dict(), "optimisers": [p.state_dict() for p in optimisers], "used": used, "step": step, "seen": seen}, checkpoint)
            export(model, config, out)
            saved, last = time.monotonic(), clock()
    print("done", flush=True)


if __name__ == "__main__":
    main()
