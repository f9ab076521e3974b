"""Makes tokenizers/golden.json: what tokenizers 0.22 (and transformers 5 over it) make of fuzzed texts, by component and
by whole tokenizers in the shape of those that Qwen3, Llama 3, SmolLM2, Mistral, Phi-3, Gemma and DeepSeek ship.

    pip install 'tokenizers==0.22.*' transformers && python test/engine/golden/make_tokenizers.py

Run once, its output is committed. The models inside are tiny; only the components are as in the real files.
"""
import json, logging, pathlib, random, tempfile
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
import tokenizers, transformers
from transformers import AutoTokenizer

logging.disable(logging.WARNING)
HERE = pathlib.Path(__file__).parent / "tokenizers"
random.seed(8)

TEXTS = [
    "", " ", "  ", "Hello", " Hello", "Hello, world!", "The capital of France is Paris.", "  two  spaces  ", "tabs\tand\nlines\r\n\r\n end \n",
    "ΟΔΟΣ ΣΑΣ Σ", "İstanbul DŽ ẞ", "\ufeffbyte order\ufeff mark", "\u0085next\u0085line\u0085", "\u00a0no\u00a0break\u2003em\u3000wide",
    "zero\u200bwidth\u200cjoin\u200der\u2060x", "cafe\u0301 café naïve Å ﬁ ① ½ Ⅻ", "٣٤٥ 12345 ½² ⅷ 一二三 ４５", "snake_case camelCase HTTPServer2",
    "don't DON'T we'll I'M it'ſabc we'ſ 'KELVIN \u212a", "'ReX'VEx'Dx'SSx'LLx", "日本語とEnglishが混ざる。한국어 텍스트", "مرحبا بالعالم שלום עולם हिन्दी ภาษาไทย", "👩\u200d👩\u200d👧 🇫🇷 ☃️ \U0001f600\U0001f601",
    "a.b,c;d:e!f?g(h)[i]{j}<k>\"l\"'m'", "$100 €5 ¥7 a+b=c ~ ^ ` | \\", "\x00\x01\x1f\x7f\x80\x9f", "\u2028line\u2029sep \u000b vt \u000c ff",
    "▁already▁there ▁ ", "<0xE2><0x82> <s> </s> <unk>", "<s>Hello", "hi<|im_end|> x", "<|im_start|>user\nhi<|im_end|>\n", " <tool> x <tool>y z<tool>", "word<one>word <one> <one>, _<one>",
    "x  <trim>  y", "<trim><trim> <tool>", "TOOL Tool tool <Tool>", "\ufffd\ufffd broken \ufffd", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 \U0001d7d8\U0001d7d9", "e\u0301\u0323 a\u0308\u0304 \u1e9b\u0323", "\u0345\u1fb3 ͅ",
]
ALPHABET = list("aAbEsSxé ΣςσĲﬁ½٣7 \t\n\r\u0085\u00a0\ufeff\u200b\u2028\u3000\u0301▁_'.!,-<>日本か한\U0001f600\u200d\ufffd") + ["<tool>", "<one>", "<trim>", "<s>", "'ll", "  "]
TEXTS += ["".join(random.choice(ALPHABET) for _ in range(random.randint(1, 24))) for _ in range(32)]

