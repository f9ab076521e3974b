"""What one caller waits for, over HTTP: fifty steps and the first token; an adapter that was kept; and how much
sixteen rows gain that decode together. The server runs in this process, its caller in another."""

import json
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import torch
import uvicorn
from clocks import Figures, in_turn
from sift_gpu import decode
from sift_gpu.__main__ import options, over
from sift_gpu.app import app
from training import opened, way_of

PROMPT = 128  # tokens of the prompts that decode (2026-11-26)


class Serving:
    def __init__(self, base, device: str, T: int, rows: int = 16):
        flags = ["--device", device, "--slots", "8", "--slot-rank", "8", "--max-train-tokens", str(T)]
        flags += ["--rows", str(rows), "--cache-tokens", str(rows * 1024), "--budget", str(4 * T), "--model", "none"]
        self.server = over(base, options(flags), [])
        self.server.engine.start()
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        config = uvicorn.Config(app(self.server), port=self.port, log_level="warning", access_log=False)
        self.http = uvicorn.Server(config)
        threading.Thread(target=self.http.run, daemon=True).start()
        while not self.http.started:
            time.sleep(0.01)

    def ask(self, *args: str) -> dict:
        """The caller's own figures, from its process."""
        command = [sys.executable, str(Path(__file__).with_name("caller.py")), f"http://127.0.0.1:{self.port}", *args]
        run = subprocess.run(command, capture_output=True, text=True, timeout=500)
        if run.returncode:
            raise RuntimeError(run.stderr.strip().splitlines()[-1])
        return json.loads(run.stdout)

    def close(self) -> None:
        self.http.should_exit = True
        self.server.engine.stop()
        self.server.engine.join(30)


def served(base, figures: Figures, device: str, T: int, steps: int, how: list[str], targets: dict) -> None:
    serving = Serving(base, device, T)
    arena, name = serving.server.engine.arena, base.name
    try:
        for way in how:
            what = f"{steps} steps of {T} tokens and the first token, one caller, {way}"
            arena.run = way_of(way, arena, T)
            if arena.run is None:
                figures.add(what, None, "", why="not measured: switched off")
                continue
            taken = serving.ask(name, str(T), str(steps), str(base.config.vocab_size))
            off = getattr(arena.run, "off", False) or getattr(arena.run, "too_large", None)
            why = "not measured: switched off" if off else ""
            figures.add(what, None if off else taken["tuned"], "s", targets.get(way, ""), why)
        arena.run = arena.gradient
        taken = serving.ask(name, str(T), "0", str(base.config.vocab_size))
        figures.add("an adapter found again: its first token", 1e3 * taken["again"], "ms",
                    targets.get("again", ""))  # fmt: skip
        figures.add("an adapter found again: steps", taken["steps"], "steps", "≤ 0")
    finally:
        serving.close()


def decoding(arena, figures: Figures, device: str, target: str, seconds: float, tokens: int) -> None:
    """The same rows' next tokens, one row and sixteen, in turn; every row with an adapter of its own."""
    rows = [opened(arena, i) for i in range(16)]
    vocabulary = arena.base.config.vocab_size

    def run(n: int):
        decoder = decode.Decoder(arena.base, arena, n, n * (PROMPT + 512))
        make = lambda i: decode.Sampling(rows[i], [(7 * i + k) % vocabulary for k in range(PROMPT)], 400)
        samples = [make(i) for i in range(n)]
        decoder.room(samples, [])
        decoder.join(samples)

        def steps():
            if len(samples[0].tokens) + tokens >= 400:  # begins anew, the view of the cache as it was
                for s in samples:
                    del s.tokens[:], s.logprobs[:]
                    s.tokens.append(1)
            for _ in range(tokens):
                decoder.step()

        return steps

    taken = in_turn(device, seconds, 15, one=run(1), sixteen=run(16))
    figures.add("decoding, 1 row", tokens / taken["one"], "tokens/s")
    figures.add("decoding, 16 rows", 16 * tokens / taken["sixteen"], "tokens/s")
    figures.add("decoding, 16 rows against 1", 16 * taken["one"] / taken["sixteen"], "times", target)
    for row in rows:
        arena.release(row)
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
