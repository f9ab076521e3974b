"""What the tests share: the tiny checkpoints of test/engine/golden, and examples made from a seed."""

import functools
import os
import sys
import warnings
from pathlib import Path

os.environ.setdefault("TINKER_TELEMETRY", "0")
warnings.filterwarnings("ignore")
ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "gateway/gpu"))

import pytest  # noqa: E402
import torch  # noqa: E402

from sift_gpu import model  # noqa: E402

GOLDEN = ROOT / "test/engine/golden"
torch.set_num_threads(1)
torch.set_flush_denormal(True)


@functools.cache  # a test gets the base as it is: an arena only changes what the linear layers add
def load(name: str, dtype=torch.float32) -> model.Base:
    return model.load(str(ROOT / "models/base" if name == "base" else GOLDEN / name), "cpu", dtype)


def example(seed: int, n: int, vocabulary: int = 64) -> torch.Tensor:
    return torch.randint(0, vocabulary, (n + 1,), generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def qwen3():
    return load("qwen3")


class Running:
    """The server in this process: its parts can be reached, and faults put into them."""

    def __init__(self, *flags: str, model: str = "qwen3", keys: tuple[str, ...] = ()):
        import socket
        import threading
        import time

        import uvicorn

        from sift_gpu.__main__ import build, options
        from sift_gpu.app import app

        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        path = ROOT / "models/base" if model == "base" else GOLDEN / model
        self.server = build(options(["--model", str(path), "--slots", "16", "--slot-rank", "8", *flags]), list(keys))
        self.engine, self.arena = self.server.engine, self.server.engine.arena
        self.engine.start()
        config = uvicorn.Config(app(self.server), port=port, log_level="warning", timeout_graceful_shutdown=1)
        self.http = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.http.run, daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{port}"
        while not self.http.started:
            time.sleep(0.01)

    def close(self):
        self.http.should_exit = True
        self.thread.join(10)
        self.engine.stop()
        self.engine.join(10)


@pytest.fixture(scope="module")
def running():
    running = Running()
    yield running
    running.close()
