"""The state machine of commands, as a table: what was said, and how the command stands."""

from __future__ import annotations

import pytest

from monitor.engine.lifecycle import Status, Tracked, due, on_ack, on_step
from monitor.messages import Ack, AckStatus, Action, Command


def command(action: Action = "kill") -> Command:
    return Command(
        id="c", action=action, scope="run", target="r", run_id="r", event_id="e", agent_id=None, seq=1, partition=0,
        reason="", alert_id=None, issued_by="killcord", issued_at=0.0, expires_at=None, epoch=1,
    )  # fmt: skip


def ack(status: AckStatus, consumer: str = "guard") -> Ack:
    return Ack(
        command_id="c", run_id="r", status=status, time=1.0, last_seq=None, actions_after=None, detail="",
        consumer=consumer,
    )  # fmt: skip


TABLE: list[tuple[Action, Status, list[AckStatus], Status, str]] = [
    ("kill", "issued", [], "issued", "nothing said"),
    ("kill", "issued", ["received"], "received", "heard"),
    ("kill", "issued", ["received", "stopped"], "confirmed", "proven"),
    ("kill", "issued", ["stopped"], "confirmed", "proof without a receipt"),
    ("kill", "issued", ["stopped", "failed"], "confirmed", "proof is final"),
    ("kill", "issued", ["received", "received"], "received", "said twice"),
    ("kill", "issued", ["received", "failed"], "failed", "the switch could not"),
    ("kill", "issued", ["failed", "stopped"], "confirmed", "it could after all"),
    ("kill", "issued", ["refused"], "refused", "stale, says the switch"),
    ("kill", "issued", ["ended"], "ended", "the run was over"),
    ("kill", "issued", ["ended", "received"], "ended", "and stays over"),
    ("kill", "issued", ["paused"], "issued", "a pause is no proof of a kill"),
    ("kill", "unguarded", ["received", "stopped"], "confirmed", "a late switch"),
    ("kill", "escalated", ["stopped"], "confirmed", "late proof"),
    ("kill", "escalated", ["received"], "escalated", "a late receipt proves nothing"),
    ("pause", "issued", ["received", "paused"], "confirmed", "paused"),
    ("pause", "issued", ["stopped"], "issued", "another command's proof"),
    ("resume", "issued", ["resumed"], "confirmed", "resumed"),
    ("notice", "issued", ["received"], "confirmed", "told"),
]


@pytest.mark.parametrize(("action", "before", "said", "after", "why"), TABLE, ids=[row[-1] for row in TABLE])
def test_acknowledgements(action: Action, before: Status, said: list[AckStatus], after: Status, why: str) -> None:
    tracked = Tracked(command=command(action), status=before)
    for status in said:
        on_ack(tracked, ack(status))
    assert tracked.status == after


def test_a_second_consumer_may_prove_what_the_first_could_not() -> None:
    tracked = Tracked(command=command())
    assert on_ack(tracked, ack("failed", "sdk")) == "failed"
    assert on_ack(tracked, ack("stopped", "guard")) == "confirmed"


SILENCE: list[tuple[Status, float, int, str | None, str]] = [
    ("issued", 1.9, 1, None, "there is time left"),
    ("issued", 2.0, 1, "retry", "a second attempt"),
    ("received", 2.0, 1, "retry", "heard, not proven"),
    ("issued", 3.9, 2, None, "the second attempt has its time"),
    ("issued", 4.0, 2, "escalate", "silent for two time-outs"),
    ("issued", 60.0, 1, "retry", "a worker that comes late tries before it escalates"),
    ("confirmed", 60.0, 1, None, "done"),
    ("ended", 60.0, 1, None, "over"),
    ("unguarded", 60.0, 1, None, "nobody to answer, so nobody is paged for silence"),
    ("escalated", 60.0, 2, None, "said once"),
    ("failed", 60.0, 1, None, "said by the switch itself"),
]


@pytest.mark.parametrize(("status", "waited", "attempts", "step", "why"), SILENCE, ids=[row[-1] for row in SILENCE])
def test_silence(status: Status, waited: float, attempts: int, step: str | None, why: str) -> None:
    tracked = Tracked(command=command(), status=status, issued_at=100.0, attempts=attempts)
    assert due(tracked, 100.0 + waited, timeout=2.0) == step


def test_steps() -> None:
    tracked = Tracked(command=command())
    on_step(tracked, "retry")
    assert (tracked.status, tracked.attempts) == ("issued", 2)
    on_step(tracked, "escalate")
    assert tracked.status == "escalated"
