"""Who is in a pass, as a pure function; the probe; and what is refused before any weight is read."""

import json

import pytest
from conftest import GOLDEN
from transformers import AutoConfig

from sift_gpu.admission import Fair, Waiting, bucket, longest, probe
from sift_gpu.kept import Kept
from sift_gpu.model import Unsupported, check_supported, fingerprint, load


def waiting(tenant, since, tokens=64, forward_only=False):
    return Waiting(tenant, since, bucket(tokens, 4096), forward_only, (tenant, since))


def items(chosen):
    return [w.item for w in chosen]


def test_buckets_are_powers_of_two_and_end_with_the_context():
    assert [bucket(n, 100) for n in (1, 32, 33, 64, 65, 100)] == [32, 32, 64, 64, 100, 100]


def test_tenants_share_a_pass_and_the_oldest_of_each_goes_first():
    queue = [waiting("a", i) for i in range(8)] + [waiting("b", 100 + i) for i in range(8)]
    assert items(Fair().choose(queue, 4 * 64)) == [("a", 0), ("b", 100), ("a", 1), ("b", 101)]


def test_a_tenant_that_was_served_more_waits_and_one_that_comes_back_is_credited_nothing():
    fair = Fair()
    fair.choose([waiting("a", i) for i in range(4)], 4 * 64)
    both = [waiting("a", 10), waiting("a", 11), waiting("b", 12), waiting("b", 13)]
    assert items(fair.choose(both, 64)) == [("a", 10)]  # b was away: it begins where a is, and a waited longer
    assert items(fair.choose(both, 64)) == [("b", 12)]


def test_a_pass_holds_one_kind_of_one_length_and_never_more_than_the_budget_but_always_a_row():
    queue = [
        waiting("a", 0, 1000),
        waiting("b", 1, 600),
        waiting("c", 2, 20),
        waiting("d", 3, 400, True),
        waiting("e", 4, 500),
    ]
    assert items(Fair().choose(queue, 4096)) == [("a", 0), ("b", 1), ("e", 4)]
    assert items(Fair().choose(queue, 2048)) == [("a", 0), ("b", 1)]
    assert items(Fair().choose(queue, 10)) == [("a", 0)]


def test_nobody_waits_for_ever():
    fair, left = Fair(), [waiting("abc"[i % 3], i, (20, 3000, 300)[i % 3], i % 2 == 0) for i in range(60)]
    for _ in range(60):
        chosen = fair.choose(left, 4096)
        left = [w for w in left if w not in chosen]
    assert left == []


def test_the_probe_halves_until_a_pass_fits():
    tried = []

    def run(G, T):
        tried.append(G * T)
        if G * T > 5000:
            raise MemoryError

    assert probe(run, 1024, 65536, MemoryError) == 4096 and tried == [65536, 32768, 16384, 8192, 4096]
    with pytest.raises(MemoryError):
        probe(lambda G, T: run(9, 9999), 1024, 2048, MemoryError)


def test_the_longest_row_that_fits_is_found_from_the_context_down():
    def run(T):
        if T > 300:
            raise MemoryError

    assert longest(run, 1024, 100, MemoryError) == 256 and longest(run, 200, 100, MemoryError) == 200
    with pytest.raises(MemoryError):
        longest(run, 1024, 400, MemoryError)


def test_kept_adapters_are_bounded_by_bytes_and_age():
    import torch

    kept = Kept(100, 1000)
    block = torch.zeros(1, 10)
    assert [kept.put(("o", "t", str(i)), block, 2.0) for i in range(3)] == [True] * 3
    assert kept.get(("o", "t", "0")) is None and kept.get(("o", "t", "1")) and kept.bytes == 80
    assert kept.put(("o", "t", "3"), block, 2.0) and kept.get(("o", "t", "2")) is None  # 1 was used later
    assert not kept.put(("o", "t", "large"), torch.zeros(1, 26), 2.0)
    assert kept.get(("o", "other", "1")) is None and kept.get(("other", "t", "1")) is None
    kept.seconds = 0
    assert kept.get(("o", "t", "1")) is None and kept.bytes == 0


@pytest.mark.parametrize(
    "kind, settings, message",
    [
        ("gpt2", {}, "GPT2LMHeadModel has Conv1D layers"),
        ("mixtral", {"num_hidden_layers": 1}, "MixtralForCausalLM is a mixture of experts"),
        ("qwen3_moe", {"num_hidden_layers": 1}, "Qwen3MoeForCausalLM is a mixture of experts"),
        ("mamba", {"num_hidden_layers": 1}, "MambaForCausalLM is a hybrid"),
        (
            "lfm2",
            {"num_hidden_layers": 2, "layer_types": ["conv", "full_attention"]},
            "Lfm2ForCausalLM is a hybrid: its layers of type conv",
        ),
        ("qwen3_next", {"num_hidden_layers": 4}, "Qwen3NextForCausalLM is a hybrid"),
        ("t5", {}, "T5ForConditionalGeneration is an encoder-decoder"),
    ],
)
def test_layouts_that_cannot_be_adapted_are_refused_by_name(kind, settings, message):
    names = {"gpt2": "GPT2LMHeadModel", "qwen3_moe": "Qwen3MoeForCausalLM", "qwen3_next": "Qwen3NextForCausalLM"}
    config = AutoConfig.for_model(kind, **settings)
    config.architectures = [names.get(kind, message.split()[0])]
    with pytest.raises(Unsupported, match=message):
        check_supported(config)


def test_the_command_refuses_in_a_sentence(tmp_path, monkeypatch, caplog):
    from sift_gpu.__main__ import main

    monkeypatch.delenv("SIFT_GPU_KEYS", raising=False)
    assert main(["--model", str(tmp_path), "--host", "0.0.0.0"]) == 2 and "set SIFT_GPU_KEYS" in caplog.text
    assert main(["--model", str(tmp_path)]) == 2 and "holds no config.json" in caplog.text


def test_a_directory_without_a_model_is_refused_and_a_name_can_be_given(tmp_path):
    import torch

    with pytest.raises(Unsupported, match="holds no config.json"):
        load(str(tmp_path), "cpu", torch.float32)
    assert load(f"org/tiny={GOLDEN / 'qwen3'}", "cpu", torch.float32).name == "org/tiny"
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "nobody_knows"}))
    with pytest.raises(Unsupported, match="nobody_knows"):
        load(str(tmp_path), "cpu", torch.float32)
    assert fingerprint(GOLDEN / "qwen3") != fingerprint(GOLDEN / "llama")


def test_the_pinned_requirements_are_those_of_the_project():
    import tomllib

    from conftest import ROOT

    read = lambda name: (ROOT / name).read_text()
    pinned = [line for line in read("gateway/gpu/requirements.txt").splitlines() if not line.startswith("#")]
    assert pinned == tomllib.loads(read("gateway/gpu/pyproject.toml"))["project"]["dependencies"]
    assert set(pinned) <= set(read("test/requirements.txt").splitlines())
