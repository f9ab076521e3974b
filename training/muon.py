"""Muon (Jordan et al., 2024): momentum, then the nearest orthogonal matrix by five Newton-Schulz steps.

At this size it needs clearly fewer tokens than AdamW for the same loss; embeddings and norms stay with AdamW. Matrices of
the same shape are orthogonalised together, and in bfloat16 where asked: the iteration corrects what rounding spoils.
"""
import torch


def orthogonal(g, steps=5):
    """g … R C, each matrix by itself."""
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = g.shape[-2] > g.shape[-1]
    x = g.mT if tall else g
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        s = x @ x.mT
        x = a * x + (b * s + c * s @ s) @ x
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    def __init__(self, parameters, lr=0.02, momentum=0.95, weight_decay=0.01, dtype=torch.float32):
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})
        self.dtype = dtype

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            shapes = {}
            for p in group["params"]:
                buffer = self.state[p].setdefault("momentum", torch.zeros_like(p))
                buffer.lerp_(p.grad, 1 - group["momentum"])
                shapes.setdefault(tuple(sorted(p.shape)), []).append((p, p.grad.lerp(buffer, group["momentum"])))
            for pairs in shapes.values():
                # a tall matrix lies down beside its wide sisters
                flat = torch.stack([(u.T if u.shape[0] > u.shape[1] else u).to(self.dtype) for _, u in pairs])
                for (p, _), update in zip(pairs, orthogonal(flat).float()):
                    p.mul_(1 - group["lr"] * group["weight_decay"])
                    p.add_(update.T if p.shape[0] > p.shape[1] else update, alpha=-group["lr"] * max(1, p.shape[0] / p.shape[1]) ** 0.5)
