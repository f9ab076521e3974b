"""The wire from outside: refusals in the caller's terms, seq_id, retries, owners, streams, files, kept adapters."""

import asyncio
import threading
import time

import httpx
import numpy as np
import pytest
import torch
import zstandard
from client import ADAM, Client, body, logprobs
from conftest import GOLDEN, SLOW, Running, until

from sift_gpu import engine, sessions, tinker_pb2, wire

X = [3, 9, 14, 2, 40, 7, 21, 3, 3, 60]
Y = [5, 1, 50, 33, 8, 8, 12]


@pytest.fixture
def caller(running):
    client = Client(running.url).session()
    yield client
    client.finish()


def all_free(running):
    return (
        len(running.arena.unused) == running.arena.lines
        and not running.engine.models
        and not running.engine.generation.requests
    )


# ── the wire
def test_field_numbers_are_those_of_the_sdk():
    sdk = pytest.importorskip("tinker.proto.tinker_public_pb2")
    names = {"EncodedText": "EncodedTextChunk"}
    for name, own in tinker_pb2.DESCRIPTOR.message_types_by_name.items():
        if name == "Other":
            continue
        theirs = sdk.DESCRIPTOR.message_types_by_name[names.get(name, name)].fields_by_name
        for field in own.fields:
            assert (theirs[field.name].number, theirs[field.name].type) == (field.number, field.type), (
                name,
                field.name,
            )


@pytest.mark.parametrize(
    "raw, message",
    [
        (lambda m: b"\xff\xff", "no ForwardBackwardRequest"),
        (lambda m: body(m, 1, X, loss_fn="ppo"), "loss_fn 'ppo'"),
        (lambda m: body(m, 0, X), "seq_id 0 must be 1 or more"),
        (lambda m: body(m, 1), "data has 0 examples"),
        (lambda m: body(m, 1, [1, 64]), "data[0].target_tokens has token 64; the vocabulary has 64"),
        (lambda m: body(m, 1, [-1, 3]), "token -1"),
        (lambda m: body(m, 1, [5]), "data[0] has 0 tokens; from 1 to 64"),
        (lambda m: body(m, 1, [1] * 66), "data[0] has 65 tokens; from 1 to 64"),
        (lambda m: body(m, 1, X, weights=[float("nan")] * 9), "weights has a value that is not finite"),
        (lambda m: body(m, 1, X, weights=[1.0]), "9 tokens, 9 targets and 1 weights"),
    ],
)
def test_a_bad_pass_is_refused_in_the_callers_terms(running, caller, raw, message):
    model = caller.open()
    answer = caller.ask("/forward_backward", raw=raw(model), status=400)
    assert message in answer["error"] and answer["category"] == "user"
    assert caller.loss(model, 1, X) > 0  # the seq_id was not used up


@pytest.mark.parametrize(
    "path, value, message",
    [
        ("/create_session", [], "body"),
        ("/create_model", {"session_id": "s"}, "model_seq_id"),
        ("/optim_step", {"model_id": "m", "seq_id": 1, "adam_params": {"beta1": 1.5}}, "adam_params.beta1"),
        ("/optim_step", {"model_id": "m", "seq_id": 0, "adam_params": {}}, "seq_id"),
        (
            "/asample",
            {"sampling_session_id": "s", "prompt": {"chunks": []}, "sampling_params": {"stop": "text"}},
            "stop",
        ),
    ],
)
def test_a_bad_body_is_refused_by_its_field(running, path, value, message):
    assert message in Client(running.url).ask(path, value, status=400)["error"]


def test_models_of_other_names_ranks_and_methods_are_refused(running, caller):
    ask = lambda **more: caller.ask(
        "/create_model", {"session_id": caller.id, "model_seq_id": 99, "base_model": "qwen3", **more}, status=400
    )["error"]
    assert "'other' is not served here; 'qwen3' is" in ask(base_model="other")
    assert "lora_config.rank" in ask(lora_config={"rank": 257})
    assert "rank 129 is more than this server holds (128 rank lines)" in ask(lora_config={"rank": 129})
    assert "optimizer 'dimuon'" in ask(optimizer_config={"type": "dimuon"})
    assert "sift.method" in ask(sift={"method": "dora"})


