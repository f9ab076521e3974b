"""The routes of generation: samplers, sample requests, and the stream of one, which is ours."""

import asyncio
import contextlib
import json
import time
import uuid

from starlette.requests import Request
from starlette.responses import StreamingResponse

from . import wire
from .adapters import Row
from .decode import Sampling
from .engine import FULL_ROWS
from .generation import SampleRequest
from .server import RETRY_AFTER, Server, read
from .sessions import KEPT_SEQUENCES, MOST_WAITING, Promise, Sampler
from .wire import Refusal

DISCONNECT_SECONDS = 0.25  # how often a stream looks whether its reader is there (2026-11-26)


async def create_sampler(server: Server, request: Request, owner: str):
    body = wire.parse(wire.CreateSampler, await read(request))
    session = server.session(body.session_id, owner)
    if body.model_path is not None:
        _, saved = server.sampler(body.model_path.removeprefix("tinker://"), owner)
        return {"type": "create_sampling_session", "sampling_session_id": saved.id}
    if body.base_model != server.base.name:
        raise Refusal(400, f"base_model '{str(body.base_model)[:80]}' is not served here; '{server.base.name}' is")
    id = f"{session.id}:sampler:{uuid.uuid4().hex}"
    session.samplers[id] = Sampler(id, owner, session.tenant, None, Row([], 0.0))
    return {"type": "create_sampling_session", "sampling_session_id": id}


async def sampler_info(server: Server, request: Request, owner: str):
    _, sampler = server.sampler(request.path_params["id"], owner)
    return {"sampler_id": sampler.id, "base_model": server.base.name, "model_path": None}


async def asample(server: Server, request: Request, owner: str):
    body = wire.parse(wire.Sample, await read(request))
    session, sampler = server.sampler(body.sampling_session_id, owner)
    if body.seq_id is not None and body.seq_id in sampler.seen:  # the same request again
        return sampler.seen[body.seq_id]
    p, decoder = body.sampling_params, server.engine.generation.decoder
    tokens = [t for c in body.prompt.chunks for t in c.tokens]
    prompt = wire.token_ids(tokens, server.base.config.vocab_size, "prompt").tolist()
    longest = min(server.base.context, decoder.tokens)
    if not 1 <= len(prompt) < longest:
        raise Refusal(400, f"the prompt has {len(prompt)} tokens; from 1 to {longest - 1} are taken")
    length = min(longest - len(prompt), p.max_tokens or longest)
    rows = FULL_ROWS if sampler.model is not None and sampler.model.full else decoder.most_rows
    most = min(rows, decoder.tokens // decoder.capacity(len(prompt) + length))
    if body.num_samples > most:
        raise Refusal(400, f"num_samples {body.num_samples} of {len(prompt) + length} tokens is more than {most}")
    if len(server.engine.generation.requests) >= MOST_WAITING:
        raise Refusal(429, f"{MOST_WAITING} samples are waiting", RETRY_AFTER)
    stops = [tuple(s) if isinstance(s, list) else (s,) for s in p.stop or [] if s != []]
    ends = frozenset() if p.stop == [] else server.base.ends  # [] is the SDK's way to go on past the end
    seed = p.seed if p.seed is not None else uuid.uuid4().int & 0xFFFFFFFF
    drawn = (p.temperature, max(p.top_k, 0), p.top_p)
    own = lambda i: Sampling(sampler.row, prompt, length, *drawn, seed + i, stops, ends, i == 0 and want)
    want = bool(body.prompt_logprobs)
    rows = [own(i) for i in range(body.num_samples)]
    promise = server.promise(owner, session, "sample")
    promise.sample = rows[0] if len(rows) == 1 else None
    server.engine.post(server.engine.generation.add, SampleRequest(sampler, promise, rows))
    answer = {"request_id": promise.id, "sample_sequence_ids": [uuid.uuid4().hex for _ in rows]}
    if body.seq_id is not None:
        sampler.seen[body.seq_id] = answer
        while len(sampler.seen) > KEPT_SEQUENCES:
            sampler.seen.popitem(last=False)
    return answer


async def stream(server: Server, request: Request, owner: str):
    promise = server.registry.find(request.path_params["id"], owner)
    if promise is None or promise.sample is None:
        raise Refusal(404, "no sample of one sequence has this request_id")
    return StreamingResponse(lines(server, promise, request), media_type="application/x-ndjson")


async def lines(server: Server, promise: Promise, request: Request):
    """Tokens as they come; a reader that goes away ends the sampling."""
    row, sent = promise.sample, 0
    try:
        while True:
            promise.changed.clear()
            over, n = promise.done, len(row.logprobs)
            if n > sent and not promise.error:
                yield json.dumps({"tokens": row.tokens[sent:n], "logprobs": row.logprobs[sent:n]}) + "\n"
                sent = n
            if over:
                failed = {"error": promise.error, "category": promise.category}
                yield json.dumps(failed if promise.error else {"stop_reason": row.reason}) + "\n"
                promise.fetched = True
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(promise.changed.wait(), DISCONNECT_SECONDS)
            promise.session.touched = time.monotonic()
            if await request.is_disconnected():
                return
    finally:
        promise.cancelled = True
        server.engine.post(lambda: None)  # wakes it
