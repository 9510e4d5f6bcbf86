"""Copying, moving and linking: a text that was written goes along, and what is at the goal may be lost."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from detectors.destructive.paths import join, locate
from detectors.destructive.scope import Scope
from detectors.destructive.values import GLOB, ONE, is_unknown, literal

if TYPE_CHECKING:
    from detectors.destructive.programs import Programs

_VALUED = frozenset({"-t", "-S", "-m", "-o", "-g", "--target-directory", "--suffix", "--mode", "--owner", "--group"})
_KEEPING = frozenset({"-n", "--no-clobber", "-i", "--interactive", "-b", "--backup", "-u", "--update"})
MAX_SOURCES = 16


def copied(programs: Programs, argv: list[str], scope: Scope, stdin: str | None, excerpt: str) -> None:
    """cp, mv, ln and install. The catalogue says the rest."""
    words, folder, keeping = [], "", False
    at = 1
    while at < len(argv):
        word = argv[at]
        if word in _VALUED:
            at += 1
            if word in ("-t", "--target-directory") and at < len(argv):
                folder = argv[at]
        elif word.startswith("-") and len(word) > 1:
            keeping = keeping or word in _KEEPING or (word[1] != "-" and not {"n", "i", "b", "u"}.isdisjoint(word))
        else:
            words.append(word)
        at += 1
    if not folder:
        if len(words) < 2:
            return
        folder = words.pop()
        if len(words) == 1 and not folder.endswith(("/", "/.")) and folder not in (".", ".."):
            _one(programs, argv[0], words[0], folder, scope, keeping, excerpt)
            if "/" in folder:
                return
    for word in words[:MAX_SOURCES]:
        _one(
            programs,
            argv[0],
            word,
            folder.rstrip("/") + "/" + posixpath.basename(word.rstrip("/")),
            scope,
            keeping,
            excerpt,
        )


def _one(programs: Programs, name: str, source: str, goal: str, scope: Scope, keeping: bool, excerpt: str) -> None:
    if is_unknown(source) or is_unknown(goal) or GLOB in source or ONE in source:
        return
    origin, target = join(scope.cwd, literal(source)), join(scope.cwd, literal(goal))
    text = scope.files.get(origin)
    if text is not None:
        scope.write(target, text)
        if name.endswith("mv"):
            del scope.files[origin]
    if keeping or name.endswith("ln"):
        return
    if source != "/dev/null" and locate(goal, scope.cwd, programs.shell.context).place == "protected":
        programs.write(goal, scope, excerpt, append=False)
