"""Fetches the held-out packages again, at the versions that provenance.tsv records, into DATA/heldout.jsonl.

This is the file that the quality study was run with: `npm run eval -- --data DATA/heldout.jsonl`. Unlike corpus.py it fetches
only packages that the committed models never saw, about 60 of 1,700, and leaves provenance.tsv as it is.

What it cannot restore: corpus.py also dropped held-out documents whose text occurs in the training packages, which are not
fetched here, so about one document in a hundred comes in addition. The table at the end compares each package with the
record. A version that a registry no longer has (Debian keeps the current one only) is reported and left out; --any-version
takes the present one instead. PyPI's source archives need a present pip and setuptools in this Python's environment.
"""
import argparse, collections, csv, hashlib, json, pathlib, re, sys
import corpus
from demonstration import demonstration
from duplicates import NearDuplicates, Shared


def recorded():
    """(client, package) → its version and, by domain, the documents and bytes that were held out."""
    found = {}
    for row in csv.DictReader((corpus.HERE / "provenance.tsv").open(), delimiter="\t"):
        if row["split"] == "heldout":
            entry = found.setdefault((row["client"], row["package"]), (row["version"], {}))
            entry[1][row["domain"]] = (int(row["documents"]), int(row["bytes"]))
    return found


def request(client, package, version):
    """What the registry's client is asked for; pip's recorded version is the name of the archive."""
    if client == "pip":
        version = re.sub(r"\.(tar\.gz|zip)$", "", version).split("-")[1 if version.endswith(".whl") else -1]
        return f"{package}=={version}"
    return f"{package}{'@' if client == 'npm' else '='}{version}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path(".sift/heldout"))
    parser.add_argument("--only", nargs="*", help="these packages alone")
    parser.add_argument("--any-version", action="store_true", help="the present version where the recorded one is gone")
    o = parser.parse_args()
    wanted = {key: value for key, value in sorted(recorded().items()) if not o.only or key[1] in o.only}
    demo, near, seen = Shared(demonstration().values()), NearDuplicates(), set()
    o.data.mkdir(parents=True, exist_ok=True)
    missing, compared = [], []
    with (o.data / "heldout.jsonl").open("w") as out:
        for number, ((client, package), (version, domains)) in enumerate(wanted.items(), 1):
            print(f"\r{number}/{len(wanted)} {client} {package}\x1b[K", end="", file=sys.stderr, flush=True)
            where = (o.data / "packages" / f"{client}-{package.replace('/', '--')}").resolve()
            if corpus.fetch(client, request(client, package, version), where) is None:
                (where / ".version").unlink()
                if not o.any_version or corpus.fetch(client, package, where) is None:
                    missing.append(f"{client} {request(client, package, version)}")
                    continue
            size = collections.defaultdict(lambda: [0, 0])
            for domain, path, text in corpus.documents_of(where):
                signature, exact = near.signature(text), hashlib.sha256(text.encode()).digest()
                # a package's other domains were not held out, or had nothing left
                if domain not in domains or demo.share(text, 3) > corpus.MOST_SHARED or exact in seen or near.twin(signature):
                    continue
                seen.add(exact)
                near.add(signature)
                size[domain][0] += 1
                size[domain][1] += len(text.encode())
                out.write(json.dumps({"package": package, "domain": domain, "path": path, "text": text}) + "\n")
            compared += [(client, package, domain, *domains[domain], *size[domain]) for domain in domains]
    print("\r\x1b[K", end="", file=sys.stderr)
    print("client\tpackage\tdomain\tdocuments recorded\tbytes recorded\tdocuments now\tbytes now")
    for row in compared:
        print(*row, sep="\t")
    same = sum(row[3:5] == row[5:7] for row in compared)
    print(f"{same} of {len(compared)} rows are as recorded; {sum(r[5] for r in compared)} documents now, {sum(r[3] for r in compared)} recorded")
    for name in missing:
        print(f"not to be had any more: {name}")
    sys.exit(bool(missing))


if __name__ == "__main__":
    main()
