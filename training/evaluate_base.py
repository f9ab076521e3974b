"""Measures the base model on packages that training never saw: writes training/results/base.json and models' loss.svg.

Bits per byte by domain over whole documents, each by itself as a compressor would see it, beside xz -9e and zstd -19 and
an interpolated byte 7-gram trained on the training set. Documents are drawn from the held-out packages in turn until a
domain has enough bytes. A token sees the 1,024 before it at most and 512 at least, where there are that many.
"""
import argparse, collections, json, lzma, math, pathlib, random, time
import numpy, torch, zstandard
from safetensors.torch import load_file
from tokenizers import Tokenizer
from model import Config, Qwen3
from ngram import ByteNgram

HERE = pathlib.Path(__file__).parent
WINDOW, STRIDE = 1024, 512
NGRAM, NGRAM_BYTES = 7, 3_000_000  # bytes of training text per domain


def load(directory):
    config = json.loads((directory / "config.json").read_text())
    model = Qwen3(Config(**{k: v for k, v in config.items() if k in Config.__dataclass_fields__}))
    model.load_state_dict({k: v.float() for k, v in load_file(directory / "model.safetensors").items()})
    return model.eval(), Tokenizer.from_file(str(directory / "tokenizer.json"))


def model_bits(model, tokenizer, text):
    """−log₂ p(text), after <|endoftext|>."""
    ids = torch.tensor([0, *tokenizer.encode(text).ids])
    bits, at = 0.0, 1
    while at < len(ids):
        end = min(len(ids), at + STRIDE if at > 1 else WINDOW + 1)
        start = max(0, end - 1 - WINDOW)
        losses = model.losses(ids[None, start:end - 1], ids[None, start + 1:end])[0]
        bits += losses[at - start - 1:].sum().item() / math.log(2)
        at = end
    return bits


def by_domain(path):
    """domain → package → texts"""
    found = collections.defaultdict(lambda: collections.defaultdict(list))
    for line in path.open():
        document = json.loads(line)
        found[document["domain"]][document["package"]].append(document["text"])
    return found


def sample(packages, most, rng):
    """(package, text) from the packages in turn, whole documents, until `most` bytes."""
    queues, total = [(name, rng.sample(texts, len(texts))) for name, texts in sorted(packages.items())], 0
    while queues and total < most:
        name, texts = queues.pop(0)
        text = texts.pop()
        total += len(text.encode())
        yield name, text
        if texts:
            queues.append((name, texts))


def training_bytes(path):
    """Some of every domain, documents in random order."""
    rng, parts = random.Random(0), []
    for packages in by_domain(path).values():
        parts += [text.encode() for _, text in sample(packages, NGRAM_BYTES, rng)]
    return b"\n".join(parts)


def evaluate(directory, data, most):
    model, tokenizer = load(directory)
    ngram = ByteNgram(NGRAM, training_bytes(data / "train.jsonl"))
    zstd = zstandard.ZstdCompressor(level=19)
    rows = {}
    for domain, packages in sorted(by_domain(data / "heldout.jsonl").items()):
        sums, count, total, names, each = collections.Counter(), 0, 0, set(), []
        for package, text in sample(packages, most, random.Random(0)):
            raw = text.encode()
            total, count = total + len(raw), count + 1
            names.add(package)
            bits = {"model": model_bits(model, tokenizer, text), "xz": 8 * len(lzma.compress(raw, preset=9 | lzma.PRESET_EXTREME)),
                    "zstd": 8 * len(zstd.compress(raw)), "ngram": ngram.bits(raw)}
            sums.update(bits)
            each.append((len(raw), bits["model"] < bits["xz"]))
        rows[domain] = {"packages": len(names), "documents": count, "bytes": total, **{k: round(v / total, 3) for k, v in sums.items()},
                        "documents where the model beats xz": round(sum(won for _, won in each) / count, 3)}
        print(domain, rows[domain], flush=True)
    mean = {k: round(float(numpy.mean([row[k] for row in rows.values()])), 3) for k in ("model", "xz", "zstd", "ngram")}
    print("mean over domains", mean)
    return {"window": WINDOW, "stride": STRIDE, "domains": rows, "mean": mean}


def draw_curve(csv, out):
    import matplotlib
    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "loss"  # the same picture from the same numbers
    from matplotlib import pyplot
    rows = numpy.loadtxt(csv, delimiter=",")
    figure, axes = pyplot.subplots(figsize=(7, 3.4))
    axes.plot(rows[:, 1] / 1e6, rows[:, 3], color="#0f766e", linewidth=1.6)
    axes.set_xlabel("training tokens, millions")
    axes.set_ylabel("training loss, nats per token")
    axes.set_ylim(top=numpy.percentile(rows[:, 3], 97))  # the first steps would flatten the rest
    axes.grid(color="#e2e8f0")
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(out, metadata={"Date": None})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path(".sift/training"))
    parser.add_argument("--model", type=pathlib.Path, help="default DATA/out/base")
    parser.add_argument("--bytes", type=int, default=400_000, help="text of a domain")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--results", type=pathlib.Path, default=HERE / "results/base.json")
    o = parser.parse_args()
    torch.set_num_threads(o.threads)
    start, directory = time.monotonic(), o.model or o.data / "out/base"
    result = evaluate(directory, o.data, o.bytes)
    print(f"{time.monotonic() - start:.0f} s")
    o.results.parent.mkdir(exist_ok=True)
    o.results.write_text(json.dumps(result, indent=1) + "\n")
    if (o.data / "base.csv").exists() and not o.model:
        draw_curve(o.data / "base.csv", directory / "loss.svg")


if __name__ == "__main__":
    main()
