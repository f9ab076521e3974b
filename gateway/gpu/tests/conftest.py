"""What the tests share: the tiny checkpoints of test/engine/golden, and examples made from a seed."""

import functools
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

os.environ.setdefault("TINKER_TELEMETRY", "0")
warnings.filterwarnings("ignore")
ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "gateway/gpu"))

import httpx  # noqa: E402
import pytest  # noqa: E402
import torch  # noqa: E402
import uvicorn  # noqa: E402

from sift_gpu import model  # noqa: E402
from sift_gpu.__main__ import build, main, options  # noqa: E402
from sift_gpu.app import app  # noqa: E402

SLOW = os.environ.get("SIFT_SLOW") == "1"  # as many repetitions as it takes, not as few as tell
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


def until(truth, seconds=5.0):
    end = time.monotonic() + seconds
    while not truth() and time.monotonic() < end:
        time.sleep(0.02)
    return truth()


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Process:
    """The server in a process of its own. Importing PyTorch and transformers takes longer than all it does here, so that
    it is a fork of this one, made before there are threads; with SIFT_SLOW=1 it is the command."""

    def __init__(self, log: Path):
        port, self.log = free_port(), log
        flags = ["--model", str(GOLDEN / "qwen3"), "--port", str(port), "--slots", "32", "--slot-rank", "8"]
        flags += ["--device", "cpu"]
        self.url, output, self.over = f"http://127.0.0.1:{port}", log.open("w"), False
        if SLOW:
            command = [sys.executable, "-m", "sift_gpu", *flags]
            self.pid = subprocess.Popen(command, cwd=ROOT / "gateway/gpu", stdout=output, stderr=output).pid
        else:
            self.pid = os.fork()
            if self.pid == 0:
                for place in (1, 2):
                    os.dup2(output.fileno(), place)
                sys.stdout = sys.stderr = output
                logging.getLogger().handlers.clear()  # pytest's
                status = 1
                try:
                    status = main(flags)
                finally:
                    output.flush()
                    os._exit(status)

    def ready(self) -> "Process":
        def answers():
            try:
                return httpx.get(self.url + "/readyz").status_code == 200
            except httpx.TransportError:
                return False

        assert until(answers, 60), self.log.read_text()
        return self

    def stop(self, sign: int) -> None:
        os.kill(self.pid, sign)

    def wait(self) -> int:
        self.over = True
        return os.waitpid(self.pid, 0)[1]


@pytest.fixture(scope="session", autouse=True)
def forked(tmp_path_factory):
    process = Process(tmp_path_factory.mktemp("server") / "log")
    yield process
    if not process.over:
        process.stop(signal.SIGKILL)
        process.wait()


@pytest.fixture
def process(forked):
    return forked.ready()


class Running:
    """The server in this process: its parts can be reached, and faults put into them."""

    def __init__(self, *flags: str, model: str = "qwen3", keys: tuple[str, ...] = ()):
        port = free_port()
        path = ROOT / "models/base" if model == "base" else GOLDEN / model
        given = ["--model", str(path), "--slots", "16", "--slot-rank", "8", "--device", "cpu", *flags]
        self.server = build(options(given), list(keys))
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
