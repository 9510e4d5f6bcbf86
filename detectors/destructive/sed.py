"""sed scripts: what they run, what they empty, and what they print where that is plain."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from detectors.destructive.scope import Scope
from detectors.destructive.values import CODED, GLOB, UNKNOWN, is_unknown, literal, passed_on

if TYPE_CHECKING:
    from detectors.destructive.programs import Programs

MAX_SCRIPT = 8_192  # characters
MAX_COMMANDS = 200
_ADDRESS = re.compile(
    r"\s*((?:\d+|\$|/(?:[^/\\]|\\.)*+/I?)(?:~\d+)?(?:\s*,\s*(?:[+~]?\d+|\$|/(?:[^/\\]|\\.)*+/I?))?)?\s*(!?)\s*",
    re.DOTALL,
)
_SPECIAL = re.compile(r"[\\.*\[\]^$+?(){}|]")
_EVERY = frozenset({"", "1,$", "0,$", "/.*/", "/./", "/^/", "/$/"})


class Command(Struct, frozen=True):
    """letter, with its address (empty: every line), its text, and for ``s`` and ``y`` what is put in place."""

    address: str
    letter: str
    text: str
    replacement: str = ""
    flags: str = ""


def sed(programs: Programs, argv: list[str], scope: Scope, stdin: str | None, excerpt: str) -> str:
    scripts: list[str] = []
    names: list[str] = []
    inplace = False
    at = 1
    while at < len(argv):
        word = argv[at]
        if word in ("-e", "--expression", "-f", "--file", "-l") and at + 1 < len(argv):
            if word in ("-e", "--expression"):
                scripts.append(literal(argv[at + 1]))
            elif word != "-l":
                scripts.append("")
            at += 1
        elif word.startswith("--expression="):
            scripts.append(literal(word[13:]))
        elif word.startswith("-") and len(word) > 1:
            inplace = inplace or word.startswith(("-i", "--in-place")) or (word[1] != "-" and "i" in word[1:4])
            if word[1] != "-" and word.endswith("e") and at + 1 < len(argv) and not word.startswith("-i"):
                scripts.append(literal(argv[at + 1]))
                at += 1
        else:
            names.append(word)
        at += 1
    if not scripts and names:
        scripts.append(literal(names.pop(0)))
    found = commands("\n".join(scripts)[:MAX_SCRIPT])
    for command in found:
        _effects(programs, command, scope, stdin, excerpt)
    if inplace:
        if any(command.letter == "d" and command.address in _EVERY for command in found):
            for name in names[:16]:
                programs.write(name, scope, excerpt, append=False, emptying=True)
        return ""
    if stdin is None or is_unknown(stdin) or GLOB in stdin:
        return passed_on(stdin)
    return printed(found, stdin)


def commands(script: str) -> list[Command]:
    """The commands of a script, as far as they can be read.

    >>> [(command.letter, command.text, command.replacement) for command in commands("1d; s/a/b/g;$!N")]
    [('d', '', ''), ('s', 'a', 'b'), ('N', '', '')]
    """
    found: list[Command] = []
    at = 0
    while at < len(script) and len(found) < MAX_COMMANDS:
        address = _ADDRESS.match(script, at)
        assert address is not None  # all of it may be absent
        at = address.end()
        if at >= len(script):
            break
        letter, at = script[at], at + 1
        where = address.group(1) or ""
        if address.group(2):
            where += "!"
        if letter in "sy" and at < len(script):
            delimiter = script[at]
            pattern, at = _part(script, at + 1, delimiter)
            replacement, at = _part(script, at, delimiter)
            begin = at
            while at < len(script) and script[at] not in ";\n}" and not script[begin:at].endswith("w"):
                at += 1
            if script[begin:at].endswith("w"):
                at = _line(script, at)
            found.append(Command(where, letter, pattern, replacement, script[begin:at].strip()))
        elif letter in "aicrRwWe":
            begin, at = at, _line(script, at)
            found.append(Command(where, letter, script[begin:at].strip()))
        elif letter not in "{};\n \t":
            begin = at
            while at < len(script) and script[at] not in ";\n}":
                at += 1
            found.append(Command(where, letter, script[begin:at].strip()))
    return found


def _line(script: str, at: int) -> int:
    end = script.find("\n", at)
    return len(script) if end < 0 else end


def _part(script: str, at: int, delimiter: str) -> tuple[str, int]:
    out = []
    while at < len(script) and script[at] != delimiter:
        if script[at] == "\\" and at + 1 < len(script):
            out.append(script[at + 1] if script[at + 1] == delimiter else script[at : at + 2])
            at += 2
        else:
            out.append(script[at])
            at += 1
    return "".join(out), at + 1


def _effects(programs: Programs, command: Command, scope: Scope, stdin: str | None, excerpt: str) -> None:
    if command.letter == "e":
        text = command.text or stdin or ""
        programs.code("shell", text, scope.fork(), excerpt)
    elif command.letter == "s":
        letters, _, target = command.flags.partition("w")
        if "e" in letters:
            programs.code("shell", command.replacement.replace("&", UNKNOWN), scope.fork(), excerpt)
        if target.strip():
            programs.write(target.strip(), scope, excerpt, append=False)
    elif command.letter in "wW" and command.text:
        programs.write(command.text, scope, excerpt, append=False)


def printed(found: list[Command], text: str) -> str:
    """What comes out for a text that is known; `CODED` where patterns would have to be tried on it."""
    for command in found:
        if command.letter != "s" or command.address or "\\" in command.replacement or "&" in command.replacement:
            return CODED
        pattern, replacement = command.text, command.replacement
        lines = text.split("\n")
        if pattern in (".*", "^.*$", "^.*", ".*$"):
            lines = [replacement for _ in lines[:-1]] + [replacement if lines[-1] else ""]
        elif pattern in ("^", "$"):
            lines = [replacement + line if pattern == "^" else line + replacement for line in lines]
        elif _SPECIAL.search(pattern) or not pattern:
            return CODED
        else:
            count = -1 if "g" in command.flags else 1
            lines = [line.replace(pattern, replacement, count) for line in lines]
        text = "\n".join(lines)[: 4 * MAX_SCRIPT]
    return text
