"""Many LoRA adapters on one frozen base, trained in one pass.

The arena keeps rank lines. Line k of an adapter is, for every linear layer, the k-th row of A and the k-th column of
B, one after the other, D numbers in all; an adapter of rank r owns any r lines, so memory goes by rank. Line 0 is
zero and belongs to nobody: a pass gathers the lines of its rows into one leaf [G, R, D], and an adapter of a lower
rank is filled up with line 0, which changes nothing and learns nothing.

    arena p, m, v, g [L, D] ── p[index] ──▶ leaf [G, R, D] ── split ──▶ A [G, R, in], Bᵀ [G, R, out] of each layer
    y = x Wᵀ + (x Aᵀ)(scale · Bᵀ)       one gradient [G, R, D]        one elementwise Adam over all rows

Rows are padded on the right: under a causal mask no token sees a pad, so that no mask is needed."""

import threading
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import attention
from .loss import CrossEntropy, log_probabilities, spread
from .model import Base

# the order in which the TypeScript engine draws A of a layer; other names come after, in the model's own order
ORDER = ("q_proj", "k_proj", "v_proj", "qkv_proj", "o_proj", "gate_proj", "up_proj", "gate_up_proj", "down_proj")
# numbers of one Adam pass: its temporaries are some times as large; on a CPU they should stay in its cache (2026-11-26)
ADAM_ELEMENTS = {"cuda": 1 << 27, "cpu": 1 << 20}


def seeded(seed: int, n: int) -> np.ndarray:
    """n numbers in [0, 1): wire/random.ts (mulberry32), whose state is an arithmetic progression, so all at once."""
    u = np.uint32
    with np.errstate(over="ignore"):
        s = u(seed & 0xFFFFFFFF) + np.arange(1, n + 1, dtype=u) * u(0x6D2B79F5)
        t = (s ^ (s >> u(15))) * (u(1) | s)
        t = (t + (t ^ (t >> u(7))) * (u(61) | t)) ^ t
        return (t ^ (t >> u(14))) / 4294967296


@dataclass(frozen=True)
class Adam:
    learning_rate: float
    beta1: float
    beta2: float
    eps: float
    weight_decay: float
    clip: float = 0.0  # 0: the gradient's norm is not bounded

    def numbers(self, t: int) -> tuple[float, ...]:
        """What step t, counted from 1, multiplies by; in the order of adam_update."""
        rate, decay = self.learning_rate / (1 - self.beta1**t), 1 - self.learning_rate * self.weight_decay
        betas = (self.beta1, 1 - self.beta1, self.beta2, 1 - self.beta2)
        return (*betas, 1 / (1 - self.beta2**t), self.eps, rate, decay)


def adam_update(p, g, m, v, numbers) -> None:
    """gateway/backends/embedded/adam.ts, in place; for many rows at once where the numbers are columns. Plain products
    and sums: a fused one would round otherwise at a tensor's end than within it."""
    beta1, rest1, beta2, rest2, second, eps, rate, decay = numbers
    m.mul_(beta1).add_(g * rest1)
    v.mul_(beta2).add_((g * g).mul_(rest2))
    root = (v * second).sqrt_().add_(eps)
    p.mul_(decay).sub_((m * rate).div_(root))


def finite(x: Tensor) -> Tensor:
    """Whether each row of [G, R, D] is."""
    return torch.linalg.vector_norm(x.flatten(1), torch.inf, dim=1).isfinite()


class LoraLinear(nn.Linear):
    """`a` [G, R, in] and `b` [G, R, out] are what it adds in the pass that runs now; one thread owns all tensors."""

    def forward(self, x: Tensor) -> Tensor:
        y = F.linear(x, self.weight, self.bias)
        if self.a is None:
            return y
        h = torch.bmm(x, self.a.mT)
        if torch.compiler.is_compiling():  # the compiler adds where y is used next
            return y + torch.bmm(h, self.b)
        # in place saves a copy of y; after a bias y is a view, of which autograd would make two more
        return (y.baddbmm_ if self.bias is None else y.baddbmm)(h, self.b)


@dataclass(eq=False)
class Row:
    """An adapter's place in the arena."""

    lines: list[int]
    scale: float
    steps: int = 0
    dirty: bool = False  # a gradient was gathered since the last step
    trained: Tensor | None = None  # [D], 0 where a layer is left out; None: all layers

    @property
    def rank(self) -> int:
        return len(self.lines)


