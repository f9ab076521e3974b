"""Collects the training text, by package name through the ordinary clients of apt, npm and pip, into DATA/{train,valid,heldout}.jsonl.

Reads   sources.tsv       client, package, licence: permissive or public-domain only
Writes  DATA/*.jsonl      {"package", "domain", "path", "text"} a line; never committed
        provenance.tsv    what was really fetched: client, package, version, licence, domain, split, documents, bytes

Whole packages are held out, per domain (split.py); exact and near duplicates are dropped, across packages and within
(duplicates.py), and what is held out loses every document whose text occurs in training. Packages that this repository
installs itself are refused, and texts that resemble theirs are dropped: the demonstration and the study read them.
"""
import argparse, collections, concurrent.futures, csv, hashlib, json, multiprocessing, pathlib, random, subprocess, sys, tarfile, zipfile
import numpy
from demonstration import demonstration
from duplicates import NearDuplicates, Shared
from extract import read_text
from split import draw

HERE = pathlib.Path(__file__).parent
# characters of one package in a domain, so that no package drowns the others; there is more JavaScript and Python than a run can read
MAX_PACKAGE = {"javascript": 600_000, "python": 1_200_000, "config": 600_000, "other": 2_500_000}
MOST_SHARED = 0.5  # of its 12-word shingles in the demonstration's, or for held-out text in training's: a copy


def run(*command, cwd=None):
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=400)


def fetch(client, package, into):
    """Downloads and unpacks one package; returns its version, or None if the registry does not have it."""
    into.mkdir(parents=True, exist_ok=True)
    stamp = into / ".version"
    if stamp.exists():
        return stamp.read_text() or None
    version = ""
    if client == "apt" and run("apt-get", "download", package, cwd=into).returncode == 0:
        deb = next(into.glob("*.deb"))
        version = deb.name.split("_")[1]
        run("dpkg", "-x", str(deb), str(into / "files"))
        deb.unlink()
    elif client == "npm" and run("npm", "pack", package, "--silent", "--ignore-scripts", cwd=into).returncode == 0:
        archive = next(into.glob("*.tgz"))
        with tarfile.open(archive) as tar:
            tar.extractall(into / "files", filter="data")
        archive.unlink()
        version = json.loads(next((into / "files").glob("*/package.json")).read_text())["version"]
    elif client == "pip":
        done = run(sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", ":all:", "--no-build-isolation",
                   "--no-cache-dir", package, cwd=into)  # pip fetches the sdist first; a failing metadata build leaves it
        found = [*into.glob("*.tar.gz"), *into.glob("*.zip")]
        if not found:
            run(sys.executable, "-m", "pip", "download", "--no-deps", package, cwd=into)
            found = [*into.glob("*.whl")]
        if found:
            version = found[0].name
            if found[0].name.endswith(".tar.gz"):
                with tarfile.open(found[0]) as tar:
                    tar.extractall(into / "files", filter="data")
            else:
                with zipfile.ZipFile(found[0]) as archive:
                    archive.extractall(into / "files")
            found[0].unlink()
    stamp.write_text(version)
    return version or None


def own_packages():
    lock = HERE.parent / "package-lock.json"
    if not lock.exists():
        return set()
    return {path.rsplit("node_modules/", 1)[-1] for path in json.loads(lock.read_text())["packages"] if path}


def documents_of(where):
    """(domain, path, text) of a package's documents, in the order of their paths' hashes, within the limits."""
    size, found = {}, []
    files = sorted((p for p in (where / "files").rglob("*") if p.is_file() and not p.is_symlink()),
                   key=lambda p: hashlib.sha256(str(p.relative_to(where)).encode()).digest())
    for path in files:
        try:
            document = read_text(path)
        except (OSError, EOFError):
            continue
        if document is None or size.get(document[0], 0) + len(document[1]) > MAX_PACKAGE.get(document[0], MAX_PACKAGE["other"]):
            continue
        size[document[0]] = size.get(document[0], 0) + len(document[1])
        found.append((document[0], str(path.relative_to(where / "files")), document[1]))
    return found


def prepare(where):
    """What of the work can be done package by package, in parallel."""
    return [(domain, path, text, near.signature(text), demo.share(text, 3)) for domain, path, text in documents_of(where)]


