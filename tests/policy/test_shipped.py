"""The shipped default and the starters: valid, complete, and as strict as they say."""

from __future__ import annotations

import pytest

from monitor.policy import Policy
from monitor.policy.catalogue import rules
from monitor.policy.policy import SHIPPED, read_file, shipped, starters


def test_the_default_says_something_of_every_rule() -> None:
    assert {entry.rule for entry in shipped().entries} == set(rules())


def test_the_default_gives_every_rule_a_mode() -> None:
    origins = {row.rule: row.origin for row in Policy.load(None).explain() if row.key == "mode"}
    assert {rule for rule, origin in origins.items() if not origin.startswith("shipped default:")} == set()


def test_the_default_is_read_in_five_minutes() -> None:
    words = len(SHIPPED.read_text().split())
    assert words < 1100  # 220 a minute


KILLS = {"budget.run", "blindness.after_kill", "destructive.wide"}


def test_the_default_kills_for_three_things_only() -> None:
    resolved = Policy.load(None).resolve("any", "any", "any")
    assert {rule for rule in rules() if resolved.answer(rule).mode == "kill"} == KILLS


def test_the_default_denies_and_pauses_as_it_says() -> None:
    resolved = Policy.load(None).resolve()
    assert resolved.answer("destructive.narrow").mode == "deny"
    across_runs = {"loops.heartbeat", "loops.fork_bomb"}
    of_runs = [rule.id for rule in rules().values() if rule.family == "loops" and rule.id not in across_runs]
    assert {resolved.answer(rule).mode for rule in of_runs} == {"pause"}


@pytest.mark.parametrize(("environment", "mode"), [(None, "shadow"), ("dev", "shadow"), ("production", "alert")])
def test_what_can_be_undone_is_told_in_production_only(environment: str | None, mode: str) -> None:
    assert Policy.load(None).resolve(environment=environment).answer("destructive.reversible").mode == mode


@pytest.mark.parametrize("family", ["drift", "governor"])
def test_no_single_run_pays_for_what_is_wider(family: str) -> None:
    resolved = Policy.load(None).resolve()
    modes = {resolved.answer(rule.id).mode for rule in rules().values() if rule.family == family}
    assert modes == {"alert"}


@pytest.mark.parametrize("name", ["single-harness", "dark-factory", "research-agent", "orchestrated-team"])
def test_a_starter_is_valid_and_holds_only_what_differs(name: str) -> None:
    path = starters()[name]
    starter = Policy.read(read_file(path), name)
    default = {(row.rule, row.key): row.value for row in Policy.load(None).explain()}
    repeated = [row for row in starter.explain() if row.origin.startswith(f"{name}:") and not row.scope
                and default.get((row.rule, row.key), "") == row.value]  # fmt: skip
    assert repeated == []
    assert path.read_text().startswith("# ")


def test_every_starter_is_tested_here() -> None:
    assert len(starters()) == 4
