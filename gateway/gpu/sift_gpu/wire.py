"""Bodies, parsed once into what the rest can rely on, and results as the SDK reads them. A body that is not as it
should be raises Refusal, which names the value and the limit; the SDK's own fields that mean nothing here are passed
over."""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import zstandard
from google.protobuf.message import DecodeError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from . import tinker_pb2 as pb

JSON_BYTES = 8 << 20  # a prompt of half a million tokens (2026-11-26)
PROTO_BYTES = 64 << 20  # the SDK cuts its requests at 5 MB; also after zstd (2026-11-26)
MOST_DATA = 1024  # examples of a request; the SDK sends no more (2026-11-26)
DTYPES = {pb.FLOAT32: np.float32, pb.INT64: np.int64, pb.INT32: np.int32}


class Refusal(Exception):
    def __init__(self, status: int, message: str, retry_after: int | None = None):
        super().__init__(message)
        self.status, self.message, self.retry_after = status, message, retry_after


class Body(BaseModel):
    model_config = ConfigDict(protected_namespaces=(), allow_inf_nan=False)


Id = Annotated[str, Field(max_length=256)]
Sequence = Annotated[int, Field(ge=1, lt=1 << 31)]


class CreateSession(Body):
    user_metadata: dict | None = None


class SessionId(Body):
    session_id: Id


class LoraConfig(Body):
    rank: int = Field(ge=1, le=256)
    seed: int | None = None
    train_mlp: bool = True
    train_attn: bool = True


class SiftOptions(Body):
    method: Literal["lora", "full"] = "lora"
    adapter: Id | None = None
    scale: float = Field(2.0, gt=0, le=1024)


class CreateModel(Body):
    session_id: Id
    model_seq_id: int = Field(ge=0)
    base_model: Id
    lora_config: LoraConfig | None = None
    optimizer_config: dict = {}
    sift: SiftOptions = SiftOptions()


class ModelId(Body):
    model_id: Id


class AdamParams(Body):
    learning_rate: float = Field(1e-4, ge=0, le=1e6)
    beta1: float = Field(0.9, ge=0, lt=1)
    beta2: float = Field(0.95, ge=0, lt=1)
    eps: float = Field(1e-12, ge=1e-30, le=1)
    weight_decay: float = Field(0.0, ge=0, le=1e6)
    grad_clip_norm: float = Field(0.0, ge=0)


class OptimStep(Body):
    model_id: Id
    seq_id: Sequence
    adam_params: AdamParams


class Save(Body):
    model_id: Id
    seq_id: Sequence
    path: Id | None = None


class CreateSampler(Body):
    session_id: Id
    base_model: Id | None = None
    model_path: Id | None = None


class PromptChunk(Body):
    type: Literal["encoded_text"] = "encoded_text"
    tokens: list[int]


class Prompt(Body):
    chunks: list[PromptChunk]


class SamplingParams(Body):
    max_tokens: int | None = Field(None, ge=1)
    temperature: float = Field(1.0, ge=0)
    top_k: int = Field(-1, ge=-1)
    top_p: float = Field(1.0, gt=0, le=1)
    seed: int | None = None
    stop: list[int] | list[list[int]] | None = Field(None, max_length=64)


class Sample(Body):
    sampling_session_id: Id
    seq_id: int | None = None
    num_samples: int = Field(1, ge=1, le=64)
    prompt: Prompt
    sampling_params: SamplingParams
    prompt_logprobs: bool | None = None
    topk_prompt_logprobs: Literal[0] = 0
    topk_sample_logprobs: Literal[0] = 0


class RequestId(Body):
    request_id: Id


class Keep(Body):
    model_id: Id
    seq_id: Sequence
    id: Id
    tenant: Id | None = None


class Forget(Body):
    ids: list[Id] = Field(max_length=10_000)


def parse(schema: type[Body], raw: bytes):
    try:
        return schema.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(x) for x in first["loc"]) or "body"
        got = "" if first["type"] in ("missing", "json_invalid") else f" (got {str(first.get('input'))[:60]!r})"
        raise Refusal(400, f"{place}: {first['msg']}{got}") from error


def inflate(raw: bytes, encoding: str | None) -> bytes:
    """A zstd body, never more of it than may be."""
    if encoding in (None, "", "identity"):
        return raw
    if encoding != "zstd":
        raise Refusal(415, f"content-encoding '{encoding}' is not read; send zstd or none")
    try:
        with zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(raw) as reader:
            out = reader.read(PROTO_BYTES + 1)
    except zstandard.ZstdError as error:
        raise Refusal(400, f"the body is not zstd: {error}") from error
    if len(out) > PROTO_BYTES:
        raise Refusal(413, f"the body has more than {PROTO_BYTES} bytes after zstd")
    return out


@dataclass(frozen=True)
class Example:
    tokens: np.ndarray  # int64
    targets: np.ndarray  # int64
    weights: np.ndarray  # float32


