"""Commands wider than a run, as each run takes them in."""

from __future__ import annotations

from monitor.engine import inputs
from monitor.engine.outcome import Outcome
from monitor.messages import Command, OperatorDecision
from tests.engine.story import Story, only


def wide(action: str, target: str = "coder") -> Command:
    return Command(
        id=f"wide-{action}", action=action, scope="agent_name", target=target, run_id=None, event_id=None,  # type: ignore[arg-type]
        agent_id=None, seq=None, partition=None, reason="by hand", alert_id=None, issued_by="ann", issued_at=1.0,
        expires_at=3601.0, epoch=1,
    )  # fmt: skip


def decide_wide(story: Story, command: Command) -> Outcome:
    said = OperatorDecision(
        id=command.id, decision=command.action, scope=command.scope, target=command.target, time=1.0, by="ann",  # type: ignore[arg-type]
        command=command,
    )  # fmt: skip
    return inputs.decide(story.state, said, "d")


def test_a_wide_command_is_followed_to_its_proof_by_every_watched_run(story: Story) -> None:
    story.find()
    story.ack("watching")
    assert decide_wide(story, wide("kill")).journal
    story.reload()
    assert [c.id for c in inputs.on_time(story.state, 3.0, 2.0, "d").commands] == ["wide-kill"]
    alert = only(inputs.on_time(story.state, 5.0, 2.0, "d"))
    assert (alert.rule, alert.command_id, alert.operational) == ("blindness.unconfirmed", "wide-kill", True)
    assert only(story.ack("stopped", "wide-kill")).status == "resolved"


def test_a_wide_command_concerns_neither_other_deployments_nor_unwatched_nor_ended_runs(story: Story) -> None:
    story.find()
    assert not decide_wide(story, wide("kill"))
    story.ack("watching")
    assert not decide_wide(story, wide("kill", target="another"))
    story.ack("ended")
    assert not decide_wide(story, wide("kill"))


def test_a_wide_resume_ends_the_waiting_for_its_pause(story: Story) -> None:
    story.find()
    story.ack("watching")
    decide_wide(story, wide("pause"))
    decide_wide(story, wide("resume"))
    assert not inputs.on_time(story.state, 9e9, 2.0, "d")
