"""From events to alerts and commands: the design's rules for outputs, a story each."""

from __future__ import annotations

from typing import Any

import pytest

from detectors.detector import Rule
from detectors.event import Heartbeat, RunFinished, ToolCall
from monitor.engine import engine as engine_module
from monitor.engine import inputs
from monitor.engine.engine import Engine
from monitor.engine.outcome import Position
from monitor.engine.state import MOST_TRACKED, decode, encode, expired, new
from monitor.messages import Command
from monitor.policy import Policy
from tests.engine.story import KILL, PAUSE, RUN, Actor, Story, kill, only


def test_a_kill(story: Story) -> None:
    out = story.find({"rule": KILL})
    command, alert = kill(out), only(out)
    assert (command.scope, command.target, command.run_id, command.event_id) == ("run", RUN, RUN, "e0")
    assert (command.agent_id, command.seq, command.partition, command.epoch) == ("main", 0, 3, 1)
    assert (command.expires_at, command.alert_id, alert.command_id) == (None, alert.id, command.id)
    assert (alert.revision, alert.status, alert.mode, alert.family) == (1, "open", "kill", "budget")
    assert (alert.key, command.key, command.standing_key) == (RUN, RUN, f"run:{RUN}")
    where = alert.evidence[0]
    assert (where.event_id, where.topic, where.partition, where.offset) == ("e0", "killcord.events", 3, 0)


def test_ids_come_from_run_rule_and_event_alone() -> None:
    first, again = Story(), Story()
    a, b = first.find({"rule": KILL}), again.find({"rule": KILL})
    assert (only(a).id, kill(a).id) == (only(b).id, kill(b).id)
    other = Story()
    other.find()
    assert only(other.find({"rule": KILL})).id != only(a).id


def test_a_run_is_killed_once_and_later_findings_name_that_kill(story: Story) -> None:
    first = kill(story.find({"rule": KILL}))
    story.reload()
    out = story.find({"rule": KILL, "key": "again"})
    assert out.commands == []
    assert only(out).command_id == first.id


def test_the_same_finding_again_is_the_next_revision(story: Story) -> None:
    first = only(story.find({"rule": PAUSE, "key": "k"}))
    story.reload()
    again = only(story.find({"rule": PAUSE, "key": "k"}))
    assert (again.id, again.revision) == (first.id, 2)
    other = only(story.find({"rule": PAUSE, "key": "other"}))
    assert other.id != first.id


def test_a_pause_expires_and_a_kill_ends_it(story: Story) -> None:
    pause = story.find({"rule": PAUSE}).commands[0]
    assert (pause.action, pause.epoch) == ("pause", 1)
    assert pause.expires_at is not None and pause.expires_at > pause.issued_at
    assert story.find({"rule": PAUSE, "key": "again"}).commands == []
    assert kill(story.find({"rule": KILL})).epoch == 2


def test_a_cap_limits_the_answer(story: Story) -> None:
    out = story.find({"rule": KILL, "cap": "alert"})
    assert (out.commands, only(out).mode) == ([], "alert")


def test_who_watches_is_said(story: Story) -> None:
    assert "No kill-switch watches this run" in only(story.find({"rule": KILL})).summary
    watched = Story()
    watched.ack("watching")
    assert "No kill-switch" not in only(watched.find({"rule": KILL})).summary


def test_a_proof_resolves_the_alert(story: Story) -> None:
    story.ack("watching")
    out = story.find({"rule": KILL})
    command, alert = kill(out), only(out)
    assert story.ack("received", command.id).alerts == []
    story.reload()
    proof = only(
        story.ack("stopped", command.id, detail="cgroup2, 3 processes, none left", actions_after=2, last_seq=9)
    )
    assert (proof.id, proof.revision, proof.status) == (alert.id, 2, "resolved")
    assert "3 processes, none left" in proof.summary and "2 actions got through" in proof.summary
    assert story.state.run.stopped is not None and story.state.run.stopped.last_seq == 9
    assert story.ack("stopped", command.id).alerts == []


