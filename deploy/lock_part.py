"""Prints a part of a lock file, hashes and all: what a worker needs, without the tests' and linters' packages.

    python deploy/lock_part.py requirements.lock              what a worker needs
    python deploy/lock_part.py requirements.lock setuptools   what these packages need

Reads who wants what from the lock's own ``# via`` comments, so that there is one lock file and not two that differ.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

PROJECT = "killcord (pyproject.toml)"
_ENTRY = re.compile(r"^([A-Za-z0-9._-]+)==.*\n(?:[ \t]+.*\n?)*", re.MULTILINE)
_WANTED_BY = re.compile(r"^ +#(?: via)? +([A-Za-z0-9._-]+(?: \(.*\))?)$", re.MULTILINE)


def part(lock: str, names: frozenset[str] = frozenset()) -> str:
    """The entries of ``names`` and of what these want in turn; of the project itself (not its groups) if none."""
    entries = [(match[1], match[0], set(_WANTED_BY.findall(match[0]))) for match in _ENTRY.finditer(lock)]
    if unknown := names - {name for name, _, _ in entries}:
        raise SystemExit(f"not in the lock file: {', '.join(sorted(unknown))}; add it to pyproject.toml and lock anew")
    wanted = set(names) or {PROJECT}
    while new := {name for name, _, by in entries if by & wanted} - wanted:
        wanted |= new
    return "".join(text for name, text, _ in entries if name in wanted)


if __name__ == "__main__":
    print(part(Path(sys.argv[1]).read_text(), frozenset(sys.argv[2:])), end="")
