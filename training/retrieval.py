"""Retrieval among the chunks of unseen documents: the pool, the metrics, and BM25 to compare with.

One pool over all domains, as an index holds them. A query is a chunk; relevant are the chunks of its section: the two
before it and the two after it in its document. Every document gives at most 40 consecutive chunks, so that a long one
does not fill the pool with its own.
"""
import collections, json, math, random, re
import numpy
from scipy.sparse import csr_matrix
from chunks import chunk

AT = (10, 50, 200)
REACH = 2  # chunks before and after that count as the same section
MOST_OF_DOCUMENT = 40


def pool(path, size, seed=0):
    """[(text, document number, domain, package)]: an equal number of every domain, packages in turn."""
    by_domain = {}
    for line in path.open():
        document = json.loads(line)
        by_domain.setdefault(document["domain"], {}).setdefault(document["package"], []).append(document["text"])
    rng, rows, number = random.Random(seed), [], 0
    # the scarcest first, so that what it lacks is shared out among the others
    order = sorted(by_domain, key=lambda d: sum(len(t) for texts in by_domain[d].values() for t in texts))
    for place, domain in enumerate(order):
        taken, queues, quota = 0, [], (size - len(rows)) // (len(order) - place)
        for package in sorted(by_domain[domain]):
            rng.shuffle(by_domain[domain][package])
            queues.append((package, by_domain[domain][package]))
        while taken < quota and queues:
            package, texts = queues.pop(0)
            parts = chunk(texts.pop())
            if len(parts) >= 2:
                most = min(MOST_OF_DOCUMENT, quota - taken + 1)
                at = rng.randrange(max(1, len(parts) - most + 1))
                rows += [(part, number, domain, package) for part in parts[at:at + most]]
                taken, number = taken + min(len(parts), most), number + 1
            if texts:
                queues.append((package, texts))
    return rows


def relevant(owners, query):
    return {j for j in range(query - REACH, query + REACH + 1) if j != query and 0 <= j < len(owners) and owners[j] == owners[query]}


def draw_queries(rows, each, seed=1):
    """`each` queries of every domain, as indices into the pool."""
    rng, chosen = numpy.random.default_rng(seed), []
    for domain in sorted({row[2] for row in rows}):
        of_domain = [i for i, row in enumerate(rows) if row[2] == domain]
        chosen += rng.choice(of_domain, min(each, len(of_domain)), replace=False).tolist()
    return numpy.array(chosen)


def measure(scores, queries, rows):
    """Per domain of the query and over all: recall@10/50/200 and nDCG@10. scores: queries × pool."""
    owners = [row[1] for row in rows]
    scores = scores.copy()
    scores[numpy.arange(len(queries)), queries] = -numpy.inf
    order = numpy.argsort(-scores, axis=1, kind="stable")[:, :max(AT)]
    found = collections.defaultdict(lambda: collections.defaultdict(list))
    for row, query in zip(order, queries):
        near = relevant(owners, query)
        hits = [x in near for x in row]
        values = {f"recall@{k}": sum(hits[:k]) / len(near) for k in AT}
        ideal = sum(1 / math.log2(i + 2) for i in range(min(10, len(near))))
        values["ndcg@10"] = sum(hit / math.log2(i + 2) for i, hit in enumerate(hits[:10])) / ideal
        for domain in (rows[query][2], "all"):
            for name, value in values.items():
                found[domain][name].append(value)
    return {domain: {name: round(float(numpy.mean(v)), 3) for name, v in values.items()} for domain, values in found.items()}


def bm25(texts, queries, k1=1.2, b=0.75):
    """Scores of whole chunks as queries, each word of a query once; words are runs of letters or digits, in lower case."""
    words = [re.findall(r"[a-z]+|[0-9]+", text.lower()) for text in texts]
    vocabulary = {w: i for i, w in enumerate(sorted({w for ws in words for w in ws}))}
    rows, columns, values = [], [], []
    for i, ws in enumerate(words):
        for w, count in collections.Counter(ws).items():
            rows.append(i), columns.append(vocabulary[w]), values.append(count)
    counts = csr_matrix((values, (rows, columns)), shape=(len(texts), len(vocabulary)), dtype=numpy.float64)
    lengths = numpy.array([len(ws) for ws in words], dtype=float)
    df = (counts > 0).sum(0).A1
    idf = numpy.log(1 + (len(texts) - df + 0.5) / (df + 0.5))
    weighted = counts.tocoo()
    tf = weighted.data * (k1 + 1) / (weighted.data + k1 * (1 - b + b * lengths[weighted.row] / lengths.mean()))
    index = csr_matrix((tf * idf[weighted.col], (weighted.row, weighted.col)), shape=counts.shape)
    return ((counts[queries] > 0).astype(float) @ index.T).toarray()
