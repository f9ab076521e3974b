"""Trains the embedder, a table of token embeddings averaged over a text, and writes DATA/out/embedder.

φ(x) = normalise(Σ over the distinct tokens of x of √count · E[token]). Static embeddings suit an edge function: a text
costs a gather and a sum. The root does what BM25's saturation does, and decides whether BM25 is reached at all: a word's
tenth occurrence says less than its first. Trained contrastively (InfoNCE over a batch; pairs.py says what is paired). A
token's weight is the length of its row, and is learned with it. Afterwards the mean over the corpus is taken out of the
table and the spectrum is flattened (whitening by half): directions that all texts share would hide from SIFT how much
two examples repeat each other. The budget is processor time by thread, as in base.py.
"""
import argparse, pathlib, time
import numpy, torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from torch.nn import functional as F
from chunks import documents
from export_onnx import MAX_TOKENS, export
from pairs import batch, parts_of
from retrieval import bm25, draw_queries, measure, pool

PATTERN = r"\p{L}+|\p{N}{1,3}|[^\s\p{L}\p{N}]{1,3}"


def train_tokenizer(texts, vocabulary):
    """Lower-case byte-level BPE over words, numbers and short runs of punctuation; white space is dropped."""
    tokenizer = Tokenizer(models.BPE())
    # JavaScript makes a word's last Σ another letter than Rust does; with σ in its place both agree
    tokenizer.normalizer = normalizers.Sequence([normalizers.Replace("Σ", "σ"), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PATTERN), behavior="removed", invert=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=vocabulary, special_tokens=["<|pad|>"], min_frequency=3,
                                                             initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return tokenizer


def encode(tokenizer, texts):
    return [numpy.array(e.ids[:MAX_TOKENS] or [0], dtype=numpy.int32) for e in tokenizer.encode_batch(texts)]


def encode_document(tokenizer, parts):
    """[(ids of the chunk, [(ids, ids)])], the pairs being those inside it."""
    inner = [parts_of(part) for part in parts]
    ids = iter(encode(tokenizer, [*parts, *(text for pairs in inner for pair in pairs for text in pair)]))
    chunks = [next(ids) for _ in parts]
    return [(chunk, [(next(ids), next(ids)) for _ in pairs]) for chunk, pairs in zip(chunks, inner)]


def pooled(table, bags):
    """Bags of ids → the weighted mean of their rows, B × d: a distinct token weighs as the root of its count."""
    sizes = numpy.array([len(bag) for bag in bags])
    keys, counts = numpy.unique(numpy.repeat(numpy.arange(len(bags)), sizes) * len(table) + numpy.concatenate(bags), return_counts=True)
    starts, weights = numpy.searchsorted(keys, numpy.arange(len(bags)) * len(table)), numpy.sqrt(counts)
    weights /= numpy.repeat(numpy.add.reduceat(weights, starts), numpy.diff(starts, append=len(keys)))
    return F.embedding_bag(torch.from_numpy(keys % len(table)), table, torch.from_numpy(starts), mode="sum", per_sample_weights=torch.from_numpy(weights).float())


def embed(table, bags):
    return F.normalize(pooled(table, bags), dim=1)


@torch.no_grad()
def centre(table, bags, rounds=10):
    """The vector μ for which the unit vectors of pooled − μ have no mean: the geometric median, by Weiszfeld's rounds."""
    means = torch.cat([pooled(table, bags[i:i + 2000]) for i in range(0, len(bags), 2000)])
    mu = means.mean(0)
    for _ in range(rounds):
        near = 1 / (means - mu).norm(dim=1, keepdim=True).clamp_min(1e-6)
        mu = (means * near).sum(0) / near.sum()
    return mu


@torch.no_grad()
def flattened(table, bags, power):
    """The table times C^(−power/2), C the covariance of the texts' unit vectors: 0 leaves it, 1 makes C the identity."""
    e = torch.cat([embed(table, bags[i:i + 2000]) for i in range(0, len(bags), 2000)])
    values, vectors = torch.linalg.eigh(e.T @ e / len(e))
    return table @ vectors @ torch.diag((values.clamp_min(0) + 1e-4) ** (-power / 2)) @ vectors.T


@torch.no_grad()
def score(table, bags, queries, rows):
    e = torch.cat([embed(table, bags[i:i + 2000]) for i in range(0, len(bags), 2000)])
    return measure((e[queries] @ e.T).numpy(), queries, rows)["all"] | {"mean direction": round(e.mean(0).norm().item(), 3)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path(".sift/training"))
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--dimensions", type=int, default=256)
    parser.add_argument("--vocabulary", type=int, default=24576)
    parser.add_argument("--batch", type=int, default=768)
    parser.add_argument("--of-package", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rate", type=float, default=0.01)
    parser.add_argument("--temperature", type=float, default=0.06)
    parser.add_argument("--whitening", type=float, default=0.5)
    parser.add_argument("--chunks", type=int, default=1500, help="of a package")
    parser.add_argument("--out", type=pathlib.Path, help="default DATA/out/embedder")
    o = parser.parse_args()
    torch.set_num_threads(o.threads)
    torch.manual_seed(0)
    rng = numpy.random.default_rng(0)
    train = list(documents(o.data / "train.jsonl", per_package=o.chunks))
    print(f"{len(train)} documents, {sum(len(c) for *_, c in train)} chunks", flush=True)
    sample = [c for _, _, parts in train for c in parts]
    rng.shuffle(sample)
    tokenizer = train_tokenizer(sample[:60_000], o.vocabulary)
    packages, by_domain = {}, {}
    for package, domain, parts in train:
        document = encode_document(tokenizer, parts)
        packages.setdefault(package, []).append(document)
        by_domain.setdefault(domain, []).extend(ids for ids, _ in document[:20])
    names = sorted(packages)
    share = numpy.array([sum(map(len, packages[p])) ** 0.7 for p in names])
    share /= share.sum()
    # what steers the settings: a pool from the validation packages
    rows = pool(o.data / "valid.jsonl", 10_000)
    queries, bags = draw_queries(rows, 150), encode(tokenizer, [row[0] for row in rows])
    print("BM25", measure(bm25([row[0] for row in rows], queries), queries, rows)["all"], flush=True)

    table = torch.nn.Parameter(torch.randn(tokenizer.get_vocab_size(), o.dimensions) * 0.1)
    optimiser = torch.optim.Adam([table], lr=o.rate, betas=(0.9, 0.99), fused=True)
    clock = lambda: time.process_time() / o.threads
    start, step, mean = clock(), 0, None
    while (used := (clock() - start) / 60) < o.minutes:
        for group in optimiser.param_groups:
            group["lr"] = o.rate * min(1, step / 50 + 0.05) * max(0.02, 1 - used / o.minutes)
        left, right = batch(packages, names, share, rng, o.batch, o.of_package)
        logits = embed(table, left) @ embed(table, right).T / o.temperature
        labels = torch.arange(len(left))
        loss = (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        step, mean = step + 1, loss.item() if mean is None else 0.98 * mean + 0.02 * loss.item()
        if step % 100 == 0:
            print(f"step {step}  loss {mean:.3f}  {used:.1f}/{o.minutes:g} min", score(table, bags, queries, rows) if step % 1000 == 0 else "", flush=True)
    with torch.no_grad():
        print("trained  ", score(table, bags, queries, rows), flush=True)
        # as many texts of every domain, so that none is the centre
        some = [ids[i] for _, ids in sorted(by_domain.items()) for i in rng.choice(len(ids), min(2000, len(ids)), replace=False)]
        table.sub_(centre(table, some))
        print("centred  ", score(table, bags, queries, rows), flush=True)
        table.copy_(flattened(table, some, o.whitening))
        table.sub_(centre(table, some))
        print("flattened", score(table, bags, queries, rows), flush=True)
    export(table.detach().numpy(), tokenizer, o.out or o.data / "out/embedder")
    print("done", flush=True)


if __name__ == "__main__":
    main()
