"""Chunks of documents, cut as `npm start` cuts them (corpus/chunk.ts, which says why), in characters instead of UTF-16 units."""
import json, re

TARGET, MOST = 700, 1200
LEAST = 40  # characters; less is no example to rank by
BOUNDARY = re.compile(r"(?<=\n)[ \t]*\n(?=\S)|(?<=\n)(?=#{1,6} )")
HEADING = re.compile(r"#{1,6} ")


def blocks(text):
    at = 0
    for end in [*(match.end() for match in BOUNDARY.finditer(text)), len(text)]:
        block, at = text[at:end], end
        if len(block) <= MOST:
            yield block
            continue
        for line in re.split(r"(?<=\n)", block):
            yield from (line[i:i + MOST] for i in range(0, len(line), MOST))


def chunk(text):
    chunks, current = [], ""
    for block in blocks(text):
        full = len(current) >= TARGET or (HEADING.match(block) and len(current) >= TARGET / 2)
        if current and (full or len(current) + len(block) > MOST):
            chunks.append(current)
            current = ""
        current += block
    if current:
        chunks.append(current)
    return [c for c in chunks if len(c.strip()) > LEAST]


def documents(path, per_package=10**9):
    """(package, domain, chunks) of every document of a split with at least two chunks."""
    count = {}
    for line in path.open():
        document = json.loads(line)
        if count.get(document["package"], 0) >= per_package:
            continue
        parts = chunk(document["text"])
        if len(parts) >= 2:
            count[document["package"]] = count.get(document["package"], 0) + len(parts)
            yield document["package"], document["domain"], parts
