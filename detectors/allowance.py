"""What the policy lets through although a rule forbids it: one action on one thing, in one place, up to a day."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from msgspec import Struct

from detectors.detector import Run


class Allowance(Struct, frozen=True, kw_only=True):
    """An exception to ``rule``, by globs; an empty field fits everything, ``*`` fits across ``/`` too.

    target: what the action would hit, as alerts and `killcord explain` name it. run_id, workspace: where it holds,
    beside the scope that the policy has chosen it by. ends: Unix seconds of event time from which on it holds no more.
    until: the same as people wrote it.
    """

    rule: str
    target: tuple[str, ...]
    action: str | None = None
    thing: str | None = None
    run_id: tuple[str, ...] = ()
    workspace: tuple[str, ...] = ()
    until: str | None = None
    ends: float | None = None
    reason: str = ""

    def holds(self, run: Run) -> bool:
        """Whether it holds in this run, now."""
        return (
            (self.ends is None or run.now < self.ends)
            and (not self.run_id or _fits(self.run_id, run.run_id))
            and (not self.workspace or _fits(self.workspace, (run.workspace or "").rstrip("/")))
        )

    def covers(self, rule: str, action: str, thing: str, target: str, known: bool) -> bool:
        """Whether it is about this. known: nothing in the target hangs on a value that nobody knows; such a target
        is covered only where it is named letter by letter, since it may turn out to be anything."""
        return (
            rule == self.rule
            and self.action in (None, action)
            and self.thing in (None, thing)
            and ("*" in self.target or (_fits(self.target, target) if known else literal(target) in self.target))
        )

    @property
    def told(self) -> str:
        """For people."""
        until = f" until {self.until}" if self.until else ""
        return f"The policy allows it{until}{f': {self.reason}' if self.reason else ''}."


def allowing(
    allowances: Iterable[Allowance], run: Run, rule: str, action: str, thing: str, target: str, known: bool
) -> Allowance | None:
    """The first that lets this through."""
    for allowance in allowances:
        if allowance.covers(rule, action, thing, target, known) and allowance.holds(run):
            return allowance
    return None


def literal(text: str) -> str:
    """The glob that fits this text and no other."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in text)


def _fits(globs: tuple[str, ...], name: str) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)
