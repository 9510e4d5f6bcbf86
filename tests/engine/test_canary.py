"""The watchdog's canary is killed as any run is; who only calls itself one gains nothing."""

from __future__ import annotations

import pytest

from detectors.event import ToolCall
from monitor.engine import inputs
from monitor.engine.canary import PREFIX, canary_alert, canary_command
from monitor.engine.engine import Engine
from monitor.engine.outcome import Outcome, Position
from monitor.engine.state import RunState, decode, encode, head, new
from monitor.messages import OperatorDecision
from monitor.policy import Policy

NOW = 1000.0
RUN = f"{PREFIX}3-aa"


def judged(engine: Engine, state: RunState, event_id: str = "c1", offset: int = 0) -> Outcome:
    call = ToolCall(
        id=event_id, time=NOW, run_id=state.run.run_id, agent_id="main", agent_name="killcord-canary", tool="bash",
        arguments={"command": "rm -rf /"},
    )  # fmt: skip
    return engine.take(state, [call], Position("killcord.events", 3, offset, NOW + offset))


def announced(run_id: str, event_id: str = "c1") -> RunState:
    state = new(run_id)
    decision = OperatorDecision(
        id="d1", decision="canary", scope="run", target=run_id, time=NOW, by="watchdog", event_id=event_id
    )
    assert inputs.decide(state, decision, "digest").journal  # so that a replay knows it too
    return state


@pytest.fixture
def engine() -> Engine:
    return Engine(Policy.load(None))


def test_an_announced_canary_is_killed_and_pages_nobody(engine: Engine) -> None:
    out = judged(engine, announced(RUN))
    (command,), (alert,) = out.commands, out.alerts
    assert (command.action, alert.mode, alert.severity) == ("kill", "kill", "info")
    assert canary_command(command) and canary_alert(alert)
    assert command.issued_by != "killcord"  # what is, stands until the end of time


IMPOSTORS = [  # state, id of its event: why it is none
    pytest.param(new(RUN), "c1", id="announced by nobody"),
    pytest.param(announced(RUN, "c1"), "c2", id="another event of an announced run"),
    pytest.param(announced("run-1"), "c1", id="a run that may not be one"),
]


@pytest.mark.parametrize(("state", "event_id"), IMPOSTORS)
def test_an_impostor_is_killed_and_pages_as_any_run(engine: Engine, state: RunState, event_id: str) -> None:
    out = judged(engine, state, event_id)
    (command,), (alert,) = out.commands, out.alerts
    assert (command.action, alert.severity, command.issued_by) == ("kill", "critical", "killcord")
    assert not canary_command(command) and not canary_alert(alert)


def test_canaries_do_not_count_for_the_governor(engine: Engine) -> None:
    limit = engine.policy.governor.kills_per_minute
    for n in range(limit + 5):
        (command,) = judged(engine, announced(f"{PREFIX}3-{n}"), offset=0).commands
        assert command.action == "kill"
    assert judged(engine, new("run-1")).commands[0].action == "kill"


def test_canaries_leave_no_rollup_and_no_state(engine: Engine) -> None:
    state = announced(RUN)
    assert judged(engine, state).rollups == []
    kept = head(encode(state))
    assert (kept.evictable(NOW + 30, 86_400), kept.evictable(NOW + 90, 86_400)) == (False, True)
    assert decode(encode(state)).canary == "c1"
