"""``killcord config``: every setting, its value, where it is from; no secret is shown."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.settings import FIELDS

MAIN = [sys.executable, "-c", "from monitor.cli.main import main; main()"]


@pytest.fixture
def env() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("KILLCORD_")}


def killcord(env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*MAIN, *arguments], env=env, capture_output=True, text=True, timeout=60, check=False)


def test_every_setting_with_value_origin_variable_and_description(env: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "k.yaml"
    file.write_text("# ours\nack_timeout_s: 3\n")
    env |= {"KILLCORD_LOG_LEVEL": "debug"}
    done = killcord(env, "config", "--json", "--config", str(file), "--brokers", "a:1,b:2")
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert list(rows) == list(FIELDS)
    told = {name: (rows[name]["value"], rows[name]["origin"]) for name in ("brokers", "ack_timeout_s", "log_level")}
    assert told == {
        "brokers": ("a:1,b:2", "command line"),
        "ack_timeout_s": ("3.0", f"file {file}:2"),
        "log_level": ("debug", "environment KILLCORD_LOG_LEVEL"),
    }
    assert rows["partitions"]["origin"] == "default"
    assert all(row["variable"] and row["description"] for row in rows.values())


SECRET = "correct horse"


@pytest.mark.parametrize("arguments", [("config",), ("config", "--json")], ids=["plain", "json"])
def test_secrets_are_masked(env: dict[str, str], arguments: tuple[str, ...]) -> None:
    env |= {
        "KILLCORD_SECURITY_PROTOCOL": "SASL_SSL", "KILLCORD_SASL_USERNAME": "u", "KILLCORD_SASL_PASSWORD": SECRET,
    }  # fmt: skip
    done = killcord(env, *arguments)
    assert done.returncode == 0, done.stderr
    assert "***" in done.stdout
    assert SECRET not in done.stdout + done.stderr


def test_a_pipe_gets_plain_lines(env: dict[str, str]) -> None:
    lines = killcord(env, "config").stdout.splitlines()
    assert [line.split(" = ")[0] for line in lines if not line.startswith(" ")] == list(FIELDS)


def test_a_terminal_gets_a_table(env: dict[str, str]) -> None:
    mine, theirs = pty.openpty()
    env |= {"TERM": "xterm", "COLUMNS": "160", "KILLCORD_LOG_LEVEL": "debug"}
    process = subprocess.Popen([*MAIN, "config"], env=env, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(mine, 65536):
            shown += chunk
    except OSError:  # Linux says so when the other end is closed
        pass
    finally:
        os.close(mine)
    assert process.wait(60) == 0
    text = shown.decode()
    assert "what it does" in text
    assert "environment KILLCORD_LOG_LEVEL" in text


def test_settings_that_cannot_be_used_are_named(env: dict[str, str]) -> None:
    done = killcord(env | {"KILLCORD_PARTITIONS": "many", "KILLCORD_LOGLEVEL": "debug"}, "config")
    assert done.returncode == 1
    assert "partitions = 'many'" in done.stderr
    assert "Did you mean KILLCORD_LOG_LEVEL?" in done.stderr
    assert done.stdout == ""
