"""Makes precedence.json: what transformers makes of config.json files in which keys are missing, doubled or at odds.

    python test/engine/golden/make_precedence.py

Each is read by AutoConfig from a file, as from the hub, and built; recorded is what the computation then uses: the
rotations' frequencies, factors and cosines, each layer's window, sizes, biases and special tokens; or that it fails.
"""
import json, logging, pathlib, re, tempfile
import torch
from transformers import AutoConfig, AutoModelForCausalLM, logging as hf

hf.set_verbosity(logging.CRITICAL)
HERE = pathlib.Path(__file__).parent
POSITIONS = [1, 700, 4095]
base = dict(vocab_size=64, hidden_size=64, intermediate_size=20, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=4096,
            bos_token_id=1, eos_token_id=2, pad_token_id=None)
llama3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=256)
yarn = dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=1024)
long = dict(type="longrope", short_factor=[1.0 + i / 8 for i in range(8)], long_factor=[2.0 + i for i in range(8)])
NONE = object()  # the key is not there
CASES = [
    ("rope_theta beside rope_parameters.rope_theta", "qwen3", dict(rope_theta=5000.0, rope_parameters=dict(rope_type="default", rope_theta=123.0))),
    ("rope_theta beside rope_parameters without one", "qwen3", dict(rope_theta=5000.0, rope_parameters=dict(rope_type="default"))),
    ("rope_theta alone", "llama", dict(rope_theta=500000.0)),
    ("no rope key", "llama", {}),
    ("rope_scaling null", "llama", dict(rope_theta=777.0, rope_scaling=None)),
    ("rope_scaling empty", "llama", dict(rope_scaling={}, rope_parameters=dict(rope_type="linear", factor=2.0, rope_theta=99.0))),
    ("rope_scaling in place of rope_parameters", "llama", dict(rope_theta=777.0, rope_scaling=dict(rope_type="linear", factor=2.0), rope_parameters=dict(rope_type="default", rope_theta=99.0))),
    ("rope_scaling with its own rope_theta", "llama", dict(rope_theta=777.0, rope_scaling=dict(rope_type="linear", factor=2.0, rope_theta=42.0))),
    ("type instead of rope_type", "llama", dict(rope_scaling=dict(type="linear", factor=3.0))),
    ("rope_type before type", "llama", dict(rope_scaling=dict(rope_type="linear", type="dynamic", factor=3.0))),
    ("dynamic", "llama", dict(rope_scaling=dict(type="dynamic", factor=2.5))),
    ("llama3", "llama", dict(rope_theta=500000.0, rope_scaling=llama3)),
    ("llama3 without original_max_position_embeddings", "llama", dict(rope_theta=500000.0, rope_scaling={k: v for k, v in llama3.items() if k[0] != "o"})),
    ("llama3 without its factor", "llama", dict(rope_scaling={k: v for k, v in llama3.items() if k != "factor"})),
    ("yarn", "qwen2", dict(rope_theta=1000000.0, rope_scaling=yarn)),
    ("yarn with everything", "qwen3", dict(rope_scaling=dict(yarn, beta_fast=16.0, beta_slow=2.0, mscale=0.7, mscale_all_dim=0.9, truncate=False))),
    ("yarn with attention_factor", "qwen3", dict(rope_scaling=dict(yarn, attention_factor=1.25))),
    ("yarn with type and no original_max_position_embeddings", "qwen2", dict(rope_scaling=dict(type="yarn", factor=4.0))),
    ("an unknown rope", "llama", dict(rope_scaling=dict(rope_type="spiral", factor=2.0))),
    ("longrope", "phi3", dict(rope_scaling=long, original_max_position_embeddings=1024)),
    ("longrope with factor", "phi3", dict(rope_scaling=dict(long, factor=9.0), original_max_position_embeddings=1024)),
    ("longrope as su", "phi3", dict(rope_scaling=dict(long, type="su"), original_max_position_embeddings=1024)),
    ("longrope on half of each head", "phi3", dict(rope_scaling=dict(type="longrope", short_factor=[1.0, 2.0, 3.0, 4.0], long_factor=[1.0] * 4), partial_rotary_factor=0.5)),
    ("longrope with too few factors", "phi3", dict(rope_scaling=dict(long, short_factor=[1.0]))),
    ("linear in phi3", "phi3", dict(rope_scaling=dict(type="linear", factor=2.0))),
    ("partial_rotary_factor in rope_parameters", "phi3", dict(rope_parameters=dict(rope_type="default", rope_theta=1e4, partial_rotary_factor=0.75))),
    ("nothing about heads", "llama", dict(num_key_value_heads=NONE)),
    ("num_key_value_heads null", "qwen2", dict(num_key_value_heads=None)),
    ("num_key_value_heads missing", "mistral", dict(num_attention_heads=8, num_key_value_heads=NONE)),
    ("head_dim missing", "qwen3", {}),
    ("head_dim null", "mistral", dict(head_dim=None)),
    ("head_dim given", "qwen2", dict(head_dim=24)),
    ("a plain mistral slides", "mistral", {}),
    ("sliding_window null", "mistral", dict(sliding_window=None)),
    ("sliding_window of a llama", "llama", dict(sliding_window=100)),
    ("a plain phi3 does not slide", "phi3", {}),
    ("use_sliding_window false", "qwen2", dict(use_sliding_window=False, sliding_window=100, max_window_layers=2)),
    ("use_sliding_window true", "qwen2", dict(use_sliding_window=True, sliding_window=100, max_window_layers=2)),
    ("max_window_layers missing", "qwen3", dict(use_sliding_window=True, sliding_window=100)),
    ("layer_types", "qwen3", dict(use_sliding_window=True, sliding_window=100, layer_types=["sliding_attention", "full_attention"] * 2)),
    ("layer_types of another length", "qwen3", dict(layer_types=["full_attention"])),
    ("layer_types nobody knows", "qwen3", dict(layer_types=["square_attention"] * 4)),
    ("a plain gemma2", "gemma2", {}),
    ("gemma2 with its window", "gemma2", dict(sliding_window=100, rms_norm_eps=1e-5, tie_word_embeddings=False, hidden_act="silu")),
    ("a plain gemma3", "gemma3_text", dict(sliding_window=100)),
    ("gemma3 with a pattern and thetas", "gemma3_text", dict(sliding_window=100, sliding_window_pattern=2, rope_theta=555.0, rope_local_base_freq=44.0, rope_scaling=dict(rope_type="linear", factor=8.0))),
    ("gemma3 as transformers 5 writes it", "gemma3_text", dict(sliding_window=100, layer_types=["full_attention", "sliding_attention"] * 2, rope_theta=1.0,
        rope_parameters=dict(full_attention=dict(rope_type="linear", factor=4.0, rope_theta=321.0), sliding_attention=dict(rope_type="default", rope_theta=12.0)))),
    ("gemma3 with one rotation named", "gemma3_text", dict(sliding_window=100, rope_parameters=dict(full_attention=dict(rope_type="default", rope_theta=321.0)))),
    ("a plain smollm3", "smollm3", {}),
    ("smollm3 with an interval", "smollm3", dict(no_rope_layer_interval=2, use_sliding_window=True, sliding_window=100)),
    ("smollm3 with a list", "smollm3", dict(no_rope_layers=[0, 1, 1, 0])),
    ("smollm3 with too short a list", "smollm3", dict(no_rope_layers=[0])),
    ("a plain olmo2", "olmo2", {}),
    ("a plain granite", "granite", {}),
    ("granite with multipliers", "granite", dict(embedding_multiplier=12, logits_scaling=8, residual_multiplier=0.22, attention_multiplier=0.015625, attention_bias=True, mlp_bias=True)),
    ("biases of a llama", "llama", dict(attention_bias=True, mlp_bias=True)),
    ("attention_bias false of a qwen2", "qwen2", dict(attention_bias=False)),
    ("tied by the type", "smollm3", dict(tie_word_embeddings=NONE)),
    ("special tokens missing", "llama", dict(bos_token_id=NONE, eos_token_id=NONE)),
    ("special tokens null", "llama", dict(bos_token_id=None, eos_token_id=[3, 4])),
    ("special tokens of a gemma missing", "gemma2", dict(bos_token_id=NONE, eos_token_id=NONE)),
    ("swish", "llama", dict(hidden_act="swish")),
    ("gelu_new of a llama", "llama", dict(hidden_act="gelu_new")),
]
NAMES = {"llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM", "qwen3": "Qwen3ForCausalLM", "mistral": "MistralForCausalLM", "phi3": "Phi3ForCausalLM", "gemma2": "Gemma2ForCausalLM",
         "gemma3_text": "Gemma3ForCausalLM", "smollm3": "SmolLM3ForCausalLM", "olmo2": "Olmo2ForCausalLM", "granite": "GraniteForCausalLM"}


