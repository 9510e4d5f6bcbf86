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
    times = (1.0, 253402300799)
    events = tmp_path / "events.ndjson"
    events.write_text("".join(f'{{"kind":"heartbeat","time":{time},"run_id":"r"}}\n' for time in times))
    with pytest.raises(subprocess.TimeoutExpired) as waited:
        replay("--speed", "1", str(events), timeout=4)
    assert b"Traceback" not in (waited.value.stderr or b"")


BEATS = [{"kind": "heartbeat", "time": n, "run_id": f"r{n % 2}", "id": str(n)} for n in range(4)]


@pytest.mark.parametrize(
    ("content", "says", "why"),
    [
        (json.dumps(BEATS), "2 runs, 4 events", "an array of several runs on one line"),
        (json.dumps(BEATS, indent=1), "2 runs, 4 events", "the same on many lines"),
        ("\ufeff" + json.dumps(BEATS[0]), "1 run, 1 event", "a byte order mark"),
        (json.dumps([{**BEATS[0], "kind": "dream"}, BEATS[1]]), "1 event of kinds that", "a kind of a later version"),
        ('[{"time": NaN}]\n' + json.dumps(BEATS[0]), "1 run, 1 event", "a broken array ends at its line"),
        (json.dumps(BEATS, indent=1)[:-1], "array that cannot be read", "an array without its end"),
    ],
)
def test_what_a_file_may_be(tmp_path: Path, content: str, says: str, why: str) -> None:
    file = tmp_path / "events.json"
    file.write_text(content)
    command = [sys.executable, "-m", "monitor", "replay", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert says in done.stdout + done.stderr
