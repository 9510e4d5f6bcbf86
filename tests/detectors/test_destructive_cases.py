"""Classes of commands, each destructive case beside its near misses: what is killed, denied, or let through.

The cases are in ``destructive_cases``, written by reasoning about each domain.
"""

from __future__ import annotations

import gc
from pathlib import Path

import msgspec
import pytest

from detectors.destructive import Destructive
from detectors.destructive.effects import ORDER, REVERSIBLE, WIDE
from detectors.destructive.memory import Memory
from detectors.detector import RuleSet, Run, Thresholds
from detectors.testing import Stream


class Text(msgspec.Struct, forbid_unknown_fields=True):
    rule: str
    text: str


class Cases(msgspec.Struct, forbid_unknown_fields=True):
    """Commands, one a line; texts of several lines apart."""

    kill: str = ""
    deny: str = ""
    quiet: str = ""
    texts: list[Text] = []

    def all(self) -> list[tuple[str, str]]:
        lines = [
            (rule, line) for rule in ("kill", "deny", "quiet") for line in getattr(self, rule).splitlines() if line
        ]
        return lines + [(text.rule, text.text) for text in self.texts]


FILES = sorted((Path(__file__).parent / "destructive_cases").glob("*.yaml"))
CASES = [
    (path.stem, rule, command)
    for path in FILES
    for rule, command in msgspec.yaml.decode(path.read_bytes(), type=Cases).all()
]


def rule_of(command: str) -> str | None:
    """The gravest rule that a command breaks in a project's folder, by the run's first step."""
    detector = Destructive()
    run = Run(run_id="run", workspace="/home/dev/app")
    call = Stream("run").call(command)
    broken = {finding.rule for finding in detector.observe(call, Memory(), run, RULES)}
    return next((rule for rule in ORDER if rule in broken), None)


RULES = RuleSet({rule.id: Thresholds() for rule in Destructive.rules})


@pytest.mark.parametrize(("group", "rule", "command"), CASES, ids=[f"{g}-{c[:50]}" for g, _, c in CASES])
def test_case(group: str, rule: str, command: str) -> None:
    broken = rule_of(command)
    if rule == "kill":
        assert broken == WIDE
    elif rule == "deny":
        assert broken not in (None, REVERSIBLE)
    else:
        assert broken in (None, REVERSIBLE)


def test_each_class_has_near_misses() -> None:
    for path in FILES:
        cases = msgspec.yaml.decode(path.read_bytes(), type=Cases).all()
        assert sum(rule == "quiet" for rule, _ in cases) >= 20, path.name


def test_an_analysis_leaves_nothing_for_the_collector() -> None:
    """What refers to itself stays until the collector comes, for 40 ms at a time in a worker that is busy."""
    rule_of(CASES[0][2])  # loads what is loaded once
    gc.collect()
    gc.disable()
    try:
        for _, _, command in CASES:
            rule_of(command + " # again")
        left = gc.collect()
    finally:
        gc.enable()
    assert left < len(CASES) // 20
