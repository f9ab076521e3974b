"""RMSNorm as PyTorch's own kernel: transformers writes it as six operations and their gradients, in float32, a quarter
of all kernels of a step. Used on a GPU; a CPU keeps what it has been compared with."""

import torch
import torch.nn.functional as F
from torch import nn


@torch.no_grad()
def fuse(model: nn.Module) -> int:
    """Replaces those whose result is the same up to rounding; → how many. Gemma's multiply by 1 + weight and stay."""
    fused = 0
    for module in model.modules():
        eps = getattr(module, "variance_epsilon", getattr(module, "eps", None))
        weight = getattr(module, "weight", None)
        if "RMSNorm" not in type(module).__name__ or eps is None or weight is None:
            continue
        x = torch.linspace(-3, 3, 4 * len(weight), device=weight.device, dtype=weight.dtype).view(4, -1)
        # by the module, whose weight is another while it is tuned fully
        own = lambda x, module=module, eps=eps: F.rms_norm(x, module.weight.shape, module.weight, eps)
        wanted = module(x).float()
        error = ((own(x).float() - wanted).norm() / wanted.norm()).item()
        if error <= (1e-5 if weight.dtype == torch.float32 else 1e-2):
            module.forward, fused = own, fused + 1
    return fused
