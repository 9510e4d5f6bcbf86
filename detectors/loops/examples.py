"""Stories that the detector carries: loops, and honest work that looks like them."""

from __future__ import annotations

from detectors.detector import Example
from detectors.event import Event
from detectors.loops.rules import CYCLE, FAILURE, REPEAT
from detectors.testing import Stream


def _story(*pairs: tuple[str, str] | tuple[str, str, int], took: float = 0.0) -> tuple[Event, ...]:
    return tuple(Stream("example").steps(*pairs, took=took))


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
            *[(f"python get{n}.py", "Traceback\nOSError: Connection refused", 1) for n in range(5)],
        ),
        fires=FAILURE.id,
    ),
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
