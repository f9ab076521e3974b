"""What the server says of itself: capabilities, the model's own files, whether it is ready, metrics."""

import time

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from .metrics import METRICS
from .model import FILES
from .server import RETRY_AFTER, Server
from .wire import Refusal

STALL_SECONDS = 60.0  # without a tick, then not ready; one pass is far shorter (2026-11-26)


async def capabilities(server: Server, request: Request, owner: str):
    base, engine = server.base, server.engine
    own = {
        "parameters": base.parameters,
        "context_tokens": base.context,
        "max_train_tokens": engine.most_train,
        "max_score_tokens": engine.most_score,
        "methods": server.methods,
        "max_rank": min(256, engine.arena.lines),
        "layers": base.config.num_hidden_layers,
        "revision": base.revision,
    }
    model = {"model_name": base.name, "max_context_length": base.context, "trainable": True, "sampleable": True}
    has = {"stream": True, "tokenizer": True, "adapters": True}
    sift = {"version": 1, "models": {base.name: own}, **has, "slots": server.slots}
    return {"supported_models": [model], "sift": sift}


async def file(server: Server, request: Request, owner: str):
    name = request.path_params["name"]
    path = server.base.directory / name
    if request.path_params["model"] != server.base.name or name not in FILES or not path.is_file():
        raise Refusal(404, "the model has no such file")
    return FileResponse(path)


async def ready(server: Server, request: Request, owner: str):
    silent = time.monotonic() - server.engine.ticked
    if server.draining or silent > STALL_SECONDS or not server.engine.is_alive():
        raise Refusal(
            503, "the server is shutting down" if server.draining else f"no tick for {silent:.0f} s", RETRY_AFTER
        )
    return {"status": "ready"}


async def metrics(server: Server, request: Request, owner: str):
    sessions = server.registry.sessions.values()
    now = {
        "sessions": len(sessions),
        "models": sum(len(s.models) for s in sessions),
        "samplers": sum(len(s.samplers) for s in sessions),
        "free_rank_lines": len(server.engine.arena.unused),
        "rows": sum(len(r.rows) for r in server.engine.generation.requests),
        "promises": len(server.registry.promises),
        "budget_tokens": server.engine.budget,
        "adapters": len(server.kept.adapters),
        "adapter_bytes": server.kept.bytes,
    }
    for name, value in now.items():
        METRICS.gauges[name].set(value)
    return Response(generate_latest(METRICS.registry), headers={"content-type": CONTENT_TYPE_LATEST})
