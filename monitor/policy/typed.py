"""Reads nodes by the type that is wanted there, and says what was expected, what came, and where."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import UNSET, Struct, inspect, structs

from monitor.policy.document import Mapping, Node, Scalar, Sequence
from monitor.policy.problem import Report, meant

# No octal `010`, no base-60 `1:30`: YAML 1.1 reads 8 and 90 there, a person 10 and a time.
_NUMBER = re.compile(r"[-+]?(0|[1-9][0-9_]*)(\.[0-9_]*)?([eE][-+]?[0-9]+)?|[-+]?\.[0-9][0-9_]*")
_NON_FINITE = re.compile(r"[-+]?\.?(inf|infinity|nan)", re.IGNORECASE)
_MAX_INT = 2**53  # beyond, JSON readers disagree
_LISTS = (inspect.ListType, inspect.VarTupleType, inspect.SetType, inspect.FrozenSetType)


class _Mismatch(Exception):
    """What came instead, and the remedy if there is a better one than the expected type."""

    def __init__(self, came: str, remedy: str = "") -> None:
        super().__init__(came)
        self.came, self.remedy = came, remedy


def read(node: Node, annotation: Any, where: str, report: Report) -> Any:
    """``node`` as JSON values that fit ``annotation``; UNSET, with a problem in ``report``, if it does not."""
    wanted = info(annotation)
    try:
        value = _interpret(node, wanted)
        converted = msgspec.convert(value, annotation)
    except _Mismatch as error:
        report.add(node.line, str(node), f"{where} takes {describe(wanted)}, not {error.came}",
                   error.remedy or f"Write {describe(wanted)}.")  # fmt: skip
    except msgspec.ValidationError:
        report.add(node.line, str(node), f"{where} takes {describe(wanted)}, not this", f"Write {describe(wanted)}.")
    else:
        return msgspec.to_builtins(converted, order="deterministic")
    return UNSET


def info(annotation: Any) -> inspect.Type:
    wanted = inspect.type_info(annotation)
    return wanted.type if isinstance(wanted, inspect.Metadata) else wanted


def nested(annotation: Any) -> type[Struct] | inspect.DictType | None:
    """The struct or dict whose keys are merged one by one; None: the value is replaced whole."""
    wanted = info(annotation)
    if isinstance(wanted, inspect.StructType):
        return wanted.cls
    return wanted if isinstance(wanted, inspect.DictType) else None


def fields(struct: type[Struct]) -> dict[str, Any]:
    """Key in YAML: annotation."""
    return {entry.encode_name: entry.type for entry in structs.fields(struct)}


def pairs(node: Node, where: str, report: Report) -> Iterator[tuple[Scalar, Node]]:
    """Keys and values of a mapping; what is none, and keys that come twice, become problems."""
    if not isinstance(node, Mapping):
        report.add(node.line, str(node), f"{where} takes keys and values, not {_came(node)}",
                   "Write `key: value`, one a line and indented below it.")  # fmt: skip
        return
    seen: dict[str, int] = {}
    for key, value in node.items:
        if not isinstance(key, Scalar):
            report.add(key.line, str(key), f"{where} has a key that is no text", "Write `key: value`.")
        elif key.text in seen:
            report.add(key.line, key.text, f"{where} has this key already, in line {seen[key.text]}",
                       "Leave one of them out.")  # fmt: skip
        else:
            seen[key.text] = key.line
            yield key, value


def unknown(key: Scalar, known: Any, where: str, report: Report) -> None:
    report.add(key.line, key.text, f"{where} has no such key", meant(key.text, known))


def describe(wanted: inspect.Type) -> str:
    """The type in people's words."""
    match wanted:
        case inspect.Metadata():
            return describe(wanted.type)
        case inspect.UnionType():
            return " or ".join(describe(member) for member in wanted.types)
        case inspect.NoneType():
            return "null"
        case inspect.BoolType():
            return "true or false"
        case inspect.LiteralType():
            return f"one of {', '.join(map(str, wanted.values))}"
        case inspect.IntType() | inspect.FloatType():
            noun = "a whole number" if isinstance(wanted, inspect.IntType) else "a number"
            low = f"above {_short(wanted.gt)}" if wanted.gt is not None else f"from {_short(wanted.ge or 0)}"
            high = (f" to {_short(wanted.le)}" if wanted.le is not None else
                    f" to below {_short(wanted.lt)}" if wanted.lt is not None else
                    " up" if wanted.gt is None else "")  # fmt: skip
            return f"{noun} {low}{high}"
        case inspect.ListType() | inspect.VarTupleType() | inspect.SetType() | inspect.FrozenSetType():
            return f"a list of {describe(wanted.item_type)}"
        case inspect.StrType():
            return "text"
        case _:
            return "keys and values"


