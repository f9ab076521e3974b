"""Near duplicates, by MinHash, and shared text, by exact shingles. All vectorised: the corpus has tens of millions of words.

A shingle is a run of words, hashed to 64 bits; MinHash compares documents as wholes (Jaccard), `share` asks how much of
one text occurs in a set of others, so that a copy inside a longer file is found too.
"""
import collections, re, zlib
import numpy

NEAR = 0.7  # documents from this Jaccard on are copies of each other
PERMUTATIONS, BANDS = 64, 16  # 16 bands of 4: a pair at Jaccard 0.7 is compared with probability 0.99
WORDS = re.compile(r"\w+|[^\w\s]")
_hash = {}


def shingles(words, length, step=1):
    """One 64-bit hash for every run of `length` words that starts at a multiple of `step`."""
    if len(_hash) > 5_000_000:
        _hash.clear()
    for word in set(words):
        if word not in _hash:
            _hash[word] = zlib.crc32(word.encode("utf-8", "surrogatepass")) + 1
    value = [_hash[word] for word in words]
    value = numpy.array(value, dtype=numpy.uint64)
    count = len(value) - length + 1
    if count < 1:
        return numpy.array([value.sum() * numpy.uint64(0x9E3779B97F4A7C15)], dtype=numpy.uint64)
    total = numpy.zeros((count + step - 1) // step, dtype=numpy.uint64)
    for offset in range(length):
        total = total * numpy.uint64(0x9E3779B97F4A7C15) + value[offset:offset + count:step]
    return total ^ (total >> numpy.uint64(29))


class NearDuplicates:
    """Documents seen so far; `twin` says whether a new one is a near copy of any of them."""

    def __init__(self, seed=1):
        rng = numpy.random.default_rng(seed)
        self.a = rng.integers(1, 2**63, PERMUTATIONS, dtype=numpy.uint64) * numpy.uint64(2) + numpy.uint64(1)
        self.b = rng.integers(0, 2**63, PERMUTATIONS, dtype=numpy.uint64)
        self.signatures, self.bands = [], [collections.defaultdict(list) for _ in range(BANDS)]

    def signature(self, text):
        parts = numpy.unique(shingles(text.split(), 5))
        if len(parts) > 6000:  # of a long text the smallest hashes are sample enough, and the same ones for its copies
            parts = parts[parts % numpy.uint64(1 + len(parts) // 6000) == 0]
        least = numpy.full(PERMUTATIONS, 2**64 - 1, dtype=numpy.uint64)
        for at in range(0, len(parts), 4096):
            least = numpy.minimum(least, (parts[at:at + 4096] * self.a[:, None] + self.b[:, None]).min(1))
        return (least >> numpy.uint64(32)).astype(numpy.uint32)

    def twin(self, signature):
        rows, tried = signature.reshape(BANDS, -1), set()
        for band, row in zip(self.bands, rows):
            for number in band.get(row.tobytes(), ()):
                if number not in tried:
                    tried.add(number)
                    if (self.signatures[number] == signature).mean() >= NEAR:
                        return True
        return False

    def add(self, signature):
        for band, row in zip(self.bands, signature.reshape(BANDS, -1)):
            band[row.tobytes()].append(len(self.signatures))
        self.signatures.append(signature)


class Shared:
    """The 12-word shingles of a set of texts, to ask how much of another text is among them."""

    LENGTH = 12

    def __init__(self, texts, step=1):
        parts = [shingles(WORDS.findall(text), self.LENGTH, step) for text in texts]
        self.known = numpy.unique(numpy.concatenate(parts)) if parts else numpy.zeros(0, numpy.uint64)

    def places(self, text, step=1):
        """Indices into `known` of the shingles of a text, -1 for the unknown."""
        parts = shingles(WORDS.findall(text), self.LENGTH, step)
        at = numpy.minimum(numpy.searchsorted(self.known, parts), max(0, len(self.known) - 1))
        return numpy.where(self.known[at] == parts, at, -1) if len(self.known) else numpy.full(len(parts), -1)

    def share(self, text, step=1):
        return float((self.places(text, step) >= 0).mean())
