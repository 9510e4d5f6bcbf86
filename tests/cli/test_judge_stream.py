"""`killcord judge --ndjson` as a process: each answer before the next line is read, and a quiet end."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

COMMAND = [sys.executable, "-m", "monitor", "judge", "--ndjson"]
LIMIT_S = 30


@pytest.fixture
def judge() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
    ) as process:
        yield process
        if process.poll() is None:
            process.kill()


def ask(process: subprocess.Popen[bytes], line: bytes) -> dict[str, Any]:
    """Writes one line, and reads the answer while the process waits for the next."""
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(line + b"\n")
    got = b""
    while not got.endswith(b"\n"):
        assert select.select([process.stdout], [], [], LIMIT_S)[0], "no answer before the next line"
        more = os.read(process.stdout.fileno(), 65536)
        assert more, process.stderr.read() if process.stderr else ""
        got += more
    answer: dict[str, Any] = json.loads(got)
    return answer


def call(name: Any, command: str = "rm -rf /usr") -> bytes:
    return json.dumps({"id": name, "tool": "bash", "arguments": {"command": command}}).encode()


def test_each_answer_comes_before_the_next_line_is_read(judge: subprocess.Popen[bytes]) -> None:
    for number in range(50):
        answer = ask(judge, call(number) if number % 3 else b"{no json")
        assert (answer["id"], answer["verdict"]) == ((number, "kill") if number % 3 else (None, "deny"))
    assert judge.stdin is not None and judge.stderr is not None
    judge.stdin.close()
    assert judge.wait(LIMIT_S) == 1
    assert judge.stderr.read() == b""


def test_ctrl_c_ends_it_quietly(judge: subprocess.Popen[bytes]) -> None:
    ask(judge, call(1))
    judge.send_signal(signal.SIGINT)
    assert judge.wait(LIMIT_S) in (130, -signal.SIGINT)
    assert judge.stderr is not None and b"Traceback" not in judge.stderr.read()


def test_a_reader_that_has_gone_ends_it_quietly(judge: subprocess.Popen[bytes]) -> None:
    ask(judge, call(1))
    assert judge.stdin is not None and judge.stdout is not None and judge.stderr is not None
    judge.stdout.close()
    judge.stdin.write(call(2) + b"\n")
    judge.stdin.close()
    assert judge.wait(LIMIT_S) == 0
    assert judge.stderr.read() == b""


def test_a_last_line_without_an_end_is_a_line(judge: subprocess.Popen[bytes]) -> None:
    out, err = judge.communicate(call("last"), timeout=LIMIT_S)
    assert (json.loads(out)["verdict"], err, judge.returncode) == ("kill", b"", 0)
