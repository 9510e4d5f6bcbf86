"""What can't be seen, and what should no longer be."""

from __future__ import annotations

import msgspec
import pytest

from detectors.blindness import Blindness
from detectors.detector import Run, Stopped
from detectors.event import Event, Heartbeat
from detectors.sequence import Sequences
from detectors.testing import Stream, watch


def beat(seq: int | None, time: float = 1.0, agent: str = "", publisher: str = "sdk", id: str | None = None) -> Event:
    return Heartbeat(
        time=time,
        run_id="run",
        id=id or f"{agent}{publisher}{seq}@{time}",
        seq=seq,
        agent_id=agent,
        publisher=publisher,
    )


SEQUENCES = [
    ("in order", [beat(1), beat(2), beat(3)], [0, 0, 0]),
    ("begins anywhere", [beat(500), beat(501)], [0, 0]),
    ("a gap", [beat(1), beat(5)], [0, 3]),
    ("sent again", [beat(1), beat(2), beat(2), beat(1)], [0, 0, None, None]),
    ("a whole batch sent again", [*map(beat, range(300)), *map(beat, range(300))], [0] * 300 + [None] * 300),
    ("late is no repeat", [beat(1), beat(4), beat(2), beat(3), beat(2)], [0, 2, 0, 0, None]),
    ("no numbers", [beat(None), beat(None)], [0, 0]),
    ("agents count apart", [beat(1, agent="a"), beat(1, agent="b"), beat(2, agent="a")], [0, 0, 0]),
    ("publishers count apart", [beat(1, publisher="sdk"), beat(1, publisher="hook")], [0, 0]),
    ("started again", [beat(7), beat(8), beat(0, time=9.0), beat(1, time=9.1), beat(2, time=9.2)], [0, 0, 0, 0, 0]),
    ("always the same number", [beat(1, id="a"), beat(1, id="b"), beat(1, id="c")], [0, 0, 0]),
    ("an absurd number", [beat(1), beat(2**53), beat(2), beat(3)], [0, 2**53 - 2, 0, 0]),
    (
        "many gaps, and all that was missing comes late",
        [*map(beat, range(0, 40, 2)), *map(beat, range(1, 39, 2))],
        [0] + [1] * 19 + [0] * 19,
    ),
]


@pytest.mark.parametrize(("events", "expected"), [c[1:] for c in SEQUENCES], ids=[c[0] for c in SEQUENCES])
def test_sequence(events: list[Event], expected: list[int | None]) -> None:
    sequences = Sequences()
    found = []
    for event in events:
        found.append(sequences.observe(event))
        sequences = msgspec.msgpack.decode(msgspec.msgpack.encode(sequences), type=Sequences)
    assert found == expected


def test_a_clock_in_the_year_3000_tells_a_repeat_too() -> None:
    """As the engine has it: what is absurd counts as the broker's stamp, which is later for a repeat."""
    sequences, year_3000 = Sequences(), 32_503_680_000.0
    events = [(1, 0.0, 100.0), (2, 1.0, 101.0), (2, 1.0, 102.0), (1, 0.0, 103.0), (3, 2.0, 104.0), (1, 3.0, 105.0)]
    found = [sequences.observe(beat(seq, time=year_3000 + later), stamp) for seq, later, stamp in events]
    assert found == [0, 0, None, None, 0, 0], "the last one is a publisher that was started again"


def test_sequences_stay_small() -> None:
    sequences = Sequences()
    for n in range(5_000):
        sequences.observe(beat(n * n * 2**20, agent=f"agent-{n % 40}"))
        assert len(msgspec.msgpack.encode(sequences)) < 2_000


def test_a_gap_says_how_many_and_whose() -> None:
    (finding,) = watch(Blindness(), [beat(1, agent="a"), beat(11, agent="a"), beat(12, agent="a")])
    assert (finding.rule, finding.key, finding.facts["missing"]) == ("blindness.gap", "a/sdk", 9)
    assert "9 event(s) of a/sdk never arrived" in finding.summary


def test_small_gaps_are_said_again_only_when_they_have_doubled() -> None:
    findings = watch(Blindness(), [beat(n) for n in range(0, 200, 2)])
    assert [finding.facts["missing"] for finding in findings] == [1, 2, 4, 8, 16, 32, 64]


KILLED = Stopped(command_id="k1", time=100.0, agent_id="main", last_seq=5)
AFTER = [
    ("after the last one", {"agent_id": "main", "seq": 6, "time": 99.0}, True),
    ("the last one itself, late", {"agent_id": "main", "seq": 5, "time": 101.0}, False),
    ("another agent of the run, later", {"agent_id": "sub", "seq": 2, "time": 101.0}, True),
    ("another agent of the run, before", {"agent_id": "sub", "seq": 9, "time": 99.0}, False),
    ("without a number, later", {"agent_id": "main", "seq": None, "time": 100.5}, True),
    ("without a number, at that time", {"agent_id": "main", "seq": None, "time": 100.0}, False),
]


@pytest.mark.parametrize(("given", "fires"), [c[1:] for c in AFTER], ids=[c[0] for c in AFTER])
def test_action_after_a_kill(given: dict[str, object], fires: bool) -> None:
    run = Run(run_id="run", stopped=KILLED)
    findings = watch(Blindness(), [Stream().call("ls", **given)], run)
    assert [finding.rule for finding in findings] == ["blindness.after_kill"] * fires


def test_a_result_after_a_kill_is_no_action() -> None:
    run = Run(run_id="run", stopped=KILLED)
    assert watch(Blindness(), [Stream(agent_id="main", at=500.0).skip(50).result("done")], run) == []


def test_a_run_that_was_not_stopped_may_act() -> None:
    assert watch(Blindness(), Stream().steps(("ls", "a"), ("cat a", "b"))) == []
