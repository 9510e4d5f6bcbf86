"""Rollups: where they are cut, what they hold, and that the same events always give the same ones."""

from __future__ import annotations

import random
from time import perf_counter

import msgspec
import pytest

from detectors.detector import Run
from detectors.event import Event, Heartbeat, ModelCall, RunFinished, RunStarted, ToolCall, ToolResult
from detectors.rolling import MAX_TOOLS, RollupCutter, Sums
from detectors.rollup import Rollup

RUN = {"run_id": "r1", "agent_name": "coder", "team": "web", "environment": "test"}


def steps(count: int, first: int = 0, tool: str = "shell", status: str = "ok", cost: float = 0.01) -> list[Event]:
    events: list[Event] = []
    for n in range(first, first + count):
        events += [
            ModelCall(id=f"m{n}", time=n, run_id="r1", input_tokens=100, output_tokens=10, cost_usd=cost),
            ToolCall(id=f"c{n}", time=n, run_id="r1", tool=tool),
            ToolResult(id=f"t{n}", time=n, run_id="r1", status=status, duration_s=0.5),
        ]
    return events


def finished(time: float = 99.0) -> RunFinished:
    return RunFinished(id=f"end{time:g}", time=time, run_id="r1")


def roll(events: list[Event], offsets: list[int] | None = None, through_bytes: bool = False, **run) -> list[Rollup]:
    """The rollups of events at offsets 100, 101, …"""
    cutter, sums = RollupCutter(), Sums()
    known = Run(**(RUN | run), started_at=0.5)
    cut: list[Rollup] = []
    for n, event in enumerate(events):
        known.now, known.offset = event.time, offsets[n] if offsets else 100 + n
        cut += cutter.observe(event, sums, known, partition=3)
        if through_bytes:
            sums = msgspec.msgpack.decode(msgspec.msgpack.encode(sums), type=Sums)
    return cut


def test_every_tenth_result_cuts_one_rollup_for_each_scope_of_the_run():
    cut = roll(steps(20))
    assert [(r.key, r.event_id, r.steps) for r in cut] == [
        ("agent_name:coder", "t9", 10), ("team:web", "t9", 10), ("environment:test", "t9", 10),
        ("agent_name:coder", "t19", 10), ("team:web", "t19", 10), ("environment:test", "t19", 10),
    ]  # fmt: skip


def test_a_rollup_carries_sums_since_the_last_one_and_the_last_one_the_totals_of_the_run():
    first, last = roll([*steps(10, status="error"), *steps(4, first=10), finished()], team=None, environment=None)
    assert (first.results, first.errors, first.model_calls, first.input_tokens, first.timed_results) == (
        10, 10, 10, 1000, 10,
    )  # fmt: skip
    assert (first.started, first.finished, last.started, last.finished) == (True, False, False, True)
    assert (last.steps, last.errors, last.tools) == (4, 0, {"shell": 4})
    assert (last.run_steps, last.run_errors, last.run_seconds) == (14, 10, 98.5)
    assert last.run_cost_usd == pytest.approx(0.14)
    assert (last.partition, last.offset, last.event_id) == (3, 142, "end99")


@pytest.mark.parametrize(
    ("status", "exit_code", "error"),
    [("error", None, 1), ("timeout", None, 1), ("ok", 1, 0), ("denied", None, 0), (None, 2, 1), (None, 0, 0),
     (None, None, 0)],
)  # fmt: skip
def test_what_counts_as_an_error(status, exit_code, error):
    result = ToolResult(id="t", time=1, run_id="r1", status=status, exit_code=exit_code)
    assert roll([result, finished()])[0].errors == error


def test_the_same_events_give_the_same_rollups_when_the_state_moves_between_workers():
    rng = random.Random(5)
    events = [*steps(73), finished()]
    events.insert(rng.randrange(60), Heartbeat(id="h", time=1, run_id="r1"))
    assert roll(events, through_bytes=True) == roll(events)


def test_ids_differ_between_scopes_events_and_runs():
    ids = [r.id for run in ("r1", "r2") for r in roll([*steps(25), finished()], run_id=run)]
    assert len(set(ids)) == len(ids) == 18


def test_a_run_of_no_deployment_gives_none():
    assert roll([*steps(10), finished()], agent_name=None, team=None, environment=None) == []


def test_a_run_that_only_starts_and_ends_is_one_rollup():
    (only,) = roll([RunStarted(id="s", time=1, run_id="r1"), finished()], team=None, environment=None)
    assert (only.started, only.finished, only.run_steps) == (True, True, 0)


def test_after_its_end_a_run_is_counted_on_and_never_finishes_twice():
    cut = roll([*steps(3), finished(), *steps(4, first=3), finished(100), *steps(6, first=7)], team=None,
               environment=None)  # fmt: skip
    assert [(r.steps, r.started, r.finished, r.event_id) for r in cut] == [
        (3, True, True, "end99"), (10, False, False, "t12")
    ]  # fmt: skip


def test_tool_calls_without_results_and_model_calls_without_tools_are_cut_too():
    calls = [e for e in steps(20) if isinstance(e, ToolCall)]
    models = [e for e in steps(20) if isinstance(e, ModelCall)]
    assert [r.steps for r in roll(calls, team=None, environment=None)] == [20]
    assert [r.model_calls for r in roll(models, team=None, environment=None)] == [20]


def test_rollups_of_one_message_have_places_that_differ_and_rise():
    events = [*steps(35), finished(), *steps(10, first=35)]
    cut = roll(events, offsets=[7] * 106 + [8] * (len(events) - 106), team=None, environment=None)
    places = [(r.offset, r.finished) for r in cut]
    assert places == [(7, False), (7, True), (8, False)]
    assert sum(r.steps for r in cut) == 45


def test_many_tools_with_long_names_stay_bounded_and_counted():
    events = [ToolCall(id=str(n), time=1, run_id="r1", tool=f"{n:0200}") for n in range(200)]
    events += [ToolCall(id=f"b{n}", time=1, run_id="r1", tool=f"tool{n}") for n in range(200)]
    rollups = roll([*events, finished()], offsets=[1] * 401, team=None, environment=None)
    assert sum(sum(r.tools.values()) for r in rollups) == 400
    assert all(len(r.tools) <= MAX_TOOLS and all(len(name) <= 64 for name in r.tools) for r in rollups)


@pytest.mark.parametrize("amount", [float("inf"), float("nan"), 1e300, -1.0])
def test_amounts_that_are_no_measurement_are_left_out(amount):
    events = [
        ModelCall(id="m", time=1, run_id="r1", cost_usd=amount),
        ToolResult(id="t", time=1, run_id="r1", status="ok", duration_s=amount),
        *steps(2),
        finished(),
    ]
    rollup = roll(events)[0]
    assert (rollup.run_cost_usd, rollup.tool_seconds, rollup.timed_results) == (0.02, 1.0, 2)
    assert msgspec.json.decode(msgspec.json.encode(rollup), type=Rollup) == rollup


def test_the_cost_of_an_event_is_printed(capsys):
    events = steps(20_000)
    cutter, sums, run = RollupCutter(), Sums(), Run(**RUN)
    began = perf_counter()
    for event in events:
        cutter.observe(event, sums, run, 0)
    each = (perf_counter() - began) / len(events)
    with capsys.disabled():
        print(f" [rollups: {each * 1e6:.2f} µs an event]", end="")
