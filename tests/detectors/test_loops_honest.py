"""Honest work that looks like a loop, and must stay quiet."""

from __future__ import annotations

from hashlib import sha256
from itertools import chain
from typing import Any

import pytest

from detectors.event import Event, ToolCall, ToolResult
from detectors.testing import Stream
from tests.detectors.loops_stories import LETTERS, MAKE, REFUSED, loops, run, strongest, uuid

EMPTY = sha256(b"").hexdigest()
HONEST = [
    ("pages put into files", run(*[
        (f"curl -s 'http://x/items?page={n}' -o p{n}.json && jq length p{n}.json", "100") for n in range(1, 40)])),
    ("pages that say how they went", run(*[(f"export --page={n}", "saved") for n in range(1, 40)])),
    ("searches that end with 1 and find nothing", run(*[
        (f"grep -rn {word} src", "No matches found", 1) for word in LETTERS])),
    ("ports that are all closed", run(*[(f"nc -zv db {n}", "refused", 1) for n in range(2000, 2060)])),
    ("too few", run(("ls", "a b"), times=2)),
    ("a batch over files that says nothing", run(*[(f"touch file-{n:03}.txt", "") for n in range(100)])),
    ("a batch over ids that says the same", run(*[(f"curl -X DELETE /items/{uuid(n)}", "204") for n in range(50)])),
    ("a batch over days", run(*[(f"load --day 2026-07-{n:02}", "ok") for n in range(1, 29)])),
    ("a long file in pieces", run(*[(f"sed -n {n},{n + 99}p big.py", f"def f{n}()") for n in range(1, 3000, 100)])),
    ("pages", run(*[("next page", f"items {n} to {n + 10}") for n in range(0, 500, 10)])),
    ("a poll that waits", run(("kubectl get pod", "Pending"), times=10, took=30.0)),
    ("a poll that the agent itself spaces", Stream(step=6.0).steps(*[("kubectl get pod", "Pending")] * 10)),
    ("waiting and looking in turn", run(("sleep 60", ""), ("kubectl get pod", "Pending"), times=10, took=30.0)),
    ("a poll that rises", run(*[("status", f"{n} %") for n in range(100)])),
    (
        "edit and test with fewer failures each time",
        run(*chain.from_iterable(((f"edit {n}", ""), ("pytest", f"{n} failed in 1.2s", 1)) for n in range(30, 0, -1))),
    ),
    (
        "edit and test, the same number of other failures",
        run(*chain.from_iterable(((f"edit {n}", "ok"), ("pytest", f"FAILED t{n}\n1 failed", 1)) for n in range(30))),
    ),
    (
        "tests that pass after every edit",
        run(*chain.from_iterable(((f"edit {n}", "ok"), ("pytest", "9 passed in 1s")) for n in range(30))),
    ),
    ("retries that succeed", run(*[("curl x", "HTTP 429", 22)] * 2, ("curl x", "{}"), ("curl y", "{}"))),
    ("a growing log, cut", [
        event
        for n in range(20)
        for event in (
            ToolCall(time=float(n), run_id="r", id=f"c{n}", tool="bash", arguments="cat log"),
            ToolResult(time=n + 0.5, run_id="r", id=f"r{n}", output="first lines", output_bytes=1000 + n, exit_code=0),
        )
    ]),
    ("a batch over orders", run(*[(f"lookup order {n}", f"order {n} found") for n in range(170, 190)])),
    ("orders that are missing", run(*[(f"lookup order {n}", f"order:{n}: not found", 1) for n in range(170, 190)])),
    ("requests that are missing", run(*[(f"show request {n}", f"request {n} not found", 1) for n in range(170, 190)])),
    ("lines that are bad", run(*[(f"check line {n}", f"line {n}: invalid", 1) for n in range(170, 190)])),
    ("ids that are missing", run(*[(f"show {uuid(n)}", f"no such item: {uuid(n)}", 1) for n in range(20)])),
    ("commits that are missing", run(*[(f"git show {n}abcdef", f"unknown {n}abcdef", 128) for n in range(10, 30)])),
    ("times without a train", run(*[(f"train --at {n}:30", f"not found at {n}:30", 1) for n in range(10, 24)])),
    ("files with numbers", run(*[(f"convert tmpfile_{n:03}.png", "ok") for n in range(20)])),
    ("files with numbers, bad", run(*[(f"load tmpfile_{n:03}", f"tmpfile_{n:03}: invalid", 1) for n in range(20)])),
    ("numbered temporary files", run(*[(f"load tmp.{n:06}", "ok") for n in range(20)])),
    ("ids that look like times of today", run(*[(f"order {1_755_000_900 + 300 * n}", "ok") for n in range(20)])),
    ("a batch over the hours of a day", run(*[(f"load 2025-08-12T{n:02}:00:00Z", "ok") for n in range(24)])),
    ("numbered pages", run(*[(f"curl 'http://x/items?page={n}'", f"items of page {n}") for n in range(1, 40)])),
    ("pages of a list", run(*[(f"curl 'x?page={n}'", f'{{"items": ["{w}{n}"]}}') for n, w in enumerate(LETTERS * 2)])),
    ("ports that are closed", run(*[(f"nc -z db {8000 + n}", "Connection refused", 1) for n in range(14)])),
    ("a file in pieces that look the same", [
        event for story in [Stream()] for n in range(30)
        for event in (
            story.call(tool="Read", arguments={"path": "a.csv", "offset": 100 * n}), story.result("0,0,0,0\n" * 30)
        )
    ]),
    ("a picture of each step", [
        event for story in [Stream()] for n in range(30)
        for event in (
            story.call(tool="click", arguments={"x": n, "y": 7 * n}), story.result("ok"),
            story.call(tool="screenshot", arguments={}), story.result("[image]"),
        )
    ]),
    ("retries that begin quickly", list(chain.from_iterable(
        [
            story.model(duration_s=1.0),
            *story.wait(0.5 * 2**n).steps(("curl x", "HTTP 429", 22) if n < 7 else ("curl x", "{}")),
        ]
        for story in [Stream(step=0.5)] for n in range(8)
    ))),
    ("a queue of ids", run(*[("queue pop", uuid(n)) for n in range(50)])),
    ("a queue of ids in words", run(*[("queue pop", f"next job: {uuid(n)}") for n in range(50)])),
    ("the checks before a commit, twice", run(*[(f"check {w}", f"{w} is fine") for w in LETTERS[:10]], times=2)),
    ("files that are all fine", run(*[(f"lint {w}{n}.py", "All checks passed!") for n, w in enumerate(LETTERS * 3)])),
    ("files that all have the same fault", run(*[(f"lint f{n}.py", "missing docstring", 1) for n in range(12)])),
    ("a poll of half an hour", run(("kubectl get pod", "Pending"), times=40, took=45.0)),
    ("an error that moves down", run(*chain.from_iterable(
        ((f"sed -i {n}d a.c", ""), ("cc a.c", f"a.c:{n}: error: expected ';' before {w}", 1))
        for n, w in enumerate(LETTERS)
    ))),
    ("it works in the end, over and over", run(*chain.from_iterable(
        ((f"curl {w}", "connection refused", 7), (f"curl {w}", "connection refused", 7), (f"curl {w}", f"page {w}"))
        for w in LETTERS
    ))),
    ("a queue that is worked off", run(*[("work --next", f"request {n} done") for n in range(170, 190)])),
    ("a time left that falls", run(*[("status", f"{n} minutes remaining, ETA 0:{n}:00") for n in range(40, 10, -1)])),
    ("retries with backoff", list(chain.from_iterable(
        story.wait(2.0**n).steps(("curl x", "HTTP 429", 22) if n < 7 else ("curl x", "{}"))
        for story in [Stream()] for n in range(8)
    ))),
    ("retries with backoff, waited for in the shell", list(chain.from_iterable(
        story.steps((f"sleep {2**n}; curl x", "HTTP 503", 22) if n < 7 else ("curl x", "{}"), took=2.0**n)
        for story in [Stream()] for n in range(8)
    ))),
    ("retries with backoff, waited for in turn", list(chain.from_iterable(
        [*story.steps((f"sleep {2**n}", ""), took=2.0**n), *story.steps(("curl x", "HTTP 503", 22))]
        for story in [Stream()] for n in range(8)
    ))),
    ("watch mode", run(*chain.from_iterable(
        [(f"edit {n}", "ok"), ("read-watch", "9 passed in 1s\nwaiting for changes")] for n in range(20)
    ), took=20.0)),
    ("watch mode while nobody edits", run(("read-watch", "waiting for changes"), times=60, took=60.0)),
    ("searches that find nothing", run(*[(f"grep -r word{n} .", "", 1) for n in range(30)])),
    ("a few of the same failure far apart", run(
        *chain.from_iterable([("x", REFUSED, 7), *((f"read {n} {m}", f"{n} {m}") for m in range(13))] for n in range(8))
    )),
    ("a limit that says each time how long to wait, heeded", list(chain.from_iterable(
        story.wait(2.0**n).steps(("curl x", f"HTTP 429, wait {2**n}.{n} s", 22) if n < 7 else ("curl x", "{}"))
        for story in [Stream()] for n in range(8)
    ))),
    ("five steps for each record", [
        event for story in [Stream()] for n in range(20) for tool, given, output in (
            ("open_record", {"id": n}, "<ok/>"), ("read_fields", {}, f"a record of {LETTERS[n % 18]}, as number {n}"),
            ("set_field", {"status": "checked"}, "<ok/>"), ("store", {}, "<ok/>"), ("close", {}, "<ok/>"),
        )
        for event in (story.call(tool=tool, arguments=given), story.result(output))
    ]),
    ("a robot that picks here and puts there", [
        event for story in [Stream()] for n in range(20) for tool, given, output in (
            ("move_to", {"x": n / 10, "y": (20 - n) / 10}, "reached"), ("grip", {}, "holding"),
            ("move_to", {"x": 0.0, "y": 0.0}, "reached"), ("let_go", {}, "released"),
        )
        for event in (story.call(tool=tool, arguments=given), story.result(output))
    ]),
    ("halving", run(*chain.from_iterable(
        (("git bisect bad", f"Bisecting: {2**n} revisions left to test after this"), ("make check", "1 failed", 2))
        for n in range(12, 0, -1)
    ))),
    ("transactions", [
        event for story in [Stream()] for n in range(12) for given, output in (
            ("BEGIN", "BEGIN"), (f"UPDATE t SET a = {n}", "UPDATE 1"),
            (f"SELECT {n}", f"a | {n} and more of it, to be read"), ("COMMIT", "COMMIT"),
        )
        for event in (story.call(tool="psql", arguments={"sql": given}), story.result(output))
    ]),
    ("very many pages, of so many", run(*[(f"curl 'x?page={n}'", f"page {n} of 400: {n * 7}") for n in range(99)])),
    ("pages of which some are empty", run(*[
        (f"curl 'x?page={n}'", "[]" if n % 5 == 4 else f'["{LETTERS[n % 18]}-{n}"]') for n in range(40)
    ])),
    ("searches that find nothing, by digest", [
        event for story in [Stream()] for n in range(30)
        for event in (story.call(f"grep -r word{n} ."), story.result(None, 1, output_sha256=EMPTY, output_bytes=0))
    ]),
    ("a poll that waits longer each time", list(chain.from_iterable(
        story.wait(9 * 1.3**n).steps(("kubectl get pod", "Pending")) for story in [Stream()] for n in range(18)
    ))),
]  # fmt: skip


