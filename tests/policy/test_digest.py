"""The digest names what a policy does, and the journal's record gives the same policy again."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from monitor.policy import Policy, PolicyError

ONE = """
rules:
  - id: budget.run
    limits: {usd: 5, tokens: 2_000_000}
  - id: drift.cost
    mode: shadow
    scope: {team: [b, a]}
"""


def digest(yaml: str, name: str = "p.yaml") -> str:
    return Policy.read(yaml.encode(), name).digest


SAME = [  # yaml, why
    ("# a comment\n" + ONE, "comments"),
    ("""rules: [{scope: {team: [a, b]}, mode: "shadow", id: drift.cost},
         {id: budget.run, limits: {tokens: 2e6, usd: 5.0}}]""", "order and spelling"),
    ("""rules:\n  - {id: budget.run, limits: {usd: 9, tokens: 2000000}}\n  - {id: budget.run, limits: {usd: 5}}
  - {id: drift.cost, mode: shadow, scope: {team: [a, b]}}""", "in two entries"),
]  # fmt: skip


@pytest.mark.parametrize(("yaml", "why"), SAME, ids=[case[1] for case in SAME])
def test_the_same_policy_has_the_same_digest(yaml: str, why: str) -> None:
    assert digest(yaml, "other.yaml") == digest(ONE)


OTHER = [
    ONE.replace("usd: 5", "usd: 5.01"),
    ONE.replace("shadow", "alert"),
    ONE.replace("[b, a]", "[b]"),
    ONE + "    severity: info\n",
    ONE + "governor: {kills_per_minute: 29}\n",
]


@pytest.mark.parametrize("yaml", OTHER)
def test_another_policy_has_another_digest(yaml: str) -> None:
    assert digest(yaml) != digest(ONE)


def test_is_sixteen_hex_digits_and_the_same_in_another_process() -> None:
    code = "import sys; from monitor.policy import Policy; print(Policy.read(sys.stdin.buffer.read(), 'p').digest)"
    other = subprocess.run([sys.executable, "-c", code], input=ONE.encode(), capture_output=True, check=True)
    assert other.stdout.decode().strip() == digest(ONE)
    assert len(bytes.fromhex(digest(ONE))) == 8


@pytest.mark.parametrize("yaml", ["", ONE, "rules: [{id: budget.run, scope: {team: a}, limits: {usd: null}},"
                                  "{id: budget.run, mode: alert}]"])  # fmt: skip
def test_the_journals_record_is_the_same_policy(yaml: str) -> None:
    policy = Policy.read(yaml.encode(), "p.yaml")
    again = Policy.from_effective(json.loads(json.dumps(policy.effective())))
    assert again.digest == policy.digest
    assert again.effective() == policy.effective()
    for team in ("a", "z"):
        for rule in ("budget.run", "drift.cost"):
            assert again.resolve(team=team).answer(rule) == policy.resolve(team=team).answer(rule)
            assert again.resolve(team=team).rules.get(rule) == policy.resolve(team=team).rules.get(rule)


def test_a_rule_that_the_record_does_not_know_is_off() -> None:
    recorded = Policy.load(None).effective()
    recorded["rules"] = [entry for entry in recorded["rules"] if entry["id"] != "drift.cost"]
    again = Policy.from_effective(recorded)
    assert again.resolve().answer("drift.cost").mode == "off"
    assert again.effective() == recorded


def test_a_record_of_rules_that_are_gone_is_refused() -> None:
    with pytest.raises(PolicyError, match=r"recorded policy: gone\.rule: no such rule"):
        Policy.from_effective({"governor": {}, "rules": [{"id": "gone.rule", "mode": "kill"}]})


def test_agents_load_the_policy_without_the_monitor_extra() -> None:
    code = ("import sys; from monitor.policy import Policy; Policy.load(None).resolve(); "
            "print([name for name in ('faust', 'river', 'numpy', 'scipy', 'confluent_kafka', 'prometheus_client') "
            "if name in sys.modules])")  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "[]"
