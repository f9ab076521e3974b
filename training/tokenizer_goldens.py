"""Character tables and golden values from the `tokenizers` library, for tokenizer/ and its tests.

    python training/tokenizer_goldens.py     (tokenizers 0.22.2, transformers 5.15.1, sentencepiece 0.2.3)

Writes tokenizer/unicode.json: the characters that its Rust crates take as punctuation, marks, word characters and so on.
They follow Unicode 8 to 16, JavaScript's \\p{…} whatever the engine has; wrong classes give wrong ids.
Writes test/tokenizer/golden/: tiny tokenizers trained here (WordPiece, Unigram, WordLevel), their ids of hostile texts,
what each component makes of every code point (a hash for each 16,384), and SentencePiece's own nmt_nfkc map.
"""
import base64, gzip, hashlib, io, json, pathlib, random, tempfile
import sentencepiece
import tokenizers
from sentencepiece import sentencepiece_model_pb2 as pb2
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

ROOT = pathlib.Path(__file__).parent.parent
HERE = ROOT / "test/tokenizer/golden"
HERE.mkdir(parents=True, exist_ok=True)
random.seed(9)
POINTS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
bert = lambda **k: normalizers.BertNormalizer(**{"clean_text": False, "handle_chinese_chars": False, "strip_accents": False, "lowercase": False, **k})


def ranges(points):
    out = []
    for c in points:
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return " ".join(f"{a:x}" if a == b else f"{a:x}-{b:x}" for a, b in out)


def removed(normalizer):
    return [c for c in POINTS if normalizer.normalize_str(f"x{chr(c)}y") == "xy"]


def isolated(pre):
    return [c for c in POINTS if len(pre.pre_tokenize_str(f"x{chr(c)}y")) == 3]


def tables():
    word = [c for c in POINTS if len(pre_tokenizers.Whitespace().pre_tokenize_str(f"x{chr(c)}y")) == 1]
    assert isolated(pre_tokenizers.Punctuation()) == isolated(pre_tokenizers.BertPreTokenizer())
    return {
        "made_with": f"tokenizers {tokenizers.__version__}",
        "punctuation": ranges(isolated(pre_tokenizers.Punctuation())),
        "marks": ranges(removed(normalizers.StripAccents())),
        "nonspacing_marks": ranges(removed(bert(strip_accents=True))),
        "control": ranges(removed(bert(clean_text=True))),
        "word": ranges(word),
        "normalizing": ranges(normalizing()),
    }


def normalizing():
    """Characters that its normal forms change, reorder or compose; all others it leaves alone, whatever Unicode says today."""
    nfd, nfkd = normalizers.NFD(), normalizers.NFKD()
    found = set()
    for c in POINTS:
        changed = nfkd.normalize_str(chr(c))
        probes = (f"a\u0345{chr(c)}", f"a{chr(c)}\u0334")  # classes 240 and 1: a mark of any class changes places with one of them
        if changed != chr(c) or any(nfd.normalize_str(p) != p for p in probes):
            found |= {c, *map(ord, changed), *map(ord, nfd.normalize_str(chr(c)))}
    return sorted(found)


