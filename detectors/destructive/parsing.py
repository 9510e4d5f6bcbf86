"""Parsing that ends: tree-sitter's recovery from errors takes seconds for 30 KiB of nothing that fits its grammar.

The parser reports its progress every hundred operations, and whether it is recovering. So many reports of recovery, or
so many in all, end it: a count, not a time, so the same text ends in the same place on any machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

MAX_REPORTS = 2_000
MAX_RECOVERING = 24
_CHUNK = 4096


def parse(parser: Parser, source: bytes) -> Node | None:
    """The root of the tree; None where it would take too long to make."""
    reports = recovering = 0

    def end(offset: int, error: bool) -> bool:
        nonlocal reports, recovering
        reports += 1
        recovering += error
        return reports > MAX_REPORTS or recovering > MAX_RECOVERING

    try:
        tree = parser.parse(lambda offset, _: source[offset : offset + _CHUNK], progress_callback=end)
    except ValueError:  # it was ended
        parser.reset()
        return None
    root: Node | None = tree.root_node if tree is not None else None
    return root