def adapted(base: Base) -> dict[str, nn.Linear]:
    """The linear layers that have an adapter, in the order in which A is drawn."""
    found = {n: m for n, m in base.body.named_modules() if isinstance(m, nn.Linear) and ".layers." in f".{n}."}
    layer = lambda name: int(name.partition("layers.")[2].partition(".")[0])
    place = lambda last: ORDER.index(last) if last in ORDER else len(ORDER)
    return {n: found[n] for n in sorted(found, key=lambda n: (layer(n), place(n.rpartition(".")[2])))}


class Arena:
    def __init__(self, base: Base, lines: int):
        self.base = base
        linears = adapted(base)
        self.names, self.sizes = list(linears), []
        for module in linears.values():
            module.__class__, module.a, module.b = LoraLinear, None, None
            self.sizes += [module.in_features, module.out_features]
        self.places = [module.__dict__ for module in linears.values()]  # setting attributes of modules takes long
        kinds = [torch.full((n,), float(i % 2), device=base.device) for i, n in enumerate(self.sizes)]
        self.of_b = torch.cat(kinds)  # [D], 1 where a number belongs to B
        self.width = sum(self.sizes)
        self.p, self.m, self.v, self.g = (torch.zeros(lines + 1, self.width, device=base.device) for _ in range(4))
        self.lines, self.unused, self.lock = lines, list(range(lines, 0, -1)), threading.Lock()
        self.run, self.spread = self.gradient, spread  # of training; passes.py may replace them

    # ── places: reserved where a request comes in, given back by the engine
    def reserve(self, rank: int, scale: float) -> Row | None:
        with self.lock:
            if len(self.unused) < rank:
                return None
            return Row([self.unused.pop() for _ in range(rank)], scale)

    def release(self, row: Row) -> None:
        for pool in (self.p, self.m, self.v, self.g):
            pool[row.lines] = 0
        with self.lock:
            self.unused += row.lines[::-1]

    def seeded_block(self, seed: int, rank: int) -> Tensor:
        """As PEFT and the TypeScript engine begin: A uniform within 1/√in, B zero. [rank, D] on the host."""
        block, at, drawn = np.zeros((rank, self.width), np.float32), 0, 0
        numbers = seeded(seed, rank * sum(self.sizes[::2]))
        for n_in, n_out in zip(self.sizes[::2], self.sizes[1::2], strict=True):
            a = numbers[drawn : drawn + rank * n_in].reshape(rank, n_in)
            block[:, at : at + n_in] = (1 / np.sqrt(n_in)) * (2 * a - 1)
            drawn, at = drawn + rank * n_in, at + n_in + n_out
        return torch.from_numpy(block)

    def begin(self, row: Row, block: Tensor) -> None:
        for pool in (self.m, self.v, self.g):
            pool[row.lines] = 0
        self.p[row.lines] = block.to(self.p.device)
        row.steps, row.dirty = 0, False

    def export(self, row: Row) -> Tensor:
        block = self.p[row.lines].cpu()
        return block.pin_memory() if self.p.is_cuda else block

    def only(self, attention: bool, mlp: bool) -> Tensor | None:
        """Which numbers of a line are trained where a caller leaves out attention or the MLP."""
        if attention and mlp:
            return None
        keep = [mlp if "mlp" in n or "feed" in n else attention for n in self.names for _ in (0, 1)]
        return torch.cat([torch.full((n,), float(k)) for n, k in zip(self.sizes, keep, strict=True)]).to(self.p.device)

    # ── passes
    def index(self, rows: list[Row], most: int | None = None) -> Tensor:
        """[G, R] lines, R a power of two from 8 up so that passes have few shapes."""
        rank = max([8, most or 0, *(r.rank for r in rows)])
        rank = 1 << (rank - 1).bit_length()
        return torch.tensor([r.lines + [0] * (rank - r.rank) for r in rows], device=self.p.device)

    def scales(self, rows: list[Row]) -> Tensor:
        return torch.tensor([r.scale for r in rows], device=self.p.device).view(-1, 1, 1)

    def leaf(self, index: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
        """The rows' factors as a pass multiplies them, [G, R, D]; and what each was multiplied by, [G, 1, D]: B by the
        scale, here once and not in every layer."""
        factor = 1 + (scale - 1) * self.of_b
        return (self.p[index] * factor).to(self.base.dtype), factor

    def hidden(self, leaf: Tensor, ids: Tensor, **options) -> Tensor:
        parts = leaf.split(self.sizes, 2)
        for place, a, b in zip(self.places, parts[::2], parts[1::2], strict=True):
            place["a"], place["b"] = a, b
        try:
            return self.base.body(input_ids=ids, **(options or attention.whole(self.base.body))).last_hidden_state
        finally:
            for place in self.places:
                place["a"] = place["b"] = None

    def gradient(self, index: Tensor, scale: Tensor, ids: Tensor, targets: Tensor, weights: Tensor):
        """→ ([G, R, D] gradients of Σ w·CE, log p [G, T])."""
        (leaf, factor), head = self.leaf(index, scale), self.base.head
        hidden = self.hidden(leaf.requires_grad_(), ids)
        loss, logp = CrossEntropy.apply(hidden, head.weight, head.bias, head, targets, weights, self.spread)
        return torch.autograd.grad(loss, leaf)[0].float().mul_(factor), logp

    def train(self, rows: list[Row], ids: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        """Adds each row's gradient to what its adapter has gathered since its last step. → log p [G, T]."""
        index = self.index(rows)
        grad, logp = self.run(index, self.scales(rows), ids, targets, weights)
        for i, row in enumerate(rows):
            if row.trained is not None:
                grad[i] *= row.trained
        # an adapter that is in the pass twice is added twice, one after the other: a fixed order, on a GPU too
        turns: dict[int, list[int]] = {}
        for i, row in enumerate(rows):
            turns.setdefault(sum(r is row for r in rows[:i]), []).append(i)
        for turn in turns.values():
            i, g = (index, grad) if len(turns) == 1 else (index[turn], grad[turn])
            self.g.index_add_(0, i.flatten(), g.flatten(0, 1))
        self.g[0] = 0
        for row in rows:
            row.dirty = True
        return logp

    def gathered(self, row: Row) -> Tensor | None:
        """A copy of the gradient since the last step, for put_back; None where there is none."""
        return self.g[row.lines] if row.dirty else None

    def put_back(self, row: Row, gathered: Tensor | None) -> None:
        self.g[row.lines] = 0 if gathered is None else gathered
        row.dirty = gathered is not None

    @torch.no_grad()
    def score(self, index: Tensor, scale: Tensor, ids: Tensor, targets: Tensor) -> Tensor:
        return log_probabilities(self.base.head, self.hidden(self.leaf(index, scale)[0], ids), targets)

    def logp(self, rows: list[Row], ids: Tensor, targets: Tensor) -> Tensor:
        return self.score(self.index(rows), self.scales(rows), ids, targets)

    @torch.no_grad()
    def adam(self, rows: list[Row], settings: list[Adam]) -> list[bool]:
        """One step of each row. A row whose gradient or step is not finite keeps its weights: its place says False."""
        update = getattr(self.run, "update", self.update)
        most = max(1, ADAM_ELEMENTS[self.p.device.type] // (max(r.rank for r in rows) * self.width))
        parts = [slice(at, at + most) for at in range(0, len(rows), most)]
        done = []
        for s in parts:
            clip = any(a.clip for a in settings[s])
            done.append(update(self.index(rows[s]), self.numbers(rows[s], settings[s]), clip))
        for pool in (self.p, self.m, self.v):
            pool[0] = 0
        done = torch.cat(done).tolist()  # the one wait for a GPU
        for row, good in zip(rows, done, strict=True):
            row.steps, row.dirty = row.steps + good, False
        return done

    def numbers(self, rows: list[Row], settings: list[Adam]) -> Tensor:
        """Of the rows' next steps, for adam_update, and the bound of the gradient's norm; [9, G, 1, 1]."""
        table = [(*a.numbers(r.steps + 1), a.clip or torch.inf) for r, a in zip(rows, settings, strict=True)]
        return torch.tensor(table, dtype=torch.float32, device=self.p.device).T[:, :, None, None]

    def update(self, index: Tensor, numbers: Tensor, clip: bool) -> Tensor:
        """One step of the rows of `index`, numbers [9, G, 1, 1] → which of them were finite. Line 0 may be written."""
        flat = index.flatten()
        p, m, v, g = (pool.index_select(0, flat).view(*index.shape, -1) for pool in (self.p, self.m, self.v, self.g))
        if clip:
            g = g * (numbers[8] / (g.flatten(1).norm(dim=1).view(-1, 1, 1) + 1e-6)).clamp(max=1)
        adam_update(p, g, m, v, numbers[:8])
        ok = finite(p) & finite(v)  # a gradient that is not finite, or whose square is not, is in v
        written = (index * ok[:, None]).flatten()  # a row that keeps its weights is written to line 0
        for pool, new in ((self.p, p), (self.m, m), (self.v, v)):
            pool.index_copy_(0, written, new.flatten(0, 1))
        self.g.index_fill_(0, flat, 0)
        return ok
