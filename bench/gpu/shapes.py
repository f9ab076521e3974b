"""Models of a known shape with random weights: speed depends on the shape alone, so that nothing is downloaded. The
larger three have the shapes of Qwen2.5; the smaller two are for a CPU."""

import tempfile
from pathlib import Path

import torch
from sift_gpu import model
from transformers import AutoModelForCausalLM, Qwen2Config

# hidden, intermediate, layers, heads, key/value heads, vocabulary, output matrix = embeddings
SHAPES = {
    "tiny": (256, 768, 4, 4, 2, 2048, True),
    "30m": (512, 1408, 8, 8, 4, 8192, True),
    "0.5b": (896, 4864, 24, 14, 2, 151_936, True),
    "1.5b": (1536, 8960, 28, 12, 2, 151_936, True),
    "7b": (3584, 18_944, 28, 28, 4, 152_064, False),
}
CONTEXT = 2048  # tokens; more than any measurement needs (2026-11-26)


def config_of(shape: str) -> Qwen2Config:
    hidden, intermediate, layers, heads, kv, vocabulary, tied = SHAPES[shape]
    return Qwen2Config(
        hidden_size=hidden,
        intermediate_size=intermediate,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=kv,
        vocab_size=vocabulary,
        tie_word_embeddings=tied,
        max_position_embeddings=CONTEXT,
    )


class Source:
    """Gives the same model as often as it is asked: in another precision, or for another way to train it."""

    def __init__(self, shape: str | None, directory: str | None, device: str):
        self.shape, self.directory, self.device = shape, directory, device
        self.name = Path(directory).resolve().name if directory else shape

    def plain(self, dtype: torch.dtype):
        """As transformers makes it, rounded to bfloat16 first on a GPU, so that both precisions have equal weights."""
        if self.directory:
            made = AutoModelForCausalLM.from_pretrained(self.directory, dtype=dtype, attn_implementation="sdpa")
        else:
            torch.manual_seed(0)
            with torch.device(self.device):
                made = AutoModelForCausalLM.from_config(
                    config_of(self.shape), dtype=torch.float32, attn_implementation="sdpa"
                )
        if self.device != "cpu":
            made = made.to(torch.bfloat16)
        return made.to(self.device, dtype).eval().requires_grad_(False)

    def base(self, dtype: torch.dtype) -> model.Base:
        return model.of(self.plain(dtype), self.name, Path(self.directory or tempfile.gettempdir()), "random")
