"""How much of what the demonstration and the study read was in the training text: writes training/results/overlap.json.

No package that this repository installs is in sources.tsv and corpus.py drops what resembles their documents, but text is
also copied in pieces. For every .md and .d.ts under node_modules: the share of its 12-word shingles that occur anywhere
in the training split. Formulaic text (licences, `export declare const`) counts too, so a few per cent are normal; above
a half the document was as good as seen.
"""
import argparse, collections, json, pathlib
import numpy
from demonstration import MODULES, demonstration
from duplicates import Shared

HERE = pathlib.Path(__file__).parent
STEP = 3  # every third shingle of a document is asked for
SEEN = 0.5  # from this share on a document counts as seen


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path(".sift/training"))
    parser.add_argument("--modules", type=pathlib.Path, default=MODULES)
    o = parser.parse_args()
    documents = demonstration(o.modules)
    if not documents:
        print(f"skipped: no documents under {o.modules} (npm ci first)")
        return
    asked = Shared(documents.values(), STEP)
    names, source = [], numpy.full(len(asked.known) + 1, -1)  # of every shingle, which training package has it; the last is no shingle
    for line in (o.data / "train.jsonl").open():
        document = json.loads(line)
        if not names or names[-1] != document["package"]:
            names.append(document["package"])
        places = asked.places(document["text"])
        source[places[source[places] < 0]] = len(names) - 1
        source[-1] = -1
    found = {path: source[asked.places(text, STEP)] for path, text in documents.items()}
    shares = {path: float((origin >= 0).mean()) for path, origin in found.items()}
    seen = sorted((path for path, share in shares.items() if share > SEEN), key=lambda path: -shares[path])
    packages = collections.Counter("/".join(path.split("/")[:2 if path[0] == "@" else 1]) for path in seen)
    result = {"documents": len(documents), "mean_share": round(sum(shares.values()) / len(shares), 4), "seen": len(seen),
              "seen_by_package": dict(packages.most_common()),
              "worst": [{"document": path, "share": round(shares[path], 2),
                         "from": names[collections.Counter(found[path][found[path] >= 0].tolist()).most_common(1)[0][0]]} for path in seen[:20]]}
    print(f"{len(seen)} of {len(documents)} documents were as good as seen in training, mean share {result['mean_share']:.1%};", dict(packages.most_common(5)))
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results/overlap.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