def test_a_silent_switch_is_asked_again_and_then_escalated(story: Story) -> None:
    story.ack("watching")
    out = story.find({"rule": KILL})
    alert, command = only(out), kill(out)
    issued = story.state.tracked[0].issued_at
    assert not inputs.on_time(story.state, issued + 1.0, 2.0, "d")
    again = inputs.on_time(story.state, issued + 2.0, 2.0, "d")
    assert [c.id for c in again.commands] == [command.id]
    story.reload()
    escalated = only(inputs.on_time(story.state, issued + 4.0, 2.0, "d"))
    assert (escalated.id, escalated.revision, escalated.severity) == (alert.id, 2, "critical")
    assert escalated.operational and "not confirmed" in escalated.summary
    assert not inputs.on_time(story.state, issued + 60.0, 2.0, "d")
    late = only(story.ack("stopped", command.id))
    assert (late.revision, late.status) == (3, "resolved")


def test_a_run_without_a_switch_pages_nobody_for_silence(story: Story) -> None:
    story.find({"rule": KILL})
    assert not inputs.on_time(story.state, 9e9, 2.0, "d")


def test_a_run_that_had_ended_pages_nobody(story: Story) -> None:
    story.ack("watching")
    story.ack("ended")
    out = story.find({"rule": KILL})
    assert "had ended" in only(out).summary
    assert not inputs.on_time(story.state, 9e9, 2.0, "d")


def test_ended_is_an_answer(story: Story) -> None:
    story.ack("watching")
    command = kill(story.find({"rule": KILL}))
    assert only(story.ack("ended", command.id)).status == "resolved"
    assert not inputs.on_time(story.state, 9e9, 2.0, "d")


@pytest.mark.parametrize("status", ["failed", "refused"])
def test_a_switch_that_could_not_makes_it_critical(story: Story, status: str) -> None:
    story.ack("watching")
    pause = story.find({"rule": PAUSE}).commands[0]
    said = only(story.ack(status, pause.id, detail="no such process"))
    assert (said.status, said.severity) == ("open", "critical")
    assert "no such process" in said.summary


def test_an_operator_lets_a_loop_go_on(story: Story) -> None:
    story.ack("watching")
    out = story.find({"rule": PAUSE, "key": "k"})
    story.ack("paused", out.commands[0].id)
    resumed = story.decide("resume", reason="it is a batch")
    assert only(resumed).status == "resolved" and "it is a batch" in only(resumed).summary
    story.reload()
    later = story.find({"rule": PAUSE, "key": "k"})
    assert (later.commands, only(later).mode) == ([], "shadow")
    assert [c.action for c in story.find({"rule": PAUSE, "key": "another"}).commands] == ["pause"]


def test_a_resume_does_not_bring_back_a_killed_run(story: Story) -> None:
    story.find({"rule": KILL})
    assert story.decide("resume").alerts == []
    assert story.state.killed_by is not None


def test_an_approval_lets_a_rule_through_for_this_run(story: Story) -> None:
    story.decide("approve", rule=KILL)
    out = story.find({"rule": KILL})
    assert (out.commands, only(out).mode) == ([], "shadow")


def test_a_raised_budget_is_only_ever_higher(story: Story) -> None:
    story.decide("raise_budget", id="1", limits={"usd": 20.0})
    story.decide("raise_budget", id="2", limits={"usd": 5.0})
    assert story.state.run.grants.limits == {"usd": 20.0}


def test_a_decision_that_comes_twice_counts_once(story: Story) -> None:
    assert story.decide("approve", rule=KILL).journal
    assert not story.decide("approve", rule=KILL)