def _short(number: float) -> str:
    return f"{number:g}"


def _came(node: Node) -> str:
    if isinstance(node, Mapping):
        return "keys and values"
    if isinstance(node, Sequence):
        return "a list"
    if node.is_null:
        return "nothing"
    if node.quoted:
        return "text in quotes"
    return "a number" if _NUMBER.fullmatch(node.text) else "text"


def _interpret(node: Node, wanted: inspect.Type) -> Any:
    members = wanted.types if isinstance(wanted, inspect.UnionType) else (wanted,)
    members = tuple(member.type if isinstance(member, inspect.Metadata) else member for member in members)
    if isinstance(node, Scalar):
        return _scalar(node, members)
    for member in members:
        if isinstance(node, Sequence) and isinstance(member, _LISTS):
            return [_interpret(item, member.item_type) for item in node.items]
        if isinstance(node, Mapping) and isinstance(member, inspect.DictType):
            return {_text(key): _interpret(value, member.value_type) for key, value in node.items}
        if isinstance(node, Mapping) and isinstance(member, inspect.StructType):
            types = {field.encode_name: field.type for field in member.fields}
            return {_text(key): _interpret(value, types.get(_text(key), inspect.AnyType()))
                    for key, value in node.items}  # fmt: skip
    raise _Mismatch(_came(node))


def _text(key: Node) -> str:
    if not isinstance(key, Scalar):
        raise _Mismatch(_came(key))
    return key.text


def _scalar(node: Scalar, members: tuple[inspect.Type, ...]) -> Any:
    kinds = tuple(type(member) for member in members)
    if node.is_null and inspect.NoneType in kinds:
        return None
    if not node.is_null and inspect.LiteralType in kinds:
        return _choice(node, members[kinds.index(inspect.LiteralType)])
    if not node.quoted:
        if inspect.BoolType in kinds and node.text.lower() in ("true", "false"):
            return node.text.lower() == "true"
        for kind in (inspect.IntType, inspect.FloatType):
            if kind in kinds and (_NUMBER.fullmatch(node.text) or _NON_FINITE.fullmatch(node.text)):
                return _number(node.text, whole=kind is inspect.IntType and inspect.FloatType not in kinds)
    if inspect.StrType in kinds and not node.is_null:
        return node.text
    quotes = node.quoted and _NUMBER.fullmatch(node.text)
    raise _Mismatch(_came(node), "Take the quotes away." if quotes else "")


def _choice(node: Scalar, wanted: Any) -> str:
    # `off` is a boolean in YAML 1.1, and tools that rewrite YAML turn it into `false`.
    text = "off" if "off" in wanted.values and not node.quoted and node.text.lower() == "false" else node.text
    if text not in wanted.values:
        raise _Mismatch(f"{node.text!r}", meant(text, [str(value) for value in wanted.values]))
    return text


def _number(text: str, *, whole: bool) -> float | int:
    value = math.nan if _NON_FINITE.fullmatch(text) else float(text.replace("_", ""))
    if not math.isfinite(value):
        raise _Mismatch("what is not finite", "Write a finite number; to have no limit, write null where it is taken.")
    if value < 0:
        raise _Mismatch("a negative number")
    if not whole:
        return value
    if value != int(value):
        raise _Mismatch("a fraction")
    if value > _MAX_INT:
        raise _Mismatch(f"more than {_MAX_INT}")
    return int(value)
