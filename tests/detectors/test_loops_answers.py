"""What a loop leads to: a word to the agent, then people, then a pause; and what an operator's resume means for it."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from detectors.event import Event
from detectors.testing import Stream
from monitor.engine import inputs
from monitor.engine.engine import Engine
from monitor.engine.outcome import Outcome, Position
from monitor.engine.state import RunState, decode, encode, new
from monitor.messages import Ack, OperatorDecision
from monitor.metrics import Metrics
from monitor.policy import Policy

MAKE, TEST = ("make", "no rule to make target", 2), ("npm test", "cannot find module", 1)


class Watched:
    """A run with a kill-switch, judged by the shipped policy."""

    def __init__(self, policy: Policy | None = None) -> None:
        self.engine, self.state, self.story = Engine(policy or Policy.load(None)), new("run"), Stream()
        self.offset = 0
        watching = Ack(
            command_id=None, run_id="run", status="watching", time=1.0, last_seq=None, actions_after=None, detail="",
            consumer="guard",
        )  # fmt: skip
        inputs.acknowledge(self.state, watching, "digest")

    def does(self, *steps: tuple[str, str, int], times: int = 1) -> Outcome:
        out = Outcome()
        for event in [self.story.model(usd=0.1), *self.story.steps(*(steps * times))]:
            out.extend(self._take(event))
        return out

    def resume(self) -> Outcome:
        said = OperatorDecision(
            id="d1", decision="resume", scope="run", target="run", time=1.0, by="ann", reason="it is a flaky network"
        )
        return inputs.decide(self.state, said, "digest")

    def taken_over(self) -> RunState:
        self.state = decode(encode(self.state))
        return self.state

    def _take(self, event: Event) -> Outcome:
        self.offset += 1
        return self.engine.take(self.state, [event], Position("killcord.events", 0, self.offset, event.time))


def actions(out: Outcome) -> list[str]:
    return [command.action for command in out.commands]


def test_the_agent_is_told_what_it_repeats_and_what_that_cost() -> None:
    watched = Watched()
    watched.does(MAKE)
    out = watched.does(MAKE, times=2)
    assert actions(out) == ["notice"]
    assert "does `bash make` 3 times in" in out.commands[0].reason and "$0.10" in out.commands[0].reason
    assert out.commands[0].expires_at is not None
    assert [alert.mode for alert in out.alerts] == ["notice"]


def test_then_it_is_held_by_the_next_revision_of_the_same_alert() -> None:
    watched = Watched()
    told = watched.does(MAKE, times=3).alerts[0]
    out = watched.does(MAKE, times=2)
    assert actions(out) == ["pause"]
    assert (out.alerts[0].id, out.alerts[0].revision, out.alerts[0].mode) == (told.id, 2, "pause")


def test_what_was_resumed_goes_on_and_is_remembered_for_this_run() -> None:
    watched = Watched()
    paused = watched.does(MAKE, times=5).alerts[-1]
    resumed = watched.resume().alerts[-1]
    assert (resumed.id, resumed.status) == (paused.id, "resolved")
    assert "Resumed by ann: it is a flaky network" in resumed.summary
    watched.taken_over()
    later = watched.does(MAKE, times=30)
    assert actions(later) == []
    assert {alert.mode for alert in later.alerts} == {"shadow"}


def test_another_loop_of_that_run_is_told_all_the_same() -> None:
    watched = Watched()
    watched.does(MAKE, times=5)
    watched.resume()
    watched.does(*[(f"cat {n}", f"{n} is news, and there is more of it to read", 0) for n in range(40)])
    assert actions(watched.does(TEST, times=5)) == ["notice", "pause"]


def test_a_resume_counts_as_feedback_on_the_rule() -> None:
    watched = Watched()
    metrics = Metrics(CollectorRegistry())
    for out in (watched.does(MAKE, times=5), watched.resume()):
        for alert in out.alerts:
            metrics.alert(alert)
    value = metrics.registry.get_sample_value("killcord_let_go_on_total", {"rule": "loops.repeat"})
    assert value == 1.0


def test_a_policy_may_end_the_run_instead() -> None:
    policy = Policy.read(b"rules: [{id: loops.repeat, mode: kill}]", "test.yaml")
    assert actions(Watched(policy).does(MAKE, times=5)) == ["notice", "kill"]
