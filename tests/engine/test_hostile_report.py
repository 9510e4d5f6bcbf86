"""What agents write reaches an operator's terminal as text only."""

from __future__ import annotations

import io

from rich.console import Console

from detectors.event import ToolCall
from monitor.engine.outcome import Position
from monitor.policy import Policy
from monitor.replay.judge import FileJudge
from monitor.replay.report import Report

ESCAPE = "\x1b]0;owned\x07\x1b[2J[bold]\u202e"


def test_a_report_obeys_nothing_that_an_agent_wrote() -> None:
    run = "run" + ESCAPE
    call = ToolCall(
        id="e" + ESCAPE, time=1.0, run_id=run, tool="bash", arguments={"command": "rm -rf /usr # " + ESCAPE}
    )  # fmt: skip

    def failed(name: str, error: Exception) -> None:
        raise AssertionError(name) from error

    report, out = Report(), io.StringIO()
    report.saw(run, 1)
    report.add(FileJudge(Policy.load(None), failed).take(run, [call], Position(None, None, 0)))
    report.print(Console(file=out, width=200, force_terminal=False))
    text = out.getvalue()
    assert "rm -rf /usr" in text and "[bold]" in text
    assert all(line.isprintable() for line in text.splitlines())
