"""The machine: card, driver, versions; and the dense bf16 peak of some cards, as their makers state it."""

import datetime
import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import torch

# teraflop/s, bf16 without sparsity; the first name that the card's holds (makers' data sheets, 2026-11-26)
PEAKS = {
    "GH200": 989,
    "H200": 989,
    "H100 PCIe": 756,
    "H100 NVL": 835,
    "H100": 989,
    "B200": 2250,
    "A100": 312,
    "L40S": 362,
    "L4": 121,
    "A10": 125,
    "RTX 4090": 165,
    "RTX 3090": 71,
}


def peak_of(card: str) -> float | None:
    return next((peak for name, peak in PEAKS.items() if name in card), None)


def driver() -> str | None:
    try:
        asked = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        return subprocess.run(asked, capture_output=True, text=True, timeout=20, check=True).stdout.split("\n")[0]
    except (OSError, subprocess.SubprocessError):
        return None


def processor() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((x.partition(": ")[2] for x in lines if x.startswith("model name")), platform.processor())


def machine(device: str) -> dict:
    cuda = device == "cuda"
    return {
        "date": datetime.date.today().isoformat(),
        "card": torch.cuda.get_device_name() if cuda else None,
        "driver": driver() if cuda else None,
        "cuda": torch.version.cuda if cuda else None,
        "cpu": f"{os.cpu_count()} cores, {processor()}",
        "threads": torch.get_num_threads(),
        **{name: version(name) for name in ("torch", "transformers", "peft")},
    }
