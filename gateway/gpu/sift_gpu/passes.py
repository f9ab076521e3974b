"""Faster ways to run the same pass, each behind a switch: torch.compile for the body, CUDA graphs for a whole pass by
its shape. Either is compared with the eager pass where it is first used, and switched off for good on a mismatch or
an error, so that a wrong capture costs speed and never a result. CUDA graphs have not been run on a GPU by us
(2026-11-26)."""

import logging

import torch
import torch.nn.functional as F

from .adapters import Arena

log = logging.getLogger("sift_gpu")
MOST_GRAPHS = 32  # each keeps the activations of its shape; a shape beyond these runs eagerly (2026-11-26)


def differs(arena: Arena, got, wanted) -> str | None:
    """Why these passes are not the same; None where they are, as far as the precision allows."""
    allowed = 1e-4 if arena.base.dtype == torch.float32 else 5e-2
    for name, a, b in zip(("gradient", "log p"), got, wanted, strict=True):
        error = ((a - b).norm() / b.norm().clamp(min=1e-12)).item()
        if not error <= allowed:
            return f"its {name} is off by {error:.1e}, more than {allowed:.0e}"
    return None


def sample_pass(arena: Arena, G: int, T: int):
    """A pass over the zero adapter, with targets that give a gradient of B."""
    device = arena.p.device
    ids = torch.arange(G * T, device=device).view(G, T) % arena.base.config.vocab_size
    index = torch.zeros(G, 8, dtype=torch.long, device=device)
    scale = torch.ones(G, 1, 1, dtype=arena.base.dtype, device=device)
    return index, scale, ids, ids.roll(-1, 1), torch.full((G, T), 1 / T, device=device)


def compile_body(arena: Arena, T: int) -> None:
    row = arena.reserve(8, 2.0)
    arena.begin(row, arena.seeded_block(1, 8) + 0.01)
    _, scale, *rest = sample_pass(arena, 2, T)
    inputs = (arena.index([row, row]), 2 * scale, *rest)
    eager, wanted = arena.hidden_of, arena.gradient(*inputs)
    try:
        arena.hidden_of = torch.compile(eager, dynamic=True)
        wrong = differs(arena, arena.gradient(*inputs), wanted)
    except Exception as error:  # a compiler that is missing or gives up
        wrong = f"{type(error).__name__}: {str(error)[:200]}"
    if wrong:
        arena.hidden_of = eager
        log.warning("--compile is off: %s", wrong)
    arena.release(row)


class Graphs:
    """In place of Arena.gradient. G is filled up to a power of two with rows of the zero adapter: few shapes."""

    def __init__(self, arena: Arena):
        self.arena, self.made, self.too_large, self.off = arena, {}, set(), False
        self.pool = torch.cuda.graph_pool_handle()

    def __call__(self, *inputs):
        G = len(inputs[0])
        more = (1 << (G - 1).bit_length()) - G
        inputs = [F.pad(x, (0, 0) * (x.dim() - 1) + (0, more)) for x in inputs]
        shape = tuple(tuple(x.shape) for x in inputs)
        if shape not in self.made.keys() | self.too_large and not self.off and len(self.made) < MOST_GRAPHS:
            self.capture(shape, inputs)
        if shape not in self.made:
            return tuple(x[:G] for x in self.arena.gradient(*inputs))
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
            wanted = self.arena.gradient(*static)
        torch.cuda.current_stream().wait_stream(side)
        try:
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, pool=self.pool):
                outputs = self.arena.gradient(*static)
            graph.replay()
            wrong = differs(self.arena, outputs, wanted)
        except torch.OutOfMemoryError:  # this shape runs eagerly
            self.too_large.add(shape)
            return
        except RuntimeError as error:  # an operation that cannot be captured
            wrong = f"{type(error).__name__}: {str(error)[:200]}"
        if wrong:
            self.off, self.made = True, {}
            log.warning("--cuda-graphs is off: %s", wrong)
        else:
            self.made[shape] = (graph, static, outputs)