def test_bodies_are_capped_while_they_are_read_and_after_zstd(running, caller):
    def endless():
        for _ in range(12):
            yield b"x" * (1 << 20)

    # the answer comes before the body's end; a client that is still writing may see the connection close instead
    try:
        assert httpx.post(running.url + "/api/v1/create_session", content=endless(), timeout=30).status_code == 413
    except httpx.TransportError:
        pass
    bomb = zstandard.ZstdCompressor().compress(b"\0" * (wire.PROTO_BYTES + 1))
    assert len(bomb) < 10_000
    assert (
        "after zstd" in caller.ask("/forward_backward", raw=bomb, status=413, **{"content-encoding": "zstd"})["error"]
    )
    assert caller.post("/forward_backward", raw=b"x", **{"content-encoding": "zstd"}).status_code == 400
    assert caller.post("/forward_backward", raw=b"x", **{"content-encoding": "br"}).status_code == 415
    model = caller.open()
    packed = zstandard.ZstdCompressor().compress(body(model, 1, X))
    assert (
        len(logprobs(caller.result(caller.ask("/forward_backward", raw=packed, **{"content-encoding": "zstd"})))[0])
        == 9
    )


# ── the order of operations
def test_operations_run_in_the_order_of_seq_id_whatever_order_they_come_in(running, caller):
    one, other = caller.open(seed=3), caller.open(seed=3)
    wanted = [caller.learn(one, 1, X), caller.learn(one, 3, Y), caller.loss(one, 5, X)]
    last = caller.ask("/forward_backward", raw=body(other, 5, X, forward_only=True))
    step = {"model_id": other, "adam_params": ADAM}
    later = [caller.ask("/optim_step", {**step, "seq_id": 4}), caller.ask("/forward_backward", raw=body(other, 3, Y))]
    assert caller.post("/retrieve_future", {"request_id": "none"}).status_code == 410
    first = [caller.ask("/optim_step", {**step, "seq_id": 2}), caller.ask("/forward_backward", raw=body(other, 1, X))]
    got = [-float(np.mean(logprobs(caller.result(p))[0])) for p in (first[1], later[1], last)]
    assert got == wanted


def test_a_retried_request_counts_once_even_after_its_result_was_fetched(running, caller):
    once, twice = caller.open(seed=4), caller.open(seed=4)
    wanted = [caller.learn(once, 1, X), caller.loss(once, 3, X)]
    raw = body(twice, 1, X)
    promises = [caller.ask("/forward_backward", raw=raw), caller.ask("/forward_backward", raw=raw)]
    assert promises[0] == promises[1]
    first = caller.result(promises[0])
    again = caller.ask("/forward_backward", raw=raw)
    assert again == promises[0] and caller.result(again) == first
    step = {"model_id": twice, "seq_id": 2, "adam_params": ADAM}
    assert caller.result(caller.ask("/optim_step", step)) == caller.result(caller.ask("/optim_step", step))
    assert [-float(np.mean(logprobs(first)[0])), caller.loss(twice, 3, X)] == wanted
    assert (
        "seq_id 2 was used by optim_step" in caller.ask("/forward_backward", raw=body(twice, 2, X), status=409)["error"]
    )
    value = {"session_id": caller.id, "model_seq_id": caller.models, "base_model": "qwen3", "lora_config": {"rank": 8}}
    assert caller.result(caller.ask("/create_model", value)) == {"type": "create_model", "model_id": twice}


def test_a_seq_id_that_never_comes_fails_those_that_wait_for_it(running, caller, monkeypatch):
    monkeypatch.setattr(engine, "GAP_SECONDS", 0.3)
    model = caller.open()
    result = caller.result(caller.ask("/forward_backward", raw=body(model, 2, X)))
    assert "seq_id 1 did not come" in result["error"] and result["category"] == "user"
    assert caller.ask("/forward_backward", raw=body(model, 5000, X), status=429)["error"].startswith("seq_id 5000")


