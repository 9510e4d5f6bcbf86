"""The same steps in the argument shapes, and with the gaps, that different agents publish."""

from __future__ import annotations

from typing import Any

import pytest

from detectors.event import Event, ModelCall, ToolCall, ToolResult
from detectors.loops.fingerprint import CHANGES, PAGES, SHELL, SLEEPS, WAITS, fingerprint
from tests.detectors.loops_stories import loops

LIST = {"command": ["bash", "-lc", "sleep 30; make test"], "workdir": "/src"}
NAMED = {"command": "sleep 30", "is_background": False}


def _call(tool: str, arguments: Any, at: float = 0.0) -> ToolCall:
    return ToolCall(time=at, run_id="r", tool=tool, arguments=arguments)


@pytest.mark.parametrize(
    ("tool", "arguments", "expected"),
    [
        ("shell", LIST, SHELL | WAITS),
        ("run_terminal_cmd", NAMED, SHELL | WAITS | SLEEPS),
        ("str_replace_editor", {"command": "view", "path": "/a.py"}, SHELL),
        ("str_replace_editor", {"command": "str_replace", "path": "/a.py", "old_str": "x"}, SHELL | CHANGES),
        ("terminal", {"input": "sleep 30"}, SHELL | WAITS | SLEEPS),
        ("run_in_terminal", {"command_line": "sleep 2; make > log"}, SHELL | WAITS | CHANGES),
        ("python", {"code": "if a > b: update(a)"}, 0),
        ("bash", '{"command": "sleep 30"}', SHELL | WAITS | SLEEPS),
        ("bash", {"input": {"command": "sleep 30"}, "type": "function"}, SHELL | WAITS | SLEEPS),
        ("powershell", {"script": "Start-Sleep -Seconds 30"}, SHELL | WAITS | SLEEPS),
        ("computer", {"action": "wait", "duration": 3}, WAITS | SLEEPS),
        ("list", '{"collection": "a", "page_token": "x7"}', PAGES),
        ("bash", '{"command": "sleep 30"', SHELL | WAITS),
    ],
    ids=[
        "a shell and what it runs", "a command among other arguments", "an editor that shows", "an editor that edits",
        "typed into a terminal", "a command line", "code is no command", "arguments as JSON",
        "arguments in an argument", "PowerShell", "a computer that waits", "a page in JSON", "JSON that was cut",
    ],
)  # fmt: skip
def test_what_a_call_does_is_read_from_its_command(tool: str, arguments: Any, expected: int) -> None:
    assert fingerprint(_call(tool, arguments)).flags & (SHELL | WAITS | SLEEPS | CHANGES | PAGES) == expected


@pytest.mark.parametrize(
    "arguments", ["{" * 9000, '{"a":' * 5000, '{"a": "\ud800"}', {"input": {1: 2}}, {"input": {}}, '{"a": NaN}', "{}"]
)
def test_arguments_that_are_no_arguments_are_read_as_a_text(arguments: Any) -> None:
    assert fingerprint(_call("bash", arguments)).ident > 0


def test_a_counter_of_errors_is_no_error() -> None:
    events: list[Event] = []
    for n in range(30):
        told = f'{{"mb": {n * 37 % 90}, "errors": {n % 3}}}'
        events += [_call("get_metrics", {"service": "a"}, 30.0 * n),
                   ToolResult(time=30.0 * n + 1, run_id="r", output=told)]  # fmt: skip
    assert loops(events) == []


def test_a_commit_that_is_reverted_and_made_again_is_seen_though_its_id_is_new() -> None:
    events: list[Event] = []
    for n in range(20):
        command = ("git revert --no-edit HEAD", "git cherry-pick topic")[n % 2]
        told = f"[main {n * 7919 + 0xA00000F:x}] {('Revert ', '')[n % 2]}topic\n 1 file changed"
        events += [_call("bash", {"command": command}, 3.0 * n),
                   ToolResult(time=3.0 * n + 1, run_id="r", output=told, exit_code=0)]  # fmt: skip
    assert loops(events)


def test_sleeps_and_drawn_names_do_not_make_another_call() -> None:
    calls = [{"command": ["bash", "-lc", f"sleep {n}; python /tmp/try_{n}f0{n}.py"]} for n in (1, 7)]
    one, other = (fingerprint(_call("shell", call)).ident for call in calls)
    assert one == other


def test_a_reason_beside_a_path_is_not_what_a_call_is_about() -> None:
    calls = [{"path": "a.py", "reason": reason} for reason in ("to see", "once more")]
    one, other = (fingerprint(_call("read", call)).ident for call in calls)
    assert one == other


def test_repeats_are_seen_without_any_results_however_slow_the_model() -> None:
    events: list[Event] = [_call("ls", {"path": "a"}), ToolResult(time=1.0, run_id="r", output="b")]
    for n in range(1, 40):
        events += [ModelCall(time=20.0 * n, run_id="r", duration_s=19.5), _call("read", {"path": "a.py"}, 20.0 * n)]
    assert loops(events)


def _pages(form: str, output: str) -> list[Event]:
    events: list[Event] = []
    for n in range(1, 40):
        command = {"command": form.format(n)}
        events += [
            _call("bash", command, 2.0 * n),
            ToolResult(time=2.0 * n + 1, run_id="r", output=output, exit_code=0),
        ]
    return events


@pytest.mark.parametrize("cursor", ["next", "next_cursor"])
def test_pages_that_differ_in_their_next_cursor_alone_are_the_same(cursor: str) -> None:
    events: list[Event] = []
    for n in range(10, 40):
        output = f'{{"rows": ["alpha beta gamma delta epsilon zeta"], "{cursor}": "c{n}a{n}f{n}b"}}'
        events += [
            _call("list", {"cursor": f"c{n}a{n}f"}, 2.0 * n),
            ToolResult(time=2.0 * n, run_id="r", output=output),
        ]
    assert {found.rule for found in loops(events)} == {"loops.stall"}


def test_a_count_of_rows_is_the_page_unless_it_was_put_into_a_file() -> None:
    assert not loops(_pages("curl -s 'http://x/items?page={0}' -o p{0}.json && jq length p{0}.json", "100"))
    assert loops(_pages("curl -s 'http://x/items?page={0}'", "100"))


def test_a_failure_known_by_its_digest_may_pass_so_waiting_counts() -> None:
    events: list[Event] = []
    now = 0.0
    for n in range(6):
        events.append(_call("push", {"to": "x"}, now))
        events.append(ToolResult(time=now + 1, run_id="r", exit_code=1, output_sha256="ab12", output_bytes=200))
        now += 10.0 * 2**n
    assert not loops(events)
