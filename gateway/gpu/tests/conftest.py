"""What the tests share: the tiny checkpoints of test/engine/golden, and examples made from a seed."""
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


def load(name: str, dtype=torch.float32) -> model.Base:
    return model.load(str(ROOT / "models/base" if name == "base" else GOLDEN / name), "cpu", dtype)


def example(seed: int, n: int, vocabulary: int = 64) -> torch.Tensor:
    return torch.randint(0, vocabulary, (n + 1,), generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def qwen3():
    return load("qwen3")