# ── who owns what
def test_keys_are_needed_where_there_are_any_and_nobody_sees_anothers():
    running = Running(keys=("one", "two"))
    try:
        assert Client(running.url).post("/create_session", {}).status_code == 401
        assert Client(running.url, "three").post("/create_session", {}).status_code == 401
        assert httpx.get(running.url + "/metrics").status_code == 401
        assert httpx.get(running.url + "/healthz").status_code == 200
        mine, theirs = Client(running.url, "one").session(), Client(running.url, "two").session()
        model = mine.open()
        sampler = mine.sampler(model, 1)
        promise = mine.ask("/forward_backward", raw=body(model, 2, X))
        assert theirs.post("/forward_backward", raw=body(model, 3, X)).status_code == 410
        assert theirs.post("/retrieve_future", promise).status_code == 410
        assert theirs.post("/get_info", {"model_id": model}).status_code == 410
        assert theirs.post("/session_heartbeat", {"session_id": mine.id}).status_code == 410
        theirs.ask("/cancel_future", promise)
        theirs.ask(f"/sessions/{mine.id}/finish", {})
        theirs.sample(sampler, [1, 2], status=410)
        assert theirs.http.get(f"/sift/stream/{mine.sample(sampler, [1, 2])['request_id']}").status_code == 404
        assert len(logprobs(mine.result(promise))[0]) == 9  # neither cancelled nor finished by the other
    finally:
        running.close()


# ── the extension
def test_what_the_server_says_of_itself(running, caller):
    said = caller.http.get("/get_server_capabilities").json()
    assert said["supported_models"] == [
        {"model_name": "qwen3", "max_context_length": 64, "trainable": True, "sampleable": True}
    ]
    own = said["sift"]["models"]["qwen3"]
    assert said["sift"] | {"models": 0} == {
        "version": 1,
        "models": 0,
        "stream": True,
        "tokenizer": True,
        "adapters": True,
        "slots": 16,
    }
    assert (
        own["methods"] == ["lora", "full"]
        and own["max_rank"] == 128
        and own["layers"] == 2
        and own["context_tokens"] == 64
    )
    files = lambda model, name: caller.http.get(f"/sift/models/{model}/files/{name}")
    assert files("qwen3", "config.json").content == (GOLDEN / "qwen3/config.json").read_bytes()
    for model, name in (
        ("qwen3", "tokenizer.json"),
        ("qwen3", "model.safetensors"),
        ("llama", "config.json"),
        ("qwen3", "..%2Fllama%2Fconfig.json"),
        ("..", "config.json"),
    ):
        assert files(model, name).status_code == 404
    metrics = httpx.get(running.url + "/metrics").text
    assert "sift_gpu_free_rank_lines" in metrics and "sift_gpu_steps_total" in metrics
    assert httpx.get(running.url + "/readyz").json() == {"status": "ready"}


def test_a_stream_gives_what_the_promise_gives(running, caller):
    sampler = caller.sampler(caller.open(), 1)
    drawn = {"max_tokens": 20, "temperature": 1.0, "seed": 5}
    wanted = caller.tokens(sampler, [5, 6, 7], **drawn)
    promise = caller.sample(sampler, [5, 6, 7], **drawn)
    *parts, last = caller.lines(promise)
    assert sum((p["tokens"] for p in parts), []) == wanted and last == {"stop_reason": "length"}
    assert sum(len(p["logprobs"]) for p in parts) == 20
    stopped = caller.lines(caller.sample(sampler, [5, 6, 7], **drawn, stop=[wanted[3:5]]))
    assert sum((p["tokens"] for p in stopped[:-1]), []) == wanted[:5] and stopped[-1] == {"stop_reason": "stop"}


