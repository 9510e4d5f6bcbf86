"""Legal events of the worst kind: missing, extreme and contradictory fields, for the checks of detectors."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from detectors.event import (
    CommitPoint,
    Decision,
    Event,
    Heartbeat,
    Message,
    Metric,
    ModelCall,
    RunFinished,
    RunStarted,
    ToolCall,
    ToolResult,
)

LONG = "x" * 256
TEXTS = (
    "", "\0", "\x1b[31mred\x1b[0m", "naïve ☃ 𝔘", LONG * 40, "\r\n" * 500, "(" * 900, "9" * 300, "'\"`$((", "{" * 99,
    "rm -rf /", "DROP TABLE users", "kubectl delete ns prod", "a.py:12: error: bad", "3 failed, 2 passed in 0.1s",
    "Traceback\nKeyError: 'x'", "2026-02-31T25:61:61Z 1755000000", "tmp.abcdef0123", "0x" + "f" * 99, "sleep 9" * 99,
)  # fmt: skip
COUNTS = (None, 0, 1, 7, 1_000_000, 2**53)
NUMBERS = (None, 0.0, 5e-324, 0.1, 1.0, 1e18, 1.7e308)
TIMES = (0.0, 5e-324, 1.0, 1_755_000_000.0, 253_402_300_800.0, 1.7e308)
NAMES = ("", "a", "b", LONG, "☃" * 256, "agent\0x")
TOOLS = ("bash", "Bash", "", "sql", "mcp__db__query", "Edit", "str_replace_based_edit_tool", "scroll", LONG)


def hostile_events(seed: int, count: int) -> Iterator[Event]:
    """``count`` events of the run ``r``, the same for the same seed; ids are up to 256 characters."""
    random = Random(seed)
    time = 1_755_000_000.0
    for number in range(count):
        # Mostly orderly time and numbers, so that what needs several events in a row comes about too.
        time += random.choice((0.0, 0.5, 30.0))
        kind = random.choice(_KINDS)
        given = _common(random, number, time)
        yield kind(random, given)


def _common(random: Random, number: int, time: float) -> dict[str, Any]:
    odd = random.random()
    given: dict[str, Any] = {
        "id": f"e{number:035}" if odd < 0.8 else f"{number}-" + "i" * 240,
        "time": time if odd < 0.9 else random.choice(TIMES),
        "run_id": "r",
    }
    if random.random() < 0.5:
        given["agent_id"] = random.choice(NAMES) if odd < 0.7 else f"sub-agent-{random.randrange(1000)}"
        given["publisher"] = random.choice(NAMES)
    if random.random() < 0.5:
        given["seq"] = number if odd < 0.9 else random.choice((0, 1, 2**53, random.randrange(2**53)))
    return given


def _arguments(random: Random) -> Any:
    text = random.choice(TEXTS)
    deep: Any = text
    for _ in range(random.choice((0, 1, 60))):
        deep = {"a": [deep]}
    return random.choice((
        None, text, {}, {"command": text}, {"sql": text, "n": 2**63}, {"a": deep}, {"": None}, {"action": "scroll"},
        {"command": ["rm", "-rf", text]}, {"command": None, "path": LONG * 4}, {"x": 1.7e308, "y": -(2**63)},
    ))  # fmt: skip


def _call(random: Random, given: dict[str, Any]) -> Event:
    call_id = random.choice((None, "", "c1", "c2", LONG))
    return ToolCall(tool=random.choice(TOOLS), call_id=call_id, arguments=_arguments(random), **given)


def _loop(random: Random, given: dict[str, Any]) -> Event:
    return ToolCall(tool="bash", arguments={"command": "make"}, call_id="c1", **given)


def _result(random: Random, given: dict[str, Any]) -> Event:
    return ToolResult(
        call_id=random.choice((None, "c1", "c1", "c2", "never", LONG)),
        status=random.choice((None, "ok", "error", "denied", "timeout")),
        exit_code=random.choice((None, 0, 1, 124, -9, 2**31)),
        output=random.choice((None, *TEXTS)),
        output_sha256=random.choice((None, "", "ab" * 32)),
        output_bytes=random.choice(COUNTS),
        duration_s=random.choice(NUMBERS),
        **given,
    )


def _same_result(random: Random, given: dict[str, Any]) -> Event:
    return ToolResult(call_id="c1", status="error", exit_code=2, output="make: *** error", **given)


def _model(random: Random, given: dict[str, Any]) -> Event:
    return ModelCall(
        model=random.choice((None, *NAMES)),
        input_tokens=random.choice(COUNTS),
        output_tokens=random.choice(COUNTS),
        cost_usd=random.choice(NUMBERS),
        duration_s=random.choice(NUMBERS),
        **given,
    )


_KINDS = (
    _call,
    _loop,
    _loop,
    _result,
    _same_result,
    _same_result,
    _model,
    lambda random, given: Heartbeat(**given),
    lambda random, given: RunStarted(task=random.choice((None, *TEXTS)), workspace=random.choice(TEXTS), **given),
    lambda random, given: Message(role=random.choice((None, "user", LONG)), text=random.choice(TEXTS), **given),
    lambda random, given: Decision(chosen=random.choice(TEXTS), alternatives=list(TEXTS[:3]), **given),
    lambda random, given: CommitPoint(name=random.choice(TEXTS), revert=random.choice((None, *TEXTS)), **given),
    lambda random, given: Metric(name=random.choice(NAMES), value=random.choice((-1.7e308, 0.0, 1e9)), **given),
    lambda random, given: RunFinished(outcome=random.choice((None, "success", LONG)), **given),
)