def test_an_operators_kill_is_followed_to_its_proof(story: Story) -> None:
    story.ack("watching")
    ordered = Command(
        id="op", action="kill", scope="run", target=RUN, run_id=RUN, event_id=None, agent_id=None, seq=None,
        partition=3, reason="by hand", alert_id=None, issued_by="ann", issued_at=1.0, expires_at=None, epoch=4,
    )  # fmt: skip
    story.decide("kill", command=ordered)
    assert (story.state.epoch, story.state.killed_by) == (4, "op")
    inputs.on_time(story.state, 3.0, 2.0, "d")
    alert = only(inputs.on_time(story.state, 5.0, 2.0, "d"))
    assert (alert.rule, alert.operational, alert.command_id) == ("blindness.unconfirmed", True, "op")


def by_hand(command_id: str, epoch: int = 4, **more: Any) -> Command:
    return Command(
        id=command_id, action="kill", scope="run", target=RUN, run_id=RUN, event_id=None, agent_id=None, seq=None,
        partition=3, reason="", alert_id=None, issued_by="ann", issued_at=1.0, expires_at=None, epoch=epoch,
    )  # fmt: skip


@pytest.mark.parametrize("said", ["stopped", "ended"])
def test_a_second_kill_of_a_run_that_is_over_pages_nobody(story: Story, said: str) -> None:
    story.ack("watching")
    story.decide("kill", id="one", command=by_hand("one"))
    story.ack(said, "one" if said == "stopped" else None)
    story.decide("kill", id="two", command=by_hand("two", 5))
    assert [inputs.on_time(story.state, now, 2.0, "d").alerts for now in (3.0, 5.0, 9.0)] == [[], [], []]


def test_of_two_switches_the_one_that_stays_is_still_expected_to_answer(story: Story) -> None:
    story.ack("watching", consumer="sdk")
    story.ack("watching", consumer="guard")
    story.decide("kill", id="one", command=by_hand("one"))
    story.ack("ended", consumer="sdk")
    inputs.on_time(story.state, 3.0, 2.0, "d")
    assert only(inputs.on_time(story.state, 5.0, 2.0, "d")).rule == "blindness.unconfirmed"


def test_a_silent_switch_of_a_run_that_never_spoke_is_told_with_time_and_cause(story: Story) -> None:
    story.ack("watching")
    story.decide("kill", command=by_hand("op"))
    inputs.on_time(story.state, 3.0, 2.0, "d")
    alert = only(inputs.on_time(story.state, 5.0, 2.0, "d"))
    assert (alert.time, alert.summary[:19]) == (1.0, "ann ordered a kill.")


def test_an_operators_many_commands_stay_bounded(story: Story) -> None:
    for n in range(100):
        story.decide("kill", id=f"k{n}", command=by_hand(f"k{n}", n))
    assert len(story.state.tracked) == MOST_TRACKED


def test_acts_after_its_kill_is_killed_again(story: Story) -> None:
    story.ack("watching")
    command = kill(story.find({"rule": KILL}))
    story.ack("stopped", command.id, last_seq=0)
    again = kill(story.find({"rule": "blindness.after_kill"}))
    assert again.epoch == 2 and again.id != command.id


def test_a_detector_that_fails_is_one_alert_and_the_run_goes_on(story: Story) -> None:
    heard: list[str] = []
    story.engine._on_error = lambda name, error: heard.append(f"{name}: {error}")
    out = story.event(ToolCall(id="e", time=1.0, run_id=RUN, tool="crash"))
    assert only(out).rule == "blindness.detector" and heard == ["budget: a bug"]
    assert only(story.event(ToolCall(id="f", time=2.0, run_id=RUN, tool="crash"))).revision == 2


def test_what_comes_twice_counts_once(story: Story) -> None:
    story.find({"rule": KILL})
    story.n -= 1
    assert not story.find({"rule": KILL, "key": "replayed offset"})
    event = ToolCall(id="e0", time=1000.0, run_id=RUN, seq=0, agent_id="main", tool="t", arguments={"find": []})
    story.n += 1
    before = encode(story.state)
    assert not story.event(event)
    assert decode(encode(story.state)).sequences == decode(before).sequences


