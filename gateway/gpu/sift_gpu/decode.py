"""Generation for many callers at once, each with its own adapter, length and seed; rows join and leave between
tokens.

A joining row's prompt goes through the model in one pass (rows of like length together, padded on the right; what a
pad leaves in the cache is written over before anything looks at it). Then every live row takes one token a step. Rows
lie without gaps: one that leaves is replaced by the last. What a row draws depends on its own seed and logits alone."""

from dataclasses import dataclass, field

import torch
from torch import Tensor
from transformers.cache_utils import Cache

from . import attention
from .adapters import Arena, Row, seeded
from .loss import log_probabilities
from .model import Base

VIEW = 64  # the attended part of the cache grows by as many tokens, so that a step has few shapes


@dataclass(eq=False)
class Sampling:
    """One row of a sample request."""

    row: Row
    prompt: list[int]
    max_tokens: int
    temperature: float = 0.0
    top_k: int = 0  # 0: no limit
    top_p: float = 1.0
    seed: int = 0
    stops: list[tuple[int, ...]] = field(default_factory=list)  # token sequences, part of the answer
    ends: frozenset[int] = frozenset()
    want_prompt: bool = False
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    prompt_logprobs: list[float] | None = None
    reason: str = ""  # "stop" or "length" once it is over
    error: str = ""

    @property
    def most(self) -> int:
        return len(self.prompt) + self.max_tokens

    def take(self, token: int, logprob: float) -> None:
        if not logprob > -torch.inf:  # NaN too
            self.error = "the logits are not finite numbers; a smaller learning_rate may help"
            return
        self.tokens.append(token)
        self.logprobs.append(logprob)
        if token in self.ends or any(tuple(self.tokens[-len(s) :]) == s for s in self.stops):
            self.reason = "stop"
        elif len(self.tokens) >= self.max_tokens:
            self.reason = "length"


class RowCache(Cache):
    """Keys and values of each layer, [rows, heads, capacity, size]; row i is filled to its own length."""

    def __init__(self):
        super().__init__(layers=[])
        self.keys: list[Tensor] = []
        self.values: list[Tensor] = []
        self.shape, self.rows, self.at, self.view = (0, 0), None, None, 0

    def update(self, key, value, layer, *args, **options):
        """Writes tokens `at` [n, T] of `rows`; gives what they attend to: themselves, or the first `view` tokens."""
        if layer == len(self.keys):
            make = lambda x: x.new_zeros(self.shape[0], x.shape[1], self.shape[1], x.shape[3])
            self.keys.append(make(key))
            self.values.append(make(value))
        for pool, new in ((self.keys[layer], key), (self.values[layer], value)):
            pool[self.rows[:, None], :, self.at] = new.transpose(1, 2)
        n, view = len(self.rows), self.view
        return (key, value) if not view else (self.keys[layer][:n, :, :view], self.values[layer][:n, :, :view])

    def get_seq_length(self, layer_idx: int = 0) -> int:
        return 0  # as a prompt sees it; a step brings its own positions and masks

    def get_mask_sizes(self, query_length: int, layer_idx: int) -> tuple[int, int]:
        return query_length, 0

    def resize(self, rows: int, capacity: int, live: int) -> None:
        for pools in (self.keys, self.values):
            for i, old in enumerate(pools):
                pools[i] = old.new_zeros(rows, old.shape[1], capacity, old.shape[3])
                keep = min(capacity, old.shape[2])
                pools[i][:live, :, :keep] = old[:live, :, :keep]
        self.shape = (rows, capacity)


