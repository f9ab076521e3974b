"""How a model of transformers is asked, so that a pass reads nothing back from a GPU and can be captured as a graph.

Left to itself, transformers looks for several sequences in one row whenever there is no cache (a wait for the GPU in
every pass), and while a graph is captured it cannot look: then it makes a mask of [G, 1, T, T], with which PyTorch's
flash attention does not run. Our rows hold one sequence each. So a pass brings a cache that keeps nothing, and a plain
causal mask is left to the attention itself."""

import functools
import inspect

from torch import nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.cache_utils import Cache
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "sift_sdpa"


class NoCache(Cache):
    def __init__(self):
        super().__init__(layers=[])

    def update(self, key, value, layer, *args, **options):
        return key, value

    def get_seq_length(self, layer_idx: int = 0) -> int:
        return 0

    def get_mask_sizes(self, query_length: int, layer_idx: int) -> tuple[int, int]:
        return query_length, 0


def mask(*args, attention_mask=None, local_size=None, allow_is_causal_skip=True, **options):
    T = options["kv_length"]
    plain = attention_mask is None and allow_is_causal_skip and options["q_length"] == T
    if plain and (local_size is None or T < local_size):
        return None
    skip = {"attention_mask": attention_mask, "local_size": local_size, "allow_is_causal_skip": allow_is_causal_skip}
    return sdpa_mask(*args, **skip, **options)


AttentionInterface.register(NAME, sdpa_attention_forward)
AttentionMaskInterface.register(NAME, mask)


@functools.cache
def cache_option(kind: type[nn.Module]) -> str:
    """What such a body calls its cache: transformers renamed it (past_key_values in 5.17, cache in 5.24)."""
    return "cache" if "cache" in inspect.signature(kind.forward).parameters else "past_key_values"


def whole(body: nn.Module) -> dict:
    """The options of a pass over whole rows."""
    return {cache_option(type(body)): NoCache(), "use_cache": False}
