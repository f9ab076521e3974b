"""One caller over HTTP, in a process of its own: `caller.py URL MODEL TOKENS STEPS VOCABULARY` → JSON on stdout.
With steps: seconds from create_model to the first token after them. Without: of an adapter that was kept before."""

import json
import sys
import time
from pathlib import Path

import httpx
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "gateway/gpu"))
from sift_gpu import tinker_pb2 as pb  # noqa: E402

ADAM = {"learning_rate": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.0}


class Caller:
    def __init__(self, url: str, model: str):
        self.http = httpx.Client(base_url=url + "/api/v1", timeout=400)
        self.base, self.session = model, self.ask("/create_session", {})["session_id"]
        self.models = 0

    def ask(self, path: str, value=None, **options):
        answer = self.http.post(path, json=value, **options)
        answer.raise_for_status()
        return answer.json()

    def result(self, promise):
        while True:
            answer = self.http.post("/retrieve_future", json={"request_id": promise["request_id"]})
            if answer.status_code != 408:
                answer.raise_for_status()
                value = answer.json() if "json" in answer.headers["content-type"] else answer.content
                if isinstance(value, dict) and "error" in value:
                    raise RuntimeError(value["error"])
                return value

    def steps_so_far(self) -> float:
        lines = self.http.get(self.http.base_url.join("/metrics")).text.splitlines()
        return next(float(x.split()[1]) for x in lines if x.startswith("sift_gpu_steps_total "))

    def create(self, **sift) -> str:
        self.models += 1
        value = {"session_id": self.session, "model_seq_id": self.models, "base_model": self.base, "sift": sift}
        return self.ask("/create_model", {**value, "lora_config": {"rank": 8, "seed": 1}})["model_id"]

    def step(self, model: str, seq: int, tokens: np.ndarray):
        m, n = pb.ForwardBackwardRequest(model_id=model, seq_id=seq, loss_fn="cross_entropy"), len(tokens) - 1
        datum = m.data.add()
        datum.model_input.add(encoded_text=pb.EncodedText(tokens=tokens[:-1].astype(np.int32).tobytes()))
        for name, values, kind in (("target_tokens", tokens[1:].astype(np.int64), pb.INT64),
                                   ("weights", np.full(n, 1 / n, np.float32), pb.FLOAT32)):  # fmt: skip
            datum.loss_fn_inputs[name].CopyFrom(pb.Tensor(dense=values.tobytes(), dtype=kind, shape=[n]))
        headers = {"content-type": "application/x-protobuf"}
        passed = self.ask("/forward_backward", content=m.SerializeToString(), headers=headers)
        return passed, self.ask("/optim_step", {"model_id": model, "seq_id": seq + 1, "adam_params": ADAM})

    def first_token(self, model: str, seq: int, prompt: np.ndarray) -> None:
        saved = self.result(self.ask("/save_weights_for_sampler", {"model_id": model, "seq_id": seq}))
        value = {
            "sampling_session_id": saved["sampling_session_id"],
            "prompt": {"chunks": [{"tokens": prompt.tolist()}]},
            "sampling_params": {"max_tokens": 4, "temperature": 0, "stop": []},
        }
        with self.http.stream("GET", f"/sift/stream/{self.ask('/asample', value)['request_id']}") as answer:
            if "tokens" not in json.loads(next(answer.iter_lines())):
                raise RuntimeError("the stream began with no token")


def main(url: str, model: str, tokens: str, steps: str, vocabulary: str) -> None:
    n, caller, random = int(tokens), Caller(url, model), np.random.default_rng(0)
    examples = [random.integers(0, int(vocabulary), n + 1) for _ in range(int(steps) + 1)]
    prompt = random.integers(0, int(vocabulary), 64)
    warm = caller.create()
    for promise in caller.step(warm, 1, examples[0]):
        caller.result(promise)
    caller.first_token(warm, 3, prompt)
    if int(steps):
        started = time.perf_counter()
        tuned = caller.create()
        promises = [p for i, x in enumerate(examples[1:]) for p in caller.step(tuned, 1 + 2 * i, x)]
        caller.first_token(tuned, 1 + 2 * int(steps), prompt)
        taken = time.perf_counter() - started
        for promise in promises:  # a step that failed is fast: it is no figure
            caller.result(promise)
        print(json.dumps({"tuned": taken}))
    else:
        caller.result(caller.ask("/sift/keep", {"model_id": warm, "seq_id": 4, "id": "bench"}))
        taken, before = [], caller.steps_so_far()
        for _ in range(5):
            started = time.perf_counter()
            again = caller.create(adapter="bench")
            caller.first_token(again, 1, prompt)
            taken.append(time.perf_counter() - started)
            caller.result(caller.ask("/unload_model", {"model_id": again}))
        print(json.dumps({"again": sorted(taken)[2], "steps": caller.steps_so_far() - before}))
    caller.ask(f"/sessions/{caller.session}/finish", {})


if __name__ == "__main__":
    main(*sys.argv[1:])
