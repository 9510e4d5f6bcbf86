"""Input that no healthy agent sends: nothing of it raises, grows the state, or takes long to judge."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import msgspec
import pytest

from detectors.detector import Finding
from detectors.event import Event, Message, ModelCall, ToolCall, ToolResult
from detectors.loops import Loops
from detectors.loops.fingerprint import fingerprint
from detectors.testing import Stream, Watch, watch

MAKE = ("make", "no rule to make target", 2)


def size(watching: Watch) -> int:
    return len(msgspec.msgpack.encode(watching.state))


def call(command: Any, number: int = 0, **given: Any) -> ToolCall:
    return ToolCall(time=1e9 + number, run_id="r", id=f"c{number}", tool="bash", arguments=command, **given)


def result(output: str | None, number: int = 0, **given: Any) -> ToolResult:
    return ToolResult(time=1e9 + number + 0.5, run_id="r", id=f"r{number}", output=output, **given)


def shuffled() -> Iterator[Event]:
    """Each result three calls after its own."""
    story = Stream()
    waiting: list[Event] = []
    for n in range(40):
        yield story.call("make", call_id=f"c{n}")
        waiting.append(story.result("bad", 2, call_id=f"c{n}"))
        if len(waiting) > 3:
            yield waiting.pop(0)


BAD = {
    "results without calls": [result("bad", n, exit_code=1, call_id=f"x{n}") for n in range(60)],
    "calls without results": [call({"command": f"step {n}"}, n, call_id=f"c{n}") for n in range(60)],
    "no call ids at all": [e for n in range(30) for e in (call("a b", n), result("x", n))],
    "ids that are used again": [e for n in range(30) for e in (call("a", n, call_id="c"), result("x", n, call_id="c"))],
    "results before their calls": [
        e for n in range(30) for e in (result("x", n, call_id=f"{n}"), call("a", n, call_id=f"{n}"))
    ],
    "two results for a call": [
        e for n in range(30) for e in (call("a", n, call_id=f"{n}"), *[result("x", n, call_id=f"{n}")] * 2)
    ],
    "results out of order": list(shuffled()),
    "time that runs back": [e for n in range(30, 0, -1) for e in (call("a", n), result("x", n))],
    "durations beyond reason": [e for n in range(30) for e in (call("a", n), result("x", n, duration_s=1e308))],
    "binary output": [e for n in range(30) for e in (call("cat a", n), result("\0\x01\x7f\ufffd\udcff" * 99, n))],
    "lone surrogates": [e for n in range(9) for e in (call("\ud800 x" * 9, n), result("error \udfff", n, exit_code=1))],
    "only white space": [e for n in range(30) for e in (call(" \n\t", n), result("\n" * 500, n, exit_code=1))],
    "one endless line": [e for n in range(9) for e in (call("a", n), result("error" * 90_000, n, exit_code=1))],
    "only brackets": [e for n in range(9) for e in (call("((((" * 9000, n), result("[[[\"" * 9000, n))],
    "huge numbers": [e for n in range(9) for e in (call({"n": 10**4000 + n, "x": 1e308}, n), result("9" * 9000, n))],
    "nested arguments": [e for n in range(9) for e in (call({"a": [[[{"b": [n] * 99}] * 99] * 9]}, n), result("x", n))],
    "a thousand arguments": [e for n in range(9) for e in (call({f"k{k}": k for k in range(1000)}, n), result("x", n))],
    "dollars without end": [ModelCall(time=1e9, run_id="r", cost_usd=1e308, duration_s=1e308) for _ in range(9)],
    "messages without text": [Message(time=1e9, run_id="r", id=f"{n}") for n in range(50)],
    "messages of a megabyte": [Message(time=1e9, run_id="r", id=f"{n}", text="word " * 200_000) for n in range(12)],
}  # fmt: skip


@pytest.mark.parametrize("events", BAD.values(), ids=BAD)
def test_nothing_breaks_it_or_grows_it(events: list[Event]) -> None:
    watching = Watch(Loops())
    for event in events:
        for finding in watching.see(event):
            msgspec.json.encode((finding.title, finding.summary, finding.key, finding.facts))
        assert size(watching) <= Loops.state_bytes


@pytest.mark.parametrize("name", ["calls without results", "two results for a call", "messages without text"])
def test_and_is_no_verdict_where_it_says_nothing(name: str) -> None:
    strong = [finding for finding in watch(Loops(), BAD[name]) if finding.cap is None]
    assert name == "two results for a call" or strong == []


@pytest.mark.parametrize("name", ["no call ids at all", "ids that are used again", "results out of order"])
def test_a_loop_is_seen_all_the_same(name: str) -> None:
    assert "loops.repeat" in {finding.rule for finding in watch(Loops(), BAD[name])}


@pytest.mark.parametrize("cut", [0, 1, 7, 22, 60, 400])
def test_an_output_that_is_cut_anywhere_is_still_a_repeat(cut: int) -> None:
    output = "Traceback (most recent call last):\n" + "  File x\n" * 30 + "KeyError: 'naïve ☃'"
    events = [
        event
        for n in range(5)
        for event in (call("make", n), result(output[:cut], n, exit_code=1, output_bytes=len(output.encode())))
    ]
    assert "loops.repeat" in {finding.rule for finding in watch(Loops(), events)}


def test_ten_megabytes_are_looked_at_in_part_only() -> None:
    big = "x = 1\n" * 1_700_000
    whole, changed = call({"command": big}), call({"command": f"{big[:-9]}y = 2\n"})
    assert len(big) > 10_000_000
    assert fingerprint(whole) == fingerprint(call({"command": big}))
    assert fingerprint(whole).ident != fingerprint(changed).ident
    watching = Watch(Loops())
    found: list[Finding] = []
    for n in range(6):
        found += watching.see(call({"command": big, "files": [big] * 3}, n))
        found += watching.see(result(big, n, exit_code=0, output_bytes=len(big)))
    assert found and size(watching) < Loops.state_bytes


def test_a_million_steps_leave_no_more_than_a_thousand() -> None:
    watching, random = Watch(Loops()), Random(5)
    detector, state, run, rules = watching.detector, watching.state, watching.run, watching.rules
    sizes: list[int] = []
    for n in range(1_000_000):
        # Every hundredth by the way of the shared checks: the rest is what fills the memory.
        if n % 100 and n > 20_000:
            state.step += 1  # type: ignore[attr-defined]
            continue
        which = random.randrange(12)
        for event in (call({"command": f"step {which} {n % 977}"}, n), result(f"out {which}", n, exit_code=which % 2)):
            list(detector.observe(event, state, run, rules))
        if n in (1_000, 20_000) or n % 250_000 == 0:
            sizes.append(size(watching))
    assert state.step >= 1_000_000  # type: ignore[attr-defined]
    assert max(sizes) <= Loops.state_bytes and sizes[-1] < 1.5 * sizes[1]


def test_ten_thousand_agents_of_one_run_stay_in_bounds() -> None:
    watching = Watch(Loops())
    for n in range(10_000):
        story = Stream(f"s{n}", agent_id=f"agent-{n}" * 9, parent_agent_id=f"agent-{n // 3}" * 9)
        for event in (story.says("hello there, it is me"), *story.steps(MAKE)):
            watching.see(event)
        if n % 500 == 0:
            assert size(watching) <= Loops.state_bytes


def test_what_an_earlier_version_remembered_is_left_out() -> None:
    old = {"agents": {7: [0, 3, 1.0, [[1, 2, 3, ["e", 0, 1.0, 0]]], [], [], []]}, "pending": [[7, 1, 2, "ls", ""]]}
    state = msgspec.msgpack.decode(msgspec.msgpack.encode(old), type=Loops.State)
    assert state == Loops.State()
