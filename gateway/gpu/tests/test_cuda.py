"""What a CPU cannot tell: float32 and bfloat16 on a GPU against the CPU's numbers, captured and compiled passes against
eager ones, the probe under a real limit, memory that really runs out, pinned memory. Skipped where there is no GPU."""

import pytest
import torch
from client import Client, body, logprobs
from conftest import GOLDEN, ROOT, Running, example, load
from test_adapters import ADAM, FAMILIES, batch, distance, opened
from test_decode import finish
from tokenizers import Tokenizer

from sift_gpu import model, passes
from sift_gpu.adapters import Adam, Arena
from sift_gpu.decode import Decoder, Sampling

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
RANKS, LENGTHS = [4, 8, 4, 8, 2, 8, 1, 8], [20, 7, 33, 40, 2, 25, 31, 12]


def on_gpu(name, dtype=torch.float32):
    path = ROOT / "models/base" if name == "base" else GOLDEN / name
    return model.load(str(path), "cuda", dtype)


def gpu(*tensors):
    return [x.cuda() for x in tensors]


@pytest.fixture
def arena():
    return Arena(on_gpu("qwen3"), 64)


@pytest.mark.parametrize("name", FAMILIES)
def test_float32_gradients_and_steps_are_the_cpus(name):
    examples = [example(i, n) for i, n in enumerate(LENGTHS)]
    found = []
    for base in (load(name), on_gpu(name)):
        arena = Arena(base, 64)
        rows = [opened(arena, i, r) for i, r in enumerate(RANKS)]
        inputs = [x.to(base.device) for x in batch(examples, 40)]
        logp = [arena.train(rows, *inputs).cpu()]
        gradients = [arena.g[r.lines].cpu() for r in rows]
        assert arena.adam(rows, [ADAM] * 8) == [True] * 8
        logp.append(arena.logp(rows, *inputs[:2]).cpu())
        found.append((gradients, logp))
    (wanted, before), (got, after) = found
    assert max(map(distance, got, wanted)) <= 1e-5
    assert max((a - b).abs().max().item() for a, b in zip(after, before)) <= 1e-3


def test_bfloat16_is_near_float32_with_real_weights_and_text():
    """Text, because random tokens are so improbable that rounding moves their log-probabilities further."""
    text = (ROOT / "models/base/README.md").read_text()
    ids = Tokenizer.from_file(str(ROOT / "models/base/tokenizer.json")).encode(text).ids
    texts, found = [torch.tensor(ids[200 * i : 200 * i + 201]) for i in range(4)], []
    for dtype in (torch.float32, torch.bfloat16):
        base = on_gpu("base", dtype)
        arena = Arena(base, 32)
        rows = [opened(arena, i, 8) for i in range(4)]
        inputs = gpu(*batch(texts, 256))
        arena.train(rows, *inputs)
        arena.adam(rows, [ADAM] * 4)
        found.append(arena.logp(rows, *inputs[:2])[:, :200])
    apart = (found[0] - found[1]).abs()
    print(f"log p {found[0].mean().item():.2f}, apart {apart.mean().item():.4f}, at most {apart.max().item():.4f} nats")
    assert apart.mean().item() <= 0.02


def test_nothing_of_one_row_reaches_another(arena):
    rows = [opened(arena, i, 8) for i in range(6)]
    examples = [example(i, 10 + 5 * i) for i in range(6)]

    def gradients(strange):
        arena.g.zero_()
        ids, targets, weights = batch(examples, 40)
        if strange:
            ids[0], targets[0], weights[0] = torch.randint(0, 64, (40,)), 1, float("nan")
        arena.train(rows, *gpu(ids, targets, weights))
        return [arena.g[r.lines].clone() for r in rows]

    usual, strange = gradients(False), gradients(True)
    assert all(torch.equal(a, b) for a, b in zip(usual[1:], strange[1:])) and strange[0].isnan().any()
    before = arena.p.clone()
    assert arena.adam(rows, [ADAM] * 6) == [False] + [True] * 5
    moved = [not torch.equal(arena.p[r.lines], before[r.lines]) for r in rows]
    assert moved == [False] + [True] * 5 and not any(pool[0].any() for pool in (arena.p, arena.m, arena.v, arena.g))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_captured_passes_equal_eager_ones_of_all_shapes_in_turn(dtype):
    arena = Arena(on_gpu("base", dtype), 64)
    rows = [opened(arena, i, 8) for i in range(8)]
    graphs, vocabulary = passes.Graphs(arena), arena.base.config.vocab_size
    for turn, (G, T) in enumerate([(1, 64), (3, 64), (8, 32), (5, 64), (1, 64), (3, 128), (8, 32), (4, 64)]):
        examples = [example(10 * turn + i, T - 3 * i, vocabulary) for i in range(G)]
        inputs = (arena.index(rows[:G]), arena.scales(rows[:G]), *gpu(*batch(examples, T)))
        assert passes.differs(arena, graphs(*inputs), arena.gradient(*inputs)) is None
        arena.train(rows[:G], *inputs[2:])
        arena.adam(rows[:G], [Adam(1e-2, 0.9, 0.999, 1e-8, 0.0)] * G)
    assert not graphs.off and len(graphs.made) == 5


