"""Does similarity in the embedder's space foretell what an example teaches? Writes training/results/sift.json.

For prompts of unseen documents (800 characters and the 800 that follow, as `npm start` cuts them): one Adam step of full
fine-tuning on a chunk of another document, and the bits per byte that the continuation then costs less. The chunks are
drawn across the whole range of BM25 ranks, the same for every embedder, so that embedders can be compared. Reported is
Spearman's ρ between similarity and gain within each prompt, averaged over prompts.
"""
import argparse, json, pathlib, random, time
import numpy, torch
from scipy.stats import spearmanr
from evaluate_base import load
from evaluate_embedder import embed_with
from retrieval import bm25, pool

HERE = pathlib.Path(__file__).parent
HALF = 800  # characters of a prompt, and of its continuation
RATE = 5e-4  # of Adam, as the demonstration tunes
CANDIDATES = 16
LONGEST = 512  # tokens of an example


def prompts(rows, each, seed=3):
    """[(document, domain, prompt, continuation)], `each` of every domain."""
    texts, domain = {}, {}
    for text, number, name, _ in rows:
        texts[number] = texts.get(number, "") + text
        domain[number] = name
    rng, found = random.Random(seed), []
    for name in sorted(set(domain.values())):
        fair = [n for n in texts if domain[n] == name and len(texts[n]) >= 2 * HALF]
        for number in rng.sample(fair, min(each, len(fair))):
            at = texts[number].rfind("\n", HALF // 2, HALF) + 1 or HALF
            found.append((number, name, texts[number][:at], texts[number][at:at + HALF]))
    return found


def spread(order, count):
    """Of an order from most to least similar: the first, and the others at ranks that grow evenly in their logarithm."""
    ranks = sorted({int(round(r)) for r in numpy.geomspace(1, len(order), count)})
    return [int(order[r - 1]) for r in ranks]


def cost(model, prompt, continuation, size):
    """Bits per byte of the continuation after the prompt."""
    ids = torch.tensor([0, *prompt, *continuation][:1025])
    return model.losses(ids[None, :-1], ids[None, 1:])[0][len(prompt):].sum().item() / numpy.log(2) / size


def gains(model, tokenizer, rows, asked):
    """Per prompt [(index of the chunk, bits per byte gained)], and what the continuation costs untuned."""
    texts = [row[0] for row in rows]
    scores = bm25([*texts, *(prompt for _, _, prompt, _ in asked)], numpy.arange(len(texts), len(texts) + len(asked)))[:, :len(texts)]
    kept = {name: value.clone() for name, value in model.state_dict().items()}
    result = []
    for (number, domain, prompt, continuation), score in zip(asked, scores):
        order = [i for i in numpy.argsort(-score, kind="stable") if rows[i][1] != number]
        a, b, size = tokenizer.encode(prompt).ids, tokenizer.encode(continuation).ids, len(continuation.encode())
        before, found = cost(model, a, b, size), []
        for index in spread(order, CANDIDATES):
            ids = torch.tensor([0, *tokenizer.encode(texts[index]).ids[:LONGEST]])
            optimiser = torch.optim.Adam(model.parameters(), lr=RATE)
            model(ids[None, :-1], ids[None, 1:]).backward()
            optimiser.step()
            found.append((index, before - cost(model, a, b, size)))
            model.load_state_dict(kept)
            model.zero_grad(set_to_none=True)
        result.append((before, found))
    return result


def correlation(similar, measured, asked):
    """similar: prompts × pool."""
    by_domain = {}
    for row, (_, found), (_, domain, _, _) in zip(similar, measured, asked):
        rho = spearmanr([row[i] for i, _ in found], [g for _, g in found]).statistic
        by_domain.setdefault(domain, []).append(rho)
    return {domain: round(float(numpy.mean(v)), 3) for domain, v in by_domain.items()} | {
        "all": round(float(numpy.mean([r for v in by_domain.values() for r in v])), 3)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path(".sift/training"))
    parser.add_argument("--base", type=pathlib.Path, help="default DATA/out/base")
    parser.add_argument("--embedder", type=pathlib.Path, action="append", help="default DATA/out/embedder; several are compared")
    parser.add_argument("--prompts", type=int, default=6, help="of a domain")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--results", type=pathlib.Path, default=HERE / "results/sift.json")
    o = parser.parse_args()
    torch.set_num_threads(o.threads)
    start = time.monotonic()
    rows = pool(o.data / "heldout.jsonl", 10_000)
    asked, texts = prompts(rows, o.prompts), [row[0] for row in rows]
    measured = gains(*load(o.base or o.data / "out/base"), rows, asked)
    every = [g for _, found in measured for _, g in found]
    first = [found[0][1] for _, found in measured]
    result = {"prompts": len(asked), "candidates": CANDIDATES, "rate": RATE, "untuned": round(float(numpy.mean([b for b, _ in measured])), 3),
              "gain": {"mean": round(float(numpy.mean(every)), 4), "most similar": round(float(numpy.mean(first)), 4),
                       "share that help": round(float(numpy.mean(numpy.array(every) > 0)), 3)}, "spearman": {}}
    for directory in o.embedder or [o.data / "out/embedder"]:
        e = embed_with(directory, [*texts, *(prompt for _, _, prompt, _ in asked)])
        result["spearman"][json.loads((directory / "config.json").read_text())["model"]] = correlation(e[len(texts):] @ e[:len(texts)].T, measured, asked)
    scores = bm25([*texts, *(p for _, _, p, _ in asked)], numpy.arange(len(texts), len(texts) + len(asked)))
    result["spearman"]["bm25"] = correlation(scores, measured, asked)
    print(json.dumps(result, indent=1), f"{time.monotonic() - start:.0f} s")
    o.results.parent.mkdir(exist_ok=True)
    o.results.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
