"""Cross-entropy of a tied output layer without ever holding all logits: tokens are taken a few hundred at a time.

With 8,192 ids the float32 logits of a batch of 4,096 tokens are 134 MB, and the ordinary path writes and reads them several
times; a slice of 256 tokens stays in the cache. The gradients are computed on the way forward, where the softmax is at hand:
    ∂L/∂logits = (softmax(logits) − onehot(target)) / N,   ∂L/∂h = ∂L/∂logits · W,   ∂L/∂W = ∂L/∂logitsᵀ · h
"""
import torch

SLICE = 256  # tokens


class TiedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(context, h, weight, targets):  # h N D, weight V D, targets N; mean loss in nats
        w = weight.to(h.dtype)
        count, total = len(h), torch.zeros((), dtype=torch.float64)
        need = context.needs_input_grad[0]
        dh, dw = torch.empty_like(h), torch.zeros_like(weight, dtype=torch.float32)
        for at in range(0, count, SLICE):
            part, target = h[at:at + SLICE], targets[at:at + SLICE, None]
            logits = (part @ w.T).float()  # n V
            top = logits.amax(1, keepdim=True)
            chosen = logits.gather(1, target) - top
            p = logits.sub_(top).exp_()
            sums = p.sum(1, keepdim=True)
            total += (sums.log() - chosen).sum()
            if need:
                p.mul_(1 / (sums * count))
                p.scatter_add_(1, target, torch.full_like(sums, -1 / count))
                g = p.to(h.dtype)
                torch.mm(g, w, out=dh[at:at + SLICE])
                dw += g.T @ part
        context.save_for_backward(dh, dw)
        return (total / count).float()

    @staticmethod
    def backward(context, scale):
        dh, dw = context.saved_tensors
        return dh * scale.to(dh.dtype), dw * scale, None
