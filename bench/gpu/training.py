"""Many callers' steps in one pass against a plain PEFT loop, which makes the same steps one after the other; eager,
captured and compiled; the share of the card's peak; and before all that, whether the numbers are right."""

import time

import torch
from clocks import Figures, fits, in_turn
from peft import LoraConfig, get_peft_model
from shapes import Source
from sift_gpu import passes
from sift_gpu.adapters import Adam, Arena, Row
from sift_gpu.model import Base
from torch.nn.functional import cross_entropy

RANK = 8
ADAM = Adam(1e-3, 0.9, 0.999, 1e-8, 0.0)
NOISE = 0.02  # of B in the comparisons: a B of zero would leave A without a gradient


def opened(arena: Arena, seed: int, noise: float = 0.0) -> Row:
    row = arena.reserve(RANK, 2.0)
    block = arena.seeded_block(seed, RANK)
    arena.begin(row, block + noise * torch.randn(block.shape, generator=torch.Generator().manual_seed(seed)))
    return row


def batch(base: Base, G: int, T: int):
    ids = torch.randint(0, base.config.vocab_size, (G, T + 1), generator=torch.Generator().manual_seed(G))
    ids = ids.to(base.device)
    return ids[:, :-1].contiguous(), ids[:, 1:].contiguous(), torch.full((G, T), 1 / T, device=base.device)


def peft_of(model, arena: Arena):
    targets = sorted({n.rpartition(".")[2] for n in arena.names})
    return get_peft_model(model, LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules=targets))


def distance(a, b) -> float:
    return ((a.float() - b.float()).norm() / b.float().norm()).item()


def tokens_flop(base: Base, T: int) -> float:
    """Of one trained token: forward and the gradient of the hidden states, twice the weights each, the output matrix
    too; causal attention three times (forward once, backward twice). The adapters' own work is left out."""
    c = base.config
    weights = sum(m.weight.numel() for m in base.body.modules() if isinstance(m, torch.nn.Linear))
    head = getattr(c, "head_dim", None) or c.hidden_size // c.num_attention_heads
    return 4 * (weights + base.head.weight.numel()) + 6 * c.num_hidden_layers * T * c.num_attention_heads * head


def correctness(source: Source, figures: Figures, T: int) -> None:
    """float32 against PEFT with the same factors, one caller at a time; then the serving precision against float32."""
    G, found = 2, {}
    for dtype in (torch.float32, torch.bfloat16):
        base = source.base(dtype)
        arena = Arena(base, G * RANK)
        rows, inputs = [opened(arena, i, NOISE) for i in range(G)], batch(base, G, T)
        arena.train(rows, *inputs)
        gradients = [arena.g[r.lines].clone() for r in rows]
        blocks = [arena.p[r.lines].clone() for r in rows]
        arena.adam(rows, [ADAM] * G)
        found[dtype] = (gradients, arena.logp(rows, *inputs[:2]))
        if dtype == torch.float32:
            figures.add("gradient against PEFT, float32", against_peft(base, arena, blocks, gradients, inputs),
                        "relative", "≤ 1e-5")  # fmt: skip
        del base, arena, rows
    (exact, wanted), (coarse, got) = found[torch.float32], found[torch.bfloat16]
    figures.add("gradient, bfloat16 against float32", max(map(distance, coarse, exact)), "relative")
    apart = (got - wanted).abs()
    figures.add("log p after a step, bfloat16 against float32, mean", apart.mean().item(), "nats", "≤ 0.02")
    figures.add("log p after a step, bfloat16 against float32, most", apart.max().item(), "nats")


def against_peft(base, arena, blocks, gradients, inputs) -> float:
    model = peft_of(base.model, arena)
    named = dict(model.named_parameters())
    prefix = base.model.base_model_prefix
    factors = [named[f"base_model.model.{prefix}.{n}.lora_{ab}.default.weight"] for n in arena.names for ab in "AB"]
    errors = []
    for i, (block, gradient) in enumerate(zip(blocks, gradients, strict=True)):
        for at, (f, x) in enumerate(zip(factors, block.split(arena.sizes, 1), strict=True)):
            f.data.copy_(x if at % 2 == 0 else x.T)
        ids, targets, _ = (x[i] for x in inputs)
        loss = cross_entropy(model(input_ids=ids[None]).logits[0], targets)
        grads = torch.autograd.grad(loss, factors)
        wanted = torch.cat([g if at % 2 == 0 else g.T for at, g in enumerate(grads)], 1)
        errors.append(distance(gradient, wanted))
    return max(errors)


