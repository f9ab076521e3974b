"""The routes of the Tinker wire as SDK 0.38 speaks it, and of the extension `sift` (README.md); the border at which
refusals become answers. Log lines name paths, states and times, never text or keys."""

import asyncio
import contextlib
import logging
import time
from functools import partial

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import about, sampling
from .metrics import METRICS
from .server import Server
from .wire import Refusal

log = logging.getLogger("sift_gpu")


def app(server: Server) -> Starlette:
    say = lambda value: lambda request, owner: asyncio.sleep(0, value)
    of = lambda handler: partial(handler, server)
    api = "/api/v1"
    posts = {
        "/client/config": say({"use_pyqwest_transport": False, "proto_compress_fwdbwd": True}),
        "/client/dynamic_config": say({"sample_cancel_enabled": True}),
        "/telemetry": say({"status": "accepted"}),
        "/create_session": server.create_session,
        "/session_heartbeat": server.heartbeat,
        "/sessions/{id}/finish": server.finish,
        "/create_model": server.create_model,
        "/get_info": server.get_info,
        "/unload_model": server.unload,
        "/forward_backward": server.forward_backward,
        "/optim_step": server.optim_step,
        "/save_weights_for_sampler": server.save,
        "/create_sampling_session": of(sampling.create_sampler),
        "/asample": of(sampling.asample),
        "/retrieve_future": server.retrieve,
        "/cancel_future": server.cancel,
        "/save_weights": server.unsupported,
        "/load_weights": server.unsupported,
        "/sift/keep": server.keep,
        "/sift/forget": server.forget,
    }
    gets = {
        "/get_server_capabilities": of(about.capabilities),
        "/samplers/{id}": of(sampling.sampler_info),
        "/sift/models/{model:path}/files/{name}": of(about.file),
        "/sift/stream/{id}": of(sampling.stream),
    }
    routes = [route(server, api + path, handler, "POST") for path, handler in posts.items()]
    routes += [route(server, api + path, handler, "GET") for path, handler in gets.items()]
    routes += [route(server, path, say({"status": "ok"}), "GET", False) for path in ("/healthz", api + "/healthz")]
    routes += [
        route(server, "/readyz", of(about.ready), "GET", False),
        route(server, "/metrics", of(about.metrics), "GET"),
    ]

    @contextlib.asynccontextmanager
    async def lifespan(app):
        sweeper = asyncio.create_task(server.sweep())
        yield
        sweeper.cancel()

    return Starlette(routes=routes, lifespan=lifespan)


def route(server: Server, path: str, handler, method: str, keyed: bool = True) -> Route:
    async def endpoint(request: Request) -> Response:
        started = time.monotonic()
        try:
            answer = await handler(request, server.owner(request) if keyed else "")
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
