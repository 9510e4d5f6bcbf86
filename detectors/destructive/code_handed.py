"""What loops and functions of a program come to: each item of a list, a function given to ``each``, one of its own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from detectors.destructive.code import Call, Value
from detectors.destructive.values import GLOB, UNKNOWN, is_unknown

if TYPE_CHECKING:
    from tree_sitter import Node

    from detectors.destructive.code_tree import _Reader

MAX_ITEMS = 8  # of a list, each of which is tried
MAX_REPEATED = 200  # calls that loops and functions repeat
MAX_WITHIN = 4  # functions that call each other
FUNCTIONS = frozenset({
    "function_declaration", "method", "function_definition", "arrow_function", "function_expression",
})  # fmt: skip
LOOPED = frozenset({"foreach_statement", "for_in_statement", "for", "for_statement", "postfix_for_expression"})
# What gives of a list some, or the same in another order.
PASSING = frozenset({
    "select", "reject", "sort", "sort_by", "filter", "grep", "to_a", "compact", "uniq", "reverse", "flatten", "lazy",
    "map", "sorted", "slice", "values", "children", "each_child", "take", "find_all", "then", "with_index",
})  # fmt: skip
# What gives its one argument, or the same written otherwise.
SAME = frozenset({
    "from", "new", "String", "freeze", "to_s", "toString", "trim", "text", "escapeshellarg", "shellescape", "escape",
    "quotemeta", "realpath", "Pathname", "Path", "resolve", "expand_path",
})  # fmt: skip
# What hands all that it lists to its block.
YIELDING = frozenset({"Dir.glob", "Dir.each_child", "Dir.foreach", "Dir.each", "Find.find", "Dir.children"})
_OF_PATHS = frozenset({"rmtree", "unlink", "delete", "rmdir"})
_LISTINGS = re.compile(r"new\s+\\?\w*(?:Directory|Filesystem|Glob)Iterator\b")


def of_loop(node: Node) -> tuple[Node | None, Node | None]:
    """A loop's name and the list that it goes over; no name for Perl's ``$_``, no list where there is none."""
    for name, source in (("left", "right"), ("variable", "list"), ("pattern", "value")):
        found = node.child_by_field_name(source)
        if found is not None:
            inner = found.named_children[0] if found.type == "in" and found.named_children else found
            return node.child_by_field_name(name), inner
    if node.type != "foreach_statement" or len(node.named_children) < 2:
        return None, None
    source_node, name_node = node.named_children[:2]
    if name_node.type == "pair" and name_node.named_children:
        name_node = name_node.named_children[-1]
    return name_node, source_node


def holder_of(node: Node) -> Node | None:
    """What a method is called on."""
    holder = node.child_by_field_name("receiver")
    function = node.child_by_field_name("function")
    return function.child_by_field_name("object") if holder is None and function is not None else holder


def given(reader: _Reader, params: list[str]) -> None:
    """The words that a program is called with, under the names that the languages have for them."""
    for at, word in enumerate(params):
        for form in (f"$ARGV[{at}]", f"ARGV[{at}]", f"process.argv[{at + 1}]", f"$argv[{at + 1}]"):
            reader.names[form] = Value(word)
    if params:
        reader.names["@ARGV"] = reader.names["ARGV"] = Value(items=[Value(word) for word in params])


def farthest(items: list[Value]) -> Value:
    """Of several the one that reaches farthest, as far as their texts tell."""
    return min(items, key=lambda item: (is_unknown(item.text), item.text[:1] not in ("/", "~"), len(item.text)))


def listing(reader: _Reader, node: Node, depth: int) -> Value | None:
    """PHP's iterators over a folder, as the pattern of what it holds."""
    raw = reader.text(node)
    arguments = next((child for child in node.named_children if child.type == "arguments"), None)
    if arguments is None or not arguments.named_children:
        return None
    first = reader.value(arguments.named_children[0], depth + 1)
    if _LISTINGS.match(raw) is not None:
        whole = GLOB * 2 if "Recursive" in raw[:40] else GLOB
        return Value(first.text if GLOB in first.text else f"{first.text.rstrip('/')}/{whole}", raw=raw)
    return first if GLOB in first.text else None


