"""A byte n-gram model, interpolated after Witten and Bell, as a baseline: what short context alone predicts.

    p(b | h) = (c(h, b) + t(h) · p(b | h′)) / (c(h) + t(h))      h′ is h without its first byte, t(h) its distinct successors
A gram of up to 8 bytes is one 64-bit number; counts are sorted arrays, looked up by bisection.
"""
import numpy


def grams(raw, length):
    """The grams that end at each byte from the length-th on, packed."""
    data = numpy.frombuffer(raw, numpy.uint8).astype(numpy.uint64)
    count = len(data) - length + 1
    packed = numpy.zeros(max(0, count), numpy.uint64)
    for i in range(length if count > 0 else 0):
        packed = (packed << numpy.uint64(8)) | data[i:i + count]
    return packed


def look_up(keys, values, wanted):
    at = numpy.minimum(numpy.searchsorted(keys, wanted), len(keys) - 1)
    return numpy.where(keys[at] == wanted, values[at], 0)


class ByteNgram:
    def __init__(self, order, raw):
        self.order, self.levels = order, []
        for length in range(1, order + 1):
            seen, count = numpy.unique(grams(raw, length), return_counts=True)
            context, first, types = numpy.unique(seen >> numpy.uint64(8), return_index=True, return_counts=True)
            self.levels.append((seen, count, context, numpy.add.reduceat(count, first), types))

    def bits(self, raw):
        p = numpy.full(len(raw), 1 / 256)
        for length, (seen, count, context, total, types) in enumerate(self.levels, 1):
            here = grams(raw, length)
            before = here >> numpy.uint64(8)
            t, c = look_up(context, types, before), look_up(context, total, before)
            known = c > 0
            longer = (look_up(seen, count, here) + t * p[length - 1:]) / numpy.maximum(1, c + t)
            p[length - 1:] = numpy.where(known, longer, p[length - 1:])
        return float(-numpy.log2(p).sum())
