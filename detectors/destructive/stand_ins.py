"""A script in ASCII, as long in bytes as the original, for the parser alone.

tree-sitter-bash's scanner asks C's ``isdigit``, ``isalpha`` and ``isalnum`` about whole code points, which read beyond
their table for anything above 255: a brace followed by a rare character ended the whole process. Places in the text
stay the same, so whoever reads the tree takes the words themselves from the original.
"""

from __future__ import annotations

import re

_LETTERS = re.compile(r"[^\W\x00-\x7f]+")
_OTHERS = re.compile(r"[^\w\x00-\x7f]+")


def stand_ins(source: bytes) -> bytes:
    """``source`` (UTF-8) with a stand-in for each byte of a character that is not ASCII: ``x`` for letters and digits,
    else ``%``, which is part of a word but not of a name.

    >>> stand_ins("rm {\U000fffff,é}".encode())
    b'rm {%%%%,xx}'
    """
    if source.isascii():
        return source
    text = source.decode("utf-8", "replace")
    for characters, one in ((_LETTERS, "x"), (_OTHERS, "%")):
        text = characters.sub(lambda found, one=one: one * len(found.group().encode()), text)  # type: ignore[misc]
    return text.encode()
