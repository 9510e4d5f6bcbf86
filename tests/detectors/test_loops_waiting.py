"""What looks at first like one failure over and over, and isn't; and what hides behind such looks."""

from __future__ import annotations

from typing import Any

import pytest

from detectors.event import Event, ToolCall, ToolResult
from detectors.loops.mask import mask
from tests.detectors.loops_stories import LETTERS, loops

LIMITED = '{"ok": false, "error": "ratelimited"}'


def _steps(*steps: tuple[str, Any, str, int], gap: float = 1.0, agents: tuple[str, ...] = ("",)) -> list[Event]:
    """tool, arguments, output and exit code of each; a step whose tool is a number of seconds waits."""
    events: list[Event] = []
    now = 1_755_000_000.0
    for n, (tool, arguments, output, code) in enumerate(steps):
        who = agents[n % len(agents)]
        now += gap
        events.append(ToolCall(time=now, run_id="r", agent_id=who, call_id=str(n), tool=tool, arguments=arguments))
        now += float(arguments.get("seconds", 0.1)) if isinstance(arguments, dict) else 0.1
        events.append(ToolResult(time=now, run_id="r", agent_id=who, call_id=str(n), output=output, exit_code=code))
    return events


def _waiting(seconds: float, output: str, code: int, grows: float = 1.0, times: int = 12) -> list[Event]:
    steps: list[tuple[str, Any, str, int]] = []
    for _ in range(times):
        steps += [("wait", {"seconds": seconds}, "", 0), ("post", {"channel": "a", "text": "hi"}, output, code)]
        seconds *= grows
    return _steps(*steps)


@pytest.mark.parametrize(
    "events",
    [
        _waiting(20, "ls: cannot access 'out.bin': No such file or directory", 2),
        _waiting(2, LIMITED, 0, grows=2, times=7),
        _steps(*[
            ("bash", {"command": f"sleep {10 * n}; pg_isready", "seconds": 10 * n}, "db:5432 - no answer", 2)
            for n in range(1, 12)
        ]),
        _steps(*[
            ("bash", {"command": f"gpg --verify {name}-{n}.sig"}, ("gpg: BAD", "gpg: Good")[n % 3 > 0], n % 3 == 0)
            for n, name in enumerate(("oak", "elm", "ash", "fir", "yew") * 12)
        ]),
        _steps(*[
            ("enrich_contact", {"contact": f"{one} {other}"}, '{"error": "not found"}', 1)
            if (n + m) % 2 else ("enrich_contact", {"contact": f"{one} {other}"}, f'{{"mail": "{one}@{other}"}}', 0)
            for n, one in enumerate(LETTERS) for m, other in enumerate(LETTERS[:4])
        ]),
        _steps(*[
            step
            for n in range(20)
            for step in (
                ("bash", {"command": f"gh pr view #{n + 300}"}, f"Adds part {n * 7919 % 113} of the {n * 31 % 17}", 0),
                ("bash", {"command": "git status"}, "nothing to commit, working tree clean", 0),
                ("bash", {"command": f"gh pr checkout #{n + 300}"}, f"Switched to branch 'part-{n}'", 0),
                ("bash", {"command": "make test"}, "ok", 0),
                ("bash", {"command": f"gh pr merge #{n + 300}"}, "", 0),
            )
        ]),
    ],
    ids=[
        "waits for a file", "backs off as JSON tells it to", "waits longer each time", "some items fail",
        "half of them", "by number",
    ],
)  # fmt: skip
def test_who_waits_or_works_through_items_is_left_alone(events: list[Event]) -> None:
    assert loops(events) == []


@pytest.mark.parametrize(
    "events",
    [
        _steps(*[
            ("list", {"of": "a", "pageToken": f"{n * 7919:x}"}, f'{{"rows": ["oak", "elm"], "page": {n}}}', 0)
            for n in range(30)
        ]),
        _steps(
            *[("read", {"path": f"{word}.c"}, f"int {word}; // {word}" * 4, 0) for word in LETTERS[:8]],
            *[("read", {"path": "a.c"}, "int a; // a" * 9, 0)] * 12, gap=12.0,
        ),
        _steps(*[
            ("run_query", {"sql": "select 1"}, f'{{"rows": [1], "ms": 7, "query_id": "{n * 0x9E3779B97F4A7C15:x}"}}', 0)
            for n in range(12)
        ]),
        _steps(*[
            ("apply_patch", {"patch": f"--- a.c\n@@ -{n},3 +{n},4 @@\n x"}, '{"error": "patch does not apply"}', 1)
            for n in range(40)
        ]),
        _steps(*[("post", {"channel": "a", "text": f"word {n}"}, LIMITED, 0) for n in range(20)]),
        _waiting(20, "ls: cannot access 'out.bin': No such file or directory", 2, times=120),
        _steps(*[
            step
            for n in range(9)
            for step in (
                *(("Read", {"file_path": f"{name}.c"}, f"int {name}; // {name}" * 4, 0) for name in ("a", "b", "c")),
                ("TodoWrite", {"todos": [{"content": "go on", "id": str(n)}]}, "ok", 0),
            )
        ]),
        _steps(*[
            ("handoff", {"to": ("coder", "planner")[n % 2], "note": ("go on", "your turn")[n // 2 % 2]}, "", 0)
            for n in range(20)
        ], agents=("planner", "coder")),
        _steps(*[("delegate", {"to": f"helper-{n}", "task": "mend it"}, "failed: gave up", 0) for n in range(12)]),
    ],
    ids=[
        "one page over and over, whatever its number", "a model that takes its time", "a query whose id changes",
        "a patch at other lines", "a limit in JSON", "waits without end", "notes to itself between",
        "handed to and fro", "helpers that all give up",
    ],
)  # fmt: skip
def test_what_does_not_move_is_told(events: list[Event]) -> None:
    assert loops(events)


def test_the_bar_of_a_progress_is_volatile_and_how_far_it_came_is_not() -> None:
    assert mask("=====> 10%") == mask("==========> 10%") != mask("==========> 20%")
