"""How one line of a time line reads."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from monitor.cli.records import Seen
from monitor.cli.render import print_time_line
from monitor.messages import Ack, Command, JournalEntry, OperatorDecision

COMMAND = Command(
    id="c1", action="pause", scope="run", target="r1", run_id="r1", event_id=None, agent_id=None, seq=None, partition=0,
    reason="", alert_id=None, issued_by="me", issued_at=1.0, expires_at=None, epoch=1,
)  # fmt: skip
ACK = Ack(
    command_id="c1", run_id="r1", status="stopped", time=1.0, last_seq=None, actions_after=1, detail="d", consumer="h:1"
)
DECISION = OperatorDecision(id="d1", decision="pause", scope="run", target="r1", time=1.0, by="me")
ENTRY = JournalEntry(partition=0, offset=-1, run_id="r1", digest="x", kind="operator")

LINES = [  # value, how its line ends
    (COMMAND, "pause run:r1"),
    (msgspec.structs.replace(COMMAND, reason="look"), "pause run:r1: look"),
    (ACK, "stopped command c1, 1 action after the event"),
    (msgspec.structs.replace(ACK, actions_after=0), "stopped command c1, 0 actions after the event"),
    (msgspec.structs.replace(ACK, actions_after=None), "stopped command c1"),
    (DECISION, "pause by me"),
    (msgspec.structs.replace(DECISION, reason="look"), "pause by me: look"),
    (ENTRY, "operator took effect before its first event"),
    (msgspec.structs.replace(ENTRY, offset=0), "operator took effect after offset 0"),
]


@pytest.mark.parametrize(("value", "end"), LINES, ids=[row[1] for row in LINES])
def test_a_line_of_the_time_line(value: Any, end: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_time_line("r1", [Seen(1.0, "x", "r1", "t", 0, 0, value)])
    assert capsys.readouterr().out.splitlines()[1].endswith(f" {end}")
