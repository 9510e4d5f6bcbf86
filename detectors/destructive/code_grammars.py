"""The grammars of JavaScript, Ruby, PHP and Perl: what their nodes are called, a parser for each, and their escapes."""

from __future__ import annotations

import importlib
import re
import threading
import warnings
from functools import cache
from typing import TYPE_CHECKING

from msgspec import Struct
from tree_sitter import Language, Parser

from detectors.destructive.parsing import parse
from detectors.destructive.stand_ins import stand_ins

if TYPE_CHECKING:
    from tree_sitter import Node

_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u\{?([0-9a-fA-F]{4,6})\}?|(.))", re.DOTALL)
_PLAIN = {"n": "\n", "t": "\t", "r": "\r", "0": "\0"}
_parsers = threading.local()  # a Parser is not safe to share


class Grammar(Struct, frozen=True):
    """The names of nodes. package: the parser's. calls: node types, each with its fields for name, receiver, arguments.

    lists, joins: nodes that are lists, and that put two texts together. assigns: with fields for name and value.
    """

    package: str
    function: str = "language"
    calls: dict[str, tuple[tuple[str, ...], tuple[str, ...], str]] = {}
    lists: frozenset[str] = frozenset({"array"})
    joins: frozenset[str] = frozenset({"binary_expression", "binary"})
    assigns: dict[str, tuple[str, str]] = {}
    shells: frozenset[str] = frozenset()


GRAMMARS: dict[str, Grammar] = {
    "javascript": Grammar(
        "tree_sitter_javascript",
        calls={
            "call_expression": (("function",), (), "arguments"),
            "new_expression": (("constructor",), (), "arguments"),
        },
        assigns={"variable_declarator": ("name", "value"), "assignment_expression": ("left", "right")},
    ),
    "ruby": Grammar(
        "tree_sitter_ruby",
        calls={"call": (("method",), ("receiver",), "arguments")},
        lists=frozenset({"array", "string_array"}),
        assigns={"assignment": ("left", "right")},
        shells=frozenset({"subshell"}),
    ),
    "php": Grammar(
        "tree_sitter_php",
        "language_php_only",
        calls={
            "function_call_expression": (("function",), (), "arguments"),
            "member_call_expression": (("name",), ("object",), "arguments"),
            "nullsafe_member_call_expression": (("name",), ("object",), "arguments"),
            "scoped_call_expression": (("name",), ("scope",), "arguments"),
        },
        lists=frozenset({"array_creation_expression"}),
        assigns={"assignment_expression": ("left", "right")},
        shells=frozenset({"shell_command_expression"}),
    ),
    "perl": Grammar(
        "tree_sitter_perl",
        calls={
            "function_call_expression": (("function",), (), "arguments"),
            "ambiguous_function_call_expression": (("function",), (), "arguments"),
            "func1op_call_expression": (("function",), (), "arguments"),
            "method_call_expression": (("method",), ("invocant",), "arguments"),
        },
        lists=frozenset({"list_expression", "quoted_word_list", "anonymous_array_expression"}),
        assigns={"assignment_expression": ("left", "right")},
        shells=frozenset({"command_string"}),
    ),
}


@cache
def _language(name: str) -> Language:
    grammar = GRAMMARS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # some grammars still hand over a number
        return Language(getattr(importlib.import_module(grammar.package), grammar.function)())


def parsed(language: str, source: bytes) -> Node | None:
    """The root of the tree; None where it would take too long to make."""
    parsers = getattr(_parsers, "by_language", None)
    if parsers is None:
        parsers = _parsers.by_language = {}
    parser = parsers.get(language)
    if parser is None:
        parser = parsers[language] = Parser(_language(language))
    return parse(parser, stand_ins(source))


def unescaped(piece: bytes) -> str:
    """A piece of a string with what its escapes stand for."""
    text = piece.decode("utf-8", "replace")
    if "\\" not in text:
        return text

    def one(found: re.Match[str]) -> str:
        number = found.group(1) or found.group(2)
        if number:
            value = int(number, 16)
            return chr(value) if value < 0x110000 and not 0xD800 <= value < 0xE000 else "\ufffd"
        return _PLAIN.get(found.group(3), found.group(3))

    return _ESCAPE.sub(one, text)
