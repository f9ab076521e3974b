"""The arena against PEFT on each example alone: gradients, steps, leakage, rows that come and go, NaN."""

import functools
import json
import os
import random
import shutil
import subprocess

import pytest
import torch
from conftest import GOLDEN, ROOT, example, load
from peft import LoraConfig, get_peft_model
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM

from sift_gpu.adapters import Adam, Arena, seeded

FAMILIES = ("qwen3", "llama", "qwen2", "phi3", "gemma2", "granite")
ADAM = Adam(1e-3, 0.9, 0.999, 1e-8, 0.01)


def opened(arena, seed, rank, noise=0.02):
    """An adapter whose B is not zero, so that A has a gradient."""
    row = arena.reserve(rank, 2.0)
    block = arena.seeded_block(seed, rank)
    block += noise * torch.randn(block.shape, generator=torch.Generator().manual_seed(seed))
    arena.begin(row, block)
    return row


def batch(examples, T, pad=0):
    ids, targets, weights = (torch.full((len(examples), T), v) for v in (pad, 0, 0.0))
    for i, x in enumerate(examples):
        n = len(x) - 1
        ids[i, :n], targets[i, :n], weights[i, :n] = x[:-1], x[1:], 1 / n
    return ids, targets, weights


class Peft:
    """The same checkpoint with PEFT around it, its factors set from a row's block [r, D]; lower ranks end with zeros.
    `set` makes it anew, so that one serves all tests of a checkpoint."""

    of = functools.cache(lambda name: Peft(name, Arena(load(name), 8), 8))

    def __init__(self, name, arena, rank):
        self.rank = rank
        model = AutoModelForCausalLM.from_pretrained(GOLDEN / name, dtype=torch.float32, attn_implementation="eager")
        targets = sorted({n.rpartition(".")[2] for n in arena.names})
        self.model = get_peft_model(model, LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=targets))
        named = dict(self.model.named_parameters())
        key = "base_model.model.model.{}.lora_{}.default.weight"
        self.factors = [named[key.format(n, ab)] for n in arena.names for ab in "AB"]

    def set(self, arena, block):
        block = torch.nn.functional.pad(block, (0, 0, 0, self.rank - len(block)))
        self.model.zero_grad()
        for f, x, i in zip(self.factors, block.split(arena.sizes, 1), range(1 << 30)):
            f.data.copy_(x if i % 2 == 0 else x.T)

    def block(self, what):
        return torch.cat([what(f) if i % 2 == 0 else what(f).T for i, f in enumerate(self.factors)], 1)

    def loss(self, x):
        return cross_entropy(self.model(input_ids=x[None, :-1]).logits[0], x[1:])


def distance(a, b):
    return ((a - b).norm() / b.norm()).item()


@pytest.mark.parametrize("name", FAMILIES)
def test_gradients_and_losses_of_eight_callers_equal_pefts_alone(name):
    peft, arena = Peft.of(name), Arena(load(name), 64)
    ranks, lengths = [4, 8, 4, 8, 2, 8, 1, 8], [20, 7, 33, 40, 2, 25, 31, 12]
    rows = [opened(arena, i, r) for i, r in enumerate(ranks)]
    examples = [example(i, n) for i, n in enumerate(lengths)]
    logp = arena.train(rows, *batch(examples, 40))
    for i, (row, x) in enumerate(zip(rows, examples)):
        peft.set(arena, arena.p[row.lines])
        loss = peft.loss(x)
        loss.backward()
        assert distance(arena.g[row.lines], peft.block(lambda f: f.grad)[: row.rank]) <= 1e-5
        assert abs(-logp[i, : lengths[i]].mean().item() / loss.item() - 1) <= 1e-5


def test_a_step_equals_torchs_adamw(qwen3):
    arena = Arena(qwen3, 32)
    rows = [opened(arena, i, 4) for i in range(2)]
    before = [arena.p[r.lines].clone() for r in rows]
    pefts = [Peft("qwen3", arena, 4) for _ in rows]
    optimisers = []
    for peft, block, rate in zip(pefts, before, (1e-3, 5e-3)):
        peft.set(arena, block)
        optimisers.append(torch.optim.AdamW(peft.factors, lr=rate, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01))
    for step in range(4):
        examples = [example(10 * step + i, 12 + 9 * i) for i in range(2)]
        arena.train(rows, *batch(examples, 32))
        assert arena.adam(rows, [ADAM, Adam(5e-3, 0.9, 0.999, 1e-8, 0.01)]) == [True, True]
        for peft, optimiser, x in zip(pefts, optimisers, examples):
            optimiser.zero_grad()
            peft.loss(x).backward()
            optimiser.step()
    for row, start, peft in zip(rows, before, pefts):
        assert distance(arena.p[row.lines] - start, peft.block(lambda f: f.data) - start) <= 1e-4