SAMPLES = """The router matches the path of a request, and unaffordable unaffable embeddings are unfathomable.
Die Straße grüßt den Fußgänger; naïve café résumé coöperate Ærøskøbing Łódź. Привет, мир! Ёлка и йод.
日本語のテキストを分割する。中文字符没有空格。 한국어 문장도 있습니다. ภาษาไทยไม่มีช่องว่าง หนังสือ नमस्ते दुनिया مرحبا بالعالم שלום עולם
const x = await fetch(`/v1/select?n=${n}`); // 12,345.678 items — “quoted” ‘single’ … ½ ² ™ ﬁne ＦＵＬＬ ｗｉｄｔｈ
Ελληνικά ΟΔΟΣ σς İstanbul ılık DŽ ǆ ﬀ ﬃ Å Å é é ṩ ṩ q̣̇ 🙂 👩‍👩‍👧 🇩🇪 ☃️ ①②③ ㌔ ㍻ ﷺ""".split("\n")
TEXTS = SAMPLES + [
    "", " ", "\n\t ", "a", "##", "##ing", "un##able", "# #", "[CLS]", "[MASK] it", "x[SEP]y", "[unk]", "<s>", "</s> <mask>", "▁", "▁▁a ▁b", "a▁b", "<unk>", "<0x41>",
    "a" * 100, "a" * 101, "é" * 100, "e\u0301" * 100, "unaffable" * 12, "日" * 130, "🙂" * 101,
    "tab\tnew\nline\rcr\r\nnbsp\u00a0thin\u2009zw\u200bsp\u200cnj\u200dj\u2060wj\ufeffbom\u00adshy\u0085nel\u2028ls",
    "".join(map(chr, range(1, 0xA1))), "nul\0in\0side", "\ufffd\ufffe\uffff\U0010ffff\ue000\U000e0001", "\u0600123\u06dd4 \u070f\u08e2",
    "e\u0301\u0323x\u0323\u0301 a\u0345\u0315 ⃝ 1\u20e3 \u0301start", "\u1100\u1161\u11a8 가\u11a8 각", "क्षि त्र ज्ञ நி กำ ำ", "\ua7f2x\U000105c9\U00011383\U0001e030", "\u166d\u1b4e\u2e52\u0c77\u2e43",
    "don't (can't) [won't] it's-a-me! 3.14% $5 €7 £8 a_b __init__ a+b=c <tag> ~`^|", "İI ı ſtraſse ẞ K Å ŉ ΐ", "…。、「」（）！？～", "🏳️‍🌈 👍🏽 🇺🇸🇬🇧🇫 #️⃣ ☺︎", "٠١٢ ४५ Ⅷ ⅷ 五 ¼",
    "Ａ１　ｱｲｳ ｶﾞ ﾊﾟ ㈱ ㎏ ℡ ﬅ ĳ ŀ", "~x\uff5ey\u301cz", "lone:\ud800".encode("utf-16", "surrogatepass").decode("utf-16", "replace"),
]
ALPHABET = list("abe ##12.,-_'\"[]()é\u0301\u0323\u0308ﬁ½²™①ßΣς日本\u3000\u00a0\u200b\u200d\ufe0f\t\r\n▁🙂🇩🇪क्षกำ가\u1100\u1161\u11a8İı") + ["[CLS]", "un", "able", "router", " the ", "<s>", "\U0001f3fd", "\u0600", "\ufffd", "\x7f", "\u0345"]
TEXTS += ["".join(random.choice(ALPHABET) for _ in range(random.randint(1, 24))) for _ in range(200)]


b64 = lambda b: base64.b64encode(b).decode()
PRECOMPILED = lambda b: {"type": "Precompiled", "precompiled_charsmap": b64(b)}


