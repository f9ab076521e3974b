"""Who is in the next pass, and how large a pass may be. Pure but for the probe, which tries passes on the machine.

A pass is of one length bucket: its longest row's, and the rows of the bucket below may fill it up (at most half of a
row is padding then). Rows are taken from the tenant that was served least, the oldest of a tenant first, until the
token budget is used; one row is always taken. A tenant that comes back is credited nothing for its absence."""

from collections import deque
from dataclasses import dataclass

LEAST_BUCKET = 32  # tokens (2026-11-26)


def bucket(tokens: int, most: int) -> int:
    """Powers of two from 32 up; the last one is the longest row there can be."""
    return min(max(LEAST_BUCKET, 1 << (tokens - 1).bit_length()), max(most, tokens))


@dataclass(frozen=True)
class Waiting:
    tenant: str
    since: float
    bucket: int
    forward_only: bool
    item: object  # what the engine knows it by


class Fair:
    """Tokens each tenant was served, as far as it matters."""

    def __init__(self):
        self.served: dict[str, int] = {}

    def choose(self, waiting: list[Waiting], budget: int) -> list[Waiting]:
        """The next pass; counts it as served."""
        tenants: dict[str, deque[Waiting]] = {}
        for w in sorted(waiting, key=lambda w: w.since):
            tenants.setdefault(w.tenant, deque()).append(w)
        least = min((self.served[t] for t in tenants if t in self.served), default=0)
        self.served = {t: max(self.served.get(t, least), least) for t in tenants}  # who waits for nothing is forgotten
        next_tenant = lambda: min(tenants, key=lambda t: (self.served[t], tenants[t][0].since))
        chosen: list[Waiting] = []
        while tenants:
            tenant = next_tenant()
            w = tenants[tenant][0]
            if not chosen:
                T, forward_only = w.bucket, w.forward_only
            elif (len(chosen) + 1) * T > budget:
                break
            tenants[tenant].popleft()
            if not tenants[tenant]:
                del tenants[tenant]
            if w.forward_only == forward_only and T <= 2 * w.bucket and w.bucket <= T:
                chosen.append(w)
                self.served[tenant] += T
        return chosen


def longest(run, most_tokens: int, least: int, out_of_memory: type[Exception]) -> int:
    """The longest row that fits: `run(T)` tries a pass of such rows, from the longest down by halves."""
    T = most_tokens
    while True:
        try:
            run(T)
            return T
        except out_of_memory:
            if T <= least:
                raise
            T = max(least, T // 2)


def probe(run, most_tokens: int, ceiling: int, out_of_memory: type[Exception]) -> int:
    """Tokens of the largest pass that fits: `run(G, T)` tries one, from the ceiling down by halves to one row."""
    budget = max(most_tokens, ceiling)
    while True:
        try:
            run(max(1, budget // most_tokens), most_tokens)
            return budget
        except out_of_memory:
            if budget <= most_tokens:
                raise
            budget = max(most_tokens, budget // 2)