def test_a_reader_that_goes_away_ends_the_sampling(caller, running, monkeypatch):
    sampler = caller.sampler(caller.open(), 1)
    step = type(running.engine.generation.decoder).step
    monkeypatch.setattr(
        running.engine.generation.decoder, "step", lambda: (time.sleep(0.1), step(running.engine.generation.decoder))
    )
    promise = caller.sample(sampler, [5, 6, 7], max_tokens=60)
    with caller.http.stream("GET", f"/sift/stream/{promise['request_id']}") as answer:
        next(answer.iter_lines())
    assert until(lambda: not running.engine.generation.requests, 1.5) and not running.engine.generation.decoder.live
    assert caller.result(promise) == {"error": "cancelled", "category": "user"}


def test_a_kept_adapter_opens_again_for_its_owner_and_tenant_only(running):
    first, other = Client(running.url).session(tenant="a"), Client(running.url).session(tenant="b")
    model = first.open(rank=4, seed=9)
    first.learn(model, 1, X)
    wanted = first.loss(model, 3, X)
    greedy = first.tokens(first.sampler(model, 4), Y)
    kept = first.result(first.ask("/sift/keep", {"model_id": model, "seq_id": 5, "id": "hash"}))
    assert kept == {"adapter": "hash", "bytes": 4 * running.arena.width * 4}
    first.finish()
    assert until(lambda: all_free(running))
    again = Client(running.url).session(tenant="a")
    reopened = again.open(rank=8, adapter="hash")
    assert again.ask("/get_info", {"model_id": reopened})["lora_rank"] == 4
    assert again.tokens(again.sampler(reopened, 1), Y) == greedy  # without any step
    assert again.loss(reopened, 2, X) == wanted
    missing = other.create(adapter="hash")
    answer = other.post("/retrieve_future", {"request_id": missing["request_id"]})
    assert (
        answer.status_code == 410
        and answer.json()["category"] == "user"
        and answer.json()["error"].startswith("adapter_gone")
    )
    assert again.ask("/sift/forget", {"ids": ["hash", "unknown"]}) == {"forgotten": 1}
    assert "adapter_gone" in again.result(again.create(adapter="hash"))["error"]
    again.finish(), other.finish()


def test_the_scale_and_the_layers_a_caller_chooses(running, caller):
    losses = lambda **sift: [caller.learn(m := caller.open(seed=2, **sift), 1, X), caller.loss(m, 3, X)]
    two, four = losses(), losses(scale=4)
    assert two[0] == four[0] and two == losses(scale=2) and two[1] != four[1]


# ── freeing
def test_finish_unload_and_silence_free_everything(running, monkeypatch):
    client = Client(running.url).session()
    models = [client.open() for _ in range(3)]
    client.sampler(models[0], 1)
    client.result(client.ask("/unload_model", {"model_id": models[0]}))
    assert until(lambda: len(running.arena.unused) == running.arena.lines - 16)
    assert client.post("/forward_backward", raw=body(models[0], 2, X)).status_code == 404
    pending = client.ask("/forward_backward", raw=body(models[1], 2, X))  # waits for seq_id 1
    client.finish()
    assert until(lambda: all_free(running))
    assert client.post("/retrieve_future", pending).status_code == 410
    silent = Client(running.url).session()
    silent.open()
    monkeypatch.setattr(sessions, "HEARTBEAT_SECONDS", 0.5)
    assert until(lambda: all_free(running))
    assert silent.post("/session_heartbeat", {"session_id": silent.id}).status_code == 410
    assert not any(pool.any() for pool in (running.arena.p, running.arena.m, running.arena.v, running.arena.g))


def test_a_full_arena_is_429_with_retry_after_and_snapshots_count(running, caller):
    models = [caller.open() for _ in range(15)]
    caller.sampler(models[0], 1)
    answer = caller.post("/save_weights_for_sampler", {"model_id": models[1], "seq_id": 1})
    assert answer.status_code == 429 and int(answer.headers["retry-after"]) > 0 and "rank 8" in answer.json()["error"]
    caller.create(status=429)
    caller.result(caller.ask("/unload_model", {"model_id": models[0]}))
    assert until(lambda: len(running.arena.unused) == 16)
    caller.sampler(models[1], 1)  # the same seq_id as before


