"""Python's syntax trees: made without a warning that shows, walked in the order of the source, written down again."""

from __future__ import annotations

import ast
import re
import warnings
from typing import Any

MAX_MARKS = 8_000  # of a text: brackets, commas, operators, which cost most to parse; what people write has fewer
_UNMARKED = dict.fromkeys(
    code for code in range(0x80) if not chr(code).isprintable() or chr(code).isalnum() or chr(code) in " _'\"#"
)
# What the parser warns of, which would go wherever this process's warnings go.
_WARNED = re.compile(r"\\|\d[a-zA-Z_]")
# Fields that hold other nodes, last first: names, constants and operators have none, and most nodes are of these.
_FIELDS: dict[type, tuple[str, ...]] = {
    kind: tuple(name for name in reversed(kind._fields) if name not in ("ctx", "op", "ops"))
    for kind in vars(ast).values()
    if isinstance(kind, type)
    and issubclass(kind, ast.AST)
    and kind._fields
    and kind not in (ast.Name, ast.Constant, ast.Global, ast.Nonlocal, ast.alias)
}
LOOPS = (ast.For, ast.ListComp, ast.SetComp, ast.GeneratorExp)
_SEEN = frozenset({ast.Assign, ast.Call, ast.Import, ast.ImportFrom, ast.With, ast.FunctionDef, *LOOPS})


def parsed(code: str) -> ast.Module:
    if _WARNED.search(code) is None:  # what is quieted is so for all threads
        return ast.parse(code)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(code)


def in_order(tree: ast.AST) -> list[ast.AST]:
    """The nodes that are looked at, in the order of the source, without recursion."""
    out: list[ast.AST] = []
    work = [tree]
    while work:
        node = work.pop()
        kind = type(node)
        if kind in _SEEN:
            out.append(node)
        for name in _FIELDS[kind]:
            value: Any = getattr(node, name, None)
            if type(value) is list:
                work.extend([item for item in reversed(value) if type(item) in _FIELDS])
            elif type(value) in _FIELDS:
                work.append(value)
    return out


def up_to(text: str) -> int:
    """How many of the characters have no more marks than are read."""
    most = len(text)
    while len(text[:most].translate(_UNMARKED)) > MAX_MARKS:
        most //= 2
    return most


def reverses(part: ast.expr) -> bool:
    """``[::-1]``"""
    if not isinstance(part, ast.Slice) or part.lower is not None or part.upper is not None:
        return False
    step = part.step
    return isinstance(step, ast.UnaryOp) and isinstance(step.op, ast.USub) and getattr(step.operand, "value", 0) == 1


def spelled(node: ast.expr) -> str:
    """An argument as it stands in the source, or nearly; nothing for one that cannot be written down."""
    try:
        return ast.unparse(node)
    except (ValueError, RecursionError):  # a number of thousands of digits, sums of as many parts
        return ""
