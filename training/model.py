"""Qwen3 as transformers' Qwen3ForCausalLM computes it, in the least code that trains fast on a CPU.

Parameter names are transformers' own, so a state dict is the checkpoint. Shapes at line ends: B batch, T tokens,
D hidden, H heads, G key-value heads, E head dimension, V vocabulary.
"""
from dataclasses import asdict, dataclass
import torch
from torch import nn
from torch.nn import functional as F
from loss import TiedCrossEntropy


@dataclass
class Config:
    vocab_size: int = 8192
    hidden_size: int = 256
    intermediate_size: int = 704
    num_hidden_layers: int = 4
    num_attention_heads: int = 4
    num_key_value_heads: int = 2
    head_dim: int = 64
    max_position_embeddings: int = 1024
    rope_theta: float = 10000.0
    rms_norm_eps: float = 1e-6

    def to_huggingface(self):
        return {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "hidden_act": "silu", "tie_word_embeddings": True,
                "attention_bias": False, "attention_dropout": 0.0, "use_sliding_window": False, "sliding_window": None,
                "bos_token_id": None, "eos_token_id": 0, "initializer_range": 0.02, "use_cache": True,
                "torch_dtype": "bfloat16", **asdict(self)}


class RMSNorm(nn.Module):
    def __init__(self, size, eps):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(size)), eps

    def forward(self, x):
        return F.rms_norm(x, (x.shape[-1],), self.weight, self.eps)


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.q_proj = nn.Linear(c.hidden_size, c.num_attention_heads * c.head_dim, bias=False)
        self.k_proj = nn.Linear(c.hidden_size, c.num_key_value_heads * c.head_dim, bias=False)
        self.v_proj = nn.Linear(c.hidden_size, c.num_key_value_heads * c.head_dim, bias=False)
        self.o_proj = nn.Linear(c.num_attention_heads * c.head_dim, c.hidden_size, bias=False)
        self.q_norm, self.k_norm = RMSNorm(c.head_dim, c.rms_norm_eps), RMSNorm(c.head_dim, c.rms_norm_eps)

    def forward(self, x, cos, sin):  # x B T D
        B, T, _ = x.shape
        q = self.q_norm(self.q_proj(x).view(B, T, -1, self.c.head_dim)).transpose(1, 2)  # B H T E
        k = self.k_norm(self.k_proj(x).view(B, T, -1, self.c.head_dim)).transpose(1, 2)  # B G T E
        v = self.v_proj(x).view(B, T, -1, self.c.head_dim).transpose(1, 2)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        repeats = self.c.num_attention_heads // self.c.num_key_value_heads
        k, v = k.repeat_interleave(repeats, 1), v.repeat_interleave(repeats, 1)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.o_proj(y.transpose(1, 2).reshape(B, T, -1))


def rotate(x, cos, sin):  # x B H T E; the two halves of E are the pairs
    a, b = x.chunk(2, -1)
    return x * cos + torch.cat((-b, a), -1) * sin


class MLP(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.gate_proj = nn.Linear(c.hidden_size, c.intermediate_size, bias=False)
        self.up_proj = nn.Linear(c.hidden_size, c.intermediate_size, bias=False)
        self.down_proj = nn.Linear(c.intermediate_size, c.hidden_size, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.self_attn, self.mlp = Attention(c), MLP(c)
        self.input_layernorm = RMSNorm(c.hidden_size, c.rms_norm_eps)
        self.post_attention_layernorm = RMSNorm(c.hidden_size, c.rms_norm_eps)

    def forward(self, x, cos, sin):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin)
        return x + self.mlp(self.post_attention_layernorm(x))


class Body(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.embed_tokens = nn.Embedding(c.vocab_size, c.hidden_size)
        self.layers = nn.ModuleList(Layer(c) for _ in range(c.num_hidden_layers))
        self.norm = RMSNorm(c.hidden_size, c.rms_norm_eps)


class Qwen3(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c, self.model = c, Body(c)
        for name, p in self.named_parameters():
            if p.ndim == 2:
                # residual outputs start small, so that depth does not inflate the stream
                scale = (2 * c.num_hidden_layers) ** -0.5 if name.endswith(("o_proj.weight", "down_proj.weight")) else 1.0
                nn.init.normal_(p, std=0.02 * scale)

    def hidden(self, ids):  # ids B T; B T D after the last norm
        c = self.c
        position = torch.arange(ids.shape[1], dtype=torch.float32)
        frequency = c.rope_theta ** (-torch.arange(0, c.head_dim, 2, dtype=torch.float32) / c.head_dim)
        angle = torch.outer(position, frequency).repeat(1, 2)  # T E
        cos, sin = angle.cos(), angle.sin()
        x = self.model.embed_tokens(ids)
        for layer in self.model.layers:
            x = layer(x, cos.to(x.dtype), sin.to(x.dtype))
        return self.model.norm(x)

    def forward(self, ids, targets):  # ids, targets B T; mean loss in nats per token
        h = self.hidden(ids).reshape(-1, self.c.hidden_size)
        if torch.is_autocast_enabled("cpu"):
            h = h.to(torch.get_autocast_dtype("cpu"))
        return TiedCrossEntropy.apply(h, self.model.embed_tokens.weight, targets.reshape(-1))

    @torch.no_grad()
    def losses(self, ids, targets):  # B T; nats of every token, for measuring
        logits = F.linear(self.hidden(ids), self.model.embed_tokens.weight)  # B T V
        return F.cross_entropy(logits.view(-1, self.c.vocab_size), targets.reshape(-1), reduction="none").view_as(targets)
