"""What an agent that lies, or is confused, can and cannot do to the judging of its own run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import count, islice
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.event import Event, Heartbeat, ModelCall, RunStarted, ToolCall, ToolResult
from detectors.hostile import hostile_events
from monitor.engine.engine import Engine
from monitor.engine.outcome import Outcome, Position
from monitor.engine.state import RunState, decode, encode, new
from monitor.policy import Policy

BEGAN = 1_755_000_000.0
STATE_BYTES = 8 * 1024


def engine() -> Engine:
    def failed(name: str, error: Exception) -> None:
        raise AssertionError(f"{name} raised") from error

    return Engine(Policy.load(None), on_error=failed)


def call(n: int, command: str = "ls", **given: Any) -> ToolCall:
    fields = {"id": f"e{n}", "time": BEGAN + n, "run_id": "r", "seq": n, "tool": "bash"}
    return ToolCall(**{**fields, "arguments": {"command": command}, **given})


def destroy(n: int, **given: Any) -> ToolCall:
    return call(n, "rm -rf /usr", **{"id": f"destroy{n}", **given})


def judge(state: RunState, events: list[Event], stamped: bool) -> list[Outcome]:
    judging = engine()
    found = []
    for n, event in enumerate(events):
        at = Position("t", 0, n, BEGAN + n) if stamped else Position(None, None, n)
        found.append(judging.process(state, event, at))
    return found


HIDING = {  # how a call might be passed off as one that came before
    "not hidden": [call(1), destroy(2)],
    "an earlier number and time": [call(1), call(2), call(3), destroy(2)],
    "the last number, time and id": [call(1), call(2), destroy(2, id="e2")],
    "after an event from the far future with the highest number": [call(1, seq=2**53, time=1.7e308), destroy(2)],
    "all at time 0, numbers from the beginning": [*(call(n, time=0.0) for n in range(5)), destroy(1, time=0.0)],
    "a number of its own": [call(1), destroy(2, seq=None, time=0.0)],
    "as another agent": [call(1), destroy(1, agent_id="other", agent_name="other", environment="dev")],
}


@pytest.mark.parametrize("stamped", [True, False], ids=["on a topic", "in a file"])
@pytest.mark.parametrize("name", HIDING)
def test_no_number_hides_a_destructive_call(name: str, stamped: bool) -> None:
    found = judge(new("r"), list(HIDING[name]), stamped)
    assert [command.action for out in found for command in out.commands] == ["kill"]


@pytest.mark.parametrize("stamped", [True, False], ids=["on a topic", "in a file"])
def test_a_true_repeat_is_said_once(stamped: bool) -> None:
    events = [call(1), destroy(2), call(1), destroy(2), destroy(2)]
    found = judge(new("r"), list(events), stamped)
    assert [alert.rule for out in found for alert in out.alerts] == ["destructive.wide"]


def test_an_event_from_the_future_does_not_make_repeats_of_what_follows() -> None:
    state = new("r")
    judge(state, [call(1, seq=2**53, time=1.7e308), *(call(n) for n in range(1, 9))], stamped=True)
    assert state.detectors.budget.tool_calls == 9


WIDE_NAME = "\U0001f600" * 256
CHANCE = Random(7)
NOISE = "".join(chr(CHANCE.randrange(0x20000, 0x2A000)) for _ in range(8 * 256))


def _huge() -> Iterator[Event]:
    for n in count():
        given: dict[str, Any] = {
            "id": f"{n}-" + "i" * 250, "agent_id": f"{n % 40}{WIDE_NAME[:250]}", "publisher": WIDE_NAME,
            "agent_name": WIDE_NAME, "team": WIDE_NAME, "environment": WIDE_NAME, "agent_version": WIDE_NAME,
        }  # fmt: skip
        yield RunStarted(
            time=BEGAN + n, run_id="r", seq=n * 9, workspace="/" + WIDE_NAME, schedule_id=WIDE_NAME,
            parent_run_id=WIDE_NAME, labels={f"{m}{WIDE_NAME}": WIDE_NAME for m in range(50)}, **given,
        )  # fmt: skip
        yield Heartbeat(time=BEGAN + n, run_id="r", seq=n * 11, **given)
        yield call(n, f"rm -rf /etc/{n}{WIDE_NAME}", call_id=f"{n}{WIDE_NAME}"[:256], tool=f"bash {n}", **given)
        yield call(n, f"mkdir d{n}; dropdb x{n}; createdb x{n}", call_id=f"{n}", **given)


def _everything_at_once() -> Iterator[Event]:
    """Four agents that loop, fail and destroy, with five publishers that lose events, and names like noise."""

    def noise(n: int, length: int = 256) -> str:
        return NOISE[n % 7 * 256 :][:length]

    for n in count():
        given: dict[str, Any] = {
            "time": BEGAN + n * 1.37, "run_id": noise(0), "agent_id": noise(n % 4), "publisher": noise(n % 5),
            "agent_name": noise(1), "team": noise(2), "environment": noise(3), "agent_version": noise(4),
        }  # fmt: skip
        seq = 2**52 + n * 2**24
        if n == 0:
            labels = {f"{m}{noise(5)}": noise(6) for m in range(50)}
            workspace = "/" + noise(5, 120)
            yield RunStarted(
                id="s", workspace=workspace, schedule_id=noise(5), parent_run_id=noise(6), labels=labels, **given
            )
        yield ModelCall(id=f"m{n:039}", cost_usd=1e5, input_tokens=2**53, output_tokens=2**53, seq=seq, **given)
        stuck = {"command": f"{noise(n // 4 % 3, 60)} {' '.join(str(10**9 + m) for m in range(20))}"}
        yield ToolCall(id=f"c{n:039}", tool=noise(n, 60), call_id=f"{n}", arguments=stuck, seq=seq + 2**12, **given)
        breaks = {"command": f"mkdir {noise(n)}; dropdb x{n}{noise(n)}; rm -rf /etc/{n}{noise(n)}"}
        yield ToolCall(id=f"d{n}{noise(n, 200)}", tool="bash", call_id=noise(n), arguments=breaks, **given)
        if n < 100:
            yield ToolResult(id=f"r{n:039}", call_id=f"{n}", exit_code=1, output=f"error {n // 4 % 5} x", **given)


@pytest.mark.parametrize(
    "events",
    [_huge(), hostile_events(1, 20_000), _everything_at_once()],
    ids=["huge names", "hostile", "everything at once"],
)
def test_the_state_stays_small(events: Iterator[Event]) -> None:
    judging, state = engine(), new("r")
    for n, event in enumerate(islice(events, 4000)):
        if n == 0:
            state = new(event.run_id)
        judging.process(state, event, Position("t", 0, n, BEGAN + n))
        if n % 50 == 0:
            data = encode(state)
            assert len(data) < STATE_BYTES
            assert encode(decode(data)) == data


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
def test_nothing_raises_and_a_state_from_bytes_judges_the_same(seed: int, stamped: bool) -> None:
    kept, packed = engine(), engine()
    one, other = new("r"), new("r")
    for n, (event, again) in enumerate(zip(hostile_events(seed, 120), hostile_events(seed, 120), strict=True)):
        at = Position("t", 0, n, BEGAN + n) if stamped else Position(None, None, n)
        assert msgspec.json.encode(kept.process(one, event, at)) == msgspec.json.encode(
            packed.process(other, again, at)
        )
        other = decode(encode(other))


def digest() -> str:
    import hashlib

    judging, state, found = engine(), new("r"), hashlib.sha256()
    for n, event in enumerate([*hostile_events(5, 1500), *islice(_huge(), 400)]):
        found.update(msgspec.json.encode(judging.process(state, event, Position("t", 0, n, BEGAN + n))))
    found.update(encode(state))
    return found.hexdigest()


def test_another_process_that_hashes_otherwise_judges_the_same() -> None:
    code = f"import runpy; print(runpy.run_path({__file__!r})['digest']())"
    for seed in ("1", "77"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        there = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
        assert there.stdout.strip() == digest(), there.stderr


@pytest.mark.parametrize(
    ("output", "status"),
    [("a" * 1_000_000, "ok"), ("error: a\n" * 100_000, "error"), ("1:" * 500_000, "error"), (" " * 999_999, "error"),
     ("\x1b[" * 300_000, "error"), ("☃" * 300_000, "error")],
    ids=["letters", "lines", "digits", "blanks", "escapes", "wide"],
)  # fmt: skip
def test_a_mebibyte_of_output_is_judged_soon(output: str, status: str) -> None:
    import time

    judging, state = engine(), new("r")
    for n in range(3):
        judging.process(state, call(2 * n + 1, "make", call_id=str(n)), Position("t", 0, 2 * n, BEGAN))
        result = ToolResult(
            id=f"r{n}", time=BEGAN + n, run_id="r", seq=2 * n + 2, call_id=str(n), output=output, status=status  # type: ignore[arg-type]
        )  # fmt: skip
        began = time.process_time()
        judging.process(state, result, Position("t", 0, 2 * n + 1, BEGAN))
        assert time.process_time() - began < 1
