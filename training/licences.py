"""Compares sources.tsv with what the fetched packages say of themselves; ends with 1 when one is not permissive.

A registry's declaration can change between versions (npm's primereact went from MIT to a commercial licence), so the
list that a person wrote is not trusted: package.json, PKG-INFO or METADATA decide. Debian's copyright files name the
licences of every file of a source package, build scripts too, so for apt the list stands and the file is printed.
A package that declares several licences to choose from passes if one of them is permissive.
"""
import argparse, csv, email, json, pathlib, re, sys

HERE = pathlib.Path(__file__).parent
PERMISSIVE = re.compile(r"\b(0BSD|Apache|BlueOak|BSD|CC0|CC-BY-[34]\.0|curl|HPND|ISC|libpng|MIT|PostgreSQL|PSF|Python.Software|Public.Domain|Repoze|TCL|Unlicense|Zlib)\b", re.I)
RESTRICTED = re.compile(r"\b(AGPL|GPL|LGPL|MPL|EPL|EUPL|SSPL|BUSL|CC-BY-(NC|ND|SA)|GNU|Mozilla|proprietary|commercial|SEE LICEN[CS]E|UNLICENSED)\b", re.I)


def declared(client, files):
    """The licences a package declares, as strings; empty when it declares none."""
    if client == "npm":
        manifest = json.loads(next(files.glob("*/package.json")).read_text())
        several = manifest.get("license") or manifest.get("licenses") or []
        several = several if isinstance(several, list) else [several]
        return [item["type"] if isinstance(item, dict) else item for item in several]
    found = [*files.glob("*/PKG-INFO"), *files.glob("*.dist-info/METADATA")]
    if not found:
        return []
    head = email.message_from_string(found[0].read_text(errors="replace"))
    if head["License-Expression"]:
        return [head["License-Expression"]]
    kept = [c.split(" :: ")[-1] for c in head.get_all("Classifier") or [] if c.startswith("License ::") and not c.endswith("OSI Approved")]
    return kept or [line for line in [(head["License"] or "").strip().split("\n")[0]] if line]


def verdict(licences):
    """`permissive`, `restricted` or `unknown`; a choice is as good as its best part, `AND` as its worst."""
    parts = [part for text in licences for part in re.split(r"\s+OR\s+", text.strip("()"))]
    free = [part for part in parts if PERMISSIVE.search(part) and not RESTRICTED.search(part)]
    if free:
        return "permissive"
    return "restricted" if any(RESTRICTED.search(part) for part in parts) else "unknown"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path(".sift/training"))
    data, bad, checked = parser.parse_args().data, 0, 0
    for client, package, listed in csv.reader((HERE / "sources.tsv").open(), delimiter="\t"):
        files = data / "packages" / f"{client}-{package.replace('/', '--')}" / "files"
        if client.startswith("#") or client == "apt" or not files.exists():
            continue
        licences, checked = declared(client, files), checked + 1
        found = verdict(licences)
        if found == "restricted" or (found == "unknown" and licences):
            print(f"{client} {package}: listed as {listed}, declares {' | '.join(licences)}")
            bad += 1
        elif not licences:
            print(f"{client} {package}: declares nothing; listed as {listed} (read its licence file)")
    print(f"{checked} packages checked, {bad} not permissive")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
