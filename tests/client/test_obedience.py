"""What a kill-switch answers and does, as a table: a story of commands, then the last step."""

from __future__ import annotations

import pytest

from monitor.client.obedience import IGNORE, Answer, Identity, Obedience, Step
from monitor.messages import Action, Command, Scope

ME = Identity(run_id="r1", agent_name="coder", team="infra", environment="production")
NOW = 1000.0


def command(name: str, action: Action, scope: Scope = "run", target: str = "r1", epoch: int = 1) -> Command:
    return Command(
        id=name, action=action, scope=scope, target=target, run_id=None, event_id=None, agent_id=None, seq=None,
        partition=None, reason="", alert_id=None, issued_by="t", issued_at=NOW, expires_at=None, epoch=epoch,
    )  # fmt: skip


KILL, PAUSE, RESUME, NOTICE = (command(f"{action}-1", action) for action in ("kill", "pause", "resume", "notice"))
KILL_2, PAUSE_2, RESUME_2 = (command(f"{action}-2", action, epoch=2) for action in ("kill", "pause", "resume"))
RESUME_3 = command("resume-3", "resume", epoch=3)
WIDE_PAUSE = command("wide-pause", "pause", "agent_name", "coder")
WIDE_RESUME = command("wide-resume", "resume", "agent_name", "coder", epoch=2)
WIDE_KILL = command("wide-kill", "kill", "team", "infra")

# commands that came before, the command, what is done, what is acknowledged, why
STORIES = [
    ([], KILL, "kill", "received", "a kill is obeyed"),
    ([], PAUSE, "pause", "received", "a pause is obeyed"),
    ([], RESUME, None, "resumed", "nothing to lift"),
    ([], NOTICE, "notice", "received", "the agent is told"),
    ([PAUSE], RESUME_2, "resume", "received", "a resume lifts the pause"),
    ([PAUSE], KILL_2, "kill", "received", "a paused run can be killed"),
    ([PAUSE], PAUSE, None, "paused", "a repeat is acknowledged, not obeyed"),
    ([KILL], KILL, None, "stopped", "so is a kill's"),
    ([KILL], KILL_2, None, "stopped", "another kill finds it stopped"),
    ([KILL], RESUME_2, None, "refused", "a kill is final"),
    ([KILL], PAUSE_2, None, "refused", "nothing is left to pause"),
    ([PAUSE_2], RESUME, None, "refused", "a lower epoch is stale"),
    ([RESUME_2], KILL, None, "refused", "a stale kill too"),
    ([PAUSE, RESUME_2], PAUSE_2, "pause", "received", "an equal epoch is not lower"),
    ([WIDE_PAUSE], PAUSE, None, "paused", "one pause is enough, and both count"),
    ([WIDE_PAUSE, PAUSE], RESUME_2, None, "paused", "the wide pause still holds"),
    ([WIDE_PAUSE, PAUSE, RESUME_2], WIDE_RESUME, "resume", "received", "the last one lets it go on"),
    ([PAUSE_2], WIDE_PAUSE, None, "paused", "epochs count for one target"),
    ([], WIDE_KILL, "kill", "received", "its team is killed"),
    ([], command("k", "kill", "all", "all"), "kill", "received", "everything is killed"),
    ([], command("k", "kill", "environment", "production"), "kill", "received", "its environment"),
    ([], command("k", "kill", "run", "r2"), None, None, "another run"),
    ([], command("k", "kill", "agent_name", "researcher"), None, None, "another deployment"),
    ([], command("k", "kill", "team", "r1"), None, None, "a team of the run's name"),
]


def feed(obedience: Obedience, given: Command) -> Step:
    step = obedience.receive(given, "control", NOW, None)
    if step.effect not in (None, "notice"):
        obedience.finished(given, "")
    return step


@pytest.mark.parametrize(("before", "given", "effect", "status", "why"), STORIES, ids=[story[4] for story in STORIES])
def test_story(before: list[Command], given: Command, effect: Action | None, status: str | None, why: str) -> None:
    obedience = Obedience(ME)
    for earlier in before:
        feed(obedience, earlier)
    step = feed(obedience, given)
    assert (step.effect, step.answer.status if step.answer else None) == (effect, status)


