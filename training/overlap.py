"""How much of what the demonstration and the study read was in the training text: writes training/results/overlap.json.

No package that this repository installs is in sources.tsv, but packages carry copies of others (vendored READMEs,
TypeScript's own library declarations). For every .md and .d.ts under node_modules: the share of its 12-word shingles
that occur anywhere in the training split. Formulaic text (licences, `export declare const`) counts too, so a few
per cent are normal; above a half the document was as good as seen.
"""
import argparse, collections, json, pathlib, re

HERE = pathlib.Path(__file__).parent
WORDS = re.compile(r"\w+|[^\w\s]")
SHINGLE, STEP = 12, 3  # words a shingle; every third one of a document is asked for
SEEN = 0.5  # from this share on a document counts as seen


def shingles(text, step):
    words = WORDS.findall(text)
    return (hash(tuple(words[i:i + SHINGLE])) for i in range(0, len(words) - SHINGLE + 1, step))


def demonstration(modules):
    """The demonstration's documents: path in node_modules → its shingles."""
    documents = {}
    for path in sorted(modules.rglob("*")):
        if path.name.lower().endswith((".md", ".d.ts", ".d.mts", ".d.cts")) and path.is_file() and not path.is_symlink():
            text = path.read_text(errors="replace")
            if 200 <= len(text) <= 100_000 and (kept := set(shingles(text, STEP))):
                documents[str(path.relative_to(modules))] = kept
    return documents


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path(".sift/training"))
    parser.add_argument("--modules", type=pathlib.Path, default=HERE.parent / "node_modules")
    o = parser.parse_args()
    documents = demonstration(o.modules)
    if not documents:
        print(f"skipped: no documents under {o.modules} (npm ci first)")
        return
    wanted = set().union(*documents.values())
    source = {}  # shingle → the training package that has it
    for line in (o.data / "train.jsonl").open():
        document = json.loads(line)
        for shingle in shingles(document["text"], 1):
            if shingle in wanted:
                source.setdefault(shingle, document["package"])
    shares = {path: sum(s in source for s in kept) / len(kept) for path, kept in documents.items()}
    seen = sorted((path for path, share in shares.items() if share > SEEN), key=lambda path: -shares[path])
    packages = collections.Counter("/".join(path.split("/")[:2 if path[0] == "@" else 1]) for path in seen)
    result = {"documents": len(documents), "mean_share": round(sum(shares.values()) / len(shares), 4), "seen": len(seen),
              "seen_by_package": dict(packages.most_common()),
              "worst": [{"document": path, "share": round(shares[path], 2),
                         "from": collections.Counter(source[s] for s in documents[path] if s in source).most_common(1)[0][0]} for path in seen[:20]]}
    print(f"{len(seen)} of {len(documents)} documents were as good as seen in training, mean share {result['mean_share']:.1%};", dict(packages.most_common(5)))
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results/overlap.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
