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
_SINGLE = frozenset({"system", "protected", "elsewhere", "workspace"})
_PROGRAMS = frozenset({"/bin", "/usr/bin", "/sbin", "/usr/sbin", "/usr/local/bin"})
MAX_SOURCES = 16


def copied(programs: Programs, argv: list[str], scope: Scope, stdin: str | None, excerpt: str) -> bool:
    """cp, mv, ln and install. Whether that is all there is to say: else the catalogue says the rest."""
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
            return False
        folder = words.pop()
        if argv[0].endswith("mv") and len(words) == 1 and _set_aside(words[0], folder, scope, programs):
            return True
        if len(words) == 1 and not folder.endswith(("/", "/.")) and folder not in (".", ".."):
            _one(programs, argv[0], words[0], folder, scope, keeping, excerpt)
            if "/" in folder:
                return False
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
    return False


def _set_aside(source: str, goal: str, scope: Scope, programs: Programs) -> bool:
    """``mv x.conf x.conf.bak``: under another name beside it nothing is lost."""
    one, other = join(scope.cwd, literal(source)), join(scope.cwd, literal(goal))
    beside = other.startswith(one) and "/" not in other[len(one) :]
    return beside and one != other and locate(source, scope.cwd, programs.shell.context).place in _SINGLE


def _one(programs: Programs, name: str, source: str, goal: str, scope: Scope, keeping: bool, excerpt: str) -> None:
    if is_unknown(source) or is_unknown(goal) or GLOB in source or ONE in source:
        return
    origin, target = join(scope.cwd, literal(source)), join(scope.cwd, literal(goal))
    text = scope.files.get(origin)
    folder, _, program = origin.rpartition("/")
    if folder in _PROGRAMS and text is None and program.isalnum():  # ``cp /bin/rm x``
        text = f'{program} "$@"\n'
    if text is not None:
        scope.write(target, text)
        if name.endswith("mv"):
            scope.files.pop(origin, None)
    if keeping or name.endswith("ln"):
        return
    if source != "/dev/null" and locate(goal, scope.cwd, programs.shell.context).place == "protected":
        programs.write(goal, scope, excerpt, append=False)
