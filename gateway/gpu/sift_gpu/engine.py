"""The one thread that owns every tensor. Each tick: what came in; the optimiser for all that wait for it; one
training or scoring pass; the optimiser again; prompts that join; one token for every row that generates. So a
caller's step waits for one pass at most, generation goes on between passes, and nothing needs a lock.

Operations of a model run in the order of their seq_id, whatever order they came in. Out of memory halves the token
budget and the pass is tried once more; then it fails for those that were in it. The thread itself never ends by an
error."""

import gc
import logging
import threading
import time
from collections import deque
from dataclasses import dataclass, field

import numpy as np
import torch

from . import wire
from .adapters import Adam, Arena
from .admission import Fair, Waiting, bucket
from .decode import Decoder
from .full import FullModel, refusal
from .generation import Generation
from .metrics import METRICS
from .model import Base
from .sessions import GAP_SECONDS, Model, Promise, Sampler

log = logging.getLogger("sift_gpu")
OUT_OF_MEMORY = torch.OutOfMemoryError
MOST_ROWS = 64  # of one operation in one pass (2026-11-26)
FULL_ROWS = 4  # samples at once of a fully tuned model (2026-11-26)


@dataclass(eq=False)
class Op:
    """What a model is asked, in its turn: 'pass', 'adam', or 'call' for what is done at once."""

    kind: str
    promise: Promise
    examples: list[wire.Example] = field(default_factory=list)
    forward_only: bool = False
    adam: Adam | None = None
    call: object = None
    logprobs: dict[int, np.ndarray] = field(default_factory=dict)  # of the examples that are done
    begun: bool = False  # a training pass was made for it
    before: object = None  # the gradient that was gathered before it; None: none


