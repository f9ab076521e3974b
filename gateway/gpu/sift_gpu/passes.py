"""Faster ways to run the same pass, each behind a switch: torch.compile for the model's layers, the loss and Adam, CUDA
graphs for a whole pass by its shape, or both. Each is compared with the eager pass where it is first used, and switched
off for good on a mismatch or an error, so that a wrong one costs speed and never a result."""

import logging

import torch
import torch.nn.functional as F

from .adapters import Adam, Arena, Row
from .loss import fused_spread, spread

log = logging.getLogger("sift_gpu")
MOST_GRAPHS = 32  # each keeps the activations of its shape; a shape beyond these runs eagerly (2026-11-26)


def differs(arena: Arena, got, wanted) -> str | None:
    """Why these passes are not the same; None where they are, as far as the precision allows."""
    allowed = 1e-4 if arena.base.dtype == torch.float32 else 5e-2
    errors = [((a - b).norm() / b.norm().clamp(min=1e-12)).item() for a, b in zip(got, wanted, strict=True)]
    if all(error <= allowed for error in errors):  # NaN is none
        return None
    shape = " x ".join(str(n) for n in wanted[1].shape)
    off = f"the gradient is off by {errors[0]:.1e} and log p by {errors[1]:.1e}"
    return f"of {shape} tokens {off}, more than {allowed:.0e}"


def sample_pass(arena: Arena, G: int, T: int):
    """A pass over the zero adapter, whose gradient is zero: as large as any, and nothing to compare."""
    device = arena.p.device
    ids = torch.arange(G * T, device=device).view(G, T) % arena.base.config.vocab_size
    index = torch.zeros(G, 8, dtype=torch.long, device=device)
    scale = torch.ones(G, 1, 1, device=device)
    return index, scale, ids, ids.roll(-1, 1), torch.full((G, T), 1 / T, device=device)


class Compiled:
    """In place of Arena.gradient. Each layer by itself: all have the same code, which is compiled once and not once a
    layer, and what transformers does around them need not be understood by the compiler."""

    def __init__(self, arena: Arena):
        self.arena, self.on, self.off = arena, False, False
        self.spread, self.update = (torch.compile(f, dynamic=True) for f in (fused_spread, arena.update))
        for layer in arena.base.body.layers[1:]:  # the first one's input needs no gradient: a program of its own
            layer.forward = self.either(layer.forward)

    def either(self, eager):
        compiled = torch.compile(eager, dynamic=True)
        return lambda *args, **options: (compiled if self.on else eager)(*args, **options)

    def __call__(self, *inputs):
        self.on, self.arena.spread = True, self.spread
        try:
            return self.arena.gradient(*inputs)
        finally:
            self.on, self.arena.spread = False, spread

    def steps(self, index) -> str | None:
        """Why a step of Adam is not the same; None where it is. `index` is of one row, once or several times."""
        arena, found = self.arena, []
        pools, lines = (arena.p, arena.m, arena.v, arena.g), index[0]
        before = [pool[lines] for pool in pools]
        numbers = arena.numbers([Row([], 0.0)] * len(index), [Adam(1e-3, 0.9, 0.999, 1e-8, 0.01)] * len(index))
        for update in (self.update, arena.update):
            for pool, old in zip(pools, before, strict=True):
                pool[lines] = old
            arena.g[lines] = torch.linspace(-1, 1, arena.width, device=arena.p.device).expand(len(lines), -1)
            update(index, numbers, False)
            found.append(arena.p[lines])
        error = ((found[0] - found[1]).norm() / found[1].norm()).item()
        return None if error <= 1e-6 else f"its step is off by {error:.1e}"

    def check(self, T: int) -> bool:
        """One row and several: the compiler makes a program of its own for one."""
        row = self.arena.reserve(8, 2.0)
        self.arena.begin(row, self.arena.seeded_block(1, 8) + 0.01)
        wrong = None
        try:
            for G in (2, 1):
                _, scale, *rest = sample_pass(self.arena, G, T)
                index = self.arena.index([row] * G)
                inputs = (index, 2 * scale, *rest)
                wrong = wrong or differs(self.arena, self(*inputs), self.arena.gradient(*inputs)) or self.steps(index)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # a compiler that is missing or gives up
            wrong = f"{type(error).__name__}: {str(error)[:200]}"
        if wrong:
            self.off = True
            log.warning("--compile is off: %s", wrong)
        self.arena.release(row)  # whatever was learned
        return not self.off


def compiled(arena: Arena, T: int):
    """The way to run a pass that is compiled, where that can be done; the eager one elsewhere."""
    if not hasattr(arena.base.body, "layers"):
        log.warning("--compile is off: %s has no layers", type(arena.base.body).__name__)
        return arena.gradient
    way = Compiled(arena)
    return way if way.check(T) else arena.gradient


class Graphs:
    """In place of Arena.gradient, or of another way to `run` it. G is filled up to a power of two with rows of the zero
    adapter: few shapes."""

    def __init__(self, arena: Arena, run=None):
        self.arena, self.too_large, self.off = arena, set(), False
        self.run = run or arena.gradient
        self.update = getattr(self.run, "update", arena.update)
        self.forget()

    def forget(self) -> None:
        """Gives back the memory of all that was captured."""
        self.made, self.pool = {}, torch.cuda.graph_pool_handle()

    def __call__(self, *inputs):
        G = len(inputs[0])
        more = (1 << (G - 1).bit_length()) - G
        if more:
            inputs = [F.pad(x, (0, 0) * (x.dim() - 1) + (0, more)) for x in inputs]
        shape = tuple(tuple(x.shape) for x in inputs)
        if shape not in self.made.keys() | self.too_large and not self.off and len(self.made) < MOST_GRAPHS:
            self.capture(shape, inputs)
        if shape not in self.made:
            return tuple(x[:G] for x in self.run(*inputs))
        graph, static, outputs = self.made[shape]
        for place, x in zip(static, inputs, strict=True):
            place.copy_(x)
        graph.replay()
        return tuple(x[:G].clone() for x in outputs)  # the next replay, of any shape, writes over them

    def capture(self, shape, inputs) -> None:
        static = [x.clone() for x in inputs]
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):  # a warm-up outside the current stream, as PyTorch asks for
            wanted = self.run(*static)
        torch.cuda.current_stream().wait_stream(side)
        try:
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, pool=self.pool):
                outputs = self.run(*static)
            graph.replay()
            wrong = differs(self.arena, outputs, wanted)
        except torch.OutOfMemoryError:  # this shape runs eagerly
            self.too_large.add(shape)
            return
        except RuntimeError as error:  # an operation that cannot be captured
            wrong = f"{type(error).__name__}: {str(error)[:200]}"
        if wrong:
            self.off = True
            self.forget()
            log.warning("--cuda-graphs is off: %s", wrong)
        else:
            self.made[shape] = (graph, static, outputs)