def array(tensor: pb.Tensor, name: str, dtype) -> np.ndarray:
    if tensor.WhichOneof("encoding") != "dense" or tensor.dtype not in DTYPES:
        raise Refusal(400, f"{name} must be a dense tensor of float32, int32 or int64")
    if len(tensor.dense) % np.dtype(DTYPES[tensor.dtype]).itemsize:
        raise Refusal(400, f"{name} has {len(tensor.dense)} bytes, which is no whole number of values")
    return np.frombuffer(tensor.dense, DTYPES[tensor.dtype]).astype(dtype)


def token_ids(tokens, vocabulary: int, name: str) -> np.ndarray:
    ids = np.asarray(tokens, np.int64)
    if ids.size and not (0 <= ids.min() and ids.max() < vocabulary):
        raise Refusal(
            400, f"{name} has token {ids.min() if ids.min() < 0 else ids.max()}; the vocabulary has {vocabulary}"
        )
    return ids


def read_example(datum: pb.Datum, vocabulary: int, most: int, at: int) -> Example:
    name = f"data[{at}]"
    if any(c.WhichOneof("kind") != "encoded_text" or len(c.encoded_text.tokens) % 4 for c in datum.model_input):
        raise Refusal(400, f"{name}.model_input must be text tokens only, as int32")
    parts = [np.frombuffer(c.encoded_text.tokens, np.int32) for c in datum.model_input]
    tokens = token_ids(np.concatenate(parts) if parts else [], vocabulary, name)
    if not 1 <= len(tokens) <= most:
        raise Refusal(400, f"{name} has {len(tokens)} tokens; from 1 to {most} are taken")
    inputs = datum.loss_fn_inputs
    if "target_tokens" not in inputs or set(inputs) - {"target_tokens", "weights"}:
        raise Refusal(400, f"{name}.loss_fn_inputs must be target_tokens and weights, not {sorted(inputs)}")
    targets = token_ids(
        array(inputs["target_tokens"], f"{name}.target_tokens", np.int64), vocabulary, f"{name}.target_tokens"
    )
    weights = np.ones(len(tokens), np.float32)
    if "weights" in inputs:
        weights = array(inputs["weights"], f"{name}.weights", np.float32)
    if not len(tokens) == len(targets) == len(weights):
        raise Refusal(400, f"{name} has {len(tokens)} tokens, {len(targets)} targets and {len(weights)} weights")
    if not np.isfinite(weights).all():
        raise Refusal(400, f"{name}.weights has a value that is not finite")
    return Example(tokens, targets, weights)


def read_pass(raw: bytes, vocabulary: int, most_train: int, most_forward: int):
    """→ (model_id, seq_id, examples, forward_only)."""
    m = pb.ForwardBackwardRequest()
    try:
        m.ParseFromString(raw)
    except DecodeError as error:
        raise Refusal(400, "the body is no ForwardBackwardRequest") from error
    if m.loss_fn != "cross_entropy":
        raise Refusal(400, f"loss_fn '{m.loss_fn[:60]}' is not known; use cross_entropy")
    if m.seq_id < 1:
        raise Refusal(400, f"seq_id {m.seq_id} must be 1 or more")
    if not 1 <= len(m.data) <= MOST_DATA:
        raise Refusal(400, f"data has {len(m.data)} examples; from 1 to {MOST_DATA} are taken")
    most = most_forward if m.forward_only else most_train
    return m.model_id, m.seq_id, [read_example(d, vocabulary, most, i) for i, d in enumerate(m.data)], m.forward_only


def write_pass(examples: list[Example], logprobs: list[np.ndarray]) -> bytes:
    m = pb.ForwardBackwardOutput(loss_fn_output_type="CrossEntropyLossReturn")
    record = m.loss_fn_outputs.add(num_datums=len(examples))
    with np.errstate(over="ignore", invalid="ignore"):
        losses = [-p * e.weights for p, e in zip(logprobs, examples, strict=True)]
    offsets = np.cumsum([0, *(4 * len(p) for p in logprobs)]).astype(np.int64).tobytes()
    for name, values in (("logprobs", logprobs), ("elementwise_loss", losses)):
        tensor = record.fields[name]
        tensor.data, tensor.offsets, tensor.dtype = (
            np.concatenate(values).astype(np.float32).tobytes(),
            offsets,
            pb.FLOAT32,
        )
    m.metrics["loss:sum"] = float(sum(x.sum(dtype=np.float64) for x in losses))
    return m.SerializeToString()


def write_samples(samples) -> bytes:
    m = pb.SampleResponse()
    for s in samples:
        m.sequences.add(
            stop_reason=pb.STOP if s.reason == "stop" else pb.LENGTH,
            tokens=np.array(s.tokens, np.int32).tobytes(),
            logprobs=np.array(s.logprobs, np.float32).tobytes(),
        )
    if samples[0].prompt_logprobs is not None:
        m.prompt_logprobs = np.array(samples[0].prompt_logprobs, np.float32).tobytes()
    return m.SerializeToString()
