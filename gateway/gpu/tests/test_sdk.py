"""The unmodified SDK drives the server: create, pipelined steps, forward, save, sample, finish; eight callers."""

import threading

import numpy as np
import pytest
import torch
from conftest import GOLDEN, SLOW
from peft import LoraConfig, get_peft_model
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM

tinker = pytest.importorskip("tinker")
from tinker import types  # noqa: E402

ADAM = dict(beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0)


@pytest.fixture
def url(process):
    return process.url


def example(seed, n):
    return np.random.default_rng(seed).integers(0, 64, n).tolist()


def datum(x):
    n = len(x) - 1
    inputs = {
        "target_tokens": types.TensorData(data=x[1:], dtype="int64", shape=[n]),
        "weights": types.TensorData(data=[1 / n] * n, dtype="float32", shape=[n]),
    }
    return types.Datum(model_input=types.ModelInput.from_ints(x[:-1]), loss_fn_inputs=inputs)


def loss_of(result):
    return -float(np.mean(result.loss_fn_outputs[0]["logprobs"].data))


def call(service, rank, seed, rate, examples):
    """→ losses of pipelined steps, the loss of the first example afterwards, a greedy continuation."""
    client = service.create_lora_training_client(base_model="qwen3", rank=rank, seed=seed).result()
    steps = [
        (
            client.forward_backward([datum(x)], "cross_entropy"),
            client.optim_step(types.AdamParams(learning_rate=rate, **ADAM)),
        )
        for x in examples
    ]
    losses = []
    for forward_backward, optim_step in steps:
        losses.append(loss_of(forward_backward.result()))
        optim_step.result()
    losses.append(loss_of(client.forward([datum(examples[0])], "cross_entropy").result()))
    sampler = client.save_weights_and_get_sampling_client().result()
    params = types.SamplingParams(max_tokens=8, temperature=0, stop=[])
    sample = sampler.sample(types.ModelInput.from_ints(examples[0][:9]), 1, params).result()
    return losses, list(sample.sequences[0].tokens), client, sampler


def test_losses_and_greedy_text_equal_transformers_and_peft_and_the_base_samples(url):
    examples = [example(i, n) for i, n in enumerate((30, 41, 12))]
    with tinker.ServiceClient(base_url=url, api_key="tml-test") as service:
        losses, tokens, client, sampler = call(service, 8, 7, 5e-3, examples)
        assert client.get_info().lora_rank == 8
        names = [m.model_name for m in service.get_server_capabilities().supported_models]
        of_base = service.create_sampling_client(base_model="qwen3")
        params = types.SamplingParams(max_tokens=4, temperature=0)
        sample = of_base.sample(types.ModelInput.from_ints([5, 6, 7]), 1, params).result()
        assert names == ["qwen3"] and 1 <= len(sample.sequences[0].tokens) <= 4
        own = sampler.compute_logprobs(types.ModelInput.from_ints(examples[0])).result()
        two = sampler.sample(types.ModelInput.from_ints([1, 2]), 2, types.SamplingParams(max_tokens=5, seed=3)).result()
        again = sampler.sample(
            types.ModelInput.from_ints([1, 2]), 2, types.SamplingParams(max_tokens=5, seed=3)
        ).result()
    assert abs(-np.mean(own[1:]) - losses[-1]) < 1e-4
    assert [list(s.tokens) for s in two.sequences] == [list(s.tokens) for s in again.sequences]
    from sift_gpu.adapters import Arena
    from sift_gpu.model import load

    arena = Arena(load(str(GOLDEN / "qwen3"), "cpu", torch.float32), 8)
    model = AutoModelForCausalLM.from_pretrained(GOLDEN / "qwen3", dtype=torch.float32)
    targets = sorted({n.rpartition(".")[2] for n in arena.names})
    model = get_peft_model(model, LoraConfig(r=8, lora_alpha=16, target_modules=targets))
    named = dict(model.named_parameters())
    factors = [named[f"base_model.model.model.{n}.lora_{ab}.default.weight"] for n in arena.names for ab in "AB"]
    for i, (f, x) in enumerate(zip(factors, arena.seeded_block(7, 8).split(arena.sizes, 1))):
        f.data.copy_(x if i % 2 == 0 else x.T)
    optimiser = torch.optim.AdamW(factors, lr=5e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)
    cost = lambda x: cross_entropy(model(input_ids=torch.tensor([x[:-1]])).logits[0], torch.tensor(x[1:]))
    wanted = []
    for x in examples:
        optimiser.zero_grad()
        loss = cost(x)
        loss.backward()
        optimiser.step()
        wanted.append(loss.item())
    wanted.append(cost(examples[0]).item())
    assert max(abs(a / b - 1) for a, b in zip(losses, wanted)) <= 1e-5
    ids = examples[0][:9]
    for token in tokens:
        assert token == model(input_ids=torch.tensor([ids])).logits[0, -1].argmax().item()
        ids.append(token)


def test_eight_callers_at_once_equal_each_alone(url):
    def caller(service, c):
        lengths = np.random.default_rng(c).integers(3, 60, 3 if SLOW else 2)
        return call(
            service, (4, 8)[c % 2], c, (1e-3, 1e-2)[c % 2], [example(10 * c + i, n) for i, n in enumerate(lengths)]
        )[:2]

    with tinker.ServiceClient(base_url=url, api_key="tml-test") as service:
        compared = range(8) if SLOW else (0, 3, 5, 6)  # both ranks and rates
        alone = [caller(service, c) for c in compared]
    together = [None] * 8
    with tinker.ServiceClient(base_url=url, api_key="tml-test") as service:
        threads = [threading.Thread(target=lambda c=c: together.__setitem__(c, caller(service, c))) for c in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for (losses, tokens), (others, same) in zip(alone, [together[c] for c in compared]):
        assert max(abs(a / b - 1) for a, b in zip(losses, others)) <= 1e-5
        assert tokens == same