def test_cancel_frees_a_step_and_a_sample(running, caller):
    model = caller.open()
    sampler = caller.sampler(model, 1)
    waits = caller.ask("/forward_backward", raw=body(model, 3, X))
    caller.ask("/cancel_future", waits)
    first = caller.ask("/forward_backward", raw=body(model, 2, X))
    assert len(logprobs(caller.result(first))[0]) == 9
    assert caller.result(waits) == {"error": "cancelled", "category": "user"}
    assert caller.loss(model, 4, X) > 0
    samples = [caller.sample(sampler, [1, 2], max_tokens=60) for _ in range(4)]
    for promise in samples:
        caller.ask("/cancel_future", promise)
    assert until(lambda: not running.engine.generation.requests and not running.engine.generation.decoder.live, 1.0)


# ── faults
@pytest.mark.parametrize("method", ["lora", "full"])
@pytest.mark.parametrize("how", ["cancelled", "failed"])
def test_an_operation_that_ends_between_its_passes_leaves_no_gradient(running, caller, monkeypatch, method, how):
    one_pass, wanted = running.engine.one_pass, []

    def ends(chosen, alone):
        one_pass(chosen, alone)
        for op in [w.item[1] for w in chosen if len(w.item[1].examples) > 1]:
            op.promise.cancelled = how == "cancelled"
            if how == "failed":
                raise RuntimeError("injected")

    monkeypatch.setattr(running.engine, "one_pass", ends)
    monkeypatch.setattr(running.engine, "budget", 32)  # a row a pass
    for disturbed in (False, True):
        model, seq, raw = caller.open(seed=5, method=method), 1, []
        for examples in [[Y, X, X], [X], [X, Y, X]] if disturbed else [[X]]:
            raw.append(caller.ask("/forward_backward", raw=body(model, seq, *examples)))
            seq += 1
        if disturbed:
            error = "cancelled" if how == "cancelled" else "the server failed: RuntimeError"
            assert [caller.result(raw[i])["error"] for i in (0, 2)] == [error] * 2
        step = caller.ask("/optim_step", {"model_id": model, "seq_id": seq, "adam_params": ADAM})
        assert caller.result(step) == {"metrics": {}}
        wanted.append(caller.loss(model, seq + 1, Y))
        caller.result(caller.ask("/unload_model", {"model_id": model}))
    assert wanted[0] == wanted[1]


def test_no_tenant_and_no_key_fills_up_the_promises_of_others(monkeypatch):
    monkeypatch.setattr(sessions, "MOST_PROMISES", 12)
    monkeypatch.setattr(sessions, "OWNER_PROMISES", 6)
    monkeypatch.setattr(sessions, "TENANT_PROMISES", 4)

    async def many():
        registry = sessions.Registry(owners=2)
        make = lambda owner, tenant: registry.promise(owner, registry.create(owner, tenant), "json")
        of = lambda owner, tenant, n: [make(owner, tenant) for _ in range(n)]
        first = of("a", "t", 5)
        assert [p is None for p in first] == [False] * 4 + [True]
        assert [p is None for p in of("a", "u", 3)] == [False, False, True]  # the key's share is used up
        assert all(of("b", "t", 4))
        first[1].fetched = True
        assert make("a", "t") and first[1].id not in registry.promises and make("a", "t") is None
        for session in list(registry.sessions.values()):
            registry.end(session)
        assert not registry.counts and all(of("a", "t", 4))
        alone = sessions.Registry(owners=0)
        assert all(alone.promise("", alone.create("", str(i)), "json") for i in range(12))

    asyncio.run(many())


