"""The second stage around its detectors: what counts once, what an alert and a command say, who decides."""

from __future__ import annotations

import random

import msgspec
import pytest

from detectors.detector import Finding, RuleSet
from detectors.drift import Drift, DriftState
from detectors.fleet import FleetState
from detectors.rollup import Rollup
from monitor.engine.fleet import FleetEngine, decode, encode
from monitor.engine.outcome import Outcome
from monitor.messages import OperatorDecision
from monitor.policy import Policy


def rollup(n: int, errors: int = 0, scope: str = "agent_name", target: str = "coder", **given) -> Rollup:
    values = {"run_id": f"run-{n}", "event_id": f"event-{n}", "time": 100.0 + n, "partition": n % 3, "offset": n,
              "finished": True, "steps": 10, "results": 10, "run_steps": 10, "run_errors": errors}  # fmt: skip
    return Rollup(id=str(n), scope=scope, target=target, errors=errors, **(values | given))


def drifting(**given) -> list[Rollup]:
    rng = random.Random(1)
    good = [rollup(n, int(rng.random() < 0.4), **given) for n in range(40)]
    return good + [rollup(n, rng.randrange(3, 9), **given) for n in range(40, 60)]


def policy(mode: str | None = None, where: str = "") -> Policy:
    if mode is None:
        return Policy.load(None)
    return Policy.read(f"rules:\n  - id: drift.error_rate\n    mode: {mode}\n{where}".encode(), "test.yaml")


def judge(
    rollups: list[Rollup], engine: FleetEngine, state: FleetState | None = None, bytes_too: bool = False
) -> Outcome:
    state = state or FleetState()
    out = Outcome()
    for each in rollups:
        out.extend(engine.process(state, each))
        if bytes_too:
            state = decode(encode(state))
    return out


def test_a_rollup_that_comes_again_counts_once():
    state = FleetState()
    seen = [rollup(n) for n in (3, 6, 9, 4)]
    assert [state.admit(r) for r in seen] == [True] * 4
    assert [state.admit(r) for r in seen] == [False] * 4
    assert state.admit(rollup(12))


def test_the_last_rollup_of_a_run_counts_beside_another_of_the_same_message():
    state = FleetState()
    first, last = rollup(3, finished=False), rollup(3)
    assert [state.admit(r) for r in (first, last, first, last)] == [True, True, False, False]


def test_a_worker_that_starts_again_and_repeats_rollups_gives_the_same_state():
    rng = random.Random(2)
    once, again = FleetState(), FleetState()
    engine = FleetEngine(policy("alert"))
    told = judge(drifting(), engine, once)
    repeated: list[Rollup] = []
    for n, each in enumerate(drifting()):
        repeated.append(each)
        if rng.random() < 0.2:
            repeated += repeated[max(0, n - 5) :]
    assert judge(repeated, engine, again) == told
    assert encode(again) == encode(once)


def test_state_that_moves_between_workers_after_every_rollup_gives_the_same_alerts():
    engine = FleetEngine(policy("pause"))
    assert judge(drifting(), engine, bytes_too=True) == judge(drifting(), engine)


def test_a_state_of_another_form_is_refused_with_the_field_named():
    data = msgspec.msgpack.encode({"parts": {"drift": {"number": "many"}}})
    with pytest.raises(msgspec.DecodeError, match=r"number"):
        decode(data)


def test_the_alert_of_a_deployment_is_keyed_by_it_and_can_be_looked_up():
    engine = FleetEngine(policy("alert"), events_topic="killcord.events")
    (alert,) = judge(drifting(team="web"), engine).alerts
    assert (alert.key, alert.run_id, alert.agent_name, alert.team) == ("agent_name:coder", None, "coder", "web")
    assert (alert.rule, alert.family, alert.mode, alert.severity) == ("drift.error_rate", "drift", "alert", "warning")
    assert (alert.revision, alert.status, alert.policy) == (1, "open", engine.policy.digest)
    assert alert.event_id == alert.evidence[-1].event_id
    for item in alert.evidence:
        n = int(item.event_id.removeprefix("event-"))
        assert (item.topic, item.partition, item.offset) == ("killcord.events", n % 3, n)


