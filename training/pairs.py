"""Pairs of texts that should lie close, and batches in which what should lie apart is hard to tell from them.

Positives, drawn anew at every step: two halves of a chunk; a chunk and one of its neighbours; a heading and its section;
a docstring or comment and the code below it. Each side is cropped at random, so that length is no cue. A batch takes
several documents of every package it draws, and two places of the same document: their chunks are each other's
negatives, and they share a vocabulary.
"""
import re
import numpy

TITLED = re.compile(r"\A(#{1,6} .+|[^\n]+\n[=~^-]{3,}|\.S[HS] .+)\n\s*", re.M)  # Markdown, reStructuredText, manual pages
DOCUMENTED = re.compile(r'("""[\s\S]{30,}?"""|/\*\*[\s\S]{30,}?\*/)\s*\n')


def parts_of(text):
    """[(title, body)] or [(comment, code)] that a chunk holds, as texts."""
    found, titled = [], TITLED.match(text)
    if titled and len(text) - titled.end() > 80:
        found.append((titled.group(1), text[titled.end():]))
    documented = DOCUMENTED.search(text)
    if documented:
        around = text[:documented.start()] + text[documented.end():]
        if len(around.strip()) > 40:
            found.append((documented.group(1), around))
    return found


def crop(ids, rng, least=0.3):
    length = max(4, int(len(ids) * rng.uniform(least, 1.0)))
    at = rng.integers(0, max(1, len(ids) - length + 1))
    return ids[at:at + length]


def positive(document, i, rng):
    """document: [(ids of the chunk, [(ids, ids)])]."""
    ids, inner = document[i]
    kind = rng.random()
    if inner and kind < 0.25:
        a, b = inner[rng.integers(len(inner))]
        return a, crop(b, rng)
    if kind < 0.45 and len(ids) >= 24:
        cut = len(ids) // 2
        return crop(ids[:cut], rng), crop(ids[cut:], rng)
    near = [j for j in (i - 2, i - 1, i + 1, i + 2) if 0 <= j < len(document)]
    return crop(ids, rng), crop(document[near[rng.integers(len(near))]][0], rng)


def batch(packages, names, share, rng, size, of_package):
    """packages: {name: [document]}; two lists of bags of ids, the i-th of one belonging to the i-th of the other."""
    left, right = [], []
    while len(left) < size:
        documents = packages[names[rng.choice(len(names), p=share)]]
        for index in rng.integers(0, len(documents), of_package // 2):
            document = documents[index]
            first = rng.integers(len(document))
            # the second place lies beyond what counts as the same section
            far = [j for j in range(len(document)) if abs(j - first) > 4]
            for i in [first, *(rng.choice(far, 1) if far else [])]:
                a, b = positive(document, int(i), rng)
                left.append(a)
                right.append(b)
    return left, right