def component(kind, config):
    t = Tokenizer.from_str(json.dumps({"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None, "pre_tokenizer": None, "post_processor": None, "decoder": None, "model": {"type": "BPE", "vocab": {}, "merges": []}, kind: config}))
    return getattr(t, kind)


def charsmap(**options):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(SAMPLES * 20), model_writer=model, vocab_size=400, model_type="unigram", hard_vocab_limit=False, minloglevel=2, **options)
    proto = pb2.ModelProto()
    proto.ParseFromString(model.getvalue())
    return proto


def nmt_map():
    """nmt_nfkc, as XLM-R and T5 have it, without the 11,172 syllables of Hangul, which would be most of it."""
    whole = component("normalizer", PRECOMPILED(charsmap(normalization_rule_name="nmt_nfkc").normalizer_spec.precompiled_charsmap))
    hangul = lambda text: any(0xAC00 <= ord(c) <= 0xD7A3 or 0x1100 <= ord(c) <= 0x11FF for c in text)
    rules = {}
    for c in map(chr, POINTS):
        for source in {c, normalizers.NFD().normalize_str(c)}:
            target = whole.normalize_str(source)
            if target != source and not hangul(source + target) and c != "\0":
                rules[source] = target
    return mapped(rules)


def mapped(rules):
    code = lambda text: " ".join(f"{ord(c):X}" for c in text)
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as f:
        f.write("".join(f"{code(a)}\t{code(b)}\n" for a, b in rules.items()))
        f.flush()
        return charsmap(normalization_rule_tsv=f.name).normalizer_spec.precompiled_charsmap


def small_map():
    rules = {"ﬁ": "fi", "ﬁx": "FX", "e\u0301": "\u00e9", "e\u0301\u0323": "\u1eb8", "\r": " ", "\t": " ", "\n": " ", "\u3000": " ", "½": "1\u20442", "²": "2", "™": "TM", "①": "1", "\u200b": " ", "\x7f": "", "\u0345": "", "🇩🇪": "DE", "日": "ニチ", "ß": "ss", "가": "ka", "\ufffd": " "}
    return mapped(rules)


PIECES = [(p.piece, p.score) for p in charsmap(normalization_rule_name="nmt_nfkc").pieces if p.type == 1]
NMT_MAP, SMALL_MAP = nmt_map(), small_map()
BERT = lambda **k: {"type": "BertNormalizer", "clean_text": False, "handle_chinese_chars": False, "strip_accents": False, "lowercase": False, **k}
NORMALIZERS = [BERT(**{k: True}) for k in ("clean_text", "handle_chinese_chars", "strip_accents", "lowercase")] + [
    BERT(clean_text=True, handle_chinese_chars=True, strip_accents=s, lowercase=l) for s in (None, True, False) for l in (True, False)
] + [{"type": t} for t in ("Nmt", "NFC", "NFD", "NFKC", "NFKD", "StripAccents", "Lowercase")] + [
    {"type": "Sequence", "normalizers": [{"type": "Nmt"}, {"type": "NFKC"}, {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]},
    {"type": "Sequence", "normalizers": [{"type": "NFKD"}, {"type": "StripAccents"}, {"type": "Lowercase"}]},
    PRECOMPILED(SMALL_MAP), "nmt_nfkc",
]
PRE = [{"type": "BertPreTokenizer"}, {"type": "Punctuation", "behavior": "Isolated"}, {"type": "Whitespace"}, {"type": "WhitespaceSplit"}, {"type": "Digits", "individual_digits": True}]


def config_of(config):
    return PRECOMPILED(NMT_MAP) if config == "nmt_nfkc" else config


def hashes(change):
    """A hash of what every 16,384 code points become, each between x and y."""
    out = []
    for block in range(0, 0x110000, 0x4000):
        text = " ".join(f"x{chr(c)}y" for c in range(block, block + 0x4000) if not 0xD800 <= c <= 0xDFFF)
        out.append(hashlib.sha256(change(text).encode()).hexdigest()[:8] if text else "")
    return " ".join(out)


def wordpiece(lower):
    t = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    t.normalizer = normalizers.BertNormalizer(lowercase=lower)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.train_from_iterator(SAMPLES * 20, trainers.WordPieceTrainer(vocab_size=420, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False, limit_alphabet=150))
    return json.loads(t.to_str())["model"]


special = lambda i, content, **k: {"id": i, "content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True, **k}
around = lambda a, ai, b, bi: {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": a, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": b, "type_id": 0}}], "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
                                "special_tokens": {a: {"id": a, "ids": [ai], "tokens": [a]}, b: {"id": b, "ids": [bi], "tokens": [b]}}}
META = lambda scheme, split=True: {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": split}
BERT_TOKENS = [special(i, t) for i, t in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])]


def unigram_vocab():
    """SentencePiece's pieces in XLM-R's order: <s>, <pad>, </s>, <unk>, pieces, <mask>."""
    return [["<s>", 0.0], ["<pad>", 0.0], ["</s>", 0.0], ["<unk>", 0.0], *[[a, round(b, 5)] for a, b in PIECES], ["<mask>", 0.0]]


