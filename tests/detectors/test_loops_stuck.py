"""Loops as stories: what fires, and how strongly."""

from __future__ import annotations

from itertools import chain

import pytest

from detectors.event import Event
from detectors.testing import Stream
from tests.detectors.loops_stories import LETTERS, loops, run, strongest, uuid

ON, OFF = Stream("on", agent_id="on"), Stream("off", agent_id="off")
STUCK = [
    ("a failing call is told of at the third", run(("make", "bad", 2), times=3), {"loops.repeat": "notice"}),
    ("and held at the fifth", run(("make", "bad", 2), times=5), {"loops.repeat": "pause"}),
    ("a look is told of at the fourth", run(("ls", "a b"), times=4), {"loops.repeat": "notice"}),
    ("and held at the fifth, too", run(("ls", "a b"), times=5), {"loops.repeat": "pause"}),
    (
        "the output's time and duration differ",
        run(*[("make", f"2026-08-07 03:57:{n:02} built in {n}.{n}s, pid {900 + n}") for n in range(6)]),
        {"loops.repeat": "pause"},
    ),
    (
        "the output's ids differ",
        run(*[("deploy", f"request {uuid(n)} rejected, see /tmp/tmpab{n}cdefg", 1) for n in range(6)]),
        {"loops.repeat": "pause"},
    ),
    (
        "colours and progress bars differ",
        run(*[("pull", f"\x1b[3{n}m{n} %\r{n * 3} %\rdone\x1b[0m") for n in range(6)]),
        {"loops.repeat": "pause"},
    ),
    (
        "white space, comments and sleeps differ",
        run(*[(f"# try {'again ' * n}\nsleep {n};  make{' ' * n}", "nothing to do") for n in range(5)]),
        {"loops.repeat": "pause"},
    ),
    (
        "quotes and the order of flags differ",
        run(*[
            (call, "bad", 1)
            for call in ("t -a 'x' -b", 't -b -a "x"', "t -a x -b", "t  -b -a x", "t -a x -b 2>&1 | tail")
        ]),
        {"loops.repeat": "pause"},
    ),
    (
        "a temporary name differs",
        run(*[(f"cp a /tmp/tmp.Ab{n}dEf0123 && check", "bad header", 1) for n in range(5)]),
        {"loops.repeat": "pause"},
    ),
    (
        "the current time is in the call",
        run(*[(f"curl 'http://x/?t={1_755_000_000 + n}'", "{}") for n in range(5)]),
        {"loops.repeat": "pause"},
    ),
    ("two calls in turn", run(("cat a", "1"), ("cat b", "2"), times=4), {"loops.cycle": "pause"}),
    ("eight calls in turn", run(*[(f"step {n}", f"out {n}") for n in range(8)], times=4), {"loops.cycle": "pause"}),
    ("sixteen", run(*[(f"cat {w}", f"{w} is long") for w in LETTERS[:16]], times=3), {"loops.cycle": "pause"}),
    (
        "three in turn, with other steps in between",
        run(*chain.from_iterable(
            (("cat a", "1"), (f"cat {n}", f"news {n}"), ("cat b", "2"), ("make", "bad", 2)) for n in range(6)
        )),
        {"loops.cycle": "pause"},
    ),
    (
        "an edit that is undone and done again",
        run(("sed -i s/a/b/ f", ""), ("sed -i s/b/a/ f", ""), times=4),
        {"loops.repeat": "pause"},
    ),
    (
        "a setting that is changed back and forth, with tests in between",
        run(
            ("set-x on", "ok"), ("pytest", "FAILED a\n1 failed", 1), ("set-x off", "ok"),
            ("pytest", "FAILED b\n1 failed", 1), times=5,
        ),
        {"loops.cycle": "pause"},
    ),
    (
        "one failure through different commands",
        run(*[(f"{w} db", "db: no such host", 1) for w in ("ping", "nc", "psql", "curl", "ssh")]),
        {"loops.failure": "alert"},
    ),
    (
        "that failure for very long",
        run(*[(f"{w} db", "db: no such host", 1) for w in LETTERS]),
        {"loops.failure": "pause"},
    ),
    (
        "that failure, hidden by pipes",
        run(*[(f"{w} db | sort", "db: no such host", 0) for w in LETTERS[:5]]),
        {"loops.failure": "alert"},
    ),
    (
        "queries on two tables that are not there",
        run(*[
            (f"SELECT {w} FROM t_{'ab'[n % 2]} WHERE {w} > 1", f"Error: Table 't_{'ab'[n % 2]}' doesn't exist", None)
            for n, w in enumerate(LETTERS[:8])
        ]),
        {"loops.failure": "alert"},
    ),
    (
        "the same tests fail after every edit",
        run(
            *chain.from_iterable(
                ((f"sed -i s/{w}/x/ a.py", ""), ("pytest", "FAILED t\n1 failed in 2s", 1)) for w in LETTERS[:8]
            )
        ),
        {"loops.cycle": "notice"},
    ),
    (
        "a slow agent that fails the same way",
        Stream(step=8.0).steps(*[("make", "no rule to make target", 2)] * 5, took=-8.0),
        {"loops.repeat": "pause"},
    ),
    ("a poll that does not wait", run(("kubectl get pod", "Pending"), times=5), {"loops.repeat": "pause"}),
    ("a poll for ever", run(("kubectl get pod", "Pending"), times=240, took=30.0), {"loops.repeat": "pause"}),
    ("a limit, hit again and again", run(*[("curl x", "HTTP 429", 22)] * 7), {"loops.repeat": "pause"}),
    (
        "a limit, hit with other numbers",
        run(*[(f"curl 'x?try={n}'", "HTTP 429 Too Many Requests", 22) for n in range(10)]),
        {"loops.repeat": "pause"},
    ),
    (
        "one obstacle, in each program's own words",
        run(
            ("psql -h db", "psql: error: could not connect: Connection refused", 2),
            ("node ask.js", "Error: connect ECONNREFUSED", 1), ("python ask.py", "ConnectionRefusedError: [111]", 1),
            ("java Ask", "the target actively refused it", 1), ("nc -zv db", "nc: db: Connection refused", 1),
            ("ruby ask.rb", "Errno::ECONNREFUSED (connect)", 1),
        ),
        {"loops.failure": "notice"},
    ),
    ("pages behind the last", run(*[(f"curl 'x?page={n}'", "[]") for n in range(12)]), {"loops.stall": "pause"}),
    (
        "pages that come round",
        run(*[(f"curl 'x?page={n}'", f"{LETTERS[n % 3] * 40}") for n in range(15)]),
        {"loops.stall": "pause"},
    ),
    (
        "the same page behind ever new cursors",
        run(*[(f"list --cursor {uuid(n)}", f'{{"items": ["a", "b"], "next_cursor": "x{n}Zz{n}"}}') for n in range(9)]),
        {"loops.stall": "alert"},
    ),
    (
        "counts and durations of the execution differ",
        run(*[("run-cell c", f'{{"execution_count": {n}, "status": "bad", "elapsed_ms": {n * 7}}}') for n in range(6)]),
        {"loops.repeat": "pause"},
    ),
    (
        "a revert is reverted, and that again",
        run(*[
            ("git revert --no-edit HEAD", f'[main {n}ab{n}cd{n}] Revert "{"Again " * (n % 2)}blue"') for n in range(9)
        ]),
        {"loops.cycle": "pause"},
    ),
    (
        "two agents set it back for each other, at leisure",
        [
            event for n in range(20) for who in [(ON, OFF)[n % 2]]
            for event in (
                who.call(tool="set_flag", arguments={"dark": bool(n % 2)}, time=1e9 + 12 * n),
                who.result("ok", time=1e9 + 12 * n + 1),
            )
        ],
        {"loops.cycle": "pause"},
    ),
    (
        "one failure that is known by its digest",
        [
            event for story in [Stream()] for word in LETTERS[:5]
            for event in (story.call(f"{word} --all"), story.result(None, 1, output_sha256="ab" * 32, output_bytes=80))
        ],
        {"loops.failure": "alert"},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("events", "expected"), [case[1:] for case in STUCK], ids=[case[0] for case in STUCK])
def test_a_loop_is_seen(events: list[Event], expected: dict[str, str]) -> None:
    assert strongest(loops(events)) == expected


@pytest.mark.parametrize("period", [1, 2, 3, 5, 8, 13, 16])
def test_cycles_of_any_length_are_seen_in_the_third_round(period: int) -> None:
    rounds = run(*[(f"cat {w}", f"{w} is {w}") for w in LETTERS[:period]], times=3 if period > 1 else 4)
    assert loops(rounds)
    assert not loops(rounds[: 2 * period]), "one round, and nothing again"


def test_reworded_thoughts_do_not_hide_a_repeat() -> None:
    story = Stream()
    events = [
        event
        for thought in ("look", "look again", "once more", "let me see", "check")
        for event in (story.call(arguments={"command": "ls", "description": thought}), story.result("a b"))
    ]
    assert strongest(loops(events)) == {"loops.repeat": "pause"}