@pytest.mark.parametrize(
    ("given", "obeyed"),
    [(KILL, True), (WIDE_KILL, False), (PAUSE, False), (WIDE_PAUSE, False)],
    ids=["a run's kill never expires", "a wide kill does", "a pause does", "a wide pause does"],
)
def test_expiry(given: Command, obeyed: bool) -> None:
    step = Obedience(ME).receive(given, "control", NOW, NOW - 1)
    assert (step.effect is not None) is obeyed
    assert obeyed or (step.answer is not None and step.answer.status == "refused")


def test_an_old_standing_order_is_not_answered() -> None:
    assert Obedience(ME).receive(WIDE_KILL, "standing", NOW, NOW - 1) is IGNORE


def test_the_two_copies_of_a_command_are_answered_once() -> None:
    obedience = Obedience(ME)
    assert obedience.receive(KILL, "standing", NOW, None).effect == "kill"
    assert obedience.receive(KILL, "control", NOW, None) is IGNORE
    assert obedience.receive(KILL, "control", NOW, None).answer == Answer("received")


def test_a_tombstone_lifts_the_pause() -> None:
    obedience = Obedience(ME)
    feed(obedience, PAUSE)
    assert obedience.lifted("run:r1") == Step("resume")
    assert obedience.lifted("run:r1") is IGNORE


LIFTED = [  # what came before the resume (None: the tombstone of the run's standing order), what it is told
    ([], "was not paused"),
    ([PAUSE, None], "pause pause-1 was already lifted"),
    ([PAUSE, None, RESUME_2], "was not paused"),
    ([PAUSE, RESUME_2, None], "was not paused"),
    ([None], "was not paused"),
    ([PAUSE, None, PAUSE_2, None], "pause pause-2 was already lifted"),
    ([WIDE_PAUSE, PAUSE, None], "still paused by command wide-pause for agent_name:coder: resume that"),
]


@pytest.mark.parametrize(("before", "detail"), LIFTED, ids=range(len(LIFTED)))
def test_a_resume_says_whether_the_pause_was_lifted_already(before: list[Command | None], detail: str) -> None:
    obedience = Obedience(ME)
    for earlier in before:
        if earlier is None:
            obedience.lifted("run:r1")
        else:
            feed(obedience, earlier)
    answer = feed(obedience, RESUME_3).answer
    assert answer is not None and answer.detail == detail


def test_a_tombstone_does_not_lift_a_kill() -> None:
    obedience = Obedience(ME)
    feed(obedience, KILL)
    assert obedience.lifted("run:r1") is IGNORE
    assert obedience.killed is KILL


def test_a_pause_is_over_when_it_expires() -> None:
    obedience = Obedience(ME)
    obedience.receive(PAUSE, "control", NOW, NOW + 5)
    assert obedience.expire(NOW + 4) is None
    assert obedience.expire(NOW + 5) == (PAUSE, Step("resume"))


def test_a_failed_kill_is_tried_again() -> None:
    obedience = Obedience(ME)
    assert feed(obedience, KILL).effect == "kill"
    assert obedience.finished(KILL, "2 left", failed=True).status == "failed"
    assert obedience.receive(KILL, "control", NOW, None).effect == "kill"
    assert obedience.finished(KILL, "none left").status == "stopped"
    stopped = Answer("stopped", "already killed by command kill-1")
    assert obedience.receive(KILL_2, "control", NOW, None).answer == stopped


def test_a_pause_that_a_kill_overtook_is_not_said_to_be_paused() -> None:
    obedience = Obedience(ME)
    obedience.receive(PAUSE, "control", NOW, None)
    feed(obedience, KILL)
    assert obedience.finished(PAUSE, "").status == "refused"


@pytest.mark.parametrize("given", [KILL, PAUSE, RESUME, NOTICE], ids=lambda given: given.action)
def test_an_ended_run_answers_ended(given: Command) -> None:
    obedience = Obedience(ME)
    obedience.end()
    step = obedience.receive(given, "control", NOW, None)
    assert (step.effect, step.answer and step.answer.status) == (None, "ended")
