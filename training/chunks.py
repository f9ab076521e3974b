"""Chunks of documents, cut as `npm start` cuts them (start/chunk.ts), near enough for training and evaluation."""
import json, re

TARGET, MOST = 700, 1200
BLOCK = re.compile(r"(?<=\n)[ \t]*\n(?=\S)|(?<=\n)(?=#{1,6} )")


def chunk(text):
    chunks, current = [], ""
    at = 0
    for match in [*BLOCK.finditer(text), None]:
        end = len(text) if match is None else match.end()
        block, at = text[at:end], end
        while len(block) > MOST:
            cut = block.rfind("\n", 0, MOST) + 1 or MOST
            if current:
                chunks.append(current)
                current = ""
            chunks.append(block[:cut])
            block = block[cut:]
        if current and (len(current) >= TARGET or len(current) + len(block) > MOST):
            chunks.append(current)
            current = ""
        current += block
    if current:
        chunks.append(current)
    return [c for c in chunks if len(c.strip()) > 40]


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