def window_of(model, layer):
    """Tokens that a query of this layer sees: by the kind of mask that the model's forward pass picks for it."""
    config = model.config
    types = getattr(config, "layer_types", None)
    kind = types[layer] if types else ("sliding_attention" if config.model_type in ("mistral", "phi3") and config.sliding_window else "full_attention")
    return config.sliding_window if kind == "sliding_attention" else None


def result(config):
    with tempfile.TemporaryDirectory() as directory:
        (pathlib.Path(directory) / "config.json").write_text(json.dumps(config))
        c = AutoConfig.from_pretrained(directory)
    model = AutoModelForCausalLM.from_config(c, attn_implementation="eager")
    model(torch.tensor([[1, 2, 3]]))  # fails here, if not before
    rope = model.model.rotary_emb
    x, positions = torch.zeros(1, 1), torch.tensor([POSITIONS])
    local = c.model_type == "gemma3_text"
    rotations = []
    for kind in (["full_attention", "sliding_attention"] if local else [None]):
        if local and kind not in c.layer_types:
            rotations.append(None)
            continue
        prefix = f"{kind}_" if local else ""
        frequencies = getattr(rope, f"{prefix}inv_freq").tolist()
        cosines = (rope(x, positions, kind) if local else rope(x, positions))[0][0, :, :len(frequencies)] if "short_factor" not in json.dumps(config) else None
        rotations.append({"frequencies": frequencies, "scale": getattr(rope, "attention_scaling", None) if not local else getattr(rope, f"{prefix}attention_scaling"),
                          "cosines": None if cosines is None else cosines.flatten().tolist()})
    layers = model.model.layers
    attention, mlp = layers[0].self_attn, layers[0].mlp
    linear = lambda name: getattr(attention, name, getattr(attention, "qkv_proj", None))
    head = attention.head_dim
    return {
        "rotations": rotations,
        "rotates": [bool(getattr(layer.self_attn, "use_rope", True)) for layer in layers],
        "windows": [window_of(model, i) for i in range(len(layers))],
        "headSize": head,
        "groups": c.num_key_value_heads,
        "attention": attention.scaling,
        "epsilon": getattr(model.model.norm, "variance_epsilon", getattr(model.model.norm, "eps", None)),
        "tied": model.lm_head.weight is model.model.embed_tokens.weight,
        "biases": {"qkv": linear("q_proj").bias is not None, "output": attention.o_proj.bias is not None, "mlp": mlp.down_proj.bias is not None},
        "silu": abs(getattr(mlp, "act_fn", getattr(mlp, "activation_fn", None))(torch.tensor(1.0)).item() - 0.7310586) < 1e-6,
        "bos": c.bos_token_id,
        "eos": c.eos_token_id,
        "parameters": {n: list(p.shape) for n, p in model.named_parameters() if not re.search(r"layers\.[1-9]", n)},
    }


cases = []
for name, kind, change in CASES:
    small = {"head_dim": 16} if kind in ("qwen3", "gemma2", "gemma3_text") and name != "head_dim missing" else {}
    config = {**base, **small, "model_type": kind, "architectures": [NAMES[kind]], **change}
    config = {key: value for key, value in config.items() if value is not NONE}
    try:
        expected = result(config)
    except Exception as error:
        expected = None
        print(f"{name}: {type(error).__name__}: {str(error).splitlines()[0][:150]}")
    cases.append({"name": name, "config": config, "expected": expected})
(HERE / "precedence.json").write_text(json.dumps({"positions": POSITIONS, "cases": cases}))
