"""Full fine-tuning: one caller's own copy of every parameter in float32, with its moments and gradient. It does not
batch with anything, so it has a lane of its own, one model at a time; it is refused, with numbers, where it does not
fit. Parameters are cast to the base's precision for a pass, as the base itself is."""

import torch
from torch import Tensor
from torch.func import functional_call

from . import attention
from .adapters import Adam, adam_update
from .decode import Decoder
from .loss import CrossEntropy, Head, log_probabilities, spread
from .model import Base

BYTES = 20  # a parameter: weight, two moments, gradient in float32; a cast copy for the pass, and one for a sampler


def free_bytes(device: torch.device) -> int:
    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + unused
    with open("/proc/meminfo") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable"))


def refusal(base: Base) -> str | None:
    """Why full fine-tuning does not fit now; None where it does."""
    need, free = BYTES * base.parameters, free_bytes(base.device)
    if need <= free:
        return None
    gigabytes = f"needs {need / 1e9:.1f} GB, {free / 1e9:.1f} GB are free"
    return f"full fine-tuning of {base.parameters:,} parameters {gigabytes}; use lora"


class FullModel:
    rank = 0

    def __init__(self, base: Base):
        self.base, self.steps = base, 0
        make = lambda: {n: torch.zeros_like(p, dtype=torch.float32) for n, p in base.model.named_parameters()}
        self.p = {n: p.detach().to(torch.float32, copy=True).requires_grad_() for n, p in base.model.named_parameters()}
        self.m, self.v = make(), make()

    def parts(self, params: dict[str, Tensor]):
        """The body to call and the head, with these parameters in place of the base's."""
        base, prefix = self.base, self.base.model.base_model_prefix + "."
        inside = {n.removeprefix(prefix): p for n, p in params.items() if n.startswith(prefix)}
        bias = params.get(base.head_name.replace(".weight", ".bias")) if base.head.bias is not None else None
        head = Head(params[base.head_name], bias, base.head.scale, base.head.cap)
        return lambda **options: functional_call(base.body, inside, kwargs=options), head

    def cast(self) -> dict[str, Tensor]:
        return {n: p.to(self.base.dtype) for n, p in self.p.items()}

    def train(self, ids: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        body, head = self.parts(self.cast())
        hidden = body(input_ids=ids, **attention.whole(self.base.body)).last_hidden_state
        loss, logp = CrossEntropy.apply(hidden, head.weight, head.bias, head, targets, weights, spread)
        loss.backward()
        return logp

    def gathered(self) -> dict[str, Tensor] | None:
        grads = {n: p.grad.clone() for n, p in self.p.items() if p.grad is not None}
        return grads or None

    def put_back(self, gathered: dict[str, Tensor] | None) -> None:
        for n, p in self.p.items():
            p.grad = (gathered or {}).get(n)

    @torch.no_grad()
    def logp(self, ids: Tensor, targets: Tensor) -> Tensor:
        body, head = self.parts(self.cast())
        hidden = body(input_ids=ids, **attention.whole(self.base.body)).last_hidden_state
        return log_probabilities(head, hidden, targets)

    @torch.no_grad()
    def adam(self, adam: Adam) -> bool:
        grads = {n: p.grad if p.grad is not None else torch.zeros_like(p) for n, p in self.p.items()}
        for p in self.p.values():
            p.grad = None
        norm = torch.stack([g.norm() for g in grads.values()]).norm()
        if not norm.isfinite():
            return False
        for n, p in self.p.items():
            g = grads[n] * (adam.clip / (norm + 1e-6)).clamp(max=1) if adam.clip else grads[n]
            adam_update(p, g, self.m[n], self.v[n], adam.numbers(self.steps + 1))
        self.steps += 1
        return True

    def sampler(self, rows: int, tokens: int) -> Decoder:
        """Decodes with the parameters as they are now, whatever later steps do."""
        with torch.no_grad():
            params = {n: p.to(self.base.dtype, copy=True) for n, p in self.p.items()}
        return Decoder(self.base, None, rows, tokens, *self.parts(params))
