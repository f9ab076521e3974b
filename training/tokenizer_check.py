"""Holds both tokenizers to one answer in Python and JavaScript: transformers' ids against those of @huggingface/tokenizers.

Texts are seeded fuzz (code points of every plane, broken UTF-8 decoded with replacement, runs of white space, digits,
contractions) and pieces of held-out documents where DATA has them. Any difference ends the run with 1 and is shown.
The edge and the engine read tokenizer.json with the JavaScript library, training with the other. Not asked for are code
points that Python's Unicode does not assign: whether they are letters depends on the age of each library's tables
(Node 26 knows Unicode 17's letters, the Rust library does not), so texts with the newest scripts may differ.
"""
import argparse, json, pathlib, random, shutil, subprocess, sys, unicodedata

HERE = pathlib.Path(__file__).parent
ALPHABETS = [(0x20, 0x7F), (0x09, 0x0E), (0xA0, 0x250), (0x370, 0x530), (0x590, 0x700), (0x900, 0xE80), (0x2000, 0x2070), (0x20A0, 0x2C00),
             (0x3040, 0x3100), (0x4E00, 0x9FFF), (0xAC00, 0xD7A4), (0xFE00, 0xFE10), (0x1F300, 0x1FAFF), (0x10000, 0x1FFFF), (0x20000, 0x33480), (0xE0000, 0xE0200), (0xF0000, 0x10FFFF)]
PIECES = ["'s", "'ll", "don't", "  ", "\t\t", "\n\n", "\r\n", " \n ", "    return", "1234567", "٣٤٥", "e\u0301", "\u00a0", "\u200b", "\ufeff", "===", "/**", "#include", "<|endoftext|>x",
          "İ", "ǅ", "ß", "ΑΣ", "\u0085", "\u2028", "👩\u200d👩\u200d👧", "_a_", "x²", "Ⅷ", "﷽"]


def fuzz(count, rng):
    for _ in range(count):
        parts = []
        for _ in range(rng.randint(1, 12)):
            kind = rng.random()
            if kind < 0.35:
                parts.append(rng.choice(PIECES))
            elif kind < 0.85:
                low, high = rng.choice(ALPHABETS)
                points = [rng.randrange(low, high) for _ in range(rng.randint(1, 12))]
                parts.append("".join(chr(p) for p in points if unicodedata.category(chr(p)) not in ("Cn", "Cs")))
            else:
                parts.append(rng.randbytes(rng.randint(1, 16)).decode("utf-8", "replace"))
        yield "".join(parts)


def documents(path, count, rng):
    if not path.exists():
        return
    texts = [json.loads(line)["text"] for line, _ in zip(path.open(), range(5000))]
    for text in rng.sample(texts, min(count, len(texts))):
        at = rng.randrange(max(1, len(text) - 2000))
        yield text[at:at + 2000]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path(".sift/training"))
    parser.add_argument("--models", type=pathlib.Path, help="directory of base/ and embedder/ (default DATA/out)")
    parser.add_argument("--fuzz", type=int, default=20_000)
    o = parser.parse_args()
    models = o.models or o.data / "out"
    if not shutil.which("node") or not (HERE.parent / "node_modules/@huggingface/tokenizers").exists():
        sys.exit("needs node and npm ci: the check is against @huggingface/tokenizers")
    from transformers import PreTrainedTokenizerFast
    rng = random.Random(20261125)
    texts = [*fuzz(o.fuzz, rng), *documents(o.data / "heldout.jsonl", 1000, rng)]
    failed = 0
    for name in ("base", "embedder"):
        file = models / name / "tokenizer.json"
        if not file.exists():
            print(f"skipped: {file} is not there yet")
            continue
        tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(file))
        expected = [tokenizer(text, add_special_tokens=True)["input_ids"] for text in texts]
        request = json.dumps({"file": str(file.resolve()), "texts": texts})
        answer = subprocess.run(["node", HERE / "tokenizer_check.mjs"], input=request, capture_output=True, text=True, check=True)
        found = json.loads(answer.stdout)
        wrong = [(text, a, b) for text, a, b in zip(texts, expected, found) if a != b]
        for text, a, b in wrong[:5]:
            print(f"{name}: {text!r}\n  python {a}\n  js     {b}")
        print(f"{name}: {len(texts) - len(wrong)} of {len(texts)} texts give the same ids")
        failed += len(wrong)
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
