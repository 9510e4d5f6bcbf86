"""Quoting and expansion: from a node of the syntax tree to the string a program would get, unknown parts marked."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from detectors.destructive.parameters import changed
from detectors.destructive.scope import Scope
from detectors.destructive.values import (
    CLOSE,
    COMMA,
    GLOB,
    ONE,
    OPEN,
    QUOTED,
    SEP,
    UNKNOWN,
    UNSET,
    is_unknown,
    literal,
    unquoted,
)  # fmt: skip

if TYPE_CHECKING:
    from tree_sitter import Node

Substitute = Callable[["Node", Scope], str]

MAX_VALUE = 16_384
_NOTHING = re.compile(r":\s*0\s*:\s*0\s*\}\Z")
_SPECIAL = re.compile(r"[\\*?\[{},~]")

_IN_QUOTES = re.compile(r'\\([$`"\\\n])')
_TILDE = re.compile(r"~([a-z_][\w-]{0,31})?(?=/|\Z)", re.ASCII)
_ANSI = re.compile(r"\\(x[0-9a-fA-F]{1,2}|u[0-9a-fA-F]{1,4}|U[0-9a-fA-F]{1,8}|[0-7]{1,3}|c.|.)", re.DOTALL)
_ANSI_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b", "f": "\f", "v": "\v"}
_ACTIVE = {"*": GLOB, "?": ONE, "[": ONE, "{": OPEN, ",": COMMA, "}": CLOSE}


class Words:
    """Expands the words of one source text. substitute: runs ``$(...)`` and gives what it would print.

    bodies: by their places, the here-documents of which the source has only the first lines.
    """

    def __init__(self, source: bytes, substitute: Substitute, bodies: dict[int, str] | None = None) -> None:
        self.source = source
        self.substitute = substitute
        self.bodies = bodies

    def text(self, node: Node) -> str:
        return self.source[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def raw(self, body: Node) -> str:
        """A here-document in which nothing is expanded."""
        whole = self.bodies.get(body.start_byte) if self.bodies else None
        return self.text(body) if whole is None else whole

    def expand(self, node: Node, scope: Scope, quoted: bool = False) -> str:
        kind = node.type
        if kind == "word":
            return bare(self.text(node), scope.context.home)
        if kind in ("number", "file_descriptor", "variable_name", "test_operator", "extglob_pattern", "regex"):
            return bare(self.text(node), scope.context.home) if kind == "number" else self.text(node)
        if kind == "string":
            return QUOTED + self.quoted(node, scope)
        if kind == "raw_string":
            return QUOTED + self.text(node)[1:-1]
        if kind == "ansi_c_string":
            return QUOTED + ansi(self.text(node)[2:-1])
        if kind == "translated_string":
            return "".join(self.expand(child, scope) for child in node.named_children)
        if kind == "concatenation":
            return self._concatenation(node, scope, quoted)
        if kind == "simple_expansion":
            name = self.text(node)[1:]
            return self._value(scope.get(name), quoted, split=name == "@", scope=scope)
        if kind == "expansion":
            return self._value(
                self._parameter(node, scope),
                quoted,
                split=b"[@]" in self.source[node.start_byte : node.end_byte],
                scope=scope,
            )
        if kind in ("command_substitution", "process_substitution"):
            return self._value(self.substitute(node, scope), quoted, scope=scope)
        if kind == "arithmetic_expansion":
            text = self.text(node)
            for child in node.named_children:
                self.nested(child, scope)
            inner = text[3:-2].strip() if text.startswith("$((") else ""
            return inner if inner.isdigit() else UNKNOWN
        if kind == "brace_expression":
            return self.text(node).replace("{", OPEN).replace("}", CLOSE)
        return (
            bare(self.text(node), scope.context.home)
            if not node.named_child_count
            else self._concatenation(node, scope, quoted)
        )

    def _concatenation(self, node: Node, scope: Scope, quoted: bool) -> str:
        out: list[str] = []
        at = node.start_byte
        for child in node.children:
            if child.start_byte > at:
                out.append(bare(self.source[at : child.start_byte].decode("utf-8", "replace"), scope.context.home))
            if child.is_named or child.child_count:
                value = self.expand(child, scope, quoted)
                # a ~ counts only at the very start of a word
                out.append(value)
            else:
                out.append(bare(self.text(child), scope.context.home))
            at = child.end_byte
        return "".join(out)[:MAX_VALUE]

    @staticmethod
    def _value(value: str, quoted: bool, split: bool = False, scope: Scope | None = None) -> str:
        value = value[:MAX_VALUE]
        if quoted and split:
            return value.replace(" ", SEP)
        if quoted:
            return value
        separators = scope.variables.get("IFS") if scope is not None else None
        if separators and not is_unknown(separators):
            for character in literal(separators)[:8]:
                value = value.replace(character, SEP)
        return unquoted(value)

    def quoted(self, node: Node, scope: Scope) -> str:
        """A double-quoted string or the body of a here-document."""
        here = node.type == "heredoc_body"
        end = node.end_byte if here else node.end_byte - (self.source[node.end_byte - 1 : node.end_byte] == b'"')
        at = node.start_byte if here else node.start_byte + 1
        out: list[str] = []
        for child in node.children:
            if child.type in ("simple_expansion", "expansion", "command_substitution", "arithmetic_expansion"):
                out.append(unescaped(self.source[at : child.start_byte].decode("utf-8", "replace")))
                out.append(self.expand(child, scope, quoted=True))
                at = child.end_byte
        out.append(unescaped(self.source[at:end].decode("utf-8", "replace")))
        return "".join(out)[: 4 * MAX_VALUE]

    def nested(self, node: Node, scope: Scope) -> None:
        """Run the substitutions somewhere below a node whose value does not matter."""
        work = [node]
        while work:
            here = work.pop()
            if here.type in ("command_substitution", "process_substitution"):
                self.substitute(here, scope)
            else:
                work.extend(here.named_children)

    def _parameter(self, node: Node, scope: Scope) -> str:
        """``${name}`` with an operator: defaults are followed, patterns only where the value is known."""
        children = node.children[1:-1]
        if not children:
            return UNKNOWN
        first = children[0]
        if first.type == "#" and len(children) > 1:
            value = scope.get(self.text(children[1]))
            return UNKNOWN if is_unknown(value) else str(len(value))
        if first.type == "!" and len(children) > 1:
            return scope.get(literal(scope.get(self.text(children[1]))))
        name = self.text(first)
        if first.type == "subscript":
            index = first.child_by_field_name("index")
            of = self.text(first.child_by_field_name("name") or first)
            at = literal(self.expand(index, scope, quoted=True)) if index is not None else "@"
            name = of if at in ("@", "*") else f"{of}[{at}]"
            if name not in scope.variables:
                name = of
        value = scope.get(name)
        if len(children) == 1:
            return value
        operator = self.text(children[1])
        rest = "".join(self.expand(child, scope, quoted=True) for child in children[2:]).replace(QUOTED, "")
        missing = value == UNSET or value == ""
        if operator in (":-", "-", ":=", "="):
            if missing and operator in (":=", "="):
                scope.variables[name] = rest
            return rest if missing else value
        if operator in (":?", "?"):
            return UNKNOWN if missing else value
        if operator in (":+", "+"):
            return "" if missing else rest
        if missing or is_unknown(value):
            return "" if _NOTHING.search(self.text(node)) else value
        return changed(literal(value), self.text(node)[2:-1].partition(self.text(first))[2])


def unescaped(text: str) -> str:
    """The text between double quotes, expansions apart."""
    if "\\" not in text:
        return text
    return _IN_QUOTES.sub(lambda found: "" if found.group(1) == "\n" else found.group(1), text)


def bare(text: str, home: str) -> str:
    """A word outside quotes: backslashes, globs, braces, a leading tilde."""
    if not _SPECIAL.search(text):
        return text
    tilde = _TILDE.match(text)
    if tilde is not None:
        text = text[tilde.end() :]
        name = tilde.group(1)
        home = home if not name else "/root" if name == "root" else f"/home/{name}"
    out: list[str] = []
    at = 0
    for found in _SPECIAL.finditer(text):
        start = found.start()
        if start < at:
            continue
        out.append(text[at:start])
        char = found.group()
        if char == "\\":
            following = text[start + 1 : start + 2]
            out.append("" if following == "\n" else following)
            at = start + 2
        else:
            out.append(_ACTIVE.get(char, char))
            at = start + 1
    out.append(text[at:])
    return (home if tilde is not None else "") + "".join(out)


def ansi(text: str) -> str:
    """The text of ``$'...'``."""

    def letter(found: re.Match[str]) -> str:
        code = found.group(1)
        if code[0] in "xuU" and len(code) > 1:
            number = int(code[1:], 16)
            return chr(number) if 0 < number < 0xD800 else "\ufffd"
        if code[0] in "01234567":
            return chr(int(code, 8) & 0xFF)
        if code[0] == "c" and len(code) == 2:
            return chr(ord(code[1]) & 0x1F)
        return _ANSI_LETTERS.get(code, code)

    return _ANSI.sub(letter, text)
