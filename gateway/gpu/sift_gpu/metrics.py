"""What /metrics tells; no text, no key and no tenant is in it."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

FAILURES = ("engine", "out_of_memory")


class Metrics:
    def __init__(self):
        self.registry = r = CollectorRegistry()
        self.requests = Counter("sift_gpu_requests", "HTTP requests", ["path", "status"], registry=r)
        self.steps = Counter("sift_gpu_steps", "optimiser steps of one adapter", registry=r)
        self.pass_tokens = Counter("sift_gpu_pass_tokens", "tokens of training and scoring passes", registry=r)
        self.padded_tokens = Counter("sift_gpu_padded_tokens", "the same, padding included", registry=r)
        self.tokens = Counter("sift_gpu_generated_tokens", "tokens generated", registry=r)
        self.failures = Counter("sift_gpu_failures", "faults of the server", ["kind"], registry=r)
        for kind in FAILURES:  # from 0: a series that begins with its first failure shows Prometheus no increase
            self.failures.labels(kind)
        self.passes = Histogram(
            "sift_gpu_pass_seconds", "one pass", registry=r, buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10)
        )
        self.gauges = {
            name: Gauge(f"sift_gpu_{name}", text, registry=r)
            for name, text in (
                ("sessions", "sessions that live"),
                ("models", "models that live"),
                ("samplers", "samplers that live"),
                ("free_rank_lines", "rank lines of the arena that are free"),
                ("rows", "rows that generate"),
                ("promises", "promises that are kept"),
                ("budget_tokens", "tokens of a pass at most"),
                ("adapters", "adapters in host memory"),
                ("adapter_bytes", "their size"),
            )
        }


METRICS = Metrics()
