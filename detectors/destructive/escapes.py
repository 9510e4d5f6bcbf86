"""Commands that stand in an option or a script of a program which is no shell: an editor's ``:!``, git's aliases."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from detectors.destructive.paths import join
from detectors.destructive.scope import Scope
from detectors.destructive.values import literal

if TYPE_CHECKING:
    from detectors.destructive.programs import Programs

_BANG = re.compile(r"(?:^|[:;|\n+]|\\;)\s*(?:silent\s+)?(?:r\s+|w\s+|%)?!\s*(.+)")
_DEBUGGER = re.compile(r"(?:^|\n)\s*(?:shell|!|platform shell|sh)\s+(.+)")
_SPAWN = re.compile(r"(?:^|[;\n{])\s*(?:spawn|exec|system)\s+(?:-\S+\s+)*([^;\n]+)")
_APPLE = re.compile(r"do shell script \"((?:[^\"\\]|\\.)*+)\"")
_ASKED = re.compile(r"(?:^|\n)\s*\.(?:shell|system)\s+(.+)|(?:^|\n)\s*\\!\s*(.+)")
_GIT_KEYS = ("core.pager", "core.editor", "core.sshcommand", "core.fsmonitor", "sequence.editor", "diff.external")
MAX_COMMANDS = 16

# Options whose value is a command, by program; what stands before the command is cut off.
OPTIONS: dict[str, tuple[tuple[str, ...], str]] = {
    "tar": (("--checkpoint-action", "--to-command", "-I", "--use-compress-program", "--info-script", "-F"), "exec="),
    "nodemon": (("-x", "--exec"), ""),
    "rsync": (("-e", "--rsh"), ""),
    "ssh": (("-o",), "ProxyCommand="),
    "zip": (("-TT", "--unzip-command"), ""),
    "man": (("-P", "--pager"), ""),
    "wget": (("--use-askpass",), ""),
    "hyperfine": (("-p", "--prepare", "-c", "--cleanup", "-s", "--setup"), ""),
}
_EDITORS = frozenset({"vim", "vi", "nvim", "ex", "view", "ed"})
_DEBUGGERS = frozenset({"gdb", "lldb"})
_CLIENTS = frozenset({"sqlite3", "psql", "mysql"})
NAMES = frozenset({*OPTIONS, *_EDITORS, *_DEBUGGERS, *_CLIENTS, "expect", "git", "osascript", "bash", "tclsh"})


def escaped(programs: Programs, argv: list[str], scope: Scope, stdin: str | None, excerpt: str) -> None:
    """Runs the commands that the arguments or the input give to a shell. The catalogue says the rest."""
    name = argv[0].rpartition("/")[2]
    for command in _commands(name, [literal(word) for word in argv[1:]], stdin, scope)[:MAX_COMMANDS]:
        programs.code("shell", command, scope.fork(), excerpt)


def _commands(name: str, words: list[str], stdin: str | None, scope: Scope) -> list[str]:
    if name in OPTIONS:
        flags, before = OPTIONS[name]
        values = _values(words, flags)
        if name in ("rsync", "ssh"):
            values = [value for value in values if not value.startswith("ssh") and (before in value or not before)]
        return [value.partition(before)[2] if before and before in value else value for value in values]
    if name == "git":
        return _git(words)
    texts = [*_values(words, ("-c", "--cmd", "-ex", "-eval-command", "-o", "-cmd", "-e")), stdin or ""]
    if name in _EDITORS:
        texts += [word for word in words if word.startswith("+")]
        return [found for text in texts for found in _BANG.findall(text)]
    if name in _DEBUGGERS:
        return [found for text in texts for found in _DEBUGGER.findall(text)]
    if name in _CLIENTS:
        texts += [word for word in words if word.startswith(".")]
        return [one or other for text in texts for one, other in _ASKED.findall(text)]
    if name in ("bash", "sh", "zsh"):
        return [scope.files.get(join(scope.cwd, value), "") for value in _values(words, ("--rcfile", "--init-file"))]
    if name == "osascript":
        return [found for text in texts for found in _APPLE.findall(text)]
    if name in ("expect", "tclsh"):
        texts += [scope.files[path] for word in words if (path := join(scope.cwd, word)) in scope.files]
        return [found for text in texts for found in _SPAWN.findall(text)]
    return []


def _git(words: list[str]) -> list[str]:
    """Aliases that start with ``!``, programs named by settings, and what some subcommands run for each commit."""
    found = []
    if words[:1] == ["config"]:
        found = [word[1:] for at, word in enumerate(words) if word[:1] == "!" and words[at - 1].startswith("alias.")]
    for value in _values(words, ("-c",)):
        key, _, text = value.partition("=")
        if text.startswith("!") and key.startswith("alias."):
            found.append(text[1:])
        elif key.lower() in _GIT_KEYS:
            found.append(text)
    plain = [word for word in words if not word.startswith("-")]
    if plain[:2] in (["submodule", "foreach"], ["bisect", "run"]):
        found.append(" ".join(words[words.index(plain[1]) + 1 :]))
    if plain[:1] == ["rebase"]:
        found.extend(_values(words, ("--exec", "-x")))
    return found


def _values(words: list[str], flags: tuple[str, ...]) -> list[str]:
    found = [words[at + 1] for at, word in enumerate(words[:-1]) if word in flags]
    return found + [word.partition("=")[2] for word in words if word.partition("=")[0] in flags and "=" in word]
