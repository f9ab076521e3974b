"""A base model from a directory of Hugging Face layout: what is refused by name, its output head, and what tells it
from others. Weights are only ever read; nothing of a directory is executed (no remote code)."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.pytorch_utils import Conv1D

from . import attention, norms
from .loss import Head

# what a client may fetch: its tokenizer and what a model says of itself; a fixed list, so that no path can be named
FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "config.json",
    "chat_template.jinja",
    "special_tokens_map.json",
    "generation_config.json",
    "sift.json",
)
ATTENTION = {"full_attention", "sliding_attention"}


class Unsupported(Exception):
    """A model that this server does not run; the message says which and why."""


@dataclass
class Base:
    name: str
    directory: Path
    model: nn.Module
    config: object
    head: Head
    head_name: str
    context: int
    revision: str
    ends: frozenset[int]

    @property
    def dtype(self) -> torch.dtype:
        return self.head.weight.dtype

    @property
    def device(self) -> torch.device:
        return self.head.weight.device

    @property
    def body(self) -> nn.Module:
        return self.model.base_model

    @property
    def parameters(self) -> int:
        return sum(p.numel() for p in self.model.parameters())


def check_supported(config) -> None:
    """Looks at the modules before any weight is read. Raises Unsupported."""
    kind = (getattr(config, "architectures", None) or [type(config).__name__])[0]
    if getattr(config, "is_encoder_decoder", False):
        raise Unsupported(f"{kind} is an encoder-decoder; this server runs decoders only")
    other = set(getattr(config, "layer_types", None) or ()) - ATTENTION
    if other:
        raise Unsupported(f"{kind} is a hybrid: its layers of type {', '.join(sorted(other))} are not supported")
    try:
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config)
    except ValueError as error:
        raise Unsupported(f"{kind}: transformers knows no causal model of it ({str(error)[:120]})") from error
    for name, module in model.named_modules():
        if isinstance(module, Conv1D):
            raise Unsupported(f"{kind} has Conv1D layers ({name}), as GPT-2 does; linear layers are needed")
        if any(part in name for part in ("expert", "router", "moe")):
            raise Unsupported(f"{kind} is a mixture of experts ({name}); its experts cannot be adapted row by row")
        if any(part in type(module).__name__ for part in ("Mamba", "Recurrent", "Rwkv", "ShortConv", "DeltaNet")):
            raise Unsupported(f"{kind} is a hybrid: {name} is a {type(module).__name__}, not attention")
    if not any(isinstance(m, nn.Linear) and ".layers." in f".{n}." for n, m in model.named_modules()):
        raise Unsupported(f"{kind} has no linear layers under '.layers.' that could be adapted")


def end_tokens(directory: Path, config) -> frozenset[int]:
    """As transformers' generate: generation_config.json before config.json."""
    path = directory / "generation_config.json"
    given = json.loads(path.read_text()).get("eos_token_id") if path.exists() else None
    ends = given if given is not None else config.eos_token_id
    return frozenset([] if ends is None else ends if isinstance(ends, list) else [ends])


def fingerprint(directory: Path) -> str:
    """The same 16 digits as the TypeScript engine's (fingerprint.ts): configuration and weights, not name or time."""
    whole = hashlib.sha256()
    for path in sorted(p for p in directory.iterdir() if p.name == "config.json" or p.suffix == ".safetensors"):
        with path.open("rb") as file:
            whole.update(f"{path.name}\n{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return whole.hexdigest()[:16]


def load(spec: str, device: str, dtype: torch.dtype) -> Base:
    """`DIR` or `NAME=DIR`."""
    given, _, rest = spec.rpartition("=")
    directory = Path(rest)
    if not (directory / "config.json").is_file():
        raise Unsupported(f"{directory} holds no config.json")
    try:
        config = AutoConfig.from_pretrained(directory, local_files_only=True)
    except ValueError as error:
        raise Unsupported(f"{directory}: {str(error)[:160]}") from error
    check_supported(config)
    # sdpa passes over a soft cap of the attention scores; eager does not
    attention = "eager" if getattr(config, "attn_logit_softcapping", None) else "sdpa"
    model = AutoModelForCausalLM.from_pretrained(
        directory, dtype=dtype, attn_implementation=attention, local_files_only=True, use_safetensors=True
    )
    name = given or directory.resolve().name
    return of(model.to(device), name, directory, fingerprint(directory), end_tokens(directory, config))


def of(model: nn.Module, name: str, directory: Path, revision: str, ends: frozenset[int] = frozenset()) -> Base:
    """A model that is in memory; `directory` has its files for clients."""
    config, output = model.config, model.eval().requires_grad_(False).get_output_embeddings()
    if config._attn_implementation == "sdpa":
        model.set_attn_implementation(attention.NAME)
    if output.weight.is_cuda:
        norms.fuse(model)
    head = Head(
        output.weight,
        getattr(output, "bias", None),
        getattr(config, "logit_scale", None) or 1.0 / (getattr(config, "logits_scaling", None) or 1.0),
        getattr(config, "final_logit_softcapping", None) or 0.0,
    )
    head_name = next(name for name, p in model.named_parameters() if p is output.weight)
    base = Base(name, directory, model, config, head, head_name, config.max_position_embeddings, revision, ends)
    check_head(base)
    return base


@torch.no_grad()
def check_head(base: Base) -> None:
    """The hidden states through our head must be transformers' logits; a family with a head of its own is refused."""
    ids = torch.arange(min(8, base.context), device=base.device)[None] % base.config.vocab_size
    wanted = base.model(input_ids=ids, use_cache=False).logits.float()
    got = base.head.logits(base.body(input_ids=ids, use_cache=False).last_hidden_state)
    error = ((got - wanted).norm() / wanted.norm()).item()
    if not error < (1e-4 if base.dtype == torch.float32 else 3e-2):
        raise Unsupported(f"{type(base.model).__name__}: its output head is not a plain matrix (off by {error:.1e})")
