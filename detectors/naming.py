"""Names of any length in a bounded place, where they are to be found again."""

from __future__ import annotations

import hashlib

MOST_NOTE = 96  # bytes of a version or of what a run is part of, which no policy chooses by


def cut(text: str, most: int) -> str:
    """The text, or of one of more than ``most`` bytes its start and its hash."""
    if 4 * len(text) <= most:
        return text
    data = text.encode("utf-8", "replace")
    if len(data) <= most:
        return text
    return data[: most - 18].decode("utf-8", "ignore") + "#" + hashlib.blake2s(data, digest_size=8).hexdigest()
