"""Measures the GPU server on this machine and says for each figure of docs/design/scale.md's targets whether it was reached:
`measure.py [--shape SHAPE]… [--model DIR] [--device cuda|cpu] [--quick] [--peak-tflops N] [--threads N] [--way WAY]…`: JSON on
stdout, a line a figure on stderr while it goes on. What this machine cannot measure says so; nothing is estimated."""

import argparse
import json
import os
import resource
import sys
import time
import warnings
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error")
warnings.filterwarnings("ignore")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "gateway/gpu"))
import torch  # noqa: E402
from cards import machine, peak_of  # noqa: E402
from clocks import Figures, fits  # noqa: E402
from serving import decoding, served  # noqa: E402
from shapes import SHAPES, Source  # noqa: E402
from sift_gpu.adapters import Arena  # noqa: E402
from training import RANK, WAYS, Loop, correctness, memory, throughput, ways  # noqa: E402

# the targets of the design, on a GPU at 512 tokens: against a PEFT loop from G = 16 up, and for one caller
AGAINST_LOOP = {"0.5b": "≥ 6", "1.5b": "≥ 3", "7b": "≥ 1.1"}
ONE_CALLER = {"0.5b": "≥ 3"}
SHARE = {"eager": "≥ 0.25", **dict.fromkeys(WAYS[1:], "≥ 0.35")}
FIFTY_STEPS = {"1.5b": {"eager": "≤ 2", "graphs": "≤ 1", "compile, graphs": "≤ 1"}}


def options() -> argparse.Namespace:
    p = argparse.ArgumentParser()
    p.add_argument("--shape", action="append", choices=SHAPES)
    p.add_argument("--model", help="a directory of Hugging Face layout, in place of a shape")
    p.add_argument("--device", choices=("cuda", "cpu"), default="cuda" if torch.cuda.is_available() else "cpu")
    p.add_argument("--quick", action="store_true", help="fewer lengths, callers and repetitions")
    p.add_argument("--peak-tflops", type=float, help="the card's dense bf16 peak, where it is not known")
    p.add_argument("--threads", type=int, default=1, help="on a CPU")
    p.add_argument("--way", action="append", choices=WAYS[1:], help="beside eager; all where none is named")
    return p.parse_args()


def targets_of(shape: str, device: str, G: int, T: int) -> dict:
    if device == "cpu":
        # one caller: at most a tenth more work than the loop's
        return {("eager", "ratio"): {(16, 64): "≥ 1.2", (1, 64): "≥ 0.91"}.get((G, T), "")}
    if G < 16:
        return {(way, "ratio"): ONE_CALLER.get(shape, "") for way in WAYS if "graphs" in way} if G == 1 else {}
    shares = {(way, "share"): t for way, t in SHARE.items()} if shape in ("0.5b", "1.5b") else {}
    return {**shares, **{(way, "ratio"): AGAINST_LOOP.get(shape, "") for way in SHARE}}


def measure(source: Source, o: argparse.Namespace, peak: float | None) -> Figures:
    figures, device, cuda = Figures(), o.device, o.device == "cuda"
    shape = source.shape or source.name
    dtype = torch.bfloat16 if cuda else torch.float32
    seconds, most = (2.0, 7) if o.quick else (3.0, 15)
    if cuda:
        cases = [(G, 512) for G in ((1, 16) if o.quick else (1, 4, 16, 32))]
    elif o.quick:
        cases = [(1, 64), (16, 64)]
    else:
        cases = [(1, 64), (4, 64), (16, 64), (32, 64), (16, 256)]
    T, tried = 512 if cuda else 64, (WAYS[0], *(o.way or WAYS[1:]))
    fits(figures, "correctness", lambda: correctness(source, figures, min(T, 128)))

    def passes():
        arena = Arena(source.base(dtype), 34 * RANK)
        if cuda:
            G = cases[-1][0]
            fits(figures, f"memory at peak, G={G}, T={T}", lambda: memory(arena, figures, G, T))
        how, loop = ways(arena, figures, T, tried), Loop(source, arena, dtype)
        for G, tokens in cases:
            goal = targets_of(shape, device, G, tokens)
            run = lambda: throughput(figures, G, tokens, peak, goal, seconds, most, arena, loop, how)
            fits(figures, f"G={G}, T={tokens}", run)
        if not peak:
            why = "the card's peak is not known (--peak-tflops)" if cuda else "no CUDA device"
            figures.add("share of the card's bf16 peak", None, "share", why=f"not measured: {why}")
        goal = "≥ 8" if cuda else ""
        fits(figures, "decoding", lambda: decoding(arena, figures, device, goal, seconds, 16 if cuda else 4))

    fits(figures, "passes", passes)
    goal = {**FIFTY_STEPS.get(shape, {}), "again": "≤ 50"} if cuda else {}
    steps = 5 if o.quick and not cuda else 50
    over_http = [way for way in tried if way != "compile"] if cuda else ["eager"]
    serve = lambda: served(source.base(dtype), figures, device, T, steps, over_http, goal)
    fits(figures, "one caller over HTTP", serve)
    if not cuda:
        name = f"{steps} steps of {T} tokens and the first token, one caller, graphs"
        figures.add(name, None, "s", why="not measured: no CUDA device")
    if not cuda:
        most_bytes = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        figures.add("memory at peak, of this process with the PEFT loop", most_bytes / 1e9, "GB")
    return figures


def main() -> int:
    o = options()
    torch.set_num_threads(o.threads)
    torch.set_flush_denormal(True)
    known = machine(o.device)
    peak = (o.peak_tflops or peak_of(known["card"])) if o.device == "cuda" else None
    shapes = o.shape or (["0.5b", "1.5b"] if o.device == "cuda" else ["tiny"])
    sources = [Source(None, o.model, o.device)] if o.model else [Source(s, None, o.device) for s in shapes]
    results, failed = [], False
    for source in sources:
        started, processor = time.monotonic(), time.process_time()
        print(f"{source.name} …", file=sys.stderr, flush=True)
        figures = measure(source, o, peak)
        failed |= figures.failed
        taken = round(time.monotonic() - started)
        weights = "of the model" if source.directory else "random"
        spent = {"seconds": taken, "processor_seconds": round(time.process_time() - processor)}
        results.append({"shape": source.name, "weights": weights, **spent, "figures": figures.records()})
    time_by = "the clock" if o.device == "cuda" else "processor time; over HTTP the clock"
    print(json.dumps({"machine": known, "time": time_by, "peak_tflops": peak, "results": results}, indent=1))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