def hand_on(reader: _Reader, node: Node, name: str, children: list[Node]) -> None:
    """A function that ``each`` and ``forEach`` are given by its name."""
    if len(children) != 1:
        return
    given, on = children[0], name.rpartition(".")[0]
    holder = holder_of(node)
    if given.type == "block_argument" and given.named_children:
        given = given.named_children[0]
        if given.type == "simple_symbol":
            reader.calls.see(Call(f"{on}.{reader.text(given).lstrip(':')}", []))
            return
        symbol = given.child_by_field_name("arguments")
        if symbol is None:
            return
        called = f"{reader.name(given, 0).removesuffix('.method')}.{reader.text(symbol).strip('(): ')}"
    elif given.type in ("member_expression", "identifier"):
        called = reader.dotted(given, 0)
    else:
        return
    if holder is not None:
        value = reader.value(holder, 0)
        for item in (value.items or [value])[:MAX_ITEMS]:
            reader.calls.see(Call(called, [item]))


def called_on(reader: _Reader, node: Node, name: str) -> list[Value]:
    """The path that deletes itself: ``Pathname("/home").rmtree``."""
    holder = holder_of(node)
    if holder is None or name.rpartition(".")[2] not in _OF_PATHS or "Path" not in name:
        return []
    return [reader.value(holder, 0)]


def yielded(reader: _Reader, node: Node) -> None:
    """The name of a block stands for all that is listed."""
    block = node.child_by_field_name("block")
    parameters = block.child_by_field_name("parameters") if block is not None else None
    if parameters is not None and parameters.named_children:
        reader.names[reader.text(parameters.named_children[0])] = reader.value(node, 0)


def define(reader: _Reader, node: Node, name: Node | None) -> None:
    """Keep a function that a program defines, by its name."""
    name = name or node.child_by_field_name("name")
    if name is not None and len(reader.functions) < MAX_REPEATED:
        reader.functions[reader.text(name)] = node


def enter(reader: _Reader, name: str, values: list[Value]) -> None:
    """The calls in a function that the program defines, with what it is called with, if that is a path."""
    node = reader.functions.get(name)
    if node is None or len(reader.within) >= MAX_WITHIN or name in reader.within:
        return
    if not any(value.text.startswith(("/", "~")) for value in values):
        return
    parameters = node.child_by_field_name("parameters") or node.child_by_field_name("parameter")
    body = node.child_by_field_name("body")
    if parameters is None or body is None:
        return
    outer = dict(reader.names)
    for part, value in zip(parameters.named_children or [parameters], values, strict=False):
        reader.names[reader.text(part.child_by_field_name("name") or part)] = value
    reader.within.append(name)
    repeat(reader, body)
    reader.within.pop()
    reader.names = outer


def repeat(reader: _Reader, body: Node) -> None:
    """The calls below a node once more, in the order of the source."""
    work = [body]
    while work and reader.repeated < MAX_REPEATED:
        node = work.pop()
        if node.type in reader.grammar.calls:
            reader.repeated += 1
            reader.call(node)
        elif node.type in reader.grammar.assigns:
            reader.assign(node)
        work.extend(reversed(node.named_children))


def each_of(reader: _Reader, name: Node | None, source: Node, body: Node | None) -> None:
    """The name of a loop stands for the farthest of its items; what is done to the others is looked at once more."""
    spelled = reader.text(name) if name is not None else "$_"
    value = reader.value(source, 0)
    items = (value.items or [])[:MAX_ITEMS]
    if not items:
        reader.names[spelled] = Value(value.text, None, value.raw)
        return
    best = farthest(items)
    if body is not None and len(reader.within) < MAX_WITHIN:
        reader.within.append("")
        for item in items:
            if item is not best and item.text != UNKNOWN:
                reader.names[spelled] = item
                repeat(reader, body)
        reader.within.pop()
    reader.names[spelled] = best
