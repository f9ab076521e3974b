"""What a figure is and how time is taken: by the clock on a GPU, after it is done; by processor time on a CPU, which
others who use the machine do not change."""

import statistics
import sys
import time
from dataclasses import asdict, dataclass

import torch


@dataclass
class Figure:
    name: str
    value: float | None  # None: not measured, and `why`
    unit: str
    target: str = ""  # "≥ 6", "≤ 0.02"; "" where there is none for this shape and machine
    met: bool | None = None
    why: str = ""


class Figures(list):
    failed = False

    def add(self, name: str, value: float | None, unit: str, target: str = "", why: str = "") -> None:
        met = None
        if target and value is not None:
            least, number = target.split()
            met = value >= float(number) if least == "≥" else value <= float(number)
        self.append(Figure(name, value, unit, target, met, why))
        print(name, why if value is None else f"{value:.4g} {unit}", file=sys.stderr, flush=True)

    def records(self) -> list[dict]:
        return [asdict(f) for f in self]


def seconds_of(run, device: str) -> float:
    if device == "cpu":
        started = time.process_time()
        run()
        return time.process_time() - started
    torch.cuda.synchronize()
    started = time.perf_counter()
    run()
    torch.cuda.synchronize()
    return time.perf_counter() - started


def in_turn(device: str, seconds: float, most: int, **runs) -> dict[str, float]:
    """Medians of what is run in turn, so that what else happens on the machine hits all alike; the first is warm-up."""
    taken = {name: [] for name in runs}
    end = None
    while True:
        for name, run in runs.items():
            taken[name].append(seconds_of(run, device))
        if end is None:
            taken, end = {name: [] for name in runs}, time.monotonic() + seconds
        counted = len(next(iter(taken.values())))
        if counted >= most or (counted >= 3 and time.monotonic() > end):
            return {name: statistics.median(all) for name, all in taken.items()}


def fits(figures: Figures, name: str, run) -> bool:
    """A measurement that runs out of memory is a line that says so. One that fails is another, and the program then
    ends with 1; neither is a number."""
    done = False
    try:
        run()
        done = True
    except torch.OutOfMemoryError:
        figures.add(name, None, "", why="not measured: out of memory")
    except Exception as error:
        figures.failed = True
        figures.add(name, None, "", why=f"not measured: {type(error).__name__}: {str(error)[:160]}")
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return done
