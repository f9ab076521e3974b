"""The output matrix and the cross-entropy, a chunk of tokens at a time: the logits [tokens, vocabulary] of a pass
never exist at once (32 rows of 512 tokens and 151,936 words would be 10 GB). The gradient of the hidden states is
made on the way, while a chunk's softmax is there; so a pass computes the logits once, not twice."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F

CHUNK_LOGITS = {"cuda": 1 << 28, "cpu": 1 << 26}  # of a chunk: 1 GiB, or 256 MiB, as float32 (2026-11-26)


@dataclass(frozen=True)
class Head:
    """logits = cap · tanh(scale · (h Wᵀ + b) / cap); cap 0 is none."""

    weight: torch.Tensor
    bias: torch.Tensor | None = None
    scale: float = 1.0
    cap: float = 0.0

    def raw(self, hidden: torch.Tensor) -> torch.Tensor:
        return F.linear(hidden, self.weight, self.bias)

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        return shaped(self.raw(hidden), self.scale, self.cap)

    def chunk(self) -> int:
        """Tokens of a chunk; a GPU multiplies tiles of them."""
        n = CHUNK_LOGITS[self.weight.device.type] // self.weight.shape[0]
        return max(64, n // 128 * 128)


def shaped(raw: torch.Tensor, scale: float, cap: float) -> torch.Tensor:
    z = raw.float()
    if scale != 1.0:
        z = z * scale
    return cap * torch.tanh(z / cap) if cap else z


def spread(raw: torch.Tensor, targets: torch.Tensor, scale: float, cap: float):
    """→ (softmax − onehot, the gradient of −log p but for the scale, in raw's precision; log p). The logits of a pass
    are more numbers than all its activations, so each time that they are read or written counts."""
    z = shaped(raw, scale, cap)
    logs = F.log_softmax(z, -1)
    logp = logs.gather(1, targets[:, None])
    g = torch.empty_like(raw)
    torch.exp(logs, out=g)
    g.scatter_(1, targets[:, None], logp.expm1().to(g.dtype))
    if cap:
        g *= 1 - (z / cap) ** 2
    return g, logp[:, 0]


def fused_spread(raw: torch.Tensor, targets: torch.Tensor, scale: float, cap: float):
    """The same as torch.compile makes one kernel of it."""
    z = shaped(raw, scale, cap)
    logs = F.log_softmax(z, -1)
    logp = logs.gather(1, targets[:, None])
    hit = torch.arange(z.shape[1], device=z.device) == targets[:, None]
    g = torch.where(hit, logp.expm1(), logs.exp())
    if cap:
        g = g * (1 - (z / cap) ** 2)
    return g.to(raw.dtype), logp[:, 0]


@torch.no_grad()
def log_probabilities(head: Head, hidden: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """log p of each target, [G, T]."""
    h, t, n = hidden.flatten(0, 1), targets.flatten(), head.chunk()
    parts = [
        F.log_softmax(head.logits(x), -1).gather(1, y[:, None])[:, 0]
        for x, y in zip(h.split(n), t.split(n), strict=True)
    ]
    return torch.cat(parts).view(targets.shape)


class CrossEntropy(torch.autograd.Function):
    """Σ w · −log p(target) over [G, T], and log p itself. W's gradient is made only where W is trained."""

    @staticmethod
    def forward(ctx, hidden, weight, bias, head, targets, weights, spread):
        head = Head(weight, bias, head.scale, head.cap)
        h, t, w = hidden.flatten(0, 1), targets.flatten(), weights.flatten()
        grad_h, logp = torch.empty_like(h), torch.empty_like(w)
        trained = ctx.needs_input_grad[1]
        grad_w = torch.zeros_like(weight, dtype=torch.float32) if trained else None
        grad_b = torch.zeros_like(bias, dtype=torch.float32) if trained and bias is not None else None
        for from_ in range(0, len(h), head.chunk()):
            s = slice(from_, from_ + head.chunk())
            g, logp[s] = spread(head.raw(h[s]), t[s], head.scale, head.cap)
            factor = w[s, None] * head.scale  # put in after the product: a factor of each token, not of each logit
            grad_h[s] = (g @ weight) * factor
            if grad_w is not None:
                grad_w += (g.mT @ (h[s] * factor).to(g.dtype)).float()
            if grad_b is not None:
                grad_b += (g.mT.float() @ factor)[:, 0]
        none = torch.empty(0)
        ctx.save_for_backward(
            grad_h.view_as(hidden), none if grad_w is None else grad_w, none if grad_b is None else grad_b
        )
        logp = logp.view_as(targets)
        ctx.mark_non_differentiable(logp)
        return -(logp * weights).sum(), logp

    @staticmethod
    def backward(ctx, grad, _):
        grad_h, grad_w, grad_b = ctx.saved_tensors
        wanted = [x * grad if x.numel() else None for x in (grad_w, grad_b)]
        return grad_h * grad.to(grad_h.dtype), *wanted, None, None, None, None
