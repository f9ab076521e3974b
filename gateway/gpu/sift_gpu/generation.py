"""Sample requests from their arrival to their result: who joins the rows that generate, and who leaves them. Of the
engine's thread. The base and all adapters share one decoder; a fully tuned model's samplers bring their own."""

from dataclasses import dataclass

import torch

from . import wire
from .decode import Decoder, Sampling
from .metrics import METRICS
from .sessions import Promise, Sampler


@dataclass(eq=False)
class SampleRequest:
    sampler: Sampler
    promise: Promise
    rows: list[Sampling]
    joined: bool = False
    tries: int = 0


class Generation:
    def __init__(self, decoder: Decoder):
        self.decoder, self.requests = decoder, []

    def add(self, request: SampleRequest) -> None:
        if request.sampler.gone:
            return request.promise.fail("the sampler was closed")
        self.requests.append(request)

    def end(self, request: SampleRequest, error: str = "", category: str = "user") -> None:
        if error:
            self.of(request).leave(*request.rows)
            request.promise.fail(error, category)
        else:
            METRICS.tokens.inc(sum(len(s.tokens) for s in request.rows))
            request.promise.finish(wire.write_samples(request.rows))
        self.requests.remove(request)

    def of(self, request: SampleRequest) -> Decoder:
        return request.sampler.decoder or self.decoder

    def drop(self, sampler: Sampler) -> None:
        for request in [r for r in self.requests if r.sampler is sampler]:
            self.end(request, "the sampler was closed")

    def tick(self, budget: int) -> None:
        """Cancelled rows leave, prompts join, every live row takes a token, those that are over are told."""
        for request in [r for r in self.requests if r.promise.cancelled]:
            self.end(request, "cancelled")
        try:
            for decoder in {self.of(r) for r in self.requests}:
                self.admit(decoder, budget)
                decoder.step()
        except torch.OutOfMemoryError:
            raise  # the engine's, which knows what to do
        except Exception as error:
            self.fail_joined(f"the server failed: {type(error).__name__}")
            raise
        for request in list(self.requests):
            error = next((s.error for s in request.rows if s.error), "")
            if error:
                self.end(request, error)
            elif all(s.reason for s in request.rows):
                self.end(request)
            elif request.joined:
                request.promise.notify()

    def admit(self, decoder: Decoder, budget: int) -> None:
        """Prompts that may join now, as many as a pass takes; the tenant with the fewest rows, then the oldest."""
        mine = [r for r in self.requests if self.of(r) is decoder]
        live = lambda tenant: sum(len(r.rows) for r in mine if r.joined and r.sampler.tenant == tenant)
        waiting = [r for r in mine if not r.joined]
        new: list[Sampling] = []
        while waiting:
            request = min(waiting, key=lambda r: (live(r.sampler.tenant), r.promise.since))
            waiting.remove(request)
            longest = max(len(s.prompt) for s in (*new, request.rows[0]))
            if (new and (len(new) + len(request.rows)) * longest > budget) or not decoder.room(request.rows, new):
                break
            request.joined, request.tries = True, request.tries + 1
            new += request.rows
        if new:
            decoder.join(new)

    def out_of_memory(self) -> None:
        """Those that were joining wait once more; where they had, or where none was, all that generate fail."""
        joining = [r for r in self.requests if r.joined and not r.rows[0].tokens]
        if joining and all(r.tries < 2 for r in joining):
            for request in joining:
                self.of(request).leave(*request.rows)
                request.joined = False
        else:
            self.fail_joined("the server ran out of memory while generating; try again later")

    def fail_joined(self, why: str) -> None:
        for request in [r for r in self.requests if r.joined]:
            self.end(request, why, "server")
