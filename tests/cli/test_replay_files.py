"""`killcord replay` on what people give it: files, pipes, folders, and exit statuses that scripts rely on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "events.ndjson"


def replay(*arguments: str, stdin: bytes = b"", **more: float) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", "from monitor.cli.main import main; main()", "replay", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, timeout=more.get("timeout", 60), check=False)


@pytest.mark.parametrize(("fail_on", "status"), [(None, 0), ("alert", 3), ("pause", 3), ("kill", 3)])
def test_the_exit_status_is_0_unless_asked_for(fail_on: str | None, status: int) -> None:
    asked = () if fail_on is None else ("--fail-on", fail_on)
    assert replay("--ndjson", *asked, str(EXAMPLE)).returncode == status


def test_lines_lead_with_their_type_and_an_alert_comes_before_its_command() -> None:
    lines = replay("--ndjson", str(EXAMPLE)).stdout.splitlines()
    assert [json.loads(line)["type"] for line in lines] == ["alert", "command", "alert"]
    assert all(line.startswith(b'{"type":"') for line in lines)


def test_standard_input_and_a_pipe_give_what_the_file_gives(tmp_path: Path) -> None:
    wanted = replay("--ndjson", str(EXAMPLE)).stdout
    assert replay("--ndjson", "-", stdin=EXAMPLE.read_bytes()).stdout == wanted
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cp", str(EXAMPLE), str(pipe)]):
        assert replay("--ndjson", str(pipe)).stdout == wanted


@pytest.mark.parametrize(("name", "words"), [("", "is a folder"), ("none.ndjson", "no such file")])
def test_what_is_no_file_is_said(tmp_path: Path, name: str, words: str) -> None:
    done = replay(str(tmp_path / name))
    assert (done.returncode, words in done.stderr.decode()) == (1, True)


def test_a_time_out_of_all_bounds_is_no_traceback(tmp_path: Path) -> None:
    times = (1.0, 1e300)
    events = tmp_path / "events.ndjson"
    events.write_text("".join(f'{{"kind":"heartbeat","time":{time},"run_id":"r"}}\n' for time in times))
    with pytest.raises(subprocess.TimeoutExpired) as waited:
        replay("--speed", "1", str(events), timeout=4)
    assert b"Traceback" not in (waited.value.stderr or b"")
