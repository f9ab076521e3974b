"""Batched decoding against transformers' own greedy generation, and that no row's draw depends on the others."""

import math
from collections import Counter

import pytest
import torch
from conftest import GOLDEN, example, load
from test_adapters import Peft, opened
from torch.func import functional_call
from transformers import AutoModelForCausalLM

from sift_gpu.adapters import Arena
from sift_gpu.decode import Decoder, Sampling

SAME = {"chat", "spm", "other_head"}  # qwen3 and llama again, with a tokenizer or another head
FAMILIES = sorted(p.name for p in GOLDEN.iterdir() if (p / "config.json").exists() and p.name not in SAME)


def finish(decoder, waiting, at_once=3):
    todo = list(waiting)
    while todo or decoder.live:
        new = []
        while todo and len(new) < at_once and decoder.room(todo[:1], new):
            new.append(todo.pop(0))
        if new:
            decoder.join(new)
        decoder.step()


@pytest.mark.parametrize("name", FAMILIES)
def test_greedy_rows_of_all_lengths_equal_transformers(name):
    peft, base = Peft.of(name), load(name)
    arena = Arena(base, 48)
    rows = [opened(arena, i, 4) for i in range(6)]
    prompts = [example(i, n, base.config.vocab_size)[:-1].tolist() for i, n in enumerate((3, 19, 30, 1, 11, 24))]
    samples = [Sampling(r, p, 8) for r, p in zip(rows, prompts)]
    finish(Decoder(base, arena, 4, 4 * 64), samples)
    for row, s in zip(rows, samples):
        peft.set(arena, arena.p[row.lines])
        # a greedy continuation is one whose every token is the highest after those before it: one pass tells
        logits = peft.model(input_ids=torch.tensor([s.prompt + s.tokens[:-1]])).logits[0, len(s.prompt) - 1 :].detach()
        assert s.tokens == logits.argmax(-1).tolist()
        wanted = logits.log_softmax(-1).gather(1, torch.tensor(s.tokens)[:, None])[:, 0]
        assert (torch.tensor(s.logprobs) - wanted).abs().max() < 1e-4
        assert len(s.tokens) == 8 and s.reason == "length"


def test_the_base_itself_continues_as_generate_does(qwen3):
    arena = Arena(qwen3, 8)
    none = arena.reserve(0, 0.0)
    prompt = example(3, 20)[:-1].tolist()
    sample = Sampling(none, prompt, 20)
    finish(Decoder(qwen3, arena, 4, 256), [sample])
    model = AutoModelForCausalLM.from_pretrained(GOLDEN / "qwen3", dtype=torch.float32)
    wanted = model.generate(
        torch.tensor([prompt]), do_sample=False, max_new_tokens=20, eos_token_id=None, pad_token_id=0
    )
    assert sample.tokens == wanted[0, 20:].tolist()


def test_draws_are_reproducible_and_independent_of_other_rows(qwen3):
    arena = Arena(qwen3, 48)
    rows = [opened(arena, i, 8) for i in range(5)]
    settings = [
        dict(temperature=1.0),
        dict(temperature=0.7, top_k=5),
        dict(temperature=1.3, top_p=0.8),
        {},
        dict(temperature=1.0, top_k=9, top_p=0.9),
    ]
    make = lambda: [Sampling(r, [1 + i, 2, 3], 8, seed=i, **s) for i, (r, s) in enumerate(zip(rows, settings))]
    together, alone = make(), make()
    finish(Decoder(qwen3, arena, 8, 512), together, at_once=5)
    for s in alone:
        finish(Decoder(qwen3, arena, 8, 512), [s])
    assert [s.tokens for s in together] == [s.tokens for s in alone]


def test_draws_follow_the_distribution_that_top_k_and_top_p_leave(qwen3):
    from sift_gpu.decode import pick

    logits = torch.tensor([math.log(x) for x in (0.4, 0.3, 0.2, 0.1)])
    draws = lambda **s: Counter(
        pick(logits.expand(1500, 4), [Sampling(None, [], 1, seed=i, **s) for i in range(1500)]).tolist()
    )
    share = lambda **s: [round(counts[i] / 1500, 1) for counts in [draws(**s)] for i in range(4)]
    assert share(temperature=1.0) == [0.4, 0.3, 0.2, 0.1]
    assert share(temperature=1.0, top_k=2) == [0.6, 0.4, 0.0, 0.0]
    assert share(temperature=1.0, top_p=0.69) == [0.6, 0.4, 0.0, 0.0]
    assert share(temperature=0.5) == [0.5, 0.3, 0.1, 0.0]
    assert share(temperature=1e-9) == [1.0, 0.0, 0.0, 0.0]


def test_a_sample_ends_at_an_end_token_or_a_stop_sequence_or_its_length(qwen3):
    arena = Arena(qwen3, 8)
    row = opened(arena, 1, 8)
    decoder = Decoder(qwen3, arena, 4, 256)
    free = Sampling(row, [5, 6], 10)
    finish(decoder, [free])
    third = free.tokens[2]
    at = free.tokens.index(third)
    ended = Sampling(row, [5, 6], 10, ends=frozenset([third]))
    stopped = Sampling(row, [5, 6], 10, stops=[tuple(free.tokens[3:5])])
    finish(decoder, [ended, stopped])
    assert (ended.tokens, ended.reason) == (free.tokens[: at + 1], "stop")
    assert stopped.reason == "stop" and tuple(stopped.tokens[-2:]) == stopped.stops[0]


def test_a_row_whose_weights_are_not_finite_fails_alone(qwen3):
    arena = Arena(qwen3, 32)
    rows = [opened(arena, i, 8) for i in range(3)]
    arena.p[rows[1].lines] = float("nan")
    samples = [Sampling(r, [1, 2, 3], 5) for r in rows]
    finish(Decoder(qwen3, arena, 4, 256), samples)
    assert [bool(s.error) for s in samples] == [False, True, False]
    assert [len(s.tokens) for s in samples] == [5, 0, 5]


def test_the_prompts_own_log_probabilities(qwen3):
    arena = Arena(qwen3, 8)
    row = opened(arena, 1, 8)
    x = example(1, 20)
    sample = Sampling(row, x.tolist(), 1, want_prompt=True)
    finish(Decoder(qwen3, arena, 4, 256), [sample])
    wanted = arena.logp([row], x[None, :-1], x[None, 1:])[0]
    assert torch.allclose(torch.tensor(sample.prompt_logprobs[1:]), wanted, atol=1e-5)


@pytest.mark.parametrize("name, share", [("qwen3", 1), ("llama", 1), ("gemma2", 0)])
def test_norms_that_are_replaced_give_the_same_and_others_stay(name, share):
    from sift_gpu import norms

    model = AutoModelForCausalLM.from_pretrained(GOLDEN / name, dtype=torch.float32)
    ids = example(1, 30, model.config.vocab_size)[None]
    others = {n: p.detach() * 1.1 for n, p in model.named_parameters()}  # as full fine-tuning has them
    run = lambda: (model(input_ids=ids).logits, functional_call(model, others, kwargs={"input_ids": ids}).logits)
    wanted, kinds = run(), [m for m in model.modules() if "RMSNorm" in type(m).__name__]
    assert norms.fuse(model) == share * len(kinds) and kinds
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(run(), wanted))
