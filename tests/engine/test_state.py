"""A run's state in bytes: what an older version wrote is taken over, and what is broken is said to be."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from monitor.engine.lifecycle import Tracked, packed, unpack
from monitor.engine.state import MOST_PLAIN, decode, encode, head
from monitor.messages import Alert, Command, Evidence
from tests.engine.story import PAUSE, SHADOW, Story, only

# Written by version 1: a kill-switch watches, a finding paused the run under the key `k`, another has a key of 90 x.
VERSION_1 = Path(__file__).with_name("run_state_1.msgpack")


@pytest.fixture
def old() -> Story:
    story = Story()
    story.state, story.n = decode(VERSION_1.read_bytes()), 2
    return story


def test_what_version_1_wrote_goes_on_where_it_was(old: Story) -> None:
    fresh = Story()
    fresh.ack("watching")
    paused = fresh.find({"rule": PAUSE, "key": "k"})
    fresh.find({"rule": SHADOW, "key": "x" * 90})
    for story in (old, fresh):
        story.state.tracked[0].alert.policy = "it changes with every release"  # type: ignore[union-attr]
    assert encode(old.state) == encode(fresh.state)
    assert head(VERSION_1.read_bytes()) == head(encode(old.state))
    again = only(old.find({"rule": PAUSE, "key": "k"}))
    assert (again.id, again.revision, again.command_id) == (only(paused).id, 2, paused.commands[0].id)


def test_a_pause_of_version_1_that_is_resumed_is_let_through(old: Story) -> None:
    old.decide("resume")
    old.reload()
    assert only(old.find({"rule": PAUSE, "key": "k"})).mode == "shadow"


def command(**given: str | None) -> Command:
    fields = {"target": "r", "run_id": "r", "event_id": "e", "agent_id": None, "reason": "why", **given}
    return Command(
        id="c", action="kill", scope="run", seq=1, partition=0, alert_id="a", issued_by="killcord", issued_at=1.0,
        expires_at=None, epoch=1, **fields,  # type: ignore[arg-type]
    )  # fmt: skip


def alert(**given: str | None) -> Alert:
    fields = {"run_id": "r", "agent_id": None, "agent_name": None, "team": None, "environment": None, "event_id": "e"}
    shown = [Evidence(event_id=id, topic=None, partition=None, offset=1, excerpt="x") for id in ("e", "other", "\0")]
    return Alert(
        id="a", revision=1, status="open", time=1.0, rule="a.b", family="a", severity="info", mode="kill", title="t",
        score=1.0, evidence=shown, command_id="c", policy="p",
        **{"summary": "why Done.", **fields, **given},  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("ordered", "told"),
    [
        ({}, None),
        ({}, {}),
        ({"agent_id": "main"}, {"agent_id": "main", "agent_name": "coder", "team": "web"}),
        ({"run_id": None, "target": "all"}, {"agent_id": "other", "team": None, "environment": "prod"}),
        ({"reason": ""}, {"summary": "\0"}),
        ({"reason": "\0"}, {"summary": " why", "event_id": "\0\0", "agent_id": "\0"}),
        ({"event_id": None, "target": "\0", "agent_id": "\0"}, {"agent_id": "", "team": "\0web"}),
    ],
)
def test_what_stands_twice_is_kept_once_and_comes_back(
    story: Story, ordered: dict[str, str | None], told: dict[str, str | None] | None
) -> None:
    run = story.state.run
    run.run_id, run.agent_name, run.team = "r", "coder", "web"
    tracked = Tracked(command=command(**ordered), alert=None if told is None else alert(**told))
    before = msgspec.msgpack.encode(tracked)
    small = msgspec.msgpack.decode(msgspec.msgpack.encode(packed(tracked, run)), type=Tracked)
    assert msgspec.msgpack.encode(tracked) == before
    unpack(small, run)
    assert msgspec.msgpack.encode(small) == before


@pytest.fixture
def long(story: Story) -> Story:
    for n in range(8):
        story.find({"rule": PAUSE, "key": f"k{n}"})
    story.state.run.workspace = "/long" * MOST_PLAIN
    return story


def test_a_long_state_is_deflated(long: Story) -> None:
    data = encode(long.state)
    assert len(data) < MOST_PLAIN
    assert encode(decode(data)) == data
    assert head(data).waiting == head(encode(Story().state)).waiting


@pytest.mark.parametrize(
    "broken",
    [lambda data: data[:-9], lambda data: data[:9] + b"x" + data[10:], lambda data: data[:6]],
    ids=["cut", "changed", "only its head"],
)
def test_a_broken_long_state_is_an_error_of_value(long: Story, broken) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match="inflate"):
        decode(broken(encode(long.state)))
