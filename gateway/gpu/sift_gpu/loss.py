"""The output matrix and the cross-entropy, a chunk of tokens at a time: the logits [tokens, vocabulary] of a pass
never exist at once (32 rows of 512 tokens and 151,936 words would be 10 GB). The gradient of the hidden states is
made on the way, while a chunk's softmax is there; so a pass computes the logits once, not twice."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F

CHUNK_LOGITS = 1 << 26  # logits of a chunk: 256 MiB as float32 (2026-11-26)


@dataclass(frozen=True)
class Head:
    """logits = cap · tanh(scale · (h Wᵀ + b) / cap); cap 0 is none."""

    weight: torch.Tensor
    bias: torch.Tensor | None = None
    scale: float = 1.0
    cap: float = 0.0

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        z = F.linear(hidden, self.weight, self.bias).float()
        if self.scale != 1.0:
            z = z * self.scale
        return self.cap * torch.tanh(z / self.cap) if self.cap else z

    def chunk(self) -> int:
        return max(64, CHUNK_LOGITS // self.weight.shape[0])


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
    def forward(ctx, hidden, weight, bias, head, targets, weights):
        head = Head(weight, bias, head.scale, head.cap)
        h, t, w = hidden.flatten(0, 1), targets.flatten(), weights.flatten()
        grad_h, logp = torch.empty_like(h), torch.empty_like(w)
        trained = ctx.needs_input_grad[1]
        grad_w = torch.zeros_like(weight, dtype=torch.float32) if trained else None
        grad_b = torch.zeros_like(bias, dtype=torch.float32) if trained and bias is not None else None
        for from_ in range(0, len(h), head.chunk()):
            s = slice(from_, from_ + head.chunk())
            z = head.logits(h[s])
            logs = F.log_softmax(z, -1)
            logp[s] = logs.gather(1, t[s, None])[:, 0]
            g = logs.exp_()  # ∂loss/∂z = w · (softmax − onehot)
            g.scatter_add_(1, t[s, None], torch.full_like(w[s, None], -1.0))
            g *= w[s, None]
            if head.cap:
                g *= 1 - (z / head.cap) ** 2
            if head.scale != 1.0:
                g *= head.scale
            g = g.to(weight.dtype)
            grad_h[s] = g @ weight
            if grad_w is not None:
                grad_w += (g.mT @ h[s]).float()
            if grad_b is not None:
                grad_b += g.sum(0).float()
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
        return grad_h * grad.to(grad_h.dtype), *wanted, None, None, None
