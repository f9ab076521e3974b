"""Sessions, models, operations and promises, over the engine. Handlers parse, look up what the caller owns, and hand
on; nothing here touches a tensor. Another owner's session, model or promise is answered as one that does not exist."""

import asyncio
import contextlib
import hashlib
import hmac
import logging
import uuid

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from . import full, wire
from .adapters import Adam, Row
from .engine import Engine, Op
from .kept import Kept
from .model import Base
from .sessions import MOST_WAITING, Model, Promise, Registry, Sampler, Session, remember
from .wire import Refusal

log = logging.getLogger("sift_gpu")
POLL_SECONDS = 20.0  # of one retrieve_future; the SDK gives up after 45 (2026-11-26)
RETRY_AFTER = 2  # seconds until a place may be free (2026-11-26)


class Server:
    def __init__(self, base: Base, engine: Engine, kept: Kept, keys: list[str], slots: int):
        self.base, self.engine, self.kept, self.slots = base, engine, kept, slots
        self.keys = [hashlib.sha256(k.encode()).hexdigest() for k in keys]
        self.registry, self.draining = Registry(len(keys)), False
        self.lane: Model | None = None  # who has full fine-tuning; the engine's own follows, since it comes later
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
            raise Refusal(429, "too many results wait to be fetched", RETRY_AFTER)
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
            self.close(model)
        self.registry.end(session)

    def close(self, model: Model) -> None:
        """The lane is free at once: the engine does what it is told in order, so it closes this model before it opens
        the next."""
        if self.lane is model:
            self.lane = None
        self.engine.post(self.engine.close, model)

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
        if sift.method == "full" and self.lane is not None and not self.lane.gone:
            raise Refusal(429, "the lane of full fine-tuning is taken", RETRY_AFTER)
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
                self.registry.forget(promise)
                raise
            row.trained = arena.only(lora.train_attn, lora.train_mlp)
        model = Model(id, owner, session.tenant, row, sift.method == "full")
        session.models[id], session.opened[body.model_seq_id] = model, promise
        if model.full:
            self.lane = model
        block = kept.block if kept else None
        if row is not None and block is None:
            seed = lora.seed if lora.seed is not None else uuid.uuid4().int
            block = await asyncio.to_thread(arena.seeded_block, seed, row.rank)
        self.engine.post(self.engine.open, model, block, promise)
        return promised(promise, model_id=id)

    async def get_info(self, request, owner):
        _, model = self.model(wire.parse(wire.ModelId, await read(request)).model_id, owner)
        name = self.base.name
        data = {"arch": self.base.config.model_type, "model_name": name, "tokenizer_id": name}
        own = {"is_lora": not model.full, "lora_rank": None if model.full else model.row.rank, "model_name": name}
        return {"type": "get_info", "model_id": model.id, "model_data": data, **own}

    async def unload(self, request, owner):
        session, model = self.model(wire.parse(wire.ModelId, await read(request)).model_id, owner)
        for sampler in [s for s in session.samplers.values() if s.model is model]:
            del session.samplers[sampler.id]
            self.engine.post(self.engine.drop, sampler)
        del session.models[model.id]
        self.close(model)
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
            raise Refusal(429, f"seq_id {seq} is {MOST_WAITING} or more ahead of {model.next}, the next", RETRY_AFTER)
        promise = self.promise(model.owner, session, result)
        try:
            op = make(promise)
        except Refusal:
            self.registry.forget(promise)
            raise
        remember(model, seq, kind, promise)
        self.engine.post(self.engine.enqueue, model, seq, op)
        return promised(promise)

    async def forward_backward(self, request, owner):
        if not request.headers.get("content-type", "").startswith("application/x-protobuf"):
            raise Refusal(415, "forward_backward takes application/x-protobuf")
        raw = wire.inflate(await read(request, wire.PROTO_BYTES), request.headers.get("content-encoding"))
        read_pass = wire.read_pass, raw, self.base.config.vocab_size, self.engine.most_train, self.engine.most_score
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

    # ── upkeep
    async def sweep(self) -> None:
        """Ends sessions that fell silent, and adapters that are too old."""
        while True:
            await asyncio.sleep(1)
            for session in self.registry.silent():
                log.info("a session was silent and is over: models=%d", len(session.models))
                self.end(session)
            self.kept.expire()


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
