"""A YAML document as a tree in which every node knows its line.

Scalars stay text: what `off`, `010` or `1:30` means is decided by the key they stand under, not by YAML 1.1's guesses.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import yaml
from msgspec import Struct

from monitor.policy.problem import Report

MAX_BYTES = 256 * 1024
MAX_DEPTH = 12
MAX_NODES = 20_000  # aliases counted as what they stand for
NULLS = frozenset({"", "~", "null", "Null", "NULL"})


class Scalar(Struct, frozen=True):
    text: str
    line: int
    quoted: bool = False

    @property
    def is_null(self) -> bool:
        return not self.quoted and self.text in NULLS

    def __str__(self) -> str:
        return f'"{self.text}"' if self.quoted else self.text


class Mapping(Struct, frozen=True):
    items: list[tuple[Node, Node]]
    line: int

    def __str__(self) -> str:
        return "{…}" if self.items else "{}"


class Sequence(Struct, frozen=True):
    items: list[Node]
    line: int

    def __str__(self) -> str:
        return "[…]" if self.items else "[]"


Node: TypeAlias = Scalar | Mapping | Sequence


def parse(data: bytes, report: Report) -> Node | None:
    """The one document in ``data``; None if it is empty or, then with a problem in ``report``, can't be read."""
    if len(data) > MAX_BYTES:
        report.add(0, "", f"larger than {MAX_BYTES} bytes", "A policy holds only what differs from the default.")
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        report.add(data.count(b"\n", 0, error.start) + 1, "", "is not UTF-8", "Save the file as UTF-8.")
        return None
    try:
        return _Builder(text).document()
    except _Refused as refused:
        report.add(refused.line, refused.value, refused.message, refused.remedy)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        reason = " ".join(filter(None, (getattr(error, "context", None), getattr(error, "problem", None))))
        report.add(mark.line + 1 if mark else 0, "", f"is not YAML: {reason or error}",
                   "Check indentation, quotes and brackets there.")  # fmt: skip
    except (ValueError, ArithmeticError) as error:  # PyYAML lets escapes beyond Unicode through as these
        report.add(0, "", f"is not YAML: {error}", "Check the escapes in quoted text.")
    return None


def from_values(value: Any, depth: int = 0) -> Node:
    """The tree of JSON values, without lines."""
    if depth > MAX_DEPTH:
        raise ValueError(f"nested deeper than {MAX_DEPTH}")
    if isinstance(value, dict):
        return Mapping([(Scalar(str(k), 0, True), from_values(v, depth + 1)) for k, v in value.items()], 0)
    if isinstance(value, (list, tuple)):
        return Sequence([from_values(item, depth + 1) for item in value], 0)
    if isinstance(value, str):
        return Scalar(value, 0, True)
    if value is None or isinstance(value, bool):
        return Scalar({None: "null", True: "true", False: "false"}[value], 0)
    return Scalar(repr(value), 0)


class _Refused(Exception):
    def __init__(self, line: int, value: str, message: str, remedy: str) -> None:
        super().__init__(message)
        self.line, self.value, self.message, self.remedy = line, value, message, remedy


class _Built(Struct, frozen=True):
    node: Node
    size: int
    height: int


class _Builder:
    """Builds from parser events: they still tell a tag or an alias that was written from what YAML made of it."""

    def __init__(self, text: str) -> None:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self._events: Iterator[Any] = yaml.parse(text, Loader=loader)
        self._anchors: dict[str, _Built | None] = {}

    def document(self) -> Node | None:
        root: Node | None = None
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    line = event.start_mark.line + 1 if event.start_mark else 0
                    raise _Refused(line, "---", "a second document", "Keep one in a file.")
                root = self._node(next(self._events), 0).node
        return None if isinstance(root, Scalar) and root.is_null else root

    def _node(self, event: Any, depth: int) -> _Built:
        line: int = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            return self._alias(str(event.anchor), line, depth)
        if depth > MAX_DEPTH:
            raise _Refused(line, "", f"nested deeper than {MAX_DEPTH}", "A policy needs no more than five levels.")
        if event.tag not in (None, "!"):
            raise _Refused(line, str(event.tag), "a tag", "Write the value without it.")
        if event.anchor:
            self._anchors[event.anchor] = None
        if isinstance(event, yaml.ScalarEvent):
            built = _Built(Scalar(event.value, line, event.style in ("'", '"', "|", ">")), 1, 1)
        else:
            built = self._collection(event, line, depth)
        if event.anchor:
            self._anchors[event.anchor] = built
        return built

    def _alias(self, anchor: str, line: int, depth: int) -> _Built:
        built = self._anchors.get(anchor)
        if built is None:
            why = "stands inside what it refers to" if anchor in self._anchors else "refers to nothing above it"
            raise _Refused(line, f"*{anchor}", why, f"Write &{anchor} before it, on a finished value.")
        if depth + built.height > MAX_DEPTH:
            raise _Refused(line, f"*{anchor}", f"nested deeper than {MAX_DEPTH}", "Write the values out.")
        return built

    def _collection(self, event: Any, line: int, depth: int) -> _Built:
        children: list[Node] = []
        size, height = 1, 1
        while not isinstance(item := next(self._events), (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
            child = self._node(item, depth + 1)
            children.append(child.node)
            size, height = size + child.size, max(height, child.height + 1)
            if size > MAX_NODES:
                raise _Refused(line, "", f"more than {MAX_NODES} values", "Write fewer rules, or fewer aliases.")
        if isinstance(event, yaml.SequenceStartEvent):
            return _Built(Sequence(children, line), size, height)
        return _Built(Mapping(list(zip(children[::2], children[1::2], strict=True)), line), size, height)
