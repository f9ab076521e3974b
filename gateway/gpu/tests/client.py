"""A caller of the wire, as small as a test needs: JSON and protobuf bodies, promises awaited, sessions and models."""

import json

import httpx
import numpy as np

from sift_gpu import tinker_pb2 as pb

ADAM = {"learning_rate": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.0}


def tensor(values, dtype):
    kind = {"float32": pb.FLOAT32, "int64": pb.INT64}[dtype]
    return pb.Tensor(dense=np.asarray(values, dtype).tobytes(), dtype=kind, shape=[len(values)])


def body(model, seq, *examples, forward_only=False, loss_fn="cross_entropy", weights=None):
    m = pb.ForwardBackwardRequest(model_id=model, seq_id=seq, loss_fn=loss_fn, forward_only=forward_only)
    for x in examples:
        n = len(x) - 1
        d = m.data.add()
        d.model_input.add(encoded_text=pb.EncodedText(tokens=np.asarray(x[:-1], np.int32).tobytes()))
        d.loss_fn_inputs["target_tokens"].CopyFrom(tensor(x[1:], "int64"))
        d.loss_fn_inputs["weights"].CopyFrom(tensor(weights or [1 / max(n, 1)] * n, "float32"))
    return m.SerializeToString()


def logprobs(raw):
    m = pb.ForwardBackwardOutput.FromString(raw)
    field = m.loss_fn_outputs[0].fields["logprobs"]
    cuts = np.frombuffer(field.offsets, np.int64) // 4
    values = np.frombuffer(field.data, np.float32)
    return [values[a:b] for a, b in zip(cuts, cuts[1:])]


class Client:
    def __init__(self, url, key="", model="qwen3"):
        self.http = httpx.Client(base_url=url + "/api/v1", headers={"x-api-key": key} if key else {}, timeout=60)
        self.base, self.models, self.samples = model, 0, 0

    def post(self, path, value=None, raw=None, **headers):
        if raw is None:
            return self.http.post(path, json=value, headers=headers)
        return self.http.post(path, content=raw, headers={"content-type": "application/x-protobuf", **headers})

    def ask(self, path, value=None, raw=None, status=200, **headers):
        answer = self.post(path, value, raw, **headers)
        assert answer.status_code == status, answer.text
        return answer.json()

    def result(self, promise):
        while True:
            answer = self.post("/retrieve_future", {"request_id": promise["request_id"]})
            if answer.status_code != 408:
                return answer.json() if "json" in answer.headers["content-type"] else answer.content

    def session(self, **metadata):
        self.id = self.ask("/create_session", {"tags": [], "user_metadata": metadata, "sdk_version": "test"})[
            "session_id"
        ]
        return self

    def create(self, rank=8, seed=1, status=200, **sift):
        self.models += 1
        value = {
            "session_id": self.id,
            "model_seq_id": self.models,
            "base_model": self.base,
            "sift": sift,
            "lora_config": {"rank": rank, "seed": seed},
        }
        return self.ask("/create_model", value, status=status)

    def open(self, rank=8, seed=1, **sift):
        result = self.result(self.create(rank, seed, **sift))
        return result["model_id"] if "model_id" in result else result

    def learn(self, model, seq, x):
        """A step at seq and seq + 1 → the example's loss before it."""
        forward = self.ask("/forward_backward", raw=body(model, seq, x))
        step = self.ask("/optim_step", {"model_id": model, "seq_id": seq + 1, "adam_params": ADAM})
        lost = -float(np.mean(logprobs(self.result(forward))[0]))
        assert self.result(step) == {"metrics": {}}
        return lost

    def loss(self, model, seq, x):
        promise = self.ask("/forward_backward", raw=body(model, seq, x, forward_only=True))
        return -float(np.mean(logprobs(self.result(promise))[0]))

    def sampler(self, model, seq):
        return self.result(self.ask("/save_weights_for_sampler", {"model_id": model, "seq_id": seq}))[
            "sampling_session_id"
        ]

    def sample(self, sampler, prompt, status=200, num_samples=1, **params):
        self.samples += 1
        value = {
            "sampling_session_id": sampler,
            "seq_id": self.samples,
            "num_samples": num_samples,
            "prompt": {"chunks": [{"type": "encoded_text", "tokens": prompt}]},
            "sampling_params": {"max_tokens": 8, "temperature": 0, "stop": [], **params},
        }
        return self.ask("/asample", value, status=status)

    def tokens(self, sampler, prompt, **params):
        raw = self.result(self.sample(sampler, prompt, **params))
        return np.frombuffer(pb.SampleResponse.FromString(raw).sequences[0].tokens, np.int32).tolist()

    def lines(self, promise):
        with self.http.stream("GET", f"/sift/stream/{promise['request_id']}") as answer:
            assert answer.status_code == 200
            return [json.loads(line) for line in answer.iter_lines()]

    def finish(self):
        return self.ask(f"/sessions/{self.id}/finish", {"reason": {"type": "success"}})
