"""awk programs: what they hand to a shell, what they write, and what they print."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from detectors.destructive.paths import join
from detectors.destructive.scope import Scope
from detectors.destructive.values import GLOB, UNKNOWN, is_unknown, literal
from detectors.destructive.words import ansi

if TYPE_CHECKING:
    from detectors.destructive.programs import Programs

MAX_PROGRAM = 16_384  # characters
MAX_TOKENS = 3_000
_TOKEN = re.compile(
    r"""(?P<text>"(?:[^"\\\n]|\\.)*+")|(?P<field>\$(?:\d+|NF|\())|(?P<name>\w+)|(?P<op>>>|\|&|\|\||==|[^\s\w#])"""
    r"""|(?P<line>\n)|\#[^\n]*+""",
    re.DOTALL,
)
_REGEX = re.compile(r"/(?:[^/\\\n]|\\.)*+/")
_BEFORE_REGEX = frozenset({"", "(", ",", "{", "}", ";", "~", "!", "&", "|", "||", "\n"})
_ENDS = frozenset({";", "}", "\n"})
_FORMAT = re.compile(r"%[^a-zA-Z%]*[a-zA-Z]")
_VALUED = frozenset({"-F", "-v", "--field-separator", "--assign"})
_LIBRARY = frozenset({"-i", "--include"})
_NO_LINE = re.compile(r"\s*(?:0|\{\s*(?:next)?\s*;?\s*\}|NR\s*<\s*[01]|1\s*==\s*0|!\s*1|\"\")?\s*")
Token = tuple[str, str]  # its kind, its text


def awk(programs: Programs, argv: list[str], scope: Scope, stdin: str | None, excerpt: str) -> str:
    """Runs an awk program abstractly; gives what it prints, unknown parts marked."""
    variables: dict[str, str] = {}
    program: str | None = None
    inplace, at = False, 1
    while at < len(argv):
        word = argv[at]
        if word in ("-f", "--file") and at + 1 < len(argv):
            program = scope.files.get(join(scope.cwd, literal(argv[at + 1])), "")
            at += 2
        elif word in _LIBRARY:
            inplace = inplace or argv[at + 1 : at + 2] == ["inplace"]
            at += 2
        elif word in _VALUED:
            name, _, value = argv[at + 1].partition("=") if at + 1 < len(argv) else ("", "", "")
            variables[name] = value
            at += 2
        elif word.startswith("-") and len(word) > 1:
            at += 1
        else:
            break
    if program is None and at < len(argv):
        program = literal(argv[at])
        at += 1
    if inplace and _NO_LINE.fullmatch((program or "")[:MAX_PROGRAM]) is not None:
        for word in argv[at : at + 16]:
            programs.write(word, scope, excerpt, append=False, emptying=True)
    return _Run(programs, scope, stdin, excerpt, variables).all(tokens((program or "")[:MAX_PROGRAM]))


def tokens(program: str) -> list[Token]:
    found: list[Token] = []
    at, last = 0, ""
    while at < len(program) and len(found) < MAX_TOKENS:
        if program[at] == "/" and last in _BEFORE_REGEX:
            regex = _REGEX.match(program, at)
            if regex is not None:
                found.append(("regex", regex.group()))
                at, last = regex.end(), "/"
                continue
        match = _TOKEN.match(program, at)
        if match is None:
            at += 1
            continue
        at = match.end()
        kind = match.lastgroup
        if kind is not None:
            last = match.group()
            found.append((kind, last))
    return found


class _Run:
    def __init__(
        self, programs: Programs, scope: Scope, stdin: str | None, excerpt: str, variables: dict[str, str]
    ) -> None:
        self.programs, self.scope, self.stdin, self.excerpt = programs, scope, stdin, excerpt
        self.variables = variables
        self.printed: list[str] = []

    def all(self, program: list[Token]) -> str:
        at = 0
        while at < len(program):
            at = self._step(program, at)
        return "".join(self.printed) if self.printed else UNKNOWN

    def _step(self, program: list[Token], at: int) -> int:
        kind, text = program[at]
        following = program[at + 1][1] if at + 1 < len(program) else ""
        if kind == "name" and text == "system" and following == "(":
            end = _close(program, at + 1)
            self._shell(self._value(program[at + 2 : end]), None)
            return end + 1
        if kind == "name" and text in ("print", "printf"):
            return self._print(program, at + 1, text == "printf")
        if kind == "name" and following == "=":
            end = _until(program, at + 2, _ENDS)
            self.variables[text] = self._value(program[at + 2 : end])
            return at + 2
        if text in ("|", "|&") and following == "getline":
            begin = at
            while begin and program[begin - 1][1] not in ("(", ";", "{", "}", "\n", "=", "!"):
                begin -= 1
            self._shell(self._value(program[begin:at]), None)
        return at + 1

    def _print(self, program: list[Token], at: int, formatted: bool) -> int:
        end = _until(program, at, _ENDS | {"|", "|&", ">", ">>"})
        text = self._value(program[at:end])
        if formatted:
            text = _FORMAT.sub(UNKNOWN, text)
        operator = program[end][1] if end < len(program) else ""
        if operator not in ("|", "|&", ">", ">>"):
            self.printed.append(text if formatted else text + "\n")
            return end
        last = _until(program, end + 1, _ENDS)
        target = self._value(program[end + 1 : last])
        if operator in (">", ">>"):
            self.programs.write(target, self.scope, self.excerpt, append=operator == ">>")
            if not is_unknown(target):
                self.scope.write(join(self.scope.cwd, target), text)
        else:
            self._shell(target, text)
        return last

    def _shell(self, text: str, stdin: str | None) -> None:
        if text.strip(UNKNOWN + " "):
            self.programs.code("shell", text, self.scope.fork(), self.excerpt, stdin)

    def _value(self, part: list[Token]) -> str:
        """An expression as the text it makes, as far as it is a row of texts."""
        out = []
        for kind, text in part:
            if kind == "text":
                out.append(ansi(text[1:-1]))
            elif text == ",":
                out.append(" ")
            elif kind == "field":
                out.append(self._field(text))
            elif kind == "name":
                out.append(self.variables.get(text, text if text.isdigit() else UNKNOWN))
            elif text not in ("(", ")"):
                out.append(UNKNOWN)
        return "".join(out) if part else self._field("$0")

    def _field(self, text: str) -> str:
        stdin = self.stdin
        if stdin is not None and GLOB in stdin and not is_unknown(stdin):
            return stdin.strip()  # of everything that was listed
        if stdin is None or is_unknown(stdin) or not text[1:].isdigit():
            return UNKNOWN
        if text == "$0":
            return stdin.rstrip("\n")
        columns = [line.split() for line in stdin.splitlines()[:32]]
        number = int(text[1:]) if len(text) < 6 else 0
        return " ".join(column[number - 1] for column in columns if 0 < number <= len(column)) or UNKNOWN


def _close(program: list[Token], at: int) -> int:
    depth = 0
    while at < len(program):
        depth += {"(": 1, ")": -1}.get(program[at][1], 0) if program[at][0] == "op" else 0
        if not depth:
            return at
        at += 1
    return at


def _until(program: list[Token], at: int, ends: frozenset[str]) -> int:
    depth = 0
    while at < len(program):
        kind, text = program[at]
        if kind in ("op", "line"):
            if not depth and text in ends:
                return at
            depth += {"(": 1, ")": -1}.get(text, 0)
        at += 1
    return at