near, demo = NearDuplicates(), None


def begin():
    global demo
    demo = Shared(demonstration().values())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path(".sift/training"))
    data = parser.parse_args().data
    refused = own_packages()
    sources = [row for row in csv.reader((HERE / "sources.tsv").open(), delimiter="\t") if row and not row[0].startswith("#")]
    sources = [row for row in sources if not (row[0] == "npm" and row[1] in refused)]

    def one(source):
        client, package, licence = source
        where = data / "packages" / f"{client}-{package.replace('/', '--')}"
        try:
            return source, where, fetch(client, package, where)
        except Exception as error:  # a package less is no reason to stop; provenance tells which are in
            print(f"  {client} {package}: {error}", file=sys.stderr)
            return source, where, None

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        fetched = []
        for done, result in enumerate(pool.map(one, sources), 1):
            fetched.append(result)
            print(f"\rfetched {done}/{len(sources)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    fetched = [row for row in fetched if row[2] is not None]
    random.Random(1).shuffle(fetched)  # which of two copies stays should not depend on the order of the list

    begin()
    seen, kept, dropped = set(), [], collections.Counter()
    for text in demonstration().values():
        near.add(near.signature(text))
    with multiprocessing.get_context("fork").Pool(2) as pool:
        for number, (source, found) in enumerate(zip(fetched, pool.imap(prepare, [where for _, where, _ in fetched])), 1):
            print(f"\rread {number}/{len(fetched)}", end="", file=sys.stderr, flush=True)
            for domain, path, text, signature, share in found:
                exact = hashlib.sha256(text.encode()).digest()
                why = "demonstration" if share > MOST_SHARED else "exact" if exact in seen else "near" if near.twin(signature) else None
                if why:
                    dropped[why] += 1
                    continue
                seen.add(exact)
                near.add(signature)
                kept.append((source[0], domain, path, text))
    print(f"\n{len(kept)} documents kept; dropped {dict(dropped)}", file=sys.stderr)

    sizes = {}
    for (client, package, _), domain, _, text in kept:
        size = sizes.setdefault((client, package), {})
        size[domain] = size.get(domain, 0) + len(text.encode())
    split = draw(sizes)
    kept = without_twins([(split[source[:2]], source, *rest) for source, *rest in ((tuple(s), *r) for s, *r in kept)])
    write(data, kept, {tuple(source): version for source, _, version in fetched})


def without_twins(kept):
    """Drops held-out and validation documents of whose 12-word shingles more than half occur somewhere in training."""
    outside = [row for row in kept if row[0] != "train"]
    held = Shared([row[4] for row in outside])
    found = numpy.zeros(len(held.known) + 1, dtype=bool)  # the last place collects the unknown
    for row in kept:
        if row[0] == "train":
            found[held.places(row[4])] = True
    found[-1] = False
    twin = [bool(found[held.places(row[4], 3)].mean() > MOST_SHARED) for row in outside]
    print(f"{sum(twin)} of {len(outside)} documents outside training dropped: their text occurs in it", file=sys.stderr)
    return [row for row in kept if row[0] == "train"] + [row for row, copy in zip(outside, twin) if not copy]


def write(data, kept, versions):
    out = {name: (data / f"{name}.jsonl").open("w") for name in ("train", "valid", "heldout")}
    counts, totals = {}, {}
    for split, source, domain, path, text in kept:
        client, package, licence = source
        out[split].write(json.dumps({"package": package, "domain": domain, "path": path, "text": text}) + "\n")
        entry = counts.setdefault((client, package, versions[source], licence, domain, split), [0, 0])
        entry[0] += 1
        entry[1] += len(text.encode())
        total = totals.setdefault((domain, split), [0, set()])
        total[0] += len(text.encode())
        total[1].add(package)
    for file in out.values():
        file.close()
    with (HERE / "provenance.tsv").open("w") as table:
        print("client\tpackage\tversion\tlicence\tdomain\tsplit\tdocuments\tbytes", file=table)
        for key in sorted(counts):
            print(*key, *counts[key], sep="\t", file=table)
    for (domain, split), (size, packages) in sorted(totals.items()):
        print(f"{domain:11} {split:8} {size / 1e6:7.2f} MB  {len(packages):3} packages")


if __name__ == "__main__":
    main()