class Decoder:
    def __init__(self, base: Base, arena: Arena | None, rows: int, tokens: int, body=None, head=None):
        """`tokens`: of the whole cache. With `body` and `head` a model of its own decodes, without adapters."""
        self.base, self.arena, self.body, self.head = base, arena, body, head or base.head
        self.most_rows, self.tokens, self.live, self.weights = rows, tokens, [], None
        self.cache = RowCache()
        self.cache.shape = (rows, max(1, min(base.context, tokens // rows)))

    def room(self, more: list[Sampling], beside: list[Sampling]) -> bool:
        """Whether these fit beside the live rows and others that are to join; lengthens the cache's rows if needed."""
        rows, capacity = self.cache.shape
        count, longest = len(self.live) + len(beside) + len(more), max(s.most for s in (*self.live, *beside, *more))
        if count <= rows and longest <= capacity:
            return True
        capacity = self.capacity(longest)
        rows = min(self.most_rows, self.tokens // capacity)
        if count > rows:
            return False
        self.cache.resize(rows, capacity, len(self.live))
        return True

    def capacity(self, tokens: int) -> int:
        return min(-(-tokens // VIEW) * VIEW, self.tokens)

    def masks(self, queries: Tensor, keys: Tensor):
        """0 where query token [n, T] sees key [K], else the lowest number: [n, 1, T, K], by kind of layer."""
        apart = queries[:, None, :, None] - keys[None, None, None, :]
        make = lambda seen: torch.zeros(seen.shape, dtype=self.base.dtype, device=seen.device).masked_fill_(
            ~seen, torch.finfo(self.base.dtype).min
        )
        window, kinds = (getattr(self.base.config, name, None) for name in ("sliding_window", "layer_types"))
        full = make(apart >= 0)
        if kinds is None:
            return make((apart >= 0) & (apart < window)) if window else full
        if "sliding_attention" not in kinds:
            return full
        return {"full_attention": full, "sliding_attention": make((apart >= 0) & (apart < window))}

    def hidden(self, leaf, ids: Tensor, **options) -> Tensor:
        options |= {attention.cache_option(type(self.base.body)): self.cache, "use_cache": True}
        if self.body is not None:
            return self.body(input_ids=ids, **options).last_hidden_state
        return self.arena.hidden(leaf, ids, **options)

    def leaf(self, live: list[Sampling]):
        if self.arena is None:
            return None
        rows = [s.row for s in live]
        return self.arena.leaf(self.arena.index(rows), self.arena.scales(rows))[0]

    @torch.no_grad()
    def join(self, new: list[Sampling]) -> None:
        """Prompts in one pass; each row has its first token afterwards. There must be room for all."""
        device, T = self.base.device, max(len(s.prompt) for s in new)
        ids = torch.tensor([s.prompt + [0] * (T - len(s.prompt)) for s in new], device=device)
        cache = self.cache
        cache.rows = torch.arange(len(self.live), len(self.live) + len(new), device=device)
        cache.at, cache.view = torch.arange(T, device=device).expand(len(new), T), 0
        hidden = self.hidden(self.leaf(new), ids)  # causal, by transformers' own masks
        last = torch.tensor([len(s.prompt) - 1 for s in new], device=device)
        for i, s in enumerate(new):
            if s.want_prompt and len(s.prompt) > 1:
                n = len(s.prompt)
                got = log_probabilities(self.head, hidden[i : i + 1, : n - 1], ids[i : i + 1, 1:n])
                s.prompt_logprobs = [float("nan"), *got[0].tolist()]
        self.take(new, self.head.logits(hidden[torch.arange(len(new), device=device), last]))
        self.live += new
        self.weights = None
        self.leave()

    @torch.no_grad()
    def step(self) -> None:
        """One token for every live row."""
        if not self.live:
            return
        if self.weights is None:
            self.weights = (self.leaf(self.live),)
        device, n = self.base.device, len(self.live)
        lengths = [len(s.prompt) + len(s.tokens) - 1 for s in self.live]
        at = torch.tensor(lengths, device=device)[:, None]
        cache = self.cache
        cache.rows, cache.at = torch.arange(n, device=device), at
        cache.view = min(cache.shape[1], (max(lengths) // VIEW + 1) * VIEW)
        ids = torch.tensor([s.tokens[-1] for s in self.live], device=device)[:, None]
        mask = self.masks(at, torch.arange(cache.view, device=device))
        hidden = self.hidden(self.weights[0], ids, attention_mask=mask, position_ids=at)
        self.take(self.live, self.head.logits(hidden[:, -1]))
        self.leave()

    def take(self, rows: list[Sampling], logits: Tensor) -> None:
        tokens = pick(logits, rows)
        logprobs = torch.log_softmax(logits, -1).gather(1, tokens[:, None])[:, 0]
        for s, token, logprob in zip(rows, tokens.tolist(), logprobs.tolist(), strict=True):
            s.take(token, logprob)

    def leave(self, *gone: Sampling) -> None:
        """Frees the rows that are over, and those given."""
        for i in range(len(self.live) - 1, -1, -1):
            s = self.live[i]
            if not (s.reason or s.error or s in gone):
                continue
            last = len(self.live) - 1
            if i != last:
                for pool in (*self.cache.keys, *self.cache.values):
                    pool[i] = pool[last]
            self.live[i] = self.live[last]
            self.live.pop()
            self.weights = None


def pick(logits: Tensor, rows: list[Sampling]) -> Tensor:
    """The next token of each row: the highest, or a draw after temperature, top-k and top-p, as in sampler.ts."""
    chosen = logits.argmax(-1)
    plain = [i for i, s in enumerate(rows) if s.temperature > 0 and s.top_k <= 0 and s.top_p >= 1]
    cut = [i for i, s in enumerate(rows) if s.temperature > 0 and i not in plain]
    for group in (plain, cut):
        if not group:
            continue
        column = lambda f: torch.tensor([f(rows[i]) for i in group], device=logits.device, dtype=torch.float64)[:, None]
        z = logits[group].double() / column(lambda s: s.temperature)
        order = None
        if group is cut:
            z, order = z.sort(dim=-1, descending=True, stable=True)
            places = torch.arange(z.shape[1], device=z.device)
            z = z.masked_fill(places >= column(lambda s: s.top_k if s.top_k > 0 else z.shape[1]), -torch.inf)
            p = z.softmax(-1)
            z = z.masked_fill(p.cumsum(-1) - p >= column(lambda s: s.top_p), -torch.inf)
        sums = z.softmax(-1).cumsum(-1)
        draw = column(lambda s: float(seeded(s.seed + 0x9E3779B9 * (len(s.tokens) + 1), 1)[0])) * sums[:, -1:]
        at = torch.searchsorted(sums, draw, right=True).clamp(max=z.shape[1] - 1)
        chosen[group] = (at if order is None else order.gather(1, at))[:, 0]
    return chosen
