"""Whether a WHERE condition lets every row through: ``1=1``, ``TRUE``, ``id = id``, ``id > 0``, ``x OR 'a'='a'``."""

from __future__ import annotations

import re
from typing import Any

_MAX = 50
_COMPARE = {
    "eq": lambda a, b: a == b, "neq": lambda a, b: a != b, "gt": lambda a, b: a > b, "gte": lambda a, b: a >= b,
    "lt": lambda a, b: a < b, "lte": lambda a, b: a <= b, "is": lambda a, b: a == b, "nullsafeeq": lambda a, b: a == b,
}  # fmt: skip
_MIRRORED = {"gt": "lt", "gte": "lte", "lt": "gt", "lte": "gte", "eq": "eq", "neq": "neq"}
_SUMS = {"add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b}
_KEY = re.compile(r"(?:.*_)?(?:id|pk|uid|uuid|rowid|oid|ctid|seq)|_id", re.IGNORECASE)
# Columns that each row has another value in, and those that each has a value of the past in.
_NAMING = re.compile(r"(?:(?:user|full|first|last|display)_?)?name|e_?mail|login|slug|sku|phone", re.IGNORECASE)
_PAST = re.compile(
    r"(?:created|inserted|added|registered|signed_?up|joined|ordered|placed|updated|modified|changed|logged|recorded)"
    r"(?:_?(?:at|on|date|time|ts))?|(?:sign_?up|join|order|creation|event|entry)_?(?:date|time)|timestamp|ts|log_?time",
    re.IGNORECASE,
)
_NOW = frozenset({"currenttimestamp", "currentdate", "currentdatetime", "currenttimestampltz", "localtimestamp"})
_NOW_NAMES = frozenset({"now", "getdate", "sysdate", "sysdatetime", "getutcdate", "today", "clock_timestamp"})
_YEAR = re.compile(r"(\d{4})-\d\d-\d\d\b.*", re.DOTALL)
_MANY = 1_000_000
_NEVER_NEGATIVE = frozenset({"length", "count", "abs", "charlength", "octetlength"})
_ANY_PATTERN = re.compile(r"%+|\^?\.\*\$?|\^|\$|\*|_%|%_|\.\+")


def always_true(node: Any, table: str = "") -> bool:
    """True for a condition that holds for every row, so far as constants and a column against itself tell.

    A key that is not null or above zero is every row's too. table: whose rows are meant.
    """
    return _truth(node, 0, table.rpartition(".")[2].lower()) is True


def _truth(node: Any, depth: int, table: str) -> bool | None:
    if node is None or depth > _MAX:
        return None
    kind = node.key
    if kind == "paren":
        return _truth(node.this, depth + 1, table)
    if kind == "boolean":
        return bool(node.this)
    if kind == "literal":
        return str(node.this).strip() not in ("0", "", "0.0") if not node.is_string else None
    if kind == "not":
        return _negated(node, depth, table)
    if kind in ("and", "or"):
        sides = (_truth(node.left, depth + 1, table), _truth(node.right, depth + 1, table))
        if kind == "and":
            return False if False in sides else True if sides == (True, True) else None
        return (
            True if True in sides or _opposites(node.left, node.right) else False if sides == (False, False) else None
        )
    if kind in _COMPARE:
        return _compared(kind, node.left, node.right)
    if kind in ("like", "ilike", "regexplike", "regexpilike", "similarto"):
        pattern = node.expression
        return True if pattern.key == "literal" and _ANY_PATTERN.fullmatch(str(pattern.this)) else None
    if kind == "in":
        return _within(node, table)
    if kind == "between":
        value, low, high = (_number(node.args.get(name)) for name in ("this", "low", "high"))
        if value is not None and low is not None and high is not None:
            return bool(low <= value <= high)
        return True if _is_key(node.this) and low is not None and low <= 1 and (high or 0) >= 1_000_000 else None
    if kind == "exists":
        inner = node.this
        bare = inner is not None and inner.key == "select" and not (inner.args.get("from") or inner.args.get("from_"))
        return True if bare and inner.args.get("where") is None else None
    return None


def _negated(node: Any, depth: int, table: str) -> bool | None:
    inner = node.this
    while inner.key == "paren":
        inner = inner.this
    if inner.key == "is" and inner.expression.key == "null":
        return True if _is_key(inner.this) or _is(_NAMING, inner.this) or _is(_PAST, inner.this) else None
    if inner.key == "in" and inner.this.key == "column" and not inner.args.get("query"):
        few = 0 < len(inner.expressions) <= 8 and all(item.key == "literal" for item in inner.expressions)
        return True if few and (_is_key(inner.this) or _is(_NAMING, inner.this)) else None
    if inner.key == "eq" and _all_but_one(inner.left, inner.right):
        return True
    truth = _truth(inner, depth + 1, table)
    return None if truth is None else not truth


def _compared(kind: str, left: Any, right: Any) -> bool | None:
    if left.key == right.key == "boolean" or (
        left.key == right.key == "literal" and left.is_string and right.is_string
    ):
        return bool(_COMPARE[kind](str(left.this), str(right.this)))
    if kind == "neq" and (_all_but_one(left, right) or _all_but_one(right, left)):
        return True
    if _of_all_time(kind, left, right) or _of_all_time(_MIRRORED.get(kind, ""), right, left):
        return True
    a, b = _number(left), _number(right)
    if a is not None and b is not None:
        return bool(_COMPARE[kind](a, b))
    if kind in ("eq", "gte", "lte", "nullsafeeq") and left == right and left.key != "literal":
        return True
    if b is None and a is not None:
        left, kind, b = right, _MIRRORED.get(kind, ""), a
    if b is None:
        return None
    least = 1.0 if _is_key(left) else 0.0 if left.key in _NEVER_NEGATIVE else None
    if least is None:
        return None
    if kind in ("lt", "lte") and _is_key(left) and b >= _MANY:
        return True
    if kind in ("gt", "gte"):
        return True if b < least or (kind == "gte" and b <= least) else None
    return True if kind == "neq" and b < least else None


def _number(node: Any, depth: int = 0) -> float | None:
    """What a sum of constants comes to."""
    if node is None or depth > 8:
        return None
    if node.key == "paren":
        return _number(node.this, depth + 1)
    if node.key == "neg":
        inner = _number(node.this, depth + 1)
        return None if inner is None else -inner
    if node.key == "literal":
        try:
            return float(str(node.this))
        except ValueError:
            return None
    if node.key in _SUMS:
        left, right = _number(node.left, depth + 1), _number(node.right, depth + 1)
        return None if left is None or right is None else float(_SUMS[node.key](left, right))
    return None


def _is_key(node: Any) -> bool:
    return bool(node is not None and node.key == "column" and _KEY.fullmatch(node.name))


def _is(names: re.Pattern[str], node: Any) -> bool:
    return bool(node is not None and node.key == "column" and names.fullmatch(node.name))


def _all_but_one(column: Any, value: Any) -> bool:
    """``id <> 1``, ``email <> ''``: what is left out is one row, or none that anybody filled in."""
    if column.key != "column" or value.key != "literal":
        return False
    return _is_key(column) or _is(_NAMING, column)


def _of_all_time(kind: str, column: Any, value: Any) -> bool:
    """``created_at < now()``, ``created_at > '1970-01-01'``."""
    if kind not in ("lt", "lte", "gt", "gte") or not _is(_PAST, column):
        return False
    while value.key in ("cast", "date", "timestamp", "paren", "tsordstotimestamp") and hasattr(value.this, "key"):
        value = value.this
    if kind in ("lt", "lte") and (
        value.key in _NOW or (value.key in ("anonymous", "column") and str(value.name).lower() in _NOW_NAMES)
    ):
        return True
    found = _YEAR.fullmatch(str(value.this)) if value.key == "literal" and value.is_string else None
    if found is None:
        return False
    return int(found.group(1)) >= 2050 if kind in ("lt", "lte") else int(found.group(1)) <= 1990


def _opposites(left: Any, right: Any) -> bool:
    """``x IS NULL OR x IS NOT NULL``."""
    return bool((left.key == "not" and left.this == right) or (right.key == "not" and right.this == left))


def _within(node: Any, table: str) -> bool | None:
    """``1 IN (1, 2)``, and ``id IN (SELECT id FROM`` the same table ``)``."""
    if node.this.key == "literal":
        return True if any(item == node.this for item in node.expressions) else None
    query = node.args.get("query")
    inner = query.this if query is not None and query.key == "subquery" else query
    if (
        inner is None
        or inner.key != "select"
        or inner.args.get("where") is not None
        or inner.args.get("limit") is not None
    ):
        return None
    source = inner.args.get("from") or inner.args.get("from_")
    same = source is not None and source.this.key == "table" and source.this.name.lower() == table
    columns = inner.expressions
    return True if same and len(columns) == 1 and columns[0].name == node.this.name else None
