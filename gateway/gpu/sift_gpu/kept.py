"""Adapters that live on after their session, in host memory: bounded by bytes and by age, the longest unused goes
first. One belongs to the API key and the tenant that kept it; no other finds it."""

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Adapter:
    block: Tensor  # [rank, D] float32
    scale: float
    since: float

    @property
    def bytes(self) -> int:
        return self.block.numel() * 4


class Kept:
    def __init__(self, most_bytes: int, seconds: float):
        self.most_bytes, self.seconds, self.bytes = most_bytes, seconds, 0
        self.adapters: OrderedDict[tuple[str, str, str], Adapter] = OrderedDict()
        self.lock = threading.Lock()  # the engine puts, the event loop takes

    def remove(self, key: tuple[str, str, str]) -> None:
        found = self.adapters.pop(key, None)
        self.bytes -= found.bytes if found else 0

    def put(self, key: tuple[str, str, str], block: Tensor, scale: float) -> bool:
        """False where it is larger than all of the room."""
        new = Adapter(block, scale, time.monotonic())
        with self.lock:
            self.remove(key)
            if new.bytes > self.most_bytes:
                return False
            while self.bytes + new.bytes > self.most_bytes:
                self.remove(next(iter(self.adapters)))
            self.adapters[key] = new
            self.bytes += new.bytes
        return True

    def get(self, key: tuple[str, str, str]) -> Adapter | None:
        self.expire()
        with self.lock:
            if key in self.adapters:
                self.adapters.move_to_end(key)
            return self.adapters.get(key)

    def forget(self, owner: str, ids: set[str]) -> int:
        with self.lock:
            gone = [k for k in self.adapters if k[0] == owner and k[2] in ids]
            for key in gone:
                self.remove(key)
        return len(gone)

    def expire(self) -> None:
        with self.lock:
            for key in [k for k, a in self.adapters.items() if time.monotonic() - a.since > self.seconds]:
                self.remove(key)
