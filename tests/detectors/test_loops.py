"""Loops as stories: what fires, how strongly, and the honest work beside it that must stay quiet."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Any
from uuid import UUID

import msgspec
import pytest

from detectors.detector import Finding, RuleSet
from detectors.event import Event, ModelCall, ToolCall, ToolResult
from detectors.loops import Loops
from detectors.loops.rules import FAILURE, REPEAT, Failures, Repeats
from detectors.testing import Stream, Watch, watch

LETTERS = [
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu", "xi",
    "omicron", "pi", "rho", "sigma",
]  # fmt: skip
MAKE = ("make", "no rule to make target", 2)
REFUSED = "curl: (7) Failed to connect to db:5432: Connection refused"


def loops(events: Iterable[Event]) -> list[Finding]:
    return watch(Loops(), events)


def strongest(findings: list[Finding]) -> dict[str, str]:
    """The strongest answer to each rule: the last finding is."""
    return {finding.rule: finding.cap or "pause" for finding in findings}


def run(*pairs: tuple[str, str] | tuple[str, str, int | None], took: float = 0.0, times: int = 1) -> list[Event]:
    return Stream().steps(*(pairs * times), took=took)


def uuid(number: int) -> str:
    return str(UUID(int=number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128))


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
]  # fmt: skip

HONEST = [
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
]  # fmt: skip


@pytest.mark.parametrize(("events", "expected"), [case[1:] for case in STUCK], ids=[case[0] for case in STUCK])
def test_a_loop_is_seen(events: list[Event], expected: dict[str, str]) -> None:
    assert strongest(loops(events)) == expected


@pytest.mark.parametrize("events", [case[1] for case in HONEST], ids=[case[0] for case in HONEST])
def test_honest_work_is_left_alone(events: list[Event]) -> None:
    assert loops(events) == []


def test_scrolling_answers_the_same_and_moves_on() -> None:
    story = Stream()
    events = [
        e for _ in range(15) for e in (story.call(tool="browser_scroll", arguments={"y": 300}), story.result("ok"))
    ]
    assert loops(events) == []


def test_reworded_thoughts_do_not_hide_a_repeat() -> None:
    story = Stream()
    events = [
        event
        for thought in ("look", "look again", "once more", "let me see", "check")
        for event in (story.call(arguments={"command": "ls", "description": thought}), story.result("a b"))
    ]
    assert strongest(loops(events)) == {"loops.repeat": "pause"}


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


def test_the_finding_says_what_how_often_how_long_and_at_what_cost() -> None:
    story = Stream(step=2.0)
    events: list[Event] = []
    for _ in range(5):
        events += [story.model(usd=0.10), *story.steps(("npm test", "1 failing", 1))]
    finding = loops(events)[-1]
    assert "`bash npm test` 5 times in 26 s for $0.40" in finding.summary
    assert "Going on costs $55.38 an hour." in finding.summary
    facts = finding.facts
    assert (facts["kind"], facts["steps"], facts["seconds"], facts["cost_usd"]) == ("repeat", 5, 26.0, 0.4)
    assert facts["usd_per_hour"] == 55.38
    calls = [event.id for event in events if isinstance(event, ToolCall)]
    assert [evidence.event_id for evidence in finding.evidence] == [calls[0], calls[-2], calls[-1], events[-1].id]


def test_a_long_loop_is_said_again_only_when_it_has_doubled() -> None:
    findings = loops(run(("make", "bad", 2), times=100))
    assert [finding.facts["steps"] for finding in findings] == [3, 5, 9, 17, 33, 65]
    assert len({(finding.rule, finding.key) for finding in findings}) == 1



LIFE = [  # of one loop: the answers, in order
    ("a repeat", run(("ls", "a"), times=12), "repeat notice, repeat pause, repeat pause"),
    ("a failing repeat", run(MAKE, times=12), "repeat notice, repeat pause, repeat pause"),
    ("a cycle of two", run(("a", "1"), ("b", "2"), times=4), "cycle notice, cycle alert, cycle pause"),
    ("a cycle of five", run(*[(f"{n}", f"{n}") for n in range(5)], times=3), "cycle notice, cycle alert, cycle pause"),
    (
        "a repeat that is broken off goes on counting",
        run(*[("a", "1")] * 5, ("b", "2"), *[("a", "1")] * 2),
        "repeat notice, repeat pause",
    ),
    (
        "a loop of long ago is told afresh",
        run(*[MAKE] * 5, *[(f"{n}", f"news of {n}, and much of it: {n}") for n in range(100)], *[MAKE] * 5),
        "repeat notice, repeat pause, repeat notice, repeat pause",
    ),
]


@pytest.mark.parametrize(("events", "told"), [case[1:] for case in LIFE], ids=[case[0] for case in LIFE])
def test_one_loop_is_told_few_times(events: list[Event], told: str) -> None:
    findings = loops(events)
    assert ", ".join(f"{f.rule.removeprefix('loops.')} {f.cap or 'pause'}" for f in findings) == told
    assert len({(f.rule, f.key) for f in findings}) == len({rule for rule, *_ in (f.rule for f in findings)})


def test_the_same_loop_has_the_same_key_when_it_comes_again() -> None:
    other = [(f"{n}", f"news of {n}, and much of it: {n}") for n in range(100)]
    assert len({finding.key for finding in loops(run(*[MAKE] * 5, *other, *[MAKE] * 5))}) == 1


@pytest.mark.parametrize("period", [1, 2, 3, 5, 8, 13, 16])
def test_cycles_of_any_length_are_seen_in_the_third_round(period: int) -> None:
    rounds = run(*[(f"cat {w}", f"{w} is {w}") for w in LETTERS[:period]], times=3 if period > 1 else 4)
    assert loops(rounds)
    assert not loops(rounds[: 2 * period]), "one round, and nothing again"


def test_sub_agents_do_not_repeat_each_other() -> None:
    streams = [Stream(agent_id=name) for name in ("a", "b", "c", "d")]
    events = chain.from_iterable(stream.steps(("ls", "a b"), ("cat a", "1")) for stream in streams)
    assert loops(events) == []


def test_the_looping_one_of_two_agents_is_seen() -> None:
    stuck, busy = Stream("s", agent_id="stuck"), Stream("b", agent_id="busy")
    events = chain.from_iterable([*stuck.steps(("ls", "a")), *busy.steps((f"cat {n}", f"{n}"))] for n in range(5))
    assert "agent stuck" in loops(events)[-1].summary


def test_results_out_of_order_find_their_calls() -> None:
    story = Stream()
    events: list[Event] = []
    for n in range(3):
        events += [story.call("ls", call_id=f"l{n}"), story.call(f"cat {n}", call_id=f"c{n}")]
        events += [story.result(f"{n}", call_id=f"c{n}"), story.result("a b", call_id=f"l{n}")]
    assert loops(events) == []


def test_results_without_call_ids_belong_to_the_oldest_call() -> None:
    ordered = run(("ls", "a b"), times=5)
    events = [msgspec.structs.replace(event, call_id=None) for event in ordered]  # type: ignore[call-arg]
    assert strongest(loops(events)) == {"loops.repeat": "pause"}


def test_results_without_calls_still_show_one_failure() -> None:
    story = Stream()
    assert strongest(loops(story.result(REFUSED, 7) for _ in range(5))) == {"loops.repeat": "alert"}


def test_without_results_only_many_equal_calls_are_an_alert() -> None:
    story = Stream()
    assert loops([story.call("ls") for _ in range(8 + 6)]) == []
    assert strongest(loops([story.call("ls") for _ in range(11 + 6)])) == {"loops.repeat": "alert"}


def test_a_waiting_call_counts_by_the_thresholds_of_the_policy() -> None:
    events = run(("kubectl get pod", "Pending"), times=10, took=5.0)
    assert watch(Loops(), events, thresholds={REPEAT.id: Repeats(waiting_repeats=8)})
    assert watch(Loops(), events) == []


def test_more_repeats_may_be_allowed() -> None:
    events = run(MAKE, times=7)
    assert strongest(watch(Loops(), events, thresholds={REPEAT.id: Repeats(repeats=8, notice_repeats=None)})) == {
        "loops.repeat": "alert"
    }


def test_a_rule_that_is_off_finds_nothing() -> None:
    watching = Watch(Loops())
    watching.rules = RuleSet({FAILURE.id: Failures()})
    assert [finding for event in run(("ls", "a b"), times=10) for finding in watching.see(event)] == []


@pytest.mark.parametrize("cut", [0, 1, 100, 299])
def test_a_million_characters_are_no_burden(cut: int) -> None:
    watching = Watch(Loops())
    story = Stream()
    for n in range(30):
        watching.see(story.call("x" * 1_000_000 + str(n % 2)))
        watching.see(story.result(("é" * 300)[:cut] + "\0\x7f" * 500_000, n % 2))
    assert len(msgspec.msgpack.encode(watching.state)) < Loops.state_bytes


@pytest.mark.parametrize("pattern", [[0], [0, 1, 2, 3, 4, 5, 6, 7], [0, 0, 0, 1, 1, 2, 0, 0], [0, 1, 0, 1, 0, 2, 0, 1]])
def test_four_looping_agents_with_long_names_stay_in_bounds(pattern: list[int]) -> None:
    watching = Watch(Loops())
    for n in range(600):
        which = pattern[n // 4 % len(pattern)]
        common: dict[str, Any] = {"time": 1e9 + 1.37 * n, "run_id": "r", "agent_id": f"agent {n % 4}"}
        numbers = " ".join(str(10**9 + m) for m in range(20))
        call = {"command": f"漢字{which} " * 30 + numbers}
        watching.see(ModelCall(id=f"m{n}", cost_usd=1e6, **common))
        watching.see(ToolCall(id=f"c{n:039}", tool="bash", call_id=f"{n}", arguments=call, **common))
        if n < 590:
            watching.see(ToolResult(id=f"r{n}", call_id=f"{n}", exit_code=1, output=f"error {which % 5} x", **common))
        assert len(msgspec.msgpack.encode(watching.state)) < Loops.state_bytes