@pytest.mark.parametrize("events", [case[1] for case in HONEST], ids=[case[0] for case in HONEST])
def test_honest_work_is_left_alone(events: list[Event]) -> None:
    assert loops(events) == []


def test_scrolling_answers_the_same_and_moves_on() -> None:
    story = Stream()
    events = [
        e for _ in range(15) for e in (story.call(tool="browser_scroll", arguments={"y": 300}), story.result("ok"))
    ]
    assert loops(events) == []


@pytest.mark.parametrize(("tool", "arguments"), [
    ("think", {"thought": "word {n}"}),
    ("add_task", {"description": "word {n}"}),
    ("add_note", {"explanation": "word {n}", "severity": "high"}),
    ("get_request", {"request_id": "{n}", "verbose": True}),
    ("get_recording", {"call_id": "{n}", "tenant": "acme"}),
])  # fmt: skip
def test_words_that_are_the_point_are_not_left_out(tool: str, arguments: dict[str, Any]) -> None:
    story = Stream()
    events: list[Event] = []
    for n in range(30):
        given = {key: value.format(n=n) if isinstance(value, str) else value for key, value in arguments.items()}
        events += [story.call(tool=tool, arguments=given), story.result("ok")]
    assert loops(events) == []


def test_a_change_in_the_middle_of_a_long_output_is_news() -> None:
    events = run(*[("cat log", "x" * 5_000 + str(n) + "y" * 5_000) for n in range(10)])
    assert loops(events) == []


def test_news_takes_evidence_away() -> None:
    events = run(*[MAKE] * 2, *[(f"cat {n}", f"{w}{n}" * 20) for n, w in enumerate(LETTERS * 2)], *[MAKE] * 2)
    assert strongest(loops(events)) == {}