def test_a_compiled_pass_equals_an_eager_one_also_when_captured():
    arena = Arena(on_gpu("base", torch.bfloat16), 64)
    way = passes.compiled(arena, 64)
    assert isinstance(way, passes.Compiled)
    graphs, rows = passes.Graphs(arena, way), [opened(arena, i, 8) for i in range(4)]
    for G, T in ((4, 64), (1, 128), (4, 64)):
        examples = [example(i, T, arena.base.config.vocab_size) for i in range(G)]
        inputs = (arena.index(rows[:G]), arena.scales(rows[:G]), *gpu(*batch(examples, T)))
        assert passes.differs(arena, way(*inputs), arena.gradient(*inputs)) is None
        assert passes.differs(arena, graphs(*inputs), arena.gradient(*inputs)) is None
    assert not graphs.off


@pytest.mark.parametrize("name", ["qwen3", "gemma3", "phi3"])
def test_greedy_rows_are_the_cpus(name):
    found = []
    for base in (load(name), on_gpu(name)):
        arena = Arena(base, 16)
        rows = [opened(arena, i, 4) for i in range(4)]
        prompts = [example(i, n, base.config.vocab_size)[:-1].tolist() for i, n in enumerate((3, 19, 30, 1))]
        samples = [Sampling(r, p, 8) for r, p in zip(rows, prompts)]
        finish(Decoder(base, arena, 4, 4 * 64), samples)
        found.append([s.tokens for s in samples])
    assert found[0] == found[1]


@pytest.fixture
def limited():
    """2 GB for PyTorch, whatever the card has."""
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(2e9 / total)
    yield 2e9
    torch.cuda.set_per_process_memory_fraction(1.0)


def test_the_probe_finds_what_fits_and_memory_that_runs_out_halves_it_once_more(limited):
    running = Running("--device", "cuda", "--max-train-tokens", "256", "--cache-tokens", "8192", model="base")
    try:
        budget, arena = running.engine.budget, running.arena
        assert 256 <= budget < 65_536
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        arena.run(*passes.sample_pass(arena, budget // 256, 256))
        need = torch.cuda.max_memory_allocated() - before
        torch.cuda.empty_cache()
        left = int(limited - torch.cuda.memory_reserved() - 0.75 * need)
        ballast = torch.empty(left, dtype=torch.uint8, device="cuda")
        caller = Client(running.url, model="base").session()
        one = caller.open()
        vocabulary = arena.base.config.vocab_size
        examples = [example(i, 256, vocabulary).tolist() for i in range(min(64, budget // 256))]
        result = caller.result(caller.ask("/forward_backward", raw=body(one, 1, *examples)))
        assert running.engine.budget == budget // 2, "nothing ran out of memory"
        assert all(len(x) == 256 for x in logprobs(result))
        del ballast
        torch.cuda.empty_cache()
        assert caller.learn(one, 2, examples[0]) > 0 and running.engine.is_alive()
        caller.finish()
    finally:
        running.close()


def test_a_server_with_graphs_tunes_keeps_and_generates():
    x = example(1, 60, 64).tolist()
    found = {}
    for device, *more in (("cpu",), ("cuda", "--cuda-graphs"), ("cuda", "--dtype", "float32")):
        running = Running("--device", device, *more)
        try:
            caller = Client(running.url).session()
            one = caller.open(seed=3)
            losses = [caller.learn(one, 1 + 2 * i, x) for i in range(4)]
            caller.result(caller.ask("/sift/keep", {"model_id": one, "seq_id": 9, "id": "a"}))
            (kept,) = running.server.kept.adapters.values()
            assert kept.block.is_pinned() == (device == "cuda")
            again = caller.open(adapter="a")
            tokens = [caller.tokens(caller.sampler(m, n), [1, 2, 3]) for m, n in ((one, 10), (again, 1))]
            assert tokens[0] == tokens[1]
            if "--cuda-graphs" in more:
                assert running.arena.run.made and not running.arena.run.off
            found[device, *more] = losses, tokens[0]
            caller.finish()
        finally:
            running.close()
    wanted, tokens = found.pop(("cpu",))
    for (_, way, *_), (losses, same) in found.items():
        allowed = 0.02 if way == "--cuda-graphs" else 1e-4
        assert max(abs(a - b) for a, b in zip(losses, wanted)) <= allowed
        assert same == tokens or way == "--cuda-graphs"