R = lambda text: {"Regex": text}
S = lambda text: {"String": text}
GPT2 = r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
QWEN = r"""(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
LLAMA3 = QWEN.replace(r"|\p{N}|", r"|\p{N}{1,3}|")
TEKKEN = r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
DEEPSEEK = r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
CL100K = r"""'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"""
BASE = r"""'(?:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""

split = lambda pattern, behavior="Isolated", invert=False: {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}
byte_level = lambda regex=False, prefix=False: {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": regex}
seq = lambda key, *items: {"type": "Sequence", key: list(items)}
BEHAVIORS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]

NORMALIZERS = [{"type": t} for t in ["NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents"]]
NORMALIZERS += [{"type": "Strip", "strip_left": l, "strip_right": r} for l, r in [(True, True), (True, False), (False, True)]]
NORMALIZERS += [
    {"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": S(" "), "content": "▁"}, {"type": "Replace", "pattern": S("a"), "content": "$&$1"},
    {"type": "Replace", "pattern": R(r"\s+"), "content": " "}, {"type": "Replace", "pattern": R(r"[\p{P}]"), "content": ""}, {"type": "Replace", "pattern": R(r"(?i:S)"), "content": "5"},
    seq("normalizers", {"type": "NFD"}, {"type": "Lowercase"}, {"type": "StripAccents"}),
    seq("normalizers", {"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": S(" "), "content": "▁"}),
]
PRE_TOKENIZERS = [byte_level(r, p) for r in (True, False) for p in (True, False)]
PRE_TOKENIZERS += [{"type": "Metaspace", "replacement": "▁", "prepend_scheme": s, "split": b} for s in ("always", "first", "never") for b in (True, False)]
PRE_TOKENIZERS += [split(S(" "), b, i) for b in BEHAVIORS for i in (False, True)] + [split(R(r"\s"), b) for b in BEHAVIORS]
PRE_TOKENIZERS += [split(R(r)) for r in (GPT2, QWEN, LLAMA3, TEKKEN, DEEPSEEK, BASE, CL100K)] + [split(R(r"\w+|[^\w\s]+"), "Removed", True)]
PRE_TOKENIZERS += [{"type": "Digits", "individual_digits": b} for b in (True, False)] + [{"type": "Punctuation", "behavior": b} for b in BEHAVIORS]
PRE_TOKENIZERS += [{"type": t} for t in ("Whitespace", "WhitespaceSplit", "BertPreTokenizer")] + [{"type": "CharDelimiterSplit", "delimiter": "a"}, {"type": "FixedLength", "length": 3}]
PRE_TOKENIZERS += [seq("pretokenizers", split(S(" "), b), {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": False}) for b in ("MergedWithNext", "Removed")]
PRE_TOKENIZERS += [
    seq("pretokenizers", {"type": "Digits", "individual_digits": True}, byte_level(True)),  # SmolLM2
    seq("pretokenizers", split(R(r"\p{N}{1,3}")), split(R("[一-龥\u3040-ゟ゠-ヿ]+")), split(R(DEEPSEEK)), byte_level()),  # DeepSeek V3
    seq("pretokenizers", split(R(r"[\r\n]")), split(R(r"\s?\p{L}+")), split(R(r"\s?\p{P}+")), split(R("[一-龥ࠀ-一가-\ud7ff]+")), {"type": "Digits", "individual_digits": True}, byte_level()),  # DeepSeek Coder
    seq("pretokenizers", {"type": "Punctuation", "behavior": "Contiguous"}, byte_level(True), {"type": "Digits", "individual_digits": False}, split(R("[0-9][0-9][0-9]"))),  # Falcon
]

spm_decoder = lambda strip=True: seq("decoders", {"type": "Replace", "pattern": S("▁"), "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}, *([{"type": "Strip", "content": " ", "start": 1, "stop": 0}] if strip else []))
DECODERS = [
    None, byte_level(True), spm_decoder(), spm_decoder(False), {"type": "Fuse"}, {"type": "ByteFallback"},
    *[{"type": "Metaspace", "replacement": "▁", "prepend_scheme": s, "split": True} for s in ("always", "first", "never")],
    {"type": "Strip", "content": " ", "start": 2, "stop": 0}, {"type": "Strip", "content": " ", "start": 0, "stop": 1},  # both at once panic {"type": "Replace", "pattern": S("▁"), "content": "$&"},
]
TOKENS = ["▁Hello", "▁", "▁▁", "lo", "Ġworld", "Ã©", "Ã", "©", "é", "日", "<s>", "<0x41>", "<0xE2>", "<0x82>", "<0xAC>", " a ", "  ", "Ċ", "x▁y", "ï¿½"]
BROKEN = ["Ã", "Ã", "©", "â", "Ĥ", "¬", "ð", "Ł", "ĺ", "Ģ", "ÿ", "í", "ł", "a"]  # bytes of GPT-2's alphabet, mostly open sequences
LISTS = [[random.choice(TOKENS) for _ in range(random.randint(0, 7))] for _ in range(60)] + [[random.choice(BROKEN) for _ in range(random.randint(1, 9))] for _ in range(60)]


def runs_are_whole(tokens):
    """Whether no run of byte tokens is partly whole, partly broken: the one thing that a stream cannot do alike."""
    def fine(run):
        try:
            run.decode()
            return True
        except UnicodeDecodeError:
            return not run.decode(errors="replace").replace("\ufffd", "")
    run = b""
    for token in tokens + [""]:
        if token.startswith("<0x"):
            run += bytes([int(token[3:5], 16)])
        elif not fine(run):
            return False
        else:
            run = b""
    return True


def component(kind, config):
    t = Tokenizer.from_str(json.dumps({"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None, "pre_tokenizer": None,
                                       "post_processor": None, "decoder": None, "model": {"type": "BPE", "vocab": {}, "merges": []}, kind: config}))
    return getattr(t, kind)


def own_decode(config, tokens):
    if config is None:
        return " ".join(tokens)
    return component("decoder", config).decode(tokens)


special = lambda i, content, **k: {"id": i, "content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True, **k}
CORPUS = [t for t in TEXTS[3:40]] * 5 + ["the hello world capital of France is Paris, one two three"] * 20


def bytes_model(merges, **extra):
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(tokenizers.Regex(QWEN), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    t.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=256 + merges, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    return {**json.loads(t.to_str())["model"], **extra}


def spm_model(fallback=True):
    t = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=fallback))
    t.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    t.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    extra = [f"<0x{i:02X}>" for i in range(256)] if fallback else []
    t.train_from_iterator([c for c in CORPUS if c.isascii()], trainers.BpeTrainer(vocab_size=len(extra) + 140, special_tokens=["<unk>", "<s>", "</s>"] + extra, show_progress=False))
    return json.loads(t.to_str())["model"]


BOS = lambda token, i: {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": token, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}], "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
                        "special_tokens": {token: {"id": token, "ids": [i], "tokens": [token]}}}
BYTES, SPM, SPM_UNK = bytes_model(60), spm_model(), spm_model(False)
N, M = len(BYTES["vocab"]), len(SPM["vocab"])
CHAT = [special(N, "<|endoftext|>"), special(N + 1, "<|im_start|>"), special(N + 2, "<|im_end|>"), special(N + 3, "<tool>", special=False)]
SPM_SPECIAL = [special(0, "<unk>"), special(1, "<s>"), special(2, "</s>")]
llama2 = seq("normalizers", {"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": S(" "), "content": "▁"})
WHOLE = {
    "qwen3": dict(model="bytes", added_tokens=CHAT, normalizer={"type": "NFC"}, pre_tokenizer=seq("pretokenizers", split(R(QWEN)), byte_level()), post_processor=byte_level(), decoder=byte_level(),
                  config={"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>", "add_bos_token": False, "bos_token": None, "additional_special_tokens": ["<|im_start|>", "<|im_end|>"]}),
    "llama3": dict(model="bytes_ignore", added_tokens=CHAT[:3], normalizer=None, pre_tokenizer=seq("pretokenizers", split(R(LLAMA3)), byte_level()), post_processor=seq("processors", byte_level(), BOS("<|endoftext|>", N)), decoder=byte_level(),
                   config={"bos_token": "<|endoftext|>", "eos_token": "<|im_end|>", "clean_up_tokenization_spaces": True}),
    "smollm2": dict(model="bytes", added_tokens=CHAT[:3], normalizer=None, pre_tokenizer=PRE_TOKENIZERS[-4], post_processor=None, decoder=byte_level(True, True), config={"eos_token": "<|im_end|>", "add_prefix_space": False}),
    "deepseek": dict(model="bytes", added_tokens=CHAT, normalizer=seq("normalizers"), pre_tokenizer=PRE_TOKENIZERS[-3], post_processor=BOS("<|endoftext|>", N), decoder=byte_level(), config={"bos_token": "<|endoftext|>"}),
    "tekken": dict(model="bytes_ignore", added_tokens=CHAT[:1], normalizer=None, pre_tokenizer=seq("pretokenizers", split(R(TEKKEN)), byte_level()), post_processor=BOS("<|endoftext|>", N), decoder=byte_level(), config={}),
    "llama2": dict(model="spm", added_tokens=SPM_SPECIAL, normalizer=llama2, pre_tokenizer=None, post_processor=BOS("<s>", 1), decoder=spm_decoder(), config={"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "add_bos_token": False}),
    "mistral": dict(model="spm", added_tokens=SPM_SPECIAL + [special(M, "[INST]"), special(M + 1, "[/INST]")], normalizer=None, pre_tokenizer={"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": False}, post_processor=BOS("<s>", 1), decoder=spm_decoder(), config={"bos_token": "<s>"}),
    "phi3": dict(model="spm", added_tokens=SPM_SPECIAL[:2] + [special(2, "</s>", rstrip=True, special=False), special(M, "<|end|>", rstrip=True), special(M + 1, "<tool>", rstrip=True, special=False)], normalizer=llama2, pre_tokenizer=None, post_processor=None, decoder=spm_decoder(), config={"bos_token": "<s>", "eos_token": "<|end|>"}),
    "gemma": dict(model="spm", added_tokens=SPM_SPECIAL + [special(M, "  ", normalized=False, special=False), special(M + 1, "\n\n", special=False)], normalizer={"type": "Replace", "pattern": S(" "), "content": "▁"}, pre_tokenizer=split(S(" "), "MergedWithPrevious"), post_processor=BOS("<s>", 1), decoder=spm_decoder(False), config={"bos_token": "<s>"}),
    "unknowns": dict(model="spm_unk", added_tokens=SPM_SPECIAL, normalizer=llama2, pre_tokenizer={"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}, post_processor=None, decoder={"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}, config={}),
    "flags": dict(model="bytes", added_tokens=[special(N, "<one>", single_word=True, special=False), special(N + 1, "<trim>", lstrip=True, rstrip=True, special=False), special(N + 2, "<tool>", normalized=True, special=False), special(N + 3, "<s>", lstrip=True), special(N + 4, "tool", single_word=True, normalized=True, special=False)],
                  normalizer=seq("normalizers", {"type": "Lowercase"}, {"type": "NFKC"}), pre_tokenizer=byte_level(True), post_processor={"type": "RobertaProcessing", "sep": ["<s>", N + 3], "cls": ["<s>", N + 3], "trim_offsets": True, "add_prefix_space": False}, decoder=byte_level(), config={}),
    "config": dict(model="bytes", added_tokens=CHAT[:3], normalizer=None, pre_tokenizer=byte_level(True), post_processor=None, decoder=byte_level(),
                   config={"bos_token": "<s>", "add_bos_token": True, "eos_token": {"__type": "AddedToken", "content": "<|im_end|>", "rstrip": True, "lstrip": False, "normalized": False, "single_word": False},
                           "added_tokens_decoder": {str(N + 1): special(0, "<|im_start|>", rstrip=True), str(N + 9): special(0, "<trim>", lstrip=True, special=False)}, "additional_special_tokens": ["<tool>"]}),
    "split_special": dict(model="bytes", added_tokens=CHAT, normalizer=None, pre_tokenizer=byte_level(True), post_processor=None, decoder=byte_level(), config={"split_special_tokens": True, "eos_token": "<|im_end|>"}),
}
for entry in WHOLE["config"]["config"]["added_tokens_decoder"].values():
    del entry["id"]
MODELS = {"bytes": BYTES, "bytes_ignore": {**BYTES, "ignore_merges": True}, "spm": SPM, "spm_unk": SPM_UNK}

golden = {
    "made_with": {"tokenizers": tokenizers.__version__, "transformers": transformers.__version__},
    "texts": TEXTS,
    "lists": LISTS,
    "normalizers": [{"config": c, "out": [component("normalizer", c).normalize_str(t) for t in TEXTS]} for c in NORMALIZERS],
    "pre_tokenizers": [{"config": c, "out": [[piece for piece, _ in component("pre_tokenizer", c).pre_tokenize_str(t)] for t in TEXTS]} for c in PRE_TOKENIZERS],
    "decoders": [{"config": c, "out": [own_decode(c, l) if runs_are_whole(l) else None for l in LISTS]} for c in DECODERS],
    "models": MODELS,
    "whole": {},
}
for name, parts in WHOLE.items():
    parts = dict(parts)
    config, model = parts.pop("config"), parts.pop("model")
    with tempfile.TemporaryDirectory() as d:
        pathlib.Path(d, "tokenizer.json").write_text(json.dumps({"version": "1.0", "truncation": None, "padding": None, **parts, "model": MODELS[model]}))
        pathlib.Path(d, "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", **config}))
        t = AutoTokenizer.from_pretrained(d)
    ids = [t(text).input_ids for text in TEXTS]
    added = t.added_tokens_decoder
    draw = [[random.randrange(len(t) + 2) for _ in range(random.randint(1, 10))] for _ in range(40)]
    draw = [l for l in draw if runs_are_whole([t.convert_ids_to_tokens(i) for i in l if i < len(t) and not (i in added and added[i].special)])]
    golden["whole"][name] = {"model": model, "parts": parts, "config": config, "ids": ids, "decoded": [t.decode(i, skip_special_tokens=True, clean_up_tokenization_spaces=False) for i in ids],
                             "drawn": draw, "drawn_text": [t.decode(i, skip_special_tokens=True, clean_up_tokenization_spaces=False) for i in draw]}
HERE.mkdir(exist_ok=True)
(HERE / "golden.json").write_text(json.dumps(golden, ensure_ascii=False, separators=(",", ":")))
print((HERE / "golden.json").stat().st_size, "bytes")
