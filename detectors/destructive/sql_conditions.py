"""Whether a WHERE condition lets every row through: ``1=1``, ``TRUE``, ``id = id``, ``x OR 'a'='a'``."""

from __future__ import annotations

from typing import Any

_MAX = 50
_COMPARE = {
    "eq": lambda a, b: a == b, "neq": lambda a, b: a != b, "gt": lambda a, b: a > b, "gte": lambda a, b: a >= b,
    "lt": lambda a, b: a < b, "lte": lambda a, b: a <= b, "is": lambda a, b: a == b, "nullsafeeq": lambda a, b: a == b,
}  # fmt: skip


def always_true(node: Any) -> bool:
    """True for a condition that holds for every row, so far as constants and a column against itself tell."""
    return _truth(node, 0) is True


def _truth(node: Any, depth: int) -> bool | None:
    if node is None or depth > _MAX:
        return None
    kind = node.key
    if kind == "paren":
        return _truth(node.this, depth + 1)
    if kind == "boolean":
        return bool(node.this)
    if kind == "literal":
        return str(node.this).strip() not in ("0", "", "0.0") if not node.is_string else None
    if kind == "not":
        inner = _truth(node.this, depth + 1)
        if node.this.key == "is" and node.this.expression.key == "null":
            return None
        return None if inner is None else not inner
    if kind == "and":
        sides = (_truth(node.left, depth + 1), _truth(node.right, depth + 1))
        return False if False in sides else True if sides == (True, True) else None
    if kind == "or":
        sides = (_truth(node.left, depth + 1), _truth(node.right, depth + 1))
        return True if True in sides else False if sides == (False, False) else None
    if kind in _COMPARE:
        left, right = node.left, node.right
        if (left.key == right.key == "literal") or left.key == right.key == "boolean":
            return _compare(kind, left, right)
        if kind in ("eq", "gte", "lte", "nullsafeeq") and left == right and left.key in ("column", "identifier"):
            return True
        return None
    if kind in ("like", "ilike"):
        return True if node.expression.key == "literal" and set(str(node.expression.this)) == {"%"} else None
    if kind == "in" and node.this.key == "literal":
        return any(item == node.this for item in node.expressions) or None
    return None


def _compare(kind: str, left: Any, right: Any) -> bool | None:
    a, b = left.this, right.this
    try:
        if not (left.key == "literal" and left.is_string) and not (right.key == "literal" and right.is_string):
            return bool(_COMPARE[kind](float(str(a)), float(str(b))))
        return bool(_COMPARE[kind](str(a), str(b)))
    except (TypeError, ValueError):
        return None
