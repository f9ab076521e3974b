"""python -m sift_gpu --model DIR --port N: loads one base model, tries how large a pass may be, and serves."""

import argparse
import asyncio
import ipaddress
import logging
import os
import signal
import sys
import time

import torch
import uvicorn

from . import adapters, admission, decode, engine, kept, model, passes
from .app import app
from .keys import KeysError, keys_of
from .server import Server

log = logging.getLogger("sift_gpu")
CPU_BUDGET = 2048  # tokens of a pass: more gain nothing on a CPU (2026-11-26)
GPU_CEILING = 65_536  # tokens of a pass that the probe begins with (2026-11-26)
ARENA_SHARE, CACHE_SHARE = 0.3, 0.2  # of a GPU's free memory after the base; passes get the rest (2026-11-26)
CPU_ARENA_BYTES = 1 << 30  # unless --slots says otherwise (2026-11-26)


def options(argv: list[str] | None = None) -> argparse.Namespace:
    p = argparse.ArgumentParser(
        prog="sift_gpu", description="Tunes LoRA adapters for many callers at once and generates."
    )
    p.add_argument("--model", required=True, help="DIR or NAME=DIR, of Hugging Face layout")
    p.add_argument("--host", default="127.0.0.1", help="other than loopback only with keys in SIFT_GPU_KEYS")
    p.add_argument("--port", type=int, default=8123)
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    p.add_argument("--dtype", choices=("float32", "bfloat16"), help="of the base; bfloat16 on CUDA, float32 on a CPU")
    p.add_argument("--slots", type=int, help="adapters and samplers of rank --slot-rank; by memory where not given")
    p.add_argument("--slot-rank", type=int, default=16)
    p.add_argument("--budget", type=int, help="tokens of a pass at most; probed on CUDA where not given")
    p.add_argument("--max-train-tokens", type=int, default=1024, help="tokens of one training example at most")
    p.add_argument("--rows", type=int, default=32, help="rows that generate at once")
    p.add_argument("--cache-tokens", type=int, help="of all rows together")
    p.add_argument("--adapter-bytes", type=int, default=4 << 30, help="host memory for kept adapters")
    p.add_argument("--adapter-ttl", type=float, default=3600, help="seconds that an adapter is kept at most")
    p.add_argument("--cuda-graphs", action="store_true", help="capture passes by shape; CUDA only")
    p.add_argument("--compile", action="store_true", help="torch.compile the model")
    p.add_argument("--threads", type=int, help="of PyTorch on a CPU")
    p.add_argument("--drain-seconds", type=float, default=30, help="that open sessions get after SIGTERM")
    p.add_argument("--log-level", default="info", choices=("debug", "info", "warning", "error"))
    return p.parse_args(argv)


def build(o: argparse.Namespace, keys: list[str]) -> Server:
    if o.threads:
        torch.set_num_threads(o.threads)
    dtype = o.dtype or ("bfloat16" if o.device.startswith("cuda") else "float32")
    return over(model.load(o.model, o.device, getattr(torch, dtype)), o, keys)


