"""``killcord topics create|check`` on a real Kafka."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from aiokafka.admin import NewTopic
from msgspec.structs import replace

from monitor.cli.topics import _tell
from monitor.settings import Settings, environment
from monitor.topics import Names, topics
from monitor.topics.admin import Created, _refused
from monitor.topics.connect import admin_client

MAIN = [sys.executable, "-c", "from monitor.cli.main import main; main()"]


def env_of(settings: Settings) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("KILLCORD_")} | environment(
        settings
    )


def killcord(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*MAIN, *arguments], env=env_of(settings), capture_output=True, text=True, timeout=60, check=False
    )


async def remove(settings: Settings) -> None:
    async with admin_client(settings) as client:
        await client.delete_topics([topic.name for topic in topics(settings)])


async def test_checked_created_checked_again(kafka_settings: Settings) -> None:
    names = [topic.name for topic in topics(kafka_settings)]
    before = killcord(kafka_settings, "topics", "check")
    assert before.returncode == 1
    assert all(f"{name}: does not exist. Create it: killcord topics create" in before.stderr for name in names)
    made = killcord(kafka_settings, "topics", "create")
    assert (made.returncode, made.stderr) == (0, "")
    assert [line.split()[:2] for line in made.stdout.splitlines()] == [[name, "created"] for name in names]
    after = killcord(kafka_settings, "topics", "check", "--json")
    assert after.returncode == 0
    assert json.loads(after.stdout) == {
        "brokers": list(kafka_settings.brokers), "topics": names, "created": [], "problems": [], "passed": True,
    }  # fmt: skip
    await remove(kafka_settings)


async def test_what_does_not_fit_is_told_with_the_command_that_mends_it(kafka_settings: Settings) -> None:
    standing = Names.of(kafka_settings.topic_prefix).standing
    async with admin_client(kafka_settings) as client:
        await client.create_topics(
            [NewTopic(standing, 4, 1, topic_configs={"message.timestamp.type": "LogAppendTime"})]
        )
    made = killcord(kafka_settings, "topics", "create", "--json")
    assert made.returncode == 1
    told = json.loads(made.stdout)
    assert standing not in told["created"] and not told["passed"]
    assert [(problem["topic"], problem["kind"]) for problem in told["problems"]] == [(standing, "config")]
    plain = killcord(kafka_settings, "topics", "check")
    assert told["problems"][0]["command"] in plain.stderr.splitlines()
    assert "cleanup.policy is delete" in plain.stderr
    await remove(kafka_settings)


def test_where_the_right_to_create_is_missing_an_administrator_gets_the_commands(
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = replace(Settings(), sasl_username="killcord", security_protocol="SASL_SSL")
    shapes = topics(settings)[:2]
    refused = tuple(_refused(topic, 29, None, settings) for topic in shapes)
    _tell(settings, Created((), refused))
    lines = capsys.readouterr().err.splitlines()
    assert [problem.command for problem in refused] == [line for line in lines if line.startswith("kafka-topics.sh")]
    assert lines[0] == (
        "killcord.events: User:killcord may not create it (the right Create on the topic or the cluster)."
        " An administrator runs"
    )


async def test_check_waits_until_the_topics_are_there(kafka_settings: Settings) -> None:
    waiting = await asyncio.create_subprocess_exec(
        *MAIN, "topics", "check", "--until-ready", "--wait", "30", env=env_of(kafka_settings),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert killcord(kafka_settings, "topics", "create").returncode == 0
    _, said = await asyncio.wait_for(waiting.communicate(), 60)
    assert (waiting.returncode, said) == (0, b"")
    await remove(kafka_settings)


def test_a_broker_that_is_away_is_named_with_the_remedy(tmp_path: Path) -> None:
    done = killcord(Settings(brokers=("127.0.0.1:9",)), "topics", "check", "--wait", "0.3")
    assert done.returncode == 1
    assert "127.0.0.1:9" in done.stderr and "KILLCORD_BROKERS" in done.stderr
    assert "Traceback" not in done.stderr
