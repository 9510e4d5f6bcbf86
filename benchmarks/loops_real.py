"""Recorded runs that lie beside the checkout, as events, with their labels; nothing of them is kept here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.loops_scene import BEGIN, Labelled
from benchmarks.machine import ROOT
from detectors.event import Event, ModelCall, RunFinished, RunStarted, ToolCall, ToolResult
from monitor.replay.mini_swe_agent import Row, events_of

RECORDED = ROOT.parent / "shared" / "corpora" / "trajectories"
TURN_S = 4.0


def labelled() -> Iterator[Labelled]:
    """The labelled ones: kind is the label, ``begins`` the event where the loop does."""
    runs = {name: events for name, (events, _) in _runs().items()}
    for row in _rows("loop_labels_dev.jsonl"):
        events = runs[row["run"]]
        calls = [index for index, event in enumerate(events) if isinstance(event, ToolCall)]
        begins = None if row["from_step"] is None else calls[min(row["from_step"], len(calls) - 1)]
        yield Labelled(row["run"], row["label"], row["label"] != "fine", events, begins)


def solved() -> Iterator[Labelled]:
    """All that were solved: witnesses against false alarms."""
    for name, (events, was_solved) in _runs().items():
        if was_solved:
            yield Labelled(name, "solved", False, events, None)


def unsolved() -> Iterator[Labelled]:
    """The others; some of them loop, nobody has said which."""
    for name, (events, was_solved) in _runs().items():
        if not was_solved:
            yield Labelled(name, "not solved", False, events, None)


def _runs() -> dict[str, tuple[list[Event], bool]]:
    found: dict[str, tuple[list[Event], bool]] = {}
    for row in _rows("mini_swe_agent.jsonl"):
        found[row["run"]] = (list(events_of(msgspec.convert(row, Row))), row["resolved"] is True)
    for row in _rows("intercode_sql_python.jsonl"):
        found[row["run"]] = (list(_intercode(row)), bool(row["solved"]))
    return found


def _intercode(row: dict[str, Any]) -> Iterator[Event]:
    """A turn is a model call, a call of the tool, and what was observed: no exit codes there."""
    name = f"…{row['run'][-200:]}"
    now, seq = BEGIN, 0

    def common() -> dict[str, Any]:
        nonlocal seq
        seq += 1
        return {"id": f"{name[-60:]}/{seq}", "time": now, "run_id": name, "agent_name": "intercode", "seq": seq}

    yield RunStarted(**common(), task=row["task"])
    for turn, (action, observation) in enumerate(zip(row["actions"], row["observations"], strict=False)):
        now += TURN_S
        yield ModelCall(**common())
        yield ToolCall(**common(), tool=row["env"], call_id=str(turn), arguments={"command": str(action)})
        now += 0.1
        yield ToolResult(**common(), call_id=str(turn), output=str(observation))
    yield RunFinished(**common())


def _rows(name: str) -> list[dict[str, Any]]:
    path = RECORDED / name
    return [msgspec.json.decode(line) for line in path.read_bytes().splitlines() if line.strip()]


def there() -> bool:
    return Path(RECORDED).is_dir()