def test_out_of_memory_halves_the_budget_and_tries_once_more(running, caller, monkeypatch):
    model = caller.open(seed=3)
    wanted, run, budget = caller.loss(model, 1, X), running.arena.train, running.engine.budget
    faults = [1]

    def train(*args):
        if faults:
            raise torch.OutOfMemoryError(f"injected {faults.pop()}")
        return run(*args)

    monkeypatch.setattr(running.arena, "train", train)
    assert abs(caller.learn(model, 2, X) - wanted) < 1e-6
    assert running.engine.budget == budget // 2
    faults += [1, 2]
    result = caller.result(caller.ask("/forward_backward", raw=body(model, 4, X)))
    assert "out of memory" in result["error"] and result["category"] == "server"
    assert caller.loss(model, 5, X) > 0 and running.engine.is_alive()
    join = running.engine.generation.decoder.join

    def joined(new):
        if faults:
            raise torch.OutOfMemoryError(f"injected {faults.pop()}")
        join(new)

    monkeypatch.setattr(running.engine.generation.decoder, "join", joined)
    sampler = caller.sampler(model, 6)
    faults.append(1)
    assert len(caller.tokens(sampler, [1, 2])) == 8  # it waited and joined once more
    faults += [1, 2]
    assert "out of memory" in caller.result(caller.sample(sampler, [1, 2]))["error"]
    monkeypatch.undo()
    assert len(caller.tokens(caller.sampler(model, 7), [1, 2])) == 8
    running.engine.budget = budget


def test_a_fault_of_ours_is_told_and_the_engine_goes_on(running, caller, monkeypatch):
    model = caller.open()
    monkeypatch.setattr(running.arena, "train", lambda *a: 1 / 0)
    result = caller.result(caller.ask("/forward_backward", raw=body(model, 1, X)))
    assert result == {"error": "the server failed: ZeroDivisionError", "category": "server"}
    monkeypatch.undo()
    assert caller.learn(model, 2, X) > 0
    sampler = caller.sampler(model, 4)
    monkeypatch.setattr(running.engine.generation.decoder, "step", lambda: 1 / 0)
    assert "ZeroDivisionError" in caller.result(caller.sample(sampler, [1, 2]))["error"]
    monkeypatch.undo()
    assert len(caller.tokens(sampler, [1, 2])) == 8


def test_a_sample_request_that_comes_again_is_the_same_sample(running, caller):
    sampler = caller.sampler(caller.open(), 1)
    first = caller.sample(sampler, [1, 2], temperature=1.0)
    caller.samples -= 1
    assert caller.sample(sampler, [1, 2], temperature=1.0) == first
    assert caller.result(first) == caller.result(first)


def test_a_rate_that_is_too_large_fails_its_caller_alone(running, caller):
    wild, calm = caller.open(seed=1), caller.open(seed=1)
    caller.ask("/forward_backward", raw=body(wild, 1, X, weights=[3e38] * 9))
    step = caller.ask("/optim_step", {"model_id": wild, "seq_id": 2, "adam_params": ADAM})
    assert caller.learn(calm, 1, X) > 0
    result = caller.result(step)
    assert "not finite" in result["error"] and result["category"] == "user"
    assert caller.loss(wild, 3, Y) == caller.loss(caller.open(seed=1), 1, Y)  # the weights were kept


# ── full fine-tuning
def test_full_fine_tuning_equals_transformers_and_has_one_lane(running, caller):
    from transformers import AutoModelForCausalLM

    model, lora = caller.open(method="full"), caller.open()
    reference = AutoModelForCausalLM.from_pretrained(GOLDEN / "qwen3", dtype=torch.float32)
    optimiser = torch.optim.AdamW(reference.parameters(), lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)

    def cost(x):
        return torch.nn.functional.cross_entropy(
            reference(input_ids=torch.tensor([x[:-1]])).logits[0], torch.tensor(x[1:])
        )

    before = caller.loss(lora, 1, X)
    for seq, x in ((1, X), (3, Y), (5, X)):
        loss = cost(x)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        assert abs(caller.learn(model, seq, x) / loss.item() - 1) < 1e-5
    assert abs(caller.loss(model, 7, Y) / cost(Y).item() - 1) < 1e-5
    assert caller.loss(lora, 2, X) == before  # the base is as it was
    sampler = caller.sampler(model, 8)
    greedy = caller.tokens(sampler, X)
    ids = X[:]
    for token in greedy:
        assert token == reference(input_ids=torch.tensor([ids])).logits[0, -1].argmax().item()
        ids.append(token)
    caller.learn(model, 9, Y)
    assert caller.tokens(sampler, X) == greedy  # later steps do not reach it
    assert "lane of full fine-tuning is taken" in caller.create(method="full", status=429)["error"]
    assert (
        "only an adapter can be kept"
        in caller.ask("/sift/keep", {"model_id": model, "seq_id": 11, "id": "x"}, status=400)["error"]
    )
    caller.result(caller.ask("/unload_model", {"model_id": model}))
    assert isinstance(caller.open(method="full"), str)


