"""Trains the embedder, a table of token embeddings averaged over a text, and writes models/embedder.

φ(x) = normalise(mean over tokens of E[token] − μ). Static embeddings suit an edge function: a text costs a gather and
a sum. Trained contrastively (InfoNCE): a chunk's random crop must find a crop of the same chunk's other half, or of
its neighbour, among a batch in which several documents of each package sit, so that negatives are hard. A token's
weight is the length of its row. μ, the mean over the corpus, is folded into the table: a direction that all texts
share would hide from SIFT how much two examples repeat each other.
"""
import argparse, json, pathlib, time
import numpy, onnx, torch
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from torch.nn import functional as F
from chunks import documents

HERE = pathlib.Path(__file__).parent
PATTERN = r"\p{L}+|\p{N}{1,3}|[^\s\p{L}\p{N}]{1,3}"
MAX_TOKENS = 512


def train_tokenizer(texts, vocabulary):
    """Lower-case byte-level BPE over words, numbers and short runs of punctuation; white space is dropped."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PATTERN), behavior="removed", invert=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=vocabulary, special_tokens=["<|pad|>"], min_frequency=3,
                                                             initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return tokenizer


def pool(table, bags):
    """Mean of the rows of each bag of ids (arrays), B × d."""
    offsets = torch.tensor(numpy.cumsum([0] + [len(b) for b in bags[:-1]]))
    return F.embedding_bag(torch.from_numpy(numpy.concatenate(bags)).long(), table, offsets, mode="mean")


def crop(ids, rng, least=0.3):
    length = max(4, int(len(ids) * rng.uniform(least, 1.0)))
    at = rng.integers(0, max(1, len(ids) - length + 1))
    return ids[at:at + length]


def batch(by_package, packages, share, rng, size, per_package=8):
    left, right = [], []
    while len(left) < size:
        docs = by_package[packages[rng.choice(len(packages), p=share)]]
        for index in rng.integers(0, len(docs), per_package):
            parts = docs[index]
            i = rng.integers(0, len(parts))
            if rng.random() < 0.5 and len(parts[i]) >= 24:  # two halves of one chunk
                cut = len(parts[i]) // 2
                a, b = parts[i][:cut], parts[i][cut:]
            else:  # neighbours
                j = i + 1 if i + 1 < len(parts) else i - 1
                a, b = parts[i], parts[j]
            left.append(crop(a, rng))
            right.append(crop(b, rng))
    return left, right


def export(table, tokenizer, out, name):
    """int8 rows with a scale each: a quarter of float32's bytes, and a cosine within 1e-4 of it."""
    scale = numpy.maximum(numpy.abs(table).max(1, keepdims=True), 1e-8) / 127
    rows = numpy.round(table / scale).astype(numpy.int8)
    rows[0], scale[0] = 0, 0  # the padding token
    d = table.shape[1]
    constants = {"table": rows, "scale": scale.astype(numpy.float32), "tiny": numpy.array(1e-12, numpy.float32),
                 "axis1": numpy.array([1], numpy.int64), "axis2": numpy.array([2], numpy.int64)}
    nodes = [("Gather", ["table", "input_ids"], "rows"), ("Cast", ["rows"], "floats", {"to": TensorProto.FLOAT}),
             ("Gather", ["scale", "input_ids"], "scales"), ("Cast", ["attention_mask"], "mask0", {"to": TensorProto.FLOAT}),
             ("Unsqueeze", ["mask0", "axis2"], "mask"), ("Mul", ["scales", "mask"], "weights"), ("Mul", ["floats", "weights"], "weighted"),
             ("ReduceSum", ["weighted", "axis1"], "sum", {"keepdims": 0}), ("Mul", ["sum", "sum"], "squares"),
             ("ReduceSum", ["squares", "axis1"], "square", {"keepdims": 1}), ("Sqrt", ["square"], "norm"), ("Max", ["norm", "tiny"], "safe"),
             ("Div", ["sum", "safe"], "sentence_embedding")]
    graph = helper.make_graph(
        [helper.make_node(op, inputs, [output], **(rest[0] if rest else {})) for op, inputs, output, *rest in nodes], "embedder",
        [helper.make_tensor_value_info(n, TensorProto.INT64, ["batch", "tokens"]) for n in ("input_ids", "attention_mask")],
        [helper.make_tensor_value_info("sentence_embedding", TensorProto.FLOAT, ["batch", d])],
        [numpy_helper.from_array(value, key) for key, value in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9, producer_name="training/embedder.py")
    onnx.checker.check_model(model)
    out.mkdir(parents=True, exist_ok=True)
    onnx.save(model, out / "model.onnx")
    tokenizer.save(str(out / "tokenizer.json"))
    (out / "config.json").write_text(json.dumps({"model": name, "dimensions": d, "max_tokens": MAX_TOKENS, "pooling": "built-in"}, indent=2) + "\n")


def recall(table, docs, at=(10, 50, 200), most=10_000, queries=400, seed=5):
    """Share of a chunk's neighbours in its document that are among its nearest `at` of a pool of chunks."""
    flat, owner = [], []
    for number, parts in enumerate(docs):
        for part in parts:
            flat.append(part)
            owner.append(number)
        if len(flat) >= most:
            break
    with torch.no_grad():
        e = F.normalize(pool(table, flat), dim=1)
        index = numpy.random.default_rng(seed).choice(len(flat), min(queries, len(flat)), replace=False)
        scores = e[index] @ e.T
        scores[torch.arange(len(index)), torch.from_numpy(index)] = -9
        order = scores.topk(max(at), dim=1).indices.numpy()
    found = {k: [] for k in at}
    for row, i in zip(order, index):
        near = {j for j in (i - 2, i - 1, i + 1, i + 2) if 0 <= j < len(flat) and owner[j] == owner[i]}
        for k in at:
            found[k].append(len(near & set(row[:k].tolist())) / max(1, len(near)))
    mean = e.mean(0).norm().item()
    return {f"recall@{k}": round(float(numpy.mean(v)), 3) for k, v in found.items()} | {"chunks": len(flat), "mean direction": round(mean, 3)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path(".sift/training"))
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--dimensions", type=int, default=256)
    parser.add_argument("--vocabulary", type=int, default=16384)
    parser.add_argument("--batch", type=int, default=768)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--temperature", type=float, default=0.06)
    parser.add_argument("--out", type=pathlib.Path, default=HERE.parent / "models/embedder")
    o = parser.parse_args()
    torch.set_num_threads(o.threads)
    torch.manual_seed(0)
    rng = numpy.random.default_rng(0)
    train = list(documents(o.data / "train.jsonl", per_package=1500))
    valid = list(documents(o.data / "valid.jsonl", per_package=1500))
    print(f"{len(train)} documents, {sum(len(c) for *_, c in train)} chunks", flush=True)
    sample = [c for _, _, parts in train for c in parts]
    rng.shuffle(sample)
    tokenizer = train_tokenizer(sample[:40_000], o.vocabulary)
    encode = lambda parts: [numpy.array(e.ids[:MAX_TOKENS] or [0], dtype=numpy.int32) for e in tokenizer.encode_batch(parts)]
    by_package = {}
    for package, _, parts in train:
        by_package.setdefault(package, []).append(encode(parts))
    held = [encode(parts) for _, _, parts in valid]
    packages = sorted(by_package)
    share = numpy.array([sum(map(len, by_package[p])) ** 0.7 for p in packages])
    share /= share.sum()
    table = torch.nn.Parameter(torch.randn(tokenizer.get_vocab_size(), o.dimensions) * 0.1)
    optimiser = torch.optim.Adam([table], lr=0.01, betas=(0.9, 0.99))
    start, step, mean = time.monotonic(), 0, None
    while (used := time.monotonic() - start) < o.minutes * 60:
        for group in optimiser.param_groups:
            group["lr"] = 0.01 * min(1, step / 50 + 0.05) * max(0.02, 1 - used / (o.minutes * 60))
        left, right = batch(by_package, packages, share, rng, o.batch)
        a, b = F.normalize(pool(table, left), dim=1), F.normalize(pool(table, right), dim=1)
        logits = a @ b.T / o.temperature
        labels = torch.arange(len(left))
        loss = (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        step, mean = step + 1, loss.item() if mean is None else 0.98 * mean + 0.02 * loss.item()
        if step % 100 == 0:
            print(f"step {step}  loss {mean:.3f}  {used / 60:.1f}/{o.minutes:.0f} min", recall(table, held) if step % 500 == 0 else "", flush=True)
    with torch.no_grad():
        bags = [c for docs in list(by_package.values()) for parts in docs[:40] for c in parts[:20]]
        centre = torch.cat([pool(table, bags[i:i + 2000]) for i in range(0, len(bags), 2000)]).mean(0)
        print("before centring", recall(table, held), flush=True)
        table.sub_(centre)
        print("after centring ", recall(table, held), flush=True)
    export(table.detach().numpy(), tokenizer, o.out, "sift-static-256")
    print("done", flush=True)


if __name__ == "__main__":
    main()