def test_the_governor_turns_kills_into_pauses_and_pages_once() -> None:
    policy = Policy.from_effective({**Policy.load(None).effective(), "governor": {"kills_per_minute": 2}})
    story = Story(policy)
    outcomes = []
    for run in range(5):
        story.state, story.n = new(f"run-{run}"), 0
        event = ToolCall(
            id=f"e-{run}", time=1000.0, run_id=f"run-{run}", tool="t", arguments={"find": [{"rule": KILL}]}
        )
        outcomes.append(story.event(event))
    assert [out.commands[0].action for out in outcomes] == ["kill", "kill", "pause", "pause", "pause"]
    pages = [alert for out in outcomes for alert in out.alerts if alert.rule == "governor.limit"]
    assert len(pages) == 1 and pages[0].operational
    assert [entry.kind for out in outcomes[2:] for entry in out.journal] == ["governor"] * 3
    assert all("held" in out.alerts[-1].summary or "holds" in out.alerts[-1].summary for out in outcomes[2:])


def test_time_is_capped_by_the_brokers_stamp(story: Story) -> None:
    story.event(Heartbeat(id="future", time=32503680000.0, run_id=RUN))
    assert story.state.run.now == 1000.0


@pytest.mark.parametrize(("said", "told"), [(5.0, 5.0), (32503680000.0, 1_000_000.0)], ids=["long ago", "far ahead"])
def test_an_alert_has_its_events_time_unless_that_lies_ahead(story: Story, said: float, told: float) -> None:
    call = ToolCall(id="e", time=said, run_id=RUN, tool="t", arguments={"find": [{"rule": KILL}]})
    alert = only(story.engine.take(story.state, [call], Position("t", 0, 1, 1_000_000.0)))
    assert alert.time == told


def test_an_agent_cannot_stop_the_clock(story: Story) -> None:
    for second in (0.0, 40_000.0):
        beat = Heartbeat(id=f"old-{second}", time=0.0, run_id=RUN)
        story.engine.take(story.state, [beat], Position("t", 0, story.n, 1_000_000.0 + second))
        story.n += 1
    assert story.state.run.now - story.state.run.started_at == 40_000.0


def test_a_run_in_the_wrong_partition_is_an_alarm_with_its_remedy() -> None:
    story = Story()
    story.engine = Engine(Policy.load(None), detectors=[Actor], partitions=8)
    right = engine_module.partition_of(RUN, 8)
    out = story.engine.take(
        story.state, [Heartbeat(id="h", time=1.0, run_id=RUN)], Position("t", (right + 1) % 8, 0, 1.0)
    )
    assert only(out).rule == "blindness.partition" and "murmur2" in only(out).summary


def test_state_is_refused_by_another_version(story: Story) -> None:
    data = encode(story.state)
    with pytest.raises(ValueError, match="version 63, this is version 2"):
        decode(b"\x63" + data[1:])


def test_a_run_silent_for_too_long_starts_anew_unless_it_was_killed(story: Story) -> None:
    story.find()
    stamp = story.state.stamp
    assert not expired(story.state, stamp + 10, 10)
    assert expired(story.state, stamp + 11, 10)
    story.find({"rule": KILL})
    assert not expired(story.state, stamp + 11, 10)


def test_a_finished_run_is_known(story: Story) -> None:
    story.event(RunFinished(id="f", time=1.0, run_id=RUN))
    assert story.state.run.finished


def rules() -> dict[str, Rule]:
    return engine_module.RULES


def test_every_rule_the_engine_may_raise_has_a_mode_in_the_shipped_policy() -> None:
    resolved = Policy.load(None).resolve(None, None, None)
    assert {rule: resolved.answer(rule).mode for rule in rules()}
