"""Writes the tables of models/*/README.md from training/results/*.json and provenance.tsv, between the marks that stand there.

The words of a card are a person's; its numbers are the last run's. A mark is `<!-- name -->` and ends at `<!-- /name -->`.
"""
import collections, csv, json, pathlib, re

HERE = pathlib.Path(__file__).parent
MODELS = HERE.parent / "models"


def table(head, rows):
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def read(name):
    return json.loads((HERE / f"results/{name}.json").read_text())


def text_table():
    size, packages = collections.Counter(), collections.defaultdict(set)
    for row in csv.DictReader((HERE / "provenance.tsv").open(), delimiter="\t"):
        size[row["domain"], row["split"]] += int(row["bytes"])
        packages[row["domain"], row["split"]].add(row["package"])
    cells = lambda domain: [f"{size[domain, s] / 1e6:.1f} MB of {len(packages[domain, s])}" for s in ("train", "valid", "heldout")]
    return table(["domain (text of packages)", "training", "validation", "held out"], [[d, *cells(d)] for d in sorted({d for d, _ in size})])


def base_table():
    result = read("base")
    names = ("model", "xz", "zstd", "ngram")
    rows = [[d, row["packages"], row["documents"], f"{row['bytes'] / 1e3:.0f}", *(f"{row[n]:.2f}" for n in names),
             f"{row['documents where the model beats xz']:.0%}"] for d, row in result["domains"].items()]
    rows.append(["**mean of domains**", "", "", "", *(f"**{result['mean'][n]:.2f}**" for n in names), ""])
    return table(["domain", "packages", "documents", "kB", "this model", "xz -9e", "zstd -19", "byte 7-gram", "documents where it beats xz"], rows)


def embedder_table():
    result = read("embedder")
    names = [n for n in ("embedder", "bm25", "all-MiniLM-L6-v2") if n in result["domains"]["all"]]
    metrics = ("recall@10", "recall@50", "recall@200", "ndcg@10")
    cell = lambda row, m: " / ".join(f"{row[n][m]:.3f}" for n in names)
    order = [*sorted(d for d in result["domains"] if d != "all"), "all"]
    return (f"Each cell: {' / '.join({'embedder': 'this model', 'bm25': 'BM25'}.get(n, n) for n in names)}.\n\n"
            + table(["domain of the query", *metrics], [[d, *(cell(result["domains"][d], m) for m in metrics)] for d in order]))


def sift_table():
    result, space = read("sift"), read("embedder")["space"]
    domains = [*sorted(d for d in next(iter(result["spearman"].values())) if d != "all"), "all"]
    rho = table(["ρ of similarity and gain", *domains], [[n, *(f"{row[d]:.2f}" for d in domains)] for n, row in result["spearman"].items()])
    return rho + "\n\n" + table(["of the space", ""], [[k.replace("_", " "), ", ".join(f"{a} {b}" for a, b in v.items()) if isinstance(v, dict) else v] for k, v in space.items()])


def main():
    makers = {"text": text_table, "base": base_table, "embedder": embedder_table, "sift": sift_table}
    for card in (MODELS / "base/README.md", MODELS / "embedder/README.md", HERE / "README.md"):
        text = card.read_text()
        for name, make in makers.items():
            if f"<!-- {name} -->" in text:
                body = make()
                text = re.sub(rf"(<!-- {name} -->).*?(<!-- /{name} -->)", lambda m: f"{m[1]}\n{body}\n{m[2]}", text, flags=re.S)
        card.write_text(text)


if __name__ == "__main__":
    main()
