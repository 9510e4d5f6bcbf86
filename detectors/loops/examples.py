"""Stories that the detector carries: loops, and honest work that looks like them."""

from __future__ import annotations

from typing import Any

from detectors.detector import Example
from detectors.event import Event
from detectors.loops.rules import CYCLE, FAILURE, REPEAT, SPAWN, STALL, TALK
from detectors.testing import Stream


def _story(*pairs: tuple[str, str] | tuple[str, str, int], took: float = 0.0) -> tuple[Event, ...]:
    return tuple(Stream("example").steps(*pairs, took=took))


def _chatter() -> tuple[Event, ...]:
    story = Stream("example")
    said = ("Over to you, great work.", "Great work! Over to you.", "Great, over to you then!")
    return tuple(story.says(said[n % 3], agent_id=("writer", "editor")[n % 2]) for n in range(12))


def _family() -> tuple[Event, ...]:
    story, events = Stream("example"), list[Event]()
    for n in range(8):
        who: dict[str, Any] = {"agent_id": f"agent-{n}", "parent_agent_id": f"agent-{n - 1}" if n else None}
        events.append(story.call(tool="spawn_agent", arguments={"task": "find out, and delegate"}, **who))
        events.append(story.result("started", **who))
    return tuple(events)


EXAMPLES = (
    Example(
        name="the same build fails the same way",
        events=_story(*[("make", f"cc: error: no such file: a.c [{n}.{n}s]", 2) for n in range(5)]),
        fires=REPEAT.id,
    ),
    Example(
        name="looks at two files in turn",
        events=_story(*[("cat a.txt", "alpha"), ("cat b.txt", "beta")] * 4),
        fires=CYCLE.id,
    ),
    Example(
        name="one wall, many doors",
        events=_story(
            *[(f"{tool} https://example.test/x", f"{tool}: Connection refused", 7) for tool in ("curl", "wget")],
            *[(f"python {w}.py", "Traceback\nOSError: Connection refused", 1) for w in ("get", "load", "pull", "ask")],
        ),
        fires=FAILURE.id,
    ),
    Example(
        name="pages behind the last one",
        events=_story(*[(f"curl 'https://example.test/list?page={n}'", '{"items": []}') for n in range(10)]),
        fires=STALL.id,
    ),
    Example(name="two agents that praise each other", events=_chatter(), fires=TALK.id),
    Example(name="agents that start agents", events=_family(), fires=SPAWN.id),
    Example(name="a batch over files", events=_story(*[(f"gzip part-{n}.csv", "") for n in range(30)])),
    Example(
        name="edit and test, with fewer failures",
        events=_story(
            *[
                pair
                for left in range(9, 0, -1)
                for pair in ((f"sed -i s/{left}/x/ app.py", ""), ("pytest -q", f"{left} failed in 0.3s", 1))
            ]
        ),
    ),
    Example(
        name="a poll that waits",
        events=_story(*[("sleep 30; kubectl get pod web", "web 0/1 Pending")] * 8, took=30.0),
    ),
    Example(
        name="a poll whose answer changes",
        events=_story(*[("kubectl rollout status web", f"{n} of 20 updated") for n in range(20)]),
    ),
)
