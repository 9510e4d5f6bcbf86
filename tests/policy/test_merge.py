"""Built-in values, the shipped default over them, the user's file over both; later entries field by field."""

from __future__ import annotations

import msgspec
import pytest

from detectors.detector import MODES
from monitor.policy import Answer, Policy, PolicyError
from monitor.policy.catalogue import rules


def policy(yaml: str) -> Policy:
    return Policy.read(yaml.encode(), "p.yaml")


def limits(given: Policy, **scope: str) -> dict[str, float | None]:
    return msgspec.to_builtins(given.resolve(**scope).rules.get("budget.run").limits)


def test_a_limit_replaces_its_own_only() -> None:
    before, after = limits(Policy.load(None)), limits(policy("rules: [{id: budget.run, limits: {usd: 5}}]"))
    assert after == {**before, "usd": 5.0}


def test_null_removes_a_limit() -> None:
    assert limits(policy("rules: [{id: budget.run, limits: {usd: null, tokens: ~}}]"))["usd"] is None


def test_later_entries_override_earlier_ones_field_by_field() -> None:
    given = policy("""
rules:
  - {id: budget.run, scope: {team: a}, mode: pause, limits: {usd: 1, tool_calls: 7}}
  - {id: budget.run, scope: {environment: production}, limits: {usd: 2}}
  - {id: budget.run, scope: {agent_name: x}, mode: alert, severity: warning}
""")
    here = {"team": "a", "environment": "production", "agent_name": "x"}
    assert (limits(given, **here)["usd"], limits(given, **here)["tool_calls"]) == (2.0, 7)
    assert given.resolve(**here).answer("budget.run") == Answer("alert", "warning")
    assert given.resolve(team="a").answer("budget.run") == Answer("pause", None)


def test_an_entry_for_everything_overrides_scoped_ones_before_it() -> None:
    given = policy("rules: [{id: budget.run, scope: {team: a}, mode: pause}, {id: budget.run, mode: alert}]")
    assert given.resolve(team="a").answer("budget.run").mode == "alert"


SCOPES = [  # scope, agent_name, team, environment, does it hold
    ("{team: payments}", None, "payments", None, True),
    ("{team: payments}", None, "payments-eu", None, False),
    ("{team: payments}", None, None, None, False),
    ('{team: [payments, "infra-*"]}', None, "infra-db", None, True),
    ('{team: [payments, "infra-*"]}', None, "Infra-db", None, False),
    ('{agent_name: "coder-?"}', "coder-7", None, None, True),
    ('{agent_name: "coder-?"}', "coder-77", None, None, False),
    ("{team: a, environment: production}", None, "a", "production", True),
    ("{team: a, environment: production}", None, "a", "staging", False),
    ('{environment: "*"}', None, None, None, True),
    ('{environment: ""}', None, None, None, True),
    ('{environment: ""}', None, None, "production", False),
    ("{team: 7}", None, "7", None, True),
    ("{team: on}", None, "on", None, True),
    ("{}", None, None, None, True),
]


@pytest.mark.parametrize(("scope", "agent_name", "team", "environment", "holds"), SCOPES)
def test_scopes_are_globs(scope: str, agent_name: str, team: str, environment: str, holds: bool) -> None:
    given = policy(f"rules: [{{id: budget.run, scope: {scope}, mode: shadow}}]")
    assert (given.resolve(agent_name, team, environment).answer("budget.run").mode == "shadow") is holds


@pytest.mark.parametrize("mode", [*MODES, "'off'", '"kill"', "false", "Off"])
def test_every_mode_can_be_written(mode: str) -> None:
    if mode == "Off":
        with pytest.raises(PolicyError, match="Did you mean off"):
            policy(f"rules: [{{id: drift.cost, mode: {mode}}}]")
        return
    answer = policy(f"rules: [{{id: drift.cost, mode: {mode}}}]").resolve().answer("drift.cost")
    assert answer.mode == {"false": "off"}.get(mode, mode.strip("'\""))


def test_a_rule_that_is_off_has_no_thresholds() -> None:
    resolved = policy("rules: [{id: drift.cost, mode: off}]").resolve()
    assert "drift.cost" not in resolved.rules
    assert "drift.steps" in resolved.rules


def test_a_rule_that_nothing_declares_is_alerted() -> None:
    assert Policy.load(None).resolve().answer("made.up") == Answer("alert", None)


NUMBERS = [("200_000", 200_000), ("2e5", 200_000), ("2.0e+5", 200_000), ("0", 0), ("+5", 5), ("5.", 5)]


@pytest.mark.parametrize(("written", "means"), NUMBERS)
def test_numbers_as_people_write_them(written: str, means: int) -> None:
    assert limits(policy(f"rules: [{{id: budget.run, limits: {{tokens: {written}}}}}]"))["tokens"] == means


@pytest.mark.parametrize("written", ["010", "0x10", "0o7", "1,000", "1:30", "yes"])
def test_numbers_that_yaml_reads_otherwise_than_people_are_refused(written: str) -> None:
    with pytest.raises(PolicyError, match="takes a whole number"):
        policy(f"rules:\n  - id: budget.run\n    limits:\n      tokens: {written}\n")


def test_the_governor_is_merged_key_by_key() -> None:
    governor = policy("governor: {kills_per_minute: 3}").governor
    assert (governor.kills_per_minute, governor.share_of_runs, governor.share_after_kills) == (3, 0.25, 5)


def test_resolving_is_cached_and_bounded() -> None:
    given = policy("rules: [{id: budget.run, scope: {team: a}, mode: pause}]")
    assert given.resolve("x", "b", None) is given.resolve("y", None, "z")
    for number in range(10_000):
        given.resolve(f"agent-{number}")
    assert given._matching.cache_info().currsize <= 4096
    assert given._built.cache_info().currsize == 1


def test_no_threshold_has_the_name_of_an_entrys_own_key() -> None:
    for rule in rules().values():
        assert not {"id", "mode", "severity", "scope"} & set(rule.thresholds.__struct_fields__), rule.id


def test_thresholds_constrain_each_field_alone() -> None:
    """Entries of several scopes may meet, so what a policy may say cannot hang on two fields at once."""
    for rule in rules().values():
        assert not hasattr(rule.thresholds, "__post_init__"), rule.id


def test_ids_of_rules_are_unique() -> None:
    from detectors import DETECTORS
    from detectors.fleet_rules import FLEET_RULES
    from monitor.engine.rules import ENGINE_RULES

    declared = [rule.id for detector in DETECTORS for rule in detector.rules]
    declared += [rule.id for rule in (*FLEET_RULES, *ENGINE_RULES)]
    assert sorted(declared) == sorted(set(declared))
