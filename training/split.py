"""Which packages are held out, drawn domain by domain so that every domain has whole packages that training never saw.

Domains are walked from the scarcest to the richest. In each, families of packages, in the order of their hashes, join the
split until it has enough packages and bytes; a family that would take more than its share of any domain is passed over.
A family is a package with its companions (`django` with `python-django-doc`, `three` with `@types/three`, a whole npm
scope): their texts repeat each other, in other formats too, where a search for near duplicates is blind.
"""
import hashlib, re

LEAST_PACKAGES = {"heldout": 5, "valid": 3}
WANTED_BYTES = {"heldout": 1_000_000, "valid": 300_000}
MOST_SHARE = {"heldout": 0.20, "valid": 0.08}  # of a domain's bytes
LEAST_BYTES = 4_000  # of a package in a domain, to count there


def family(package):
    name = package.lower()
    if name.startswith("@") and not name.startswith("@types/"):
        return name.split("/")[0][1:]
    name = re.sub(r"^@types/|^python3?-|^lib(?=[a-z]{2})", "", name).split("__")[0]
    name = re.sub(r"-(doc|docs|dev|common|client|server|manpages|tools|data|tui|core|utils|types?)\b|-(server-dev|client)?-?\d+$", "", name)
    return re.sub(r"[-.]?\d[\d.]*(-\d+)?(?=$|-)|\.js$|-(doc|dev)$", "", name) or name


def draw(sizes):
    """sizes: {(client, package): {domain: bytes}} → {(client, package): split}."""
    members = {}
    for key in sizes:
        members.setdefault(family(key[1]), []).append(key)
    total = {}
    for size in sizes.values():
        for domain, count in size.items():
            total[domain] = total.get(domain, 0) + count
    order = sorted(members, key=lambda f: hashlib.sha256(f.encode()).hexdigest())
    split, taken = {}, {name: dict.fromkeys(total, 0) for name in WANTED_BYTES}
    for domain in sorted(total, key=total.get):
        for name, wanted in WANTED_BYTES.items():
            count = sum(split.get(f) == name and sizes[k].get(domain, 0) >= LEAST_BYTES for f in order for k in members[f])
            for f in order:
                if count >= LEAST_PACKAGES[name] and taken[name][domain] >= min(wanted, 0.9 * MOST_SHARE[name] * total[domain]):
                    break
                size = {d: sum(sizes[k].get(d, 0) for k in members[f]) for d in total}
                counted = sum(sizes[k].get(domain, 0) >= LEAST_BYTES for k in members[f])
                if f in split or not counted or any(taken[name][d] + size[d] > MOST_SHARE[name] * total[d] for d in total if size[d]):
                    continue
                split[f] = name
                count += counted
                for d in total:
                    taken[name][d] += size[d]
    return {key: split.get(f, "train") for f in order for key in members[f]}
