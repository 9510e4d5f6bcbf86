"""Proofs that come before their command is known: topics are read side by side, so it happens."""

from __future__ import annotations

from monitor.engine import inputs
from monitor.engine.state import decode, encode, new
from monitor.messages import Ack, Command, OperatorDecision


def ack(status: str, command_id: str | None, consumer: str = "guard") -> Ack:
    return Ack(command_id=command_id, run_id="run-1", status=status, time=5.0, last_seq=3, actions_after=0,  # type: ignore[arg-type]
               detail="none left", consumer=consumer)  # fmt: skip


def ordered() -> OperatorDecision:
    command = Command(
        id="op", action="kill", scope="run", target="run-1", run_id="run-1", event_id=None, agent_id=None, seq=None,
        partition=3, reason="by hand", alert_id=None, issued_by="ann", issued_at=1.0, expires_at=None, epoch=1,
    )  # fmt: skip
    return OperatorDecision(id="op", decision="kill", scope="run", target="run-1", time=1.0, by="ann", command=command)


def test_a_stop_that_is_proven_before_the_order_is_known_is_not_escalated() -> None:
    state = new("run-1")
    inputs.acknowledge(state, ack("watching", None), "d")
    assert [entry.kind for entry in inputs.acknowledge(state, ack("stopped", "op"), "d").journal] == ["ack"]
    state = decode(encode(state))
    out = inputs.decide(state, ordered(), "d")
    assert [entry.kind for entry in out.journal] == ["operator"], "the proof is in the journal from when it came"
    assert state.tracked[0].status == "confirmed" and state.early == []
    assert state.run.stopped is not None and state.run.stopped.last_seq == 3
    assert not inputs.on_time(state, 9e9, 2.0, "d")


def test_few_of_them_are_kept_and_none_twice() -> None:
    state = new("run-1")
    for n in range(40):
        inputs.acknowledge(state, ack("stopped", f"wide-{n // 2}"), "d")
    assert [kept.command_id for kept in state.early] == ["wide-16", "wide-17", "wide-18", "wide-19"]


def test_an_operators_kill_of_a_run_that_had_ended_pages_nobody() -> None:
    state = new("run-1")
    inputs.acknowledge(state, ack("watching", None), "d")
    inputs.acknowledge(state, ack("ended", None), "d")
    inputs.decide(state, ordered(), "d")
    assert not inputs.on_time(state, 9e9, 2.0, "d")
