"""Here-documents that the parser needn't read: folded to their first line, since agents write whole files by them.

tree-sitter takes 40 ns for each character of a body and finds nothing in one whose delimiter is quoted. What is folded
is parsed to the same tree as the whole: the body is one token whatever is in it, as long as it begins alike (the parser
looks at what stands behind a line's end) and ends at the same line. Where that isn't plain, nothing is folded.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node

MAX_FOLDS = 64
_START = re.compile(r"<<[ \t]*(['\"])(\w{1,40})\1(?=[ \t\n;|&>])[^\n]*\n", re.ASCII)
_ODD = re.compile(r"[`()\[\]{}\\$#!<\0]")  # what the parser might look beyond, or that nests


def fold(text: str) -> tuple[bytes, dict[int, str]]:
    """The source (UTF-8) with the first lines alone, and the bodies by their places in it; none if there are none.

    >>> fold("cat > a <<'E'\\nrm -rf /\\nrm -rf ~\\nE\\nls")
    (b"cat > a <<'E'\\nrm -rf /\\nE\\nls", {14: 'rm -rf /\\nrm -rf ~\\n'})
    """
    source: list[bytes] = []
    bodies: dict[int, str] = {}
    at = place = 0
    while len(bodies) < MAX_FOLDS:
        found = _START.search(text, at)
        if found is None or _ODD.search(text, at, found.start()) or _ODD.search(text, found.end(2), found.end()):
            break
        begin = found.end()
        end = _end(text, begin, found.group(2))
        if end < 0:
            break
        before = text[at:begin].encode("utf-8", "replace")
        place += len(before)
        body = text[begin:end]
        body = bodies[place] = body if body.isascii() else body.encode("utf-8", "replace").decode()
        line = _first_line(body)
        source += (before, line)
        place += len(line)
        at = end
    if bodies:
        source.append(text[at:].encode("utf-8", "replace"))
    return b"".join(source), bodies


def _end(text: str, begin: int, delimiter: str) -> int:
    """Where the line of the delimiter begins; -1 where the parser could see another end, or another begin."""
    if text[begin : begin + 1].isspace() or text.startswith("\\", begin):
        return -1
    at = begin - 1
    for _ in range(MAX_FOLDS):
        at = text.find(delimiter, at + 1)
        line = text.rfind("\n", begin, at) + 1
        if at < 0 or not text[line:at].strip():
            break
    if at <= begin or line != at or text[at - 2] == "\\" or text.find("\0", begin, at) >= 0:
        return -1
    after = at + len(delimiter)
    return at if after == len(text) or text[after] == "\n" else -1


def _first_line(body: str) -> bytes:
    return body[: body.index("\n") + 1].encode()


def folded(root: Node, bodies: dict[int, str]) -> bool:
    """Whether the parser read each first line as the whole body of a here-document, and all else without an error."""
    if root.has_error:
        return False
    for place, body in bodies.items():
        node = root.descendant_for_byte_range(place, place + 1)
        if node is None or node.type != "heredoc_body" or node.start_byte != place:
            return False
        if node.end_byte != place + len(_first_line(body)):
            return False
    return True