def over(base: model.Base, o: argparse.Namespace, keys: list[str]) -> Server:
    """A server of a base that is in memory."""
    torch.set_flush_denormal(True)
    cuda, dtype = o.device.startswith("cuda"), base.dtype
    free = torch.cuda.mem_get_info()[0] if cuda else 0
    width = sum(m.in_features + m.out_features for m in adapters.adapted(base).values())
    room = ARENA_SHARE * free if cuda else CPU_ARENA_BYTES
    slots = o.slots or int(max(4, min(64, room // (16 * width * o.slot_rank))))
    arena = adapters.Arena(base, slots * o.slot_rank)
    c = base.config
    head = getattr(c, "head_dim", None) or c.hidden_size // c.num_attention_heads
    heads = getattr(c, "num_key_value_heads", None) or c.num_attention_heads
    token = 2 * c.num_hidden_layers * heads * head * dtype.itemsize
    cache = o.cache_tokens or (int(CACHE_SHARE * free // token) if cuda else o.rows * min(base.context, 1024))
    decoder = decode.Decoder(base, arena, o.rows, min(cache, o.rows * base.context))
    most_train = min(o.max_train_tokens, base.context)
    check_decoding(base, arena, decoder)
    if o.compile:
        arena.run = passes.compiled(arena, min(64, most_train))
    budget = o.budget or CPU_BUDGET
    if cuda and not o.budget:
        budget = admission.probe(
            lambda G, T: arena.run(*passes.sample_pass(arena, G, T)),
            most_train,
            GPU_CEILING,
            torch.OutOfMemoryError,
        )
        torch.cuda.empty_cache()
    most_score = base.context
    if cuda:  # scoring keeps no activations, but its rows may be longer, and attention may take the square of it
        score = lambda T: arena.score(*passes.sample_pass(arena, max(1, budget // T), T)[:4])
        most_score = admission.longest(score, base.context, most_train, torch.OutOfMemoryError)
        torch.cuda.empty_cache()
    if o.cuda_graphs and cuda:
        arena.run = passes.Graphs(arena, arena.run)
    worker = engine.Engine(base, arena, decoder, max(budget, most_train), most_train, most_score)
    log.info(
        "%s: %d parameters on %s, %d slots of rank %d, %d tokens a pass, %d tokens of cache, revision %s",
        base.name,
        base.parameters,
        o.device,
        slots,
        o.slot_rank,
        worker.budget,
        decoder.tokens,
        base.revision,
    )
    return Server(base, worker, kept.Kept(o.adapter_bytes, o.adapter_ttl), keys, slots)


@torch.no_grad()
def check_decoding(base: model.Base, arena: adapters.Arena, decoder: decode.Decoder) -> None:
    """Three tokens with the cache and without it: a family whose cache or masks differ from what we know is refused."""
    n = max(1, min(40, base.context - 4))
    prompt = [(7 * i) % base.config.vocab_size for i in range(n)]
    sample = decode.Sampling(adapters.Row([], 0.0), prompt, 3)
    decoder.room([sample], [])
    decoder.join([sample])
    while not sample.reason and not sample.error:
        decoder.step()
    ids = torch.tensor([prompt + sample.tokens], device=base.device)
    logits = torch.log_softmax(base.model(input_ids=ids[:, :-1], use_cache=False).logits[0, n - 1 :].float(), -1)
    wanted = logits.gather(1, ids[0, n:, None])[:, 0]
    off = (torch.tensor(sample.logprobs, device=base.device) - wanted).abs().max().item()
    if not off < (1e-3 if base.dtype == torch.float32 else 0.1):
        raise model.Unsupported(f"{type(base.model).__name__}: decoding with our cache is off by {off:.1e} nats")


class Drained(uvicorn.Server):
    """SIGTERM: no new sessions or models; those that are open may end; then, or after --drain-seconds, it exits."""

    def __init__(self, config: uvicorn.Config, server: Server, seconds: float):
        super().__init__(config)
        self.sift, self.seconds = server, seconds

    def handle_exit(self, sig: int, frame) -> None:
        if sig == signal.SIGTERM and not self.sift.draining:
            self.sift.draining = True
            self.loop.call_soon_threadsafe(lambda: self.loop.create_task(self.drain()))
        else:
            super().handle_exit(sig, frame)

    async def drain(self) -> None:
        end = time.monotonic() + self.seconds
        while time.monotonic() < end and self.sift.registry.sessions:
            await asyncio.sleep(0.1)
        self.should_exit = True

    async def serve(self, sockets=None) -> None:
        self.loop = asyncio.get_running_loop()
        await super().serve(sockets)


def main(argv: list[str] | None = None) -> int:
    o = options(argv)
    logging.basicConfig(level=o.log_level.upper(), format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    try:
        keys = keys_of(os.environ)
    except KeysError as error:
        log.error("%s", error)
        return 2
    loopback = o.host == "localhost" or ipaddress.ip_address(o.host).is_loopback
    if not keys and not loopback:
        log.error("--host %s is not loopback: set SIFT_GPU_KEYS", o.host)
        return 2
    try:
        server = build(o, keys)
    except model.Unsupported as error:
        log.error("%s", error)
        return 2
    server.engine.start()
    config = uvicorn.Config(
        app(server),
        host=o.host,
        port=o.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=5,
        timeout_keep_alive=75,
    )
    Drained(config, server, o.drain_seconds).run()
    server.engine.stop()
    server.engine.join(10)
    return 0


if __name__ == "__main__":
    sys.exit(main())
