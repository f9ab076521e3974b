"""The Tinker wire as SDK 0.38 speaks it, and the extension `sift` (README.md), over the engine. Handlers parse, look up what
the caller owns, and hand on; nothing here touches a tensor. Log lines name paths, states and times, never text or keys."""
import asyncio
import contextlib
import hashlib
import hmac
import json
import logging
import time
import uuid

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from . import full, wire
from .adapters import Adam, Row
from .decode import Sampling
from .engine import Engine, Op, SampleRequest
from .kept import Kept
from .metrics import METRICS
from .model import FILES, Base
from .sessions import MOST_WAITING, Model, Promise, Registry, Sampler, Session, remember
from .wire import Refusal

log = logging.getLogger("sift_gpu")
POLL_SECONDS = 20.0  # of one retrieve_future; the SDK gives up after 45 (2026-11-26)
STALL_SECONDS = 60.0  # without a tick, then not ready; one pass is far shorter (2026-11-26)
RETRY_AFTER = 2  # seconds until a place may be free (2026-11-26)
DISCONNECT_SECONDS = 0.25  # how often a stream looks whether its reader is there (2026-11-26)


class Server:
    def __init__(self, base: Base, engine: Engine, kept: Kept, keys: list[str], slots: int):
        self.base, self.engine, self.kept, self.slots = base, engine, kept, slots
        self.keys = [hashlib.sha256(k.encode()).hexdigest() for k in keys]
        self.registry, self.draining = Registry(), False
        self.methods = ["lora"] + ([] if full.refusal(base) else ["full"])

    # ── who asks, and what is theirs
    def owner(self, request: Request) -> str:
        """A digest of the key, which names the owner from here on; without keys all callers are one."""
        if not self.keys:
            return ""
        given = request.headers.get("x-api-key") or request.headers.get("authorization", "").removeprefix("Bearer ")
        digest = hashlib.sha256(given.encode()).hexdigest()
        if not any([hmac.compare_digest(digest, k) for k in self.keys]):
            raise Refusal(401, "the X-API-Key is missing or not known")
        return digest

    def session(self, id: str, owner: str) -> Session:
        session = self.registry.session(id, owner)
        if session is None:
            raise Refusal(410, "the session is over or was never opened")
        return session

    def model(self, id: str, owner: str) -> tuple[Session, Model]:
        session = self.session(id.partition(":")[0], owner)
        if id not in session.models:
            raise Refusal(404, f"the session has no model '{id[-40:]}'")
        return session, session.models[id]

    def sampler(self, id: str, owner: str) -> tuple[Session, Sampler]:
        session = self.session(id.partition(":")[0], owner)
        if id not in session.samplers:
            raise Refusal(404, f"the session has no sampler '{id[-40:]}'")
        return session, session.samplers[id]

    def promise(self, owner: str, session: Session, kind: str) -> Promise:
        promise = self.registry.promise(owner, session, kind)
        if promise is None:
            raise Refusal(429, "too many results were not fetched", RETRY_AFTER)
        return promise

    def place(self, rank: int, scale: float) -> Row:
        if rank > self.engine.arena.lines:
            raise Refusal(400, f"rank {rank} is more than this server holds ({self.engine.arena.lines} rank lines)")
        row = self.engine.arena.reserve(rank, scale)
        if row is None:
            raise Refusal(429, f"no place is free for an adapter of rank {rank}", RETRY_AFTER)
        return row

    def open_for_new(self) -> None:
        if self.draining:
            raise Refusal(503, "the server is shutting down", RETRY_AFTER)

    # ── sessions
    async def create_session(self, request, owner):
        self.open_for_new()
        body = wire.parse(wire.CreateSession, await read(request))
        tenant = str((body.user_metadata or {}).get("tenant") or owner)[:256]
        session = self.registry.create(owner, tenant)
        if session is None:
            raise Refusal(429, f"{len(self.registry.sessions)} sessions are open, no more are taken", RETRY_AFTER)
        return {"type": "create_session", "session_id": session.id}

    async def heartbeat(self, request, owner):
        self.session(wire.parse(wire.SessionId, await read(request)).session_id, owner)
        return {"type": "session_heartbeat"}

    async def finish(self, request, owner):
        with contextlib.suppress(Refusal):
            self.end(self.session(request.path_params["id"], owner))
        return {}

    def end(self, session: Session) -> None:
        for sampler in session.samplers.values():
            self.engine.post(self.engine.drop, sampler)
        for model in session.models.values():
            self.engine.post(self.engine.close, model)
        self.registry.end(session)

    # ── models
    async def create_model(self, request, owner):
        body = wire.parse(wire.CreateModel, await read(request))
        session = self.session(body.session_id, owner)
        if body.model_seq_id in session.opened:  # the same request again
            return promised(session.opened[body.model_seq_id])
        self.open_for_new()
        if body.base_model != self.base.name:
            raise Refusal(400, f"base_model '{body.base_model[:80]}' is not served here; '{self.base.name}' is")
        if body.optimizer_config.get("type", "adamw") != "adamw":
            raise Refusal(400, f"optimizer '{str(body.optimizer_config['type'])[:40]}' is not known; use adamw")
        lora, sift, arena = body.lora_config or wire.LoraConfig(rank=32), body.sift, self.engine.arena
        if sift.method == "full" and sift.adapter is not None:
            raise Refusal(400, "sift.adapter is opened with method lora")
        kept = None if sift.adapter is None else self.kept.get((owner, session.tenant, sift.adapter))
        promise = self.promise(owner, session, "json")
        id = f"{session.id}:train:{body.model_seq_id}"
        if sift.adapter is not None and kept is None:
            promise.fail("adapter_gone: the adapter is not kept here (any more)", "user", 410)
            return promised(promise, model_id=id)
        row = None
        if sift.method == "lora":
            try:
                row = self.place(kept.block.shape[0], kept.scale) if kept else self.place(lora.rank, sift.scale)
            except Refusal:
                del self.registry.promises[promise.id]
                raise
            row.trained = arena.only(lora.train_attn, lora.train_mlp)
        model = Model(id, owner, session.tenant, row, sift.method == "full")
        session.models[id], session.opened[body.model_seq_id] = model, promise
        block = kept.block if kept else None
        if row is not None and block is None:
            seed = lora.seed if lora.seed is not None else uuid.uuid4().int
            block = await asyncio.to_thread(arena.seeded_block, seed, row.rank)
        self.engine.post(self.engine.open, model, block, promise)
        return promised(promise, model_id=id)

    async def get_info(self, request, owner):
        _, model = self.model(wire.parse(wire.ModelId, await read(request)).model_id, owner)
        data = {"arch": self.base.config.model_type, "model_name": self.base.name, "tokenizer_id": self.base.name}
        rank = None if model.full else model.row and model.row.rank
        return {"type": "get_info", "model_id": model.id, "model_data": data, "is_lora": not model.full, "lora_rank": rank,
                "model_name": self.base.name}

    async def unload(self, request, owner):
        session, model = self.model(wire.parse(wire.ModelId, await read(request)).model_id, owner)
        for sampler in [s for s in session.samplers.values() if s.model is model]:
            del session.samplers[sampler.id]
            self.engine.post(self.engine.drop, sampler)
        del session.models[model.id]
        self.engine.post(self.engine.close, model)
        promise = self.promise(owner, session, "json")
        self.engine.post(lambda: promise.finish({"type": "unload_model", "model_id": model.id}))
        return promised(promise)

    # ── operations, in the order of their seq_id
    def operation(self, session: Session, model: Model, seq: int, kind: str, result: str, make) -> Response:
        """`make` gives the operation for a promise; a seq_id that was seen gives the promise of then."""
        if seq in model.seen:
            before, promise = model.seen[seq]
            if before != kind:
                raise Refusal(409, f"seq_id {seq} was used by {before}")
            return promised(promise)
        if seq < model.next:
            raise Refusal(410, f"the result of seq_id {seq} is not kept any more")
        if seq >= model.next + MOST_WAITING:
            raise Refusal(429, f"seq_id {seq} is more than {MOST_WAITING} ahead of {model.next}, which is waited for", RETRY_AFTER)
        promise = self.promise(model.owner, session, result)
        try:
            op = make(promise)
        except Refusal:
            del self.registry.promises[promise.id]
            raise
        remember(model, seq, kind, promise)
        self.engine.post(self.engine.enqueue, model, seq, op)
        return promised(promise)

    async def forward_backward(self, request, owner):
        if not request.headers.get("content-type", "").startswith("application/x-protobuf"):
            raise Refusal(415, "forward_backward takes application/x-protobuf")
        raw = wire.inflate(await read(request, wire.PROTO_BYTES), request.headers.get("content-encoding"))
        read_pass = wire.read_pass, raw, self.base.config.vocab_size, self.engine.most_train, self.base.context
        id, seq, examples, forward_only = await asyncio.to_thread(*read_pass)
        session, model = self.model(id, owner)
        kind = "forward" if forward_only else "forward_backward"
        return self.operation(session, model, seq, kind, "pass", lambda p: Op("pass", p, examples, forward_only))

    async def optim_step(self, request, owner):
        body = wire.parse(wire.OptimStep, await read(request))
        session, model = self.model(body.model_id, owner)
        a = body.adam_params
        adam = Adam(a.learning_rate, a.beta1, a.beta2, a.eps, a.weight_decay, a.grad_clip_norm)
        return self.operation(session, model, body.seq_id, "optim_step", "json", lambda p: Op("adam", p, adam=adam))

    async def save(self, request, owner):
        body = wire.parse(wire.Save, await read(request))
        session, model = self.model(body.model_id, owner)

        def make(promise):
            id = f"{session.id}:sampler:{uuid.uuid4().hex}"
            row = None if model.full else self.place(model.row.rank, model.row.scale)
            sampler = session.samplers[id] = Sampler(id, owner, session.tenant, model, row)
            path = {"path": f"tinker://{id}"} if body.path is not None else {"sampling_session_id": id}
            result = {"type": "save_weights_for_sampler", **path}
            return Op("call", promise, call=lambda p: self.engine.snapshot(model, sampler, p, result))

        return self.operation(session, model, body.seq_id, "save_weights_for_sampler", "json", make)

    async def keep(self, request, owner):
        body = wire.parse(wire.Keep, await read(request))
        session, model = self.model(body.model_id, owner)
        if model.full:
            raise Refusal(400, "only an adapter can be kept; this model is fully tuned")

        def call(promise):
            block = self.engine.arena.export(model.row)
            if self.kept.put((owner, body.tenant or session.tenant, body.id), block, model.row.scale):
                promise.finish({"adapter": body.id, "bytes": block.numel() * 4})
            else:
                promise.fail(f"the adapter has {block.numel() * 4} bytes; {self.kept.most_bytes} are kept at most")

        return self.operation(session, model, body.seq_id, "keep", "json", lambda p: Op("call", p, call=call))

    async def forget(self, request, owner):
        return {"forgotten": self.kept.forget(owner, set(wire.parse(wire.Forget, await read(request)).ids))}

    async def unsupported(self, request, owner):
        raise Refusal(501, "checkpoints on disk are not supported here; keep an adapter (/api/v1/sift/keep)")

    # ── generation
    async def create_sampler(self, request, owner):
        body = wire.parse(wire.CreateSampler, await read(request))
        session = self.session(body.session_id, owner)
        if body.model_path is not None:
            return {"type": "create_sampling_session",
                    "sampling_session_id": self.sampler(body.model_path.removeprefix("tinker://"), owner)[1].id}
        if body.base_model != self.base.name:
            raise Refusal(400, f"base_model '{str(body.base_model)[:80]}' is not served here; '{self.base.name}' is")
        id = f"{session.id}:sampler:{uuid.uuid4().hex}"
        session.samplers[id] = Sampler(id, owner, session.tenant, None, Row([], 0.0))
        return {"type": "create_sampling_session", "sampling_session_id": id}

    async def sampler_info(self, request, owner):
        _, sampler = self.sampler(request.path_params["id"], owner)
        return {"sampler_id": sampler.id, "base_model": self.base.name, "model_path": None}

    async def asample(self, request, owner):
        body = wire.parse(wire.Sample, await read(request))
        session, sampler = self.sampler(body.sampling_session_id, owner)
        p, context, decoder = body.sampling_params, self.base.context, self.engine.decoder
        prompt = wire.token_ids([t for c in body.prompt.chunks for t in c.tokens], self.base.config.vocab_size, "prompt").tolist()
        room = min(context, decoder.tokens) - len(prompt)
        if not prompt or room < 1:
            raise Refusal(400, f"the prompt has {len(prompt)} tokens; from 1 to {min(context, decoder.tokens) - 1} are taken")
        length = min(room, p.max_tokens or room)
        most = min(decoder.most_rows if sampler.model is None or not sampler.model.full else 4,
                   decoder.tokens // decoder.capacity(len(prompt) + length))
        if body.num_samples > most:
            raise Refusal(400, f"num_samples {body.num_samples} of {len(prompt) + length} tokens is more than {most}, which fit")
        if len(self.engine.samples) >= MOST_WAITING:
            raise Refusal(429, f"{MOST_WAITING} samples are waiting", RETRY_AFTER)
        stops = [tuple(s) if isinstance(s, list) else (s,) for s in p.stop or [] if s != []]
        ends = frozenset() if p.stop == [] else self.base.ends  # [] is the SDK's way to go on past the end
        seed = p.seed if p.seed is not None else uuid.uuid4().int & 0xFFFFFFFF
        rows = [
            Sampling(sampler.row, prompt, length, p.temperature, max(p.top_k, 0), p.top_p, seed + i, stops, ends,
                     bool(body.prompt_logprobs) and i == 0)
            for i in range(body.num_samples)
        ]
        promise = self.promise(owner, session, "sample")
        promise.sample = rows[0] if len(rows) == 1 else None
        self.engine.post(self.engine.sample, SampleRequest(sampler, promise, rows))
        return promised(promise, sample_sequence_ids=[uuid.uuid4().hex for _ in rows])

    async def stream(self, request, owner):
        promise = self.registry.find(request.path_params["id"], owner)
        if promise is None or promise.sample is None:
            raise Refusal(404, "no sample of one sequence has this request_id")
        return StreamingResponse(self.lines(promise, request), media_type="application/x-ndjson")

    async def lines(self, promise: Promise, request: Request):
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
                    end = {"error": promise.error, "category": promise.category} if promise.error else {"stop_reason": row.reason}
                    yield json.dumps(end) + "\n"
                    promise.fetched = True
                    return
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(promise.changed.wait(), DISCONNECT_SECONDS)
                if promise.session is not None:
                    promise.session.touched = time.monotonic()
                if await request.is_disconnected():
                    return
        finally:
            promise.cancelled = True
            self.engine.post(lambda: None)  # wakes it

    # ── promises
    async def retrieve(self, request, owner):
        id = wire.parse(wire.RequestId, await read(request)).request_id
        promise = self.registry.find(id, owner)
        if promise is None:
            raise Refusal(410, "the result is not kept (any more), or the session is over")
        if not await promise.wait(POLL_SECONDS):
            return JSONResponse({"type": "try_again", "request_id": id, "queue_state": "active"}, 408)
        promise.fetched = True
        if promise.error:
            return JSONResponse({"error": promise.error, "category": promise.category}, promise.status)
        if promise.kind == "json":
            return promise.value
        return Response(promise.value, media_type="application/x-protobuf")

    async def cancel(self, request, owner):
        promise = self.registry.find(wire.parse(wire.RequestId, await read(request)).request_id, owner)
        if promise is not None:
            promise.cancelled = True
            self.engine.post(lambda: None)
        return {}

    # ── what the server is
    async def capabilities(self, request, owner):
        base = self.base
        own = {"parameters": base.parameters, "context_tokens": base.context, "max_train_tokens": self.engine.most_train,
               "methods": self.methods, "max_rank": min(256, self.engine.arena.lines),
               "layers": base.config.num_hidden_layers, "revision": base.revision}
        model = {"model_name": base.name, "max_context_length": base.context, "trainable": True, "sampleable": True}
        sift = {"version": 1, "models": {base.name: own}, "stream": True, "tokenizer": True, "adapters": True, "slots": self.slots}
        return {"supported_models": [model], "sift": sift}

    async def file(self, request, owner):
        name = request.path_params["name"]
        path = self.base.directory / name
        if request.path_params["model"] != self.base.name or name not in FILES or not path.is_file():
            raise Refusal(404, "the model has no such file")
        return FileResponse(path)

    async def ready(self, request, owner):
        silent = time.monotonic() - self.engine.ticked
        if self.draining or silent > STALL_SECONDS or not self.engine.is_alive():
            raise Refusal(503, "the server is shutting down" if self.draining else f"no tick for {silent:.0f} s", RETRY_AFTER)
        return {"status": "ready"}

    async def metrics(self, request, owner):
        sessions = self.registry.sessions.values()
        now = {"sessions": len(sessions), "models": sum(len(s.models) for s in sessions),
               "samplers": sum(len(s.samplers) for s in sessions), "free_rank_lines": len(self.engine.arena.unused),
               "rows": sum(len(r.rows) for r in self.engine.samples), "promises": len(self.registry.promises),
               "budget_tokens": self.engine.budget, "adapters": len(self.kept.adapters), "adapter_bytes": self.kept.bytes}
        for name, value in now.items():
            METRICS.gauges[name].set(value)
        return Response(generate_latest(METRICS.registry), headers={"content-type": CONTENT_TYPE_LATEST})

    async def sweep(self) -> None:
        """Ends sessions that fell silent, and adapters that are too old."""
        while True:
            await asyncio.sleep(1)
            for session in self.registry.silent():
                log.info("a session was silent and is over: models=%d samplers=%d", len(session.models), len(session.samplers))
                self.end(session)
            self.kept.expire()

    # ── routes
    def app(self) -> Starlette:
        say = lambda value: lambda request, owner: asyncio.sleep(0, value)
        api = "/api/v1"
        posts = {
            "/client/config": say({"use_pyqwest_transport": False, "proto_compress_fwdbwd": True}),
            "/client/dynamic_config": say({"sample_cancel_enabled": True}), "/telemetry": say({"status": "accepted"}),
            "/create_session": self.create_session, "/session_heartbeat": self.heartbeat, "/sessions/{id}/finish": self.finish,
            "/create_model": self.create_model, "/get_info": self.get_info, "/unload_model": self.unload,
            "/forward_backward": self.forward_backward, "/optim_step": self.optim_step,
            "/save_weights_for_sampler": self.save, "/create_sampling_session": self.create_sampler, "/asample": self.asample,
            "/retrieve_future": self.retrieve, "/cancel_future": self.cancel, "/save_weights": self.unsupported,
            "/load_weights": self.unsupported, "/sift/keep": self.keep, "/sift/forget": self.forget,
        }
        gets = {
            "/get_server_capabilities": self.capabilities, "/samplers/{id}": self.sampler_info,
            "/sift/models/{model:path}/files/{name}": self.file, "/sift/stream/{id}": self.stream,
        }
        routes = [self.route(api + path, handler, "POST") for path, handler in posts.items()]
        routes += [self.route(api + path, handler, "GET") for path, handler in gets.items()]
        routes += [self.route(path, say({"status": "ok"}), "GET", False) for path in ("/healthz", api + "/healthz")]
        routes += [self.route("/readyz", self.ready, "GET", False), self.route("/metrics", self.metrics, "GET")]

        @contextlib.asynccontextmanager
        async def lifespan(app):
            sweeper = asyncio.create_task(self.sweep())
            yield
            sweeper.cancel()

        return Starlette(routes=routes, lifespan=lifespan)

    def route(self, path: str, handler, method: str, keyed: bool = True) -> Route:
        async def endpoint(request: Request) -> Response:
            started = time.monotonic()
            try:
                answer = await handler(request, self.owner(request) if keyed else "")
                answer = answer if isinstance(answer, Response) else JSONResponse(answer)
            except Refusal as refusal:
                headers = {"retry-after": str(refusal.retry_after)} if refusal.retry_after else None
                category = "server" if refusal.status >= 500 or refusal.status == 429 else "user"
                answer = JSONResponse({"error": refusal.message, "category": category}, refusal.status, headers)
            except ClientDisconnect:
                answer = Response(status_code=499)
            METRICS.requests.labels(path, answer.status_code).inc()
            if path not in ("/healthz", "/readyz", "/metrics"):
                log.info("%s %s %d %.0f ms", method, path, answer.status_code, 1e3 * (time.monotonic() - started))
            return answer

        return Route(path, endpoint, methods=[method])


def promised(promise: Promise, **more) -> JSONResponse:
    return JSONResponse({"request_id": promise.id, **more})


async def read(request: Request, most: int = wire.JSON_BYTES) -> bytes:
    """The body, never more of it than may be."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise Refusal(413, f"the body has more than {most} bytes")
        parts.append(part)
    return b"".join(parts)
