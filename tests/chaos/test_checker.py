"""The checker finds each fault, made by hand in the evidence of an honest scenario: one table."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from aiokafka import ConsumerRecord, TopicPartition

from monitor.engine import state
from tests.chaos.checker import Evidence, problems
from tests.chaos.load import Place
from tests.chaos.recovery import Fault, recovery
from tests.chaos.watch import Sample

COMMAND = {"id": "k1", "action": "kill", "run_id": "r", "target": "r", "event_id": "e1", "issued_at": 1.0}
ALERT = {"id": "a1", "revision": 1, "status": "open", "rule": "destructive.wide", "run_id": "r", "event_id": "e1",
         "operational": False, "mode": "kill"}  # fmt: skip
RESOLVED = ALERT | {"revision": 2, "status": "resolved"}
ACK = {"command_id": "k1", "run_id": "r", "status": "stopped"}
AT = TopicPartition("x.events", 0)
BURIED: dict[str, Any] = {"headers": {"topic": "x.events", "partition": "0", "offset": "1"}}


def record(name: str, value: Any, offset: int = 0, headers: dict[str, str] | None = None) -> ConsumerRecord:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return ConsumerRecord(topic=name, partition=0, offset=offset, timestamp=0, timestamp_type=1, key=b"r", value=data,
                          checksum=None, serialized_key_size=0, serialized_value_size=0,
                          headers=[(header, text.encode()) for header, text in (headers or {}).items()])  # fmt: skip


def known(up_to: int) -> bytes:
    """A run's state that has taken in all up to this offset."""
    run = state.new("r")
    run.offset = up_to
    return state.encode(run)


def sample(committed: int, control: int = 1, changelog: int = 1, deadletter: int = 0) -> Sample:
    ends = {TopicPartition("x.control", 0): control, TopicPartition("log", 0): changelog,
            TopicPartition("x.deadletter", 0): deadletter}  # fmt: skip
    return Sample({AT: committed}, ends)


def honest(**changed: Any) -> Evidence:
    """One run with two events is killed for the first of them, and proven."""
    given: dict[str, Any] = {
        "prefix": "x", "changelog": "log", "fatal": {"r": "e1"}, "places": {"r": Place(0, 0, 1.0)},
        "told": {("destructive.wide", "r", "e1")}, "exact": True, "kills": {"r": {"k1": COMMAND}},
        "first": {"r": Place(0, 0, 1.1)}, "others": [], "samples": [sample(2)],
        "replayed": [{"type": "alert", **ALERT}, {"type": "alert", **RESOLVED}, {"type": "command", **COMMAND}],
        "records": [
            record("x.events", {}), record("x.events", {}, 1), record("x.control", COMMAND), record("x.acks", ACK),
            record("x.alerts", ALERT), record("x.alerts", RESOLVED, 1), record("log", known(1)),
        ],
    }  # fmt: skip
    return Evidence(**{**given, **{name: make(given[name]) for name, make in changed.items()}})


def but(topic: str) -> Callable[[list[ConsumerRecord]], list[ConsumerRecord]]:
    return lambda records: [record for record in records if record.topic != topic]


def and_(*more: ConsumerRecord) -> Callable[[list[ConsumerRecord]], list[ConsumerRecord]]:
    return lambda records: [*records, *more]


FAULTS: list[tuple[str, dict[str, Callable[[Any], Any]], str]] = [
    ("a kill is lost", {"fatal": lambda f: f | {"s": "e9"}}, "1 kills LOST"),
    ("the wrong one is killed", {"fatal": lambda f: {}}, "did nothing wrong"),
    ("killed twice", {"kills": lambda k: {"r": {"k1": COMMAND, "k2": COMMAND}}}, "two commands"),
    ("killed late", {"fatal": lambda f: {"r": "e0"}}, "for another event"),
    ("paused instead", {"others": lambda o: [{"action": "pause", "target": "q"}]}, "no kills"),
    ("nobody says that it stopped", {"records": but("x.acks")}, "without an acknowledged stop"),
    ("an alert is missing", {"told": lambda t: t | {("budget.run", "r", "e1")}}, "alerts missing"),
    ("an alert too many", {"told": lambda t: set()}, "no story calls for"),
    ("a replay says more", {"replayed": lambda r: [*r, {"type": "alert", **ALERT, "id": "a2"}]}, "undisturbed replay"),
    ("a replay kills more", {"replayed": lambda r: [*r, {"type": "command", **COMMAND, "id": "k3"}]}, "kills differ"),
    ("one id, two contents", {"records": and_(record("x.alerts", ALERT | {"mode": "deny"}, 2))}, "mean two things"),
    ("committed before the kill", {"samples": lambda s: [sample(1, control=0)]}, "before the kill"),
    ("committed before the state", {"samples": lambda s: [sample(1, changelog=0)]}, "before the state"),
    ("the state does not hold it", {"records": and_(record("x.events", {}, 2)),
                                    "samples": lambda s: [sample(3)]}, "before the state"),
    ("a state goes back", {"records": and_(record("log", known(0), 1))}, "went BACK"),
    ("poison is gone", {"poison": lambda p: {(0, 1)}}, "not in the dead-letter"),
    ("something sound is buried", {"records": and_(record("x.deadletter", {}, **BURIED))}, "that were sound"),
]  # fmt: skip


def test_an_honest_scenario_has_no_problems() -> None:
    again = and_(record("x.control", COMMAND, 1), record("x.alerts", ALERT, 2), record("log", known(1), 1))
    assert problems(honest()) == problems(honest(records=again)) == [], "what comes again is the same thing"


@pytest.mark.parametrize(("changed", "says"), [f[1:] for f in FAULTS], ids=[f[0] for f in FAULTS])
def test_a_fault_is_found(changed: dict[str, Callable[[Any], Any]], says: str) -> None:
    if "poison" in changed:
        found = honest()
        found.poison = {(0, 1)}
    else:
        found = honest(**changed)
    assert any(says in problem for problem in problems(found)), problems(found)


def test_recovery_is_from_the_fault_to_the_first_kill_of_a_later_event_in_the_slowest_partition() -> None:
    places = {"a": Place(0, 0, 9.0), "b": Place(0, 1, 10.5), "c": Place(1, 0, 11.0), "d": Place(2, 0, 12.0)}
    first = {"a": Place(0, 0, 11.0), "b": Place(0, 1, 16.0), "c": Place(1, 0, 14.0), "d": Place(2, 0, 12.25)}
    assert recovery([Fault(10.0, frozenset({0, 1}))], places, first) == ([6.0], [2.25])
    assert recovery([Fault(10.0, None)], places, first) == ([6.0], [])