class Loop:
    """A plain PEFT loop: one adapter, one example a step, AdamW as fast as PyTorch has it."""

    def __init__(self, source: Source, arena: Arena, dtype: torch.dtype):
        self.model = peft_of(source.plain(dtype), arena)
        trained = [p for p in self.model.parameters() if p.requires_grad]
        self.optimiser = torch.optim.AdamW(trained, lr=ADAM.learning_rate, fused=True)

    def steps(self, inputs) -> None:
        ids, targets, _ = inputs
        for i in range(len(ids)):
            cross_entropy(self.model(input_ids=ids[i : i + 1]).logits[0].float(), targets[i]).backward()
            self.optimiser.step()
            self.optimiser.zero_grad(set_to_none=True)


WAYS = ("eager", "graphs", "compile", "compile, graphs")


def way_of(name: str, arena: Arena, T: int):
    """How a pass runs; None where it is switched off."""
    if name == "eager":
        return arena.gradient
    if not name.startswith("compile"):
        return passes.Graphs(arena)
    compiled = passes.compiled(arena, T)
    if compiled == arena.gradient:
        return None
    return compiled if name == "compile" else passes.Graphs(arena, compiled)


def ways(arena: Arena, figures: Figures, T: int, wanted: tuple[str, ...]) -> dict:
    """How a pass can run: eager, and on a GPU captured and compiled, each compared with eager first."""
    if arena.p.device.type != "cuda":
        for name in wanted[1:]:
            figures.add(f"{name} against eager", None, "relative", why="not measured: no CUDA device")
        return {"eager": arena.gradient}
    rows, inputs = [opened(arena, i, NOISE) for i in range(2)], batch(arena.base, 2, T)
    index, scales = arena.index(rows), arena.scales(rows)
    exact, found = arena.gradient(index, scales, *inputs)[0], {"eager": arena.gradient}
    for name in wanted[1:]:
        started = time.monotonic()
        way = way_of(name, arena, T)
        value = distance(way(index, scales, *inputs)[0], exact) if way else None
        if way is None or getattr(way, "off", False):
            figures.add(f"{name} against eager", None, "relative", why="not measured: switched off")
            continue
        found[name] = way
        figures.add(f"{name} against eager", value, "relative")
        figures.add(f"{name}: made and compared in", time.monotonic() - started, "s")
    for row in rows:
        arena.release(row)
    return found


def memory(arena: Arena, figures: Figures, G: int, T: int) -> None:
    """Of the base, the arena and one pass; before anything else is on the card."""
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    rows = [opened(arena, i) for i in range(G)]
    try:
        arena.train(rows, *batch(arena.base, G, T))
        figures.add(f"memory at peak, G={G}, T={T}, of the card", torch.cuda.max_memory_allocated() / 1e9, "GB")
    finally:
        for row in rows:
            arena.release(row)


def throughput(figures, G, T, peak, targets, seconds, most, arena, loop, how) -> None:
    device, base = arena.p.device.type, arena.base
    rows, inputs = [opened(arena, i) for i in range(G)], batch(base, G, T)

    def one(way):
        def run():
            arena.run = how[way]
            arena.train(rows, *inputs)
            arena.adam(rows, [ADAM] * G)

        return run

    def theirs():
        loop.steps(inputs)

    at = f"G={G}, T={T}"
    def first(way):
        one(way)()
        if getattr(how[way], "too_large", None):
            raise torch.OutOfMemoryError("there was no room to capture it")

    taken, fit = {}, []
    try:
        for way in how:  # one after the other: a captured pass keeps its activations
            if fits(figures, f"{way}, {at}", lambda: first(way)):
                beside = {} if taken else {"peft": theirs}
                taken |= in_turn(device, seconds, most, **beside, **{way: one(way)})
                fit.append(way)
            if hasattr(how[way], "forget"):
                how[way].forget()
    finally:
        arena.run = how["eager"]
        for row in rows:
            arena.release(row)
    figures.add(f"PEFT loop, {at}", G * T / taken["peft"], "tokens/s")
    for way in fit:
        figures.add(f"{way}, {at}", G * T / taken[way], "tokens/s")
        if peak:
            share = G * T / taken[way] * tokens_flop(base, T) / (peak * 1e12)
            figures.add(f"{way}, {at}, of the card's bf16 peak", share, "share", targets.get((way, "share"), ""))
        figures.add(f"{way}, {at}, against the PEFT loop", taken["peft"] / taken[way], "times",
                    targets.get((way, "ratio"), ""))  # fmt: skip
