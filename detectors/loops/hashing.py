"""Hashes that are the same in every process, of bounded cost."""

from __future__ import annotations

from functools import lru_cache
from zlib import crc32

HASHED = 12_288  # characters that are hashed whole; of what is longer, a sample
ENDS, SAMPLES, SAMPLE = 1024, 12, 256  # characters at either end, slices between, and characters of each


def hashed(text: str, start: int = 0) -> int:
    """32 bits, never 0. Of a text of more than `HASHED` characters, a sample and its length: what differs only between
    the samples, at the same length, is not told apart. start: the hash of what stands before."""
    if len(text) > HASHED:
        start = crc32(str(len(text)).encode(), start)
        stride = len(text) // SAMPLES
        slices = (text[n : n + SAMPLE] for n in range(ENDS, len(text) - ENDS, stride))
        text = "".join((text[:ENDS], *slices, text[-ENDS:]))
    return crc32(text.encode("utf-8", "surrogatepass"), start) or 1


@lru_cache(maxsize=1024)
def hashed_name(name: str) -> int:
    """`hashed`, of a name that comes with many events: at most 256 characters."""
    return hashed(name)


def mixed(*values: int) -> int:
    """Of hashes, another one of 32 bits, never 0. Python salts the hashes of texts, not those of numbers.

    >>> mixed(1, 2) != mixed(2, 1)
    True
    """
    return hash(values) & 0xFFFFFFFF or 1


def names(own: bytes, word: str) -> bool:
    """Whether the call named this word with a digit: ``own`` is its `detectors.loops.fingerprint.Fingerprint`'s."""
    wanted = crc32(word.encode("utf-8", "surrogatepass")) & 0xFFFF
    return any(own[n] << 8 | own[n + 1] == wanted for n in range(0, len(own) - 1, 2))