VOCAB = unigram_vocab()
XLMR = [special(0, "<s>"), special(1, "<pad>"), special(2, "</s>"), special(3, "<unk>"), special(len(VOCAB) - 1, "<mask>", lstrip=True)]
TIES = [["<unk>", 0.0], *[[p, s] for p, s in [("a", -1.0), ("b", -1.0), ("ab", -2.0), ("aba", -3.0), ("ba", -2.0), ("▁", -2.5), ("▁a", -3.5), ("e", -1.5), ("#", -4.0), ("🙂", -5.0), ("日", -3.0), ("ab", -1.9)]]]
FALLBACK = [["<unk>", 0.0], *[[f"<0x{i:02X}>", -20.0] for i in range(256)], *[[p, s] for p, s in VOCAB[4:120]]]
WORDS = {w: i for i, w in enumerate(["[UNK]", "the", "router", "a", "unaffable", "日本語", "__proto__", "constructor", "1"])}
WHOLE = {
    "bert": dict(model=wordpiece(True), added_tokens=BERT_TOKENS, normalizer=BERT(clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=True), pre_tokenizer={"type": "BertPreTokenizer"}, post_processor=around("[CLS]", 2, "[SEP]", 3)),
    "bert_cased": dict(model=wordpiece(False), added_tokens=BERT_TOKENS, normalizer=BERT(clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=False), pre_tokenizer={"type": "BertPreTokenizer"}, post_processor={"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}),
    "mpnet": dict(model={**wordpiece(True), "max_input_chars_per_word": 7, "continuing_subword_prefix": "##"}, added_tokens=[*BERT_TOKENS[:4], special(4, "[MASK]", lstrip=True)], normalizer=BERT(clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=True), pre_tokenizer={"type": "BertPreTokenizer"}, post_processor={"type": "RobertaProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2], "trim_offsets": True, "add_prefix_space": False}),
    "no_prefix": dict(model={**wordpiece(True), "continuing_subword_prefix": ""}, added_tokens=BERT_TOKENS[:4], normalizer=None, pre_tokenizer={"type": "Whitespace"}, post_processor=None),
    "xlm_r": dict(model={"type": "Unigram", "unk_id": 3, "vocab": VOCAB, "byte_fallback": False}, added_tokens=XLMR, normalizer="nmt_nfkc", pre_tokenizer={"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, META("always")]}, post_processor=around("<s>", 0, "</s>", 2)),
    "t5": dict(model={"type": "Unigram", "unk_id": 3, "vocab": VOCAB, "byte_fallback": False}, added_tokens=XLMR[:4], normalizer={"type": "Sequence", "normalizers": [PRECOMPILED(SMALL_MAP), {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]}, pre_tokenizer=META("first"), post_processor=None),
    "albert": dict(model={"type": "Unigram", "unk_id": 3, "vocab": VOCAB}, added_tokens=XLMR, normalizer={"type": "Sequence", "normalizers": [{"type": "NFKD"}, {"type": "StripAccents"}, {"type": "Lowercase"}, PRECOMPILED(SMALL_MAP)]}, pre_tokenizer=META("always", False), post_processor=None),
    "ties": dict(model={"type": "Unigram", "unk_id": 0, "vocab": TIES, "byte_fallback": False}, added_tokens=[special(0, "<unk>")], normalizer=None, pre_tokenizer=META("never"), post_processor=None),
    "unigram_bytes": dict(model={"type": "Unigram", "unk_id": 0, "vocab": FALLBACK, "byte_fallback": True}, added_tokens=[special(0, "<unk>")], normalizer={"type": "Nmt"}, pre_tokenizer=META("always"), post_processor=None),
    "words": dict(model={"type": "WordLevel", "vocab": WORDS, "unk_token": "[UNK]"}, added_tokens=[], normalizer={"type": "Lowercase"}, pre_tokenizer={"type": "Sequence", "pretokenizers": [{"type": "Whitespace"}, {"type": "Digits", "individual_digits": True}]}, post_processor=None),
}


def whole(parts):
    parts = {**parts, "normalizer": config_of(parts["normalizer"])}
    t = Tokenizer.from_str(json.dumps({"version": "1.0", "truncation": None, "padding": None, "decoder": None, **parts}))
    return [t.encode(text).ids for text in TEXTS]


def write(name, value):
    path = HERE / f"{name}.json.gz"
    path.write_bytes(gzip.compress(json.dumps({"made_with": f"tokenizers {tokenizers.__version__}", **value}, ensure_ascii=False, separators=(",", ":")).encode(), 9, mtime=0))
    print(path.name, path.stat().st_size, "bytes")


if __name__ == "__main__":
    (ROOT / "tokenizer/unicode.json").write_text(json.dumps(tables(), indent=2) + "\n")
    normalizer = lambda c: component("normalizer", config_of(c)).normalize_str
    pieces = lambda c: lambda text: [piece for piece, _ in component("pre_tokenizer", c).pre_tokenize_str(text)]
    write("components", {
        "texts": TEXTS,
        "nmt_nfkc": b64(NMT_MAP),
        "normalizers": [{"config": c, "out": list(map(normalizer(c), TEXTS)), "points": hashes(normalizer(c))} for c in NORMALIZERS],
        "pre_tokenizers": [{"config": c, "out": list(map(pieces(c), TEXTS)), "points": hashes(lambda text, c=c: "\n".join(pieces(c)(text)))} for c in PRE],
    })
    write("whole", {name: {"parts": parts, "ids": whole(parts)} for name, parts in WHOLE.items()})
