"""What callers own: sessions, models, samplers, promises. Kept by the event loop alone; the engine gets to see a
model's own fields and a promise's finish().

A promise is kept until it was fetched and for a while after, so that an answer that was lost on the way can be asked
for again; a request with a seq_id that was seen is the same request and gets the same promise. All of it is bounded."""

import asyncio
import time
import uuid
from collections import Counter, OrderedDict
from dataclasses import dataclass, field

HEARTBEAT_SECONDS = 60  # a session that was silent as long is over; the SDK beats every 10 s (2026-11-26)
GAP_SECONDS = 60  # a seq_id that is missing as long never comes (2026-11-26)
MOST_SESSIONS = 1024  # sessions at once (2026-11-26)
MOST_PROMISES = 8192  # of all sessions; a fetched one is forgotten first (2026-11-26)
TENANT_PROMISES = MOST_PROMISES // 4  # of one tenant, twice what one of its models may have waiting (2026-11-26)
OWNER_PROMISES = MOST_PROMISES // 2  # of one API key, where there are several (2026-11-26)
MOST_WAITING = 1024  # operations of a model, and samples of the server, that wait (2026-11-26)
KEPT_SEQUENCES = 256  # requests of a model that are recognised when they come again (2026-11-26)


class Promise:
    """What a request will give; finished from any thread, once."""

    def __init__(self, owner: str, session: "Session", kind: str):
        self.id, self.owner, self.session, self.kind = uuid.uuid4().hex, owner, session, kind
        self.scopes = ((), (owner,), (owner, session.tenant))
        self.loop, self.changed, self.since = asyncio.get_running_loop(), asyncio.Event(), time.monotonic()
        self.value, self.error, self.category, self.status = None, "", "server", 200
        self.done = self.cancelled = self.fetched = False
        self.sample = None  # the row that a stream reads from

    def notify(self) -> None:
        try:
            self.loop.call_soon_threadsafe(self.changed.set)
        except RuntimeError:  # the loop is closed: nobody waits any more
            pass

    def finish(self, value=None) -> None:
        if not self.done:
            self.value, self.done = value, True
            self.notify()

    def fail(self, error: str, category: str = "user", status: int = 200) -> None:
        if not self.done:
            self.error, self.category, self.status, self.done = error, category, status, True
            self.notify()

    async def wait(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while not self.done and time.monotonic() < end:
            self.changed.clear()
            if not self.done:
                try:
                    await asyncio.wait_for(self.changed.wait(), end - time.monotonic())
                except TimeoutError:
                    break
        return self.done


@dataclass(eq=False)
class Model:
    id: str
    owner: str
    tenant: str
    row: object  # Row of the arena, or FullModel once it is there
    full: bool = False
    seen: "OrderedDict[int, tuple[str, Promise]]" = field(default_factory=OrderedDict)  # of the event loop
    ops: dict = field(default_factory=dict)  # from here on of the engine
    next: int = 1
    gap_since: float = 0.0
    gone: bool = False


@dataclass(eq=False)
class Sampler:
    id: str
    owner: str
    tenant: str
    model: Model | None  # None: the base itself
    row: object  # Row, or None until the engine made a full model's decoder
    decoder: object = None
    gone: bool = False
    seen: "OrderedDict[int, dict]" = field(default_factory=OrderedDict)  # seq_id of a sample request → its answer


@dataclass(eq=False)
class Session:
    id: str
    owner: str
    tenant: str
    touched: float
    models: dict[str, Model] = field(default_factory=dict)
    samplers: dict[str, Sampler] = field(default_factory=dict)
    opened: dict[int, Promise] = field(default_factory=dict)  # model_seq_id → its promise


class Registry:
    def __init__(self, owners: int = 1):
        self.sessions: dict[str, Session] = {}
        self.promises: OrderedDict[str, Promise] = OrderedDict()
        self.counts: Counter[tuple[str, ...]] = Counter()  # promises of all, of an owner, of a tenant
        self.shares = (MOST_PROMISES, OWNER_PROMISES if owners > 1 else MOST_PROMISES, TENANT_PROMISES)

    def create(self, owner: str, tenant: str) -> Session | None:
        if len(self.sessions) >= MOST_SESSIONS:
            return None
        session = Session(uuid.uuid4().hex, owner, tenant, time.monotonic())
        self.sessions[session.id] = session
        return session

    def session(self, id: str, owner: str) -> Session | None:
        """Another owner's session is as one that does not exist. Asking for it is a sign of life."""
        session = self.sessions.get(id)
        if session is None or session.owner != owner:
            return None
        session.touched = time.monotonic()
        return session

    def promise(self, owner: str, session: Session, kind: str) -> Promise | None:
        """None where as many are kept as may be, in all, of the owner or of the tenant, and none of these was fetched:
        nobody can fill up what others need."""
        promise = Promise(owner, session, kind)
        for scope, most in zip(promise.scopes, self.shares, strict=True):
            if self.counts[scope] >= most:
                old = next((p for p in self.promises.values() if p.fetched and scope in p.scopes), None)
                if old is None:
                    return None
                self.forget(old)
        self.promises[promise.id] = promise
        self.counts.update(promise.scopes)
        return promise

    def forget(self, promise: Promise) -> None:
        del self.promises[promise.id]
        self.counts.subtract(promise.scopes)
        for scope in promise.scopes:
            if not self.counts[scope]:
                del self.counts[scope]

    def find(self, id: str, owner: str) -> Promise | None:
        promise = self.promises.get(id)
        if promise is None or promise.owner != owner:
            return None
        promise.session.touched = time.monotonic()
        return promise

    def end(self, session: Session) -> None:
        """Forgets a session and its promises; freeing what is in the engine is the caller's part."""
        self.sessions.pop(session.id, None)
        for promise in [p for p in self.promises.values() if p.session is session]:
            promise.fail("the session is over")
            self.forget(promise)

    def silent(self) -> list[Session]:
        now = time.monotonic()
        return [s for s in self.sessions.values() if now - s.touched > HEARTBEAT_SECONDS]


def remember(model: Model, seq: int, kind: str, promise: Promise) -> None:
    model.seen[seq] = (kind, promise)
    while len(model.seen) > KEPT_SEQUENCES and next(iter(model.seen.values()))[1].done:
        model.seen.popitem(last=False)