class Engine(threading.Thread):
    def __init__(self, base: Base, arena: Arena, decoder: Decoder, budget: int, most_train: int, most_score: int):
        super().__init__(daemon=True, name="engine")
        self.base, self.arena = base, arena
        self.budget = self.full_budget = budget
        self.most_train, self.most_score, self.fair = most_train, most_score, Fair()
        self.inbox, self.wake, self.ticked, self.stopped = deque(), threading.Condition(), time.monotonic(), False
        self.models: dict[str, Model] = {}
        self.full: Model | None = None
        self.generation = Generation(decoder)

    def post(self, call, *args) -> None:
        with self.wake:
            self.inbox.append((call, args))
            self.wake.notify()

    def stop(self) -> None:
        self.stopped = True
        self.post(lambda: None)

    def busy(self) -> bool:
        return bool(self.generation.requests or self.inbox) or any(m.next in m.ops for m in self.models.values())

    def run(self) -> None:
        while not self.stopped:
            with self.wake:
                if not self.busy():
                    self.wake.wait(1.0)
                jobs = list(self.inbox)
                self.inbox.clear()
            for call, args in jobs:
                self.guarded(call, *args)
            for phase in (self.control, self.optimise, self.learn, self.optimise, self.control, self.generate):
                self.guarded(phase)
            self.ticked = time.monotonic()

    def guarded(self, call, *args) -> None:
        """A fault here is ours, not a caller's: those that are concerned are told, and the thread goes on."""
        try:
            call(*args)
        except Exception as error:
            log.exception("the engine failed in %s", getattr(call, "__name__", call))
            METRICS.failures.labels("engine").inc()
            for a in args:
                promise = a if isinstance(a, Promise) else getattr(a, "promise", None)
                if isinstance(promise, Promise):
                    promise.fail(f"the server failed: {type(error).__name__}", "server")

    # ── models
    def open(self, model: Model, block, promise: Promise) -> None:
        """`block`: an adapter's first lines; None for full fine-tuning."""
        if model.gone:
            return promise.fail("the model was unloaded")
        if model.full:
            reason = "the lane of full fine-tuning is taken" if self.full else refusal(self.base)
            if reason:
                model.gone = True
                return promise.fail(reason)
            try:
                model.row = FullModel(self.base)
            except OUT_OF_MEMORY:
                model.gone = True
                return promise.fail("full fine-tuning ran out of memory; use lora")
            self.full = model
        else:
            self.arena.begin(model.row, block)
        self.models[model.id], model.gap_since = model, time.monotonic()
        promise.finish({"type": "create_model", "model_id": model.id})

    def close(self, model: Model) -> None:
        model.gone = True
        known = self.models.pop(model.id, None)
        for op in model.ops.values():
            op.promise.fail("the model was unloaded")
        model.ops.clear()
        if model.full:
            if self.full is model:
                self.full, self.budget = None, self.full_budget
        elif model.row is not None:
            self.arena.release(model.row)
        model.row = None
        if known and model.full:
            self.tidy()

    def drop(self, sampler: Sampler) -> None:
        sampler.gone = True
        self.generation.drop(sampler)
        if sampler.model is not None and sampler.row is not None:
            self.arena.release(sampler.row)
        sampler.row = sampler.decoder = None

    def enqueue(self, model: Model, seq: int, op: Op) -> None:
        if model.gone:
            return op.promise.fail("the model was unloaded")
        model.ops[seq] = op

    def heads(self, kind: str) -> list[tuple[Model, Op]]:
        heads = [(m, m.ops[m.next]) for m in self.models.values() if m.next in m.ops]
        return [(m, op) for m, op in heads if op.kind == kind]

    def advance(self, model: Model) -> None:
        model.ops.pop(model.next, None)
        model.next += 1

    def control(self) -> None:
        """Cancelled operations are passed over; those that take no pass are done; gaps that stay are told."""
        for kind in ("pass", "adam", "call"):
            for model, op in self.heads(kind):
                while op is not None and (op.promise.cancelled or op.kind == "call"):
                    if op.promise.cancelled:
                        self.take_back(model, op)
                        op.promise.fail("cancelled")
                    else:
                        self.guarded(op.call, op.promise)
                    self.advance(model)
                    op = model.ops.get(model.next)
        now = time.monotonic()
        for model in self.models.values():
            if not model.ops or model.next in model.ops:
                model.gap_since = now
            elif now - model.gap_since > GAP_SECONDS:
                for op in model.ops.values():
                    op.promise.fail(f"seq_id {model.next} did not come within {GAP_SECONDS} s; later ones cannot run")
                model.ops.clear()

    def snapshot(self, model: Model, sampler: Sampler, promise: Promise, result: dict) -> None:
        if sampler.gone:
            return promise.fail("the sampler was closed")
        if model.full:
            sampler.decoder = model.row.sampler(FULL_ROWS, self.generation.decoder.tokens)
        else:
            self.arena.begin(sampler.row, self.arena.p[model.row.lines])
        promise.finish(result)

    def generate(self) -> None:
        try:
            self.generation.tick(self.budget)
        except OUT_OF_MEMORY:
            self.shrink()
            self.generation.out_of_memory()

    # ── training
    def optimise(self) -> None:
        waiting = self.heads("adam")
        rows = [(m, op) for m, op in waiting if not m.full]
        done = self.arena.adam([m.row for m, _ in rows], [op.adam for _, op in rows]) if rows else []
        done += [m.row.adam(op.adam) for m, op in waiting if m.full]
        for (model, op), good in zip(rows + [x for x in waiting if x[0].full], done, strict=True):
            self.advance(model)
            if good:
                METRICS.steps.inc()
                op.promise.finish({"metrics": {}})
            else:
                op.promise.fail("the gradient or the step is not finite; the weights are as they were before it")

    def learn(self) -> None:
        waiting, lane = [], []
        for model, op in self.heads("pass"):
            for at in [i for i in range(len(op.examples)) if i not in op.logprobs][:MOST_ROWS]:
                T = bucket(len(op.examples[at].tokens), self.most_score)
                w = Waiting(model.tenant, op.promise.since, T, op.forward_only, (model, op, at))
                (lane if model.full else waiting).append(w)
        for queue, alone in ((waiting, False), (lane, True)):
            if not queue:
                continue
            for attempt in (1, 2):
                chosen = self.fair.choose(queue, self.budget) if not alone else queue[:1]
                try:
                    self.one_pass(chosen, alone)
                    break
                except OUT_OF_MEMORY:
                    self.shrink()
                    if attempt == 2:
                        self.fail_pass(chosen, "the server ran out of memory in this pass; try again later", "server")
                except Exception as error:
                    self.fail_pass(chosen, f"the server failed: {type(error).__name__}", "server")
                    raise

    def one_pass(self, chosen: list[Waiting], alone: bool) -> None:
        T = max(w.bucket for w in chosen)
        items = [w.item for w in chosen]
        padded = [np.zeros((len(items), T), kind) for kind in (np.int64, np.int64, np.float32)]
        for i, (_, op, at) in enumerate(items):
            example = op.examples[at]
            for place, values in zip(padded, (example.tokens, example.targets, example.weights), strict=True):
                place[i, : len(values)] = values
        ids, targets, weights = (torch.from_numpy(x).to(self.base.device) for x in padded)
        rows = [model.row for model, _, _ in items]
        for model, op, _ in items:
            if not op.begun and not op.forward_only:
                op.begun, op.before = True, model.row.gathered() if alone else self.arena.gathered(model.row)
        started = time.monotonic()
        if chosen[0].forward_only:
            logp = rows[0].logp(ids, targets) if alone else self.arena.logp(rows, ids, targets)
        else:
            logp = rows[0].train(ids, targets, weights) if alone else self.arena.train(rows, ids, targets, weights)
        logp = logp.float().cpu().numpy()
        METRICS.passes.observe(time.monotonic() - started)
        METRICS.pass_tokens.inc(sum(len(op.examples[at].tokens) for _, op, at in items))
        METRICS.padded_tokens.inc(len(items) * T)
        for (model, op, at), row in zip(items, logp, strict=True):
            op.logprobs[at] = row[: len(op.examples[at].tokens)].copy()
            if len(op.logprobs) == len(op.examples):
                self.advance(model)
                op.promise.finish(wire.write_pass(op.examples, [op.logprobs[i] for i in range(len(op.examples))]))

    def take_back(self, model: Model, op: Op) -> None:
        """What an operation gathered before it ended otherwise: the next step must not learn from a part of it."""
        if op.begun:
            model.row.put_back(op.before) if model.full else self.arena.put_back(model.row, op.before)

    def fail_pass(self, chosen: list[Waiting], why: str, category: str) -> None:
        for model, op in {id(w.item[1]): w.item[:2] for w in chosen}.values():
            self.take_back(model, op)
            op.promise.fail(why, category)
            if model.ops.get(model.next) is op:
                self.advance(model)

    def shrink(self) -> None:
        self.tidy()
        self.budget = max(self.most_train, self.budget // 2)
        METRICS.failures.labels("out_of_memory").inc()
        log.warning("out of memory; the token budget of a pass is %d now", self.budget)

    def tidy(self) -> None:
        if self.base.device.type == "cuda":
            gc.collect()
            torch.cuda.empty_cache()