@pytest.mark.parametrize(("scope", "key"), [("team", "team:web"), ("environment", "environment:web")])
def test_a_wider_scope_has_alerts_of_its_own(scope, key):
    (alert,) = judge(drifting(scope=scope, target="web"), FleetEngine(policy("alert"))).alerts
    assert (alert.key, alert.agent_name) == (key, None)
    (other,) = judge(drifting(), FleetEngine(policy("alert"))).alerts
    assert alert.id != other.id


@pytest.mark.parametrize(
    ("mode", "shown", "action"),
    [("off", None, None), ("shadow", "shadow", None), ("notice", "notice", "notice"), ("alert", "alert", None),
     ("deny", "alert", None), ("pause", "pause", "pause"), ("kill", "pause", "pause")],
)  # fmt: skip
def test_the_policy_decides_and_drift_never_kills(mode, shown, action):
    out = judge(drifting(), FleetEngine(policy(mode)))
    assert [alert.mode for alert in out.alerts] == ([shown] if shown else [])
    assert [command.action for command in out.commands] == ([action] if action else [])


def test_a_pause_is_for_the_deployment_and_expires():
    out = judge(drifting(), FleetEngine(policy("pause")))
    (command,), (alert,) = out.commands, out.alerts
    assert (command.scope, command.target, command.run_id, command.key) == (
        "agent_name", "coder", None, "agent_name:coder",
    )  # fmt: skip
    assert command.expires_at == command.issued_at + 3600.0
    assert (command.alert_id, alert.command_id, command.epoch) == (alert.id, command.id, 1)
    assert "paused" in alert.summary


def test_a_policy_for_one_team_holds_for_its_deployments_only():
    engine = FleetEngine(policy("pause", where="    scope: {team: web}\n"))
    assert judge(drifting(team="web"), engine).commands
    assert not judge(drifting(team="data"), engine).commands


def test_only_a_pin_and_an_unpin_change_the_baseline():
    engine, state = FleetEngine(policy()), FleetState()
    judge(drifting()[:40], engine, state)
    before = encode(state)
    for word, pinned in (("approve", False), ("pin", True), ("outcome", True), ("unpin", False)):
        engine.decide(
            state, OperatorDecision(id="d", decision=word, scope="agent_name", target="coder", time=1, by="me")
        )
        assert (state.pinned, state.part(Drift()).pinned) == (pinned, pinned)
        if word == "approve":
            assert encode(state) == before


def test_a_file_has_lines_and_no_partitions():
    (alert,) = judge(drifting(), FleetEngine(policy("alert"))).alerts
    assert {(item.topic, item.partition) for item in alert.evidence} == {(None, None)}


class Faulty(Drift):
    """Fails on every rollup of the run ``run-3``, and on every one after the run ``run-1000``."""

    name = "faulty"

    def observe(self, rollup: Rollup, state: DriftState, rules: RuleSet) -> list[Finding]:
        n = int(rollup.run_id.removeprefix("run-"))
        if n == 3 or n > 1000:
            raise ZeroDivisionError(f"division by zero at {n}")
        return []


def test_a_detector_that_raises_is_alerted_and_the_others_go_on():
    heard: list[tuple[str, str]] = []
    engine = FleetEngine(
        policy("alert"), detectors=(Faulty(), Drift()), on_error=lambda name, error: heard.append((name, str(error)))
    )
    failure, drift = judge(drifting(team="web"), engine).alerts
    assert (failure.rule, failure.key, failure.agent_name, failure.run_id, failure.mode) == (
        "blindness.detector", "agent_name:coder", "coder", None, "alert",
    )  # fmt: skip
    assert "faulty failed on a rollup of agent_name:coder (ZeroDivisionError: division by zero at 3)" in failure.summary
    assert failure.evidence[0].event_id == "event-3"
    assert drift.rule == "drift.error_rate"
    assert heard == [("faulty", "division by zero at 3")]


def test_a_detector_that_always_raises_is_said_once_a_day():
    engine = FleetEngine(policy(), detectors=(Faulty(),))
    hourly = [rollup(n, time=n * 3600.0) for n in range(2000, 2072)]
    assert [alert.time / 3600 for alert in judge(hourly, engine, bytes_too=True).alerts] == [2000, 2024, 2048]


def test_a_failure_is_answered_as_the_policy_says():
    quiet = Policy.read(b"rules: [{id: blindness.detector, mode: off}]", "test.yaml")
    assert judge([rollup(2000)], FleetEngine(quiet, detectors=(Faulty(),))).alerts == []
