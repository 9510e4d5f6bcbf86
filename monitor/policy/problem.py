"""What is wrong with a policy: every fault at once, each with file, line, value and remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from msgspec import Struct


class Problem(Struct, frozen=True):
    """One fault. ``line`` counts from 1; 0: the file as a whole."""

    file: str
    line: int
    value: str
    message: str
    remedy: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.value}: {self.message}. {self.remedy}" if self.value else (
            f"{place}: {self.message}. {self.remedy}"
        )  # fmt: skip


class PolicyError(ValueError):
    """A policy that is refused whole. ``problems`` has all of its faults in the order of the file; never empty."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = sorted(problems, key=lambda problem: problem.line)
        super().__init__("\n".join(map(str, self.problems)))


class Report:
    """Collects the problems of one file. ``file`` is its name as people are told."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []

    def add(self, line: int, value: str, message: str, remedy: str) -> None:
        # An alias shows the same node twice; a person wants to hear of it once.
        problem = Problem(self.file, line, brief(value), message, remedy)
        if problem not in self.problems:
            self.problems.append(problem)


def brief(value: str, limit: int = 80) -> str:
    line = " ".join(value.split())
    return line if len(line) <= limit else line[: limit - 2] + " …"


def meant(name: str, known: Iterable[str]) -> str:
    """The remedy for a name that nobody knows."""
    known = list(known)
    close = difflib.get_close_matches(name[:256].lower(), known, n=1, cutoff=0.6)
    return f"Did you mean {close[0]}?" if close else f"Known: {', '.join(known)}."