def test_the_gradient_of_a_repeated_caller_adds_up_and_is_bounded_by_its_norm(qwen3):
    arena = Arena(qwen3, 16)
    row = opened(arena, 1, 4)
    examples = [example(1, 9), example(2, 14)]
    arena.train([row, row], *batch(examples, 32))
    both = arena.g[row.lines].clone()
    arena.g.zero_()
    for x in examples:
        arena.train([row], *batch([x], 32))
    assert distance(arena.g[row.lines], both) <= 1e-6
    arena.adam([row], [Adam(1e-3, 0.0, 0.0, 1e-8, 0.0, clip=1e-3)])
    assert abs(arena.m[row.lines].norm().item() / 1e-3 - 1) <= 1e-2


def test_nothing_of_one_row_reaches_another(qwen3):
    arena = Arena(qwen3, 64)
    rows = [opened(arena, i, 8) for i in range(6)]
    examples = [example(i, 10 + 5 * i) for i in range(6)]

    def gradients(pad=0, strange=False):
        arena.g.zero_()
        ids, targets, weights = batch(examples, 40, pad)
        if strange:
            ids[0], targets[0], weights[0] = torch.randint(0, 64, (40,)), 1, 5.0
        arena.train(rows, ids, targets, weights)
        return [arena.g[r.lines].clone() for r in rows]

    usual, padded, strange = gradients(), gradients(pad=7), gradients(strange=True)
    assert all(torch.equal(a, b) for a, b in zip(usual, padded))
    assert all(torch.equal(a, b) for a, b in zip(usual[1:], strange[1:])) and not torch.equal(usual[0], strange[0])


def test_rows_that_join_and_leave_equal_each_alone(qwen3):
    steps, lengths = 3, [31, 5, 17, 30, 9, 22, 12, 3]
    settings = [Adam((5e-4, 1e-3)[i % 2], 0.9, 0.999, 1e-8, 0.0) for i in range(8)]

    def run(together):
        arena = Arena(load("qwen3"), 64)
        rows = [opened(arena, i, (4, 8)[i % 2]) for i in range(8)]
        done, shuffled = [0] * 8, random.Random(1)
        while min(done) < steps:
            waiting = [i for i in range(8) if done[i] < steps]
            chosen = [i for i in waiting if shuffled.random() < 0.6] if together else waiting[:1]
            shuffled.shuffle(chosen)
            if chosen:
                examples = [example(100 * done[i] + i, lengths[i]) for i in chosen]
                arena.train([rows[i] for i in chosen], *batch(examples, 32))
                arena.adam([rows[i] for i in chosen], [settings[i] for i in chosen])
            for i in chosen:
                done[i] += 1
        return [arena.p[r.lines].clone() for r in rows]

    for one, other in zip(run(True), run(False)):
        assert torch.equal(one, other)


def test_a_row_that_is_not_finite_keeps_its_weights_and_fails_alone(qwen3):
    arena = Arena(qwen3, 64)
    rows = [opened(arena, i, (4, 8)[i % 2]) for i in range(4)]
    before = arena.p.clone()
    ids, targets, weights = batch([example(i, 20) for i in range(4)], 32)
    weights[2] = float("nan")
    arena.train(rows, ids, targets, weights)
    assert arena.adam(rows, [ADAM] * 4) == [True, True, False, True]
    moved = [not torch.equal(arena.p[r.lines], before[r.lines]) for r in rows]
    assert moved == [True, True, False, True]
    assert not arena.p[0].any() and not arena.m[0].any() and not arena.v[0].any() and not arena.g.any()
    weights[2] = 1 / 20
    arena.train(rows, ids, targets, weights)
    assert arena.adam(rows, [ADAM] * 4) == [True] * 4


def test_a_place_that_is_used_again_is_zero(qwen3):
    arena = Arena(qwen3, 8)
    row = opened(arena, 1, 8)
    assert arena.reserve(1, 2.0) is None
    arena.train([row], *batch([example(1, 9)], 32))
    arena.adam([row], [ADAM])
    arena.release(row)
    assert not any(pool.any() for pool in (arena.p, arena.m, arena.v, arena.g))
    again = arena.reserve(8, 2.0)
    assert sorted(again.lines) == list(range(1, 9)) and again.steps == 0


