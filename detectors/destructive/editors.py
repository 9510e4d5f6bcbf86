"""Editors that are given their commands: ``ex -sc '%d|x' FILE``, ``ed -s FILE <<< ',d'``, ``vim -es -c '%d' -c wq``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from detectors.destructive.scope import Scope
from detectors.destructive.values import literal

if TYPE_CHECKING:
    from detectors.destructive.programs import Programs

NAMES = frozenset({"vim", "vi", "nvim", "ex", "view", "ed", "red", "emacs"})
MAX_TEXT = 4096
_COMMANDS = ("-c", "--cmd", "-es", "-sc", "-esc", "-Esc", "--eval")
_VALUED = frozenset({*_COMMANDS, "-u", "-i", "-w", "-W", "-T", "-p", "-s", "-S"})
_EVERY = re.compile(
    r"(?:^|[\n|+:;]|norm(?:al)?!? ?g+)\s*:?(?:silent!?\s+)?"
    r"(?:(?:%|[01],\$|,)\s*(?:d(?:e|el|ele|elet|elete)?|c)(?![a-zA-Z])|g/(?:\^|\.|\.\*|\$)?/d\b|v/\\S/d\b|dG\b|%s/(?:\.\*|\\_\.\*)//)"
)
_WRITES = re.compile(r"(?:^|[\n|+:;])\s*:?(?:w|wq|x|xit|wqa|wa|xa|up|update|exit|q?w)!?(?=$|[\s|;])|ZZ")
_ERASED = re.compile(r"\(erase-buffer\).*\((?:save-buffer|write-file|basic-save-buffer)", re.DOTALL)
_DELETED = re.compile(r"(?:delete\(\s*['\"]|\(delete-(?:file|directory)\s+\")([^'\"]{1,400})['\"]")


def edited(programs: Programs, argv: list[str], scope: Scope, stdin: str | None, excerpt: str) -> None:
    """Adds what the editor's commands empty or delete."""
    texts, files = _read([literal(word) for word in argv[1:]])
    if stdin is not None:
        texts.append(stdin)
    script = "\n".join(texts)[:MAX_TEXT]
    for path in _DELETED.findall(script):
        programs.remove(path, scope, excerpt, "editor.delete", deep="rf" in script or "directory" in script)
    if (_EVERY.search(script) and _WRITES.search(script)) or _ERASED.search(script):
        for path in files[:8]:
            programs.write(path, scope, excerpt, append=False, emptying=True)


def _read(words: list[str]) -> tuple[list[str], list[str]]:
    """What is done, and to which files."""
    texts: list[str] = []
    files: list[str] = []
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        if word.startswith("+"):
            texts.append(word[1:])
        elif word in _COMMANDS and at < len(words):
            texts.append(words[at])
            at += word not in ("-es",)
        elif word.startswith("-"):
            at += word in _VALUED - {"-s", "-p"}
        else:
            files.append(word)
    return texts, [word for word in files if word not in texts]