def test_the_lane_is_free_as_soon_as_its_model_was_unloaded_or_its_session_ended(running, caller):
    """However long the engine is busy with something else: it gets to both in their order."""
    model, held, begun = caller.open(method="full"), threading.Event(), threading.Event()

    def hold():
        begun.set()
        held.wait(30)

    for end in (lambda: caller.ask("/unload_model", {"model_id": model}), lambda: (caller.finish(), caller.session())):
        begun.clear()
        held.clear()
        running.engine.post(hold)
        assert begun.wait(30)
        end()
        opened = caller.create(method="full")
        assert "taken" in caller.create(method="full", status=429)["error"]
        held.set()
        assert "model_id" in caller.result(opened)


def test_a_model_that_could_not_be_opened_does_not_hold_the_lane(running, caller, monkeypatch):
    from sift_gpu import full

    with monkeypatch.context() as patch:
        patch.setattr(full, "free_bytes", lambda device: 1000)
        assert "parameters needs" in caller.open(method="full")["error"]
    assert isinstance(caller.open(method="full"), str)


def test_full_fine_tuning_that_does_not_fit_is_refused_with_numbers(running, caller, monkeypatch):
    from sift_gpu import full

    monkeypatch.setattr(full, "free_bytes", lambda device: 1000)
    assert "19,152 parameters needs 0.0 GB" in caller.open(method="full")["error"]


# ── many
def test_thousands_of_adapters_come_and_go_with_flat_memory(running):
    import resource

    engine, arena = running.engine, running.arena
    memory = lambda: int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()

    class Nothing:
        done = cancelled = False
        finish = fail = lambda self, *a: None

    def cycle(n):
        block = arena.seeded_block(1, 8)
        done = threading.Event()
        for i in range(n):
            model = sessions.Model(f"m{i}", "", "", arena.reserve(8, 2.0))
            engine.post(engine.open, model, block, Nothing())
            engine.post(engine.close, model)
            if i % 10 == 9:
                done.clear()
                engine.post(done.set)
                done.wait()

    cycle(500)
    before = memory()
    cycle(9500 if SLOW else 1500)
    assert all_free(running) and memory() - before < 8 << 20


def test_callers_that_join_leave_and_cancel_at_random_get_what_each_gets_alone(running):
    def caller(c, strange, out):
        random = np.random.default_rng(c)
        client = Client(running.url).session(tenant=str(c % 3))
        model = client.open(rank=(4, 8)[c % 2], seed=c)
        lengths = random.integers(3, 60, 2)
        examples = [random.integers(0, 64, n).tolist() for n in lengths]
        losses = [client.learn(model, 1 + 2 * i, x) for i, x in enumerate(examples)]
        sampler = client.sampler(model, 5)
        if strange:  # what it leaves behind must not matter to the others
            lost = client.sample(sampler, examples[0][:10], max_tokens=40)
            client.ask("/cancel_future", lost)
        out[c] = (losses, client.tokens(sampler, examples[1][:20], temperature=1.0, seed=c))
        if strange and c % 2:
            client.ask("/forward_backward", raw=body(model, 7, examples[0]))  # and never comes back for it
        client.finish()

    alone, together, callers = {}, {}, 6 if SLOW else 4
    for c in range(callers):
        caller(c, False, alone)
    threads = [threading.Thread(target=caller, args=(c, True, together)) for c in range(callers)]
    for thread in threads:
        thread.start()
        time.sleep(0.02)
    for thread in threads:
        thread.join()
    for c in range(callers):
        assert together[c][1] == alone[c][1]
        assert max(abs(a / b - 1) for a, b in zip(together[c][0], alone[c][0])) <= 1e-5
    assert until(lambda: all_free(running)) and not running.engine.generation.decoder.live