def test_layers_that_a_caller_leaves_out_stay_as_they_are(qwen3):
    arena = Arena(qwen3, 8)
    row = opened(arena, 1, 4)
    row.trained = arena.only(attention=True, mlp=False)
    before = arena.p[row.lines].clone()
    arena.train([row], *batch([example(1, 9)], 32))
    arena.adam([row], [Adam(1e-3, 0.9, 0.999, 1e-8, 0.0)])
    parts = zip(before.split(arena.sizes, 1), arena.p[row.lines].split(arena.sizes, 1), range(1 << 30))
    same = {("mlp" in arena.names[i // 2]): torch.equal(a, b) for a, b, i in parts}
    assert same == {False: False, True: True}


def test_a_is_drawn_as_the_typescript_engine_draws_it(qwen3):
    take = "const r = seededRandom(-5); console.log(JSON.stringify([r(), r(), r()]))"
    script = f"import {{ seededRandom }} from './wire/random.ts'; {take}"
    # the project's own first: an older one runs no TypeScript
    path = f"{ROOT}/node_modules/.bin{os.pathsep}{os.environ.get('PATH', '')}"
    node = shutil.which(os.environ.get("SIFT_NODE", "node"), path=path)
    if node is None:
        pytest.skip("no Node: SIFT_NODE may name one")
    run = subprocess.run(
        [node, "--input-type=module", "-e", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert seeded(-5, 3).tolist() == json.loads(run.stdout)
    arena = Arena(qwen3, 8)
    block, n_in = arena.seeded_block(7, 3), arena.sizes[0]
    assert arena.names[:4] == [f"layers.0.self_attn.{x}_proj" for x in "qkvo"]
    wanted = torch.tensor(2 * seeded(7, 3 * n_in) - 1).view(3, n_in) / n_in**0.5
    assert torch.allclose(block[:, :n_in], wanted.float()) and not block[:, n_in : n_in + arena.sizes[1]].any()


def test_passes_that_differ_are_told_with_both_errors(qwen3):
    from sift_gpu import passes

    arena = Arena(qwen3, 8)
    row, (_, scale, *rest) = opened(arena, 1, 8), passes.sample_pass(arena, 2, 32)
    inputs = (arena.index([row, row]), scale, *rest)
    gradient, logp = arena.gradient(*inputs)
    assert passes.differs(arena, (gradient, logp), arena.gradient(*inputs)) is None
    wrong = passes.differs(arena, (gradient * 1.5, logp), (gradient, logp))
    assert wrong == "of 2 x 32 tokens the gradient is off by 5.0e-01 and log p by 0.0e+00, more than 1e-04"
    assert passes.differs(arena, (gradient, logp * torch.nan), (gradient, logp)) is not None


@pytest.mark.parametrize("cap, scale", [(0.0, 1.0), (20.0, 1.0), (0.0, 0.5)])
def test_the_loss_that_is_compiled_is_the_plain_one_and_autograds(cap, scale):
    from sift_gpu.loss import CrossEntropy, Head, fused_spread, spread

    torch.manual_seed(1)
    head = Head(torch.randn(50, 16, requires_grad=True), torch.randn(50, requires_grad=True), scale, cap)
    hidden, targets = torch.randn(3, 7, 16, requires_grad=True), torch.randint(0, 50, (3, 7))
    weights, leaves = torch.rand(3, 7), (hidden, head.weight, head.bias)
    wanted = (weights * cross_entropy(head.logits(hidden).transpose(1, 2), targets, reduction="none")).sum()
    grads = torch.autograd.grad(wanted, leaves)
    for f in (spread, fused_spread):
        loss, logp = CrossEntropy.apply(*leaves, head, targets, weights, f)
        assert abs(loss.item() / wanted.item() - 1) < 1e-5 and logp.shape == (3, 7)
        assert all(distance(a, b) < 1e-5 for a, b in zip(torch.autograd.grad(loss, leaves), grads))


def test_a_pass_asks_transformers_for_no_mask_unless_a_window_needs_one():
    from sift_gpu.attention import mask

    ask = lambda T, **more: mask(batch_size=1, q_length=T, kv_length=T, device="cpu", **more)
    assert ask(8) is None and ask(8, local_size=16) is None
    assert ask(8, attention_mask=torch.tensor([[True] * 7 + [False]])) is not None
    assert ask(8, allow_is_causal_skip=False) is not None and ask(8, local_size=4) is not None
    for name in FAMILIES:
        base = load(name)
        assert base.config._attn_implementation in ("sift_sdpa", "eager")
