"""``killcord runs|alerts|show`` on a real Kafka: what was published is what people see."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import msgspec

from monitor.client import AsyncPublisher
from monitor.client.connection import Link
from monitor.client.orders import Operator
from monitor.messages import Alert, Evidence
from monitor.settings import Settings, environment

MAIN = "from monitor.cli.main import main; main()"
ALERT = Alert(
    id="a1", revision=1, status="open", event_id="e1", time=1.0, run_id="r1", agent_id="", agent_name="coder",
    team=None, environment=None, rule="loops.same-call", family="loops", severity="warning", mode="pause",
    title="Same call again", summary="make, 12 times", score=1.0, command_id=None, policy="p",
    evidence=[Evidence(event_id="e1", topic="killcord.events", partition=0, offset=7, excerpt="make")],
)  # fmt: skip


def killcord(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("KILLCORD_")}
    return subprocess.run(
        [sys.executable, "-c", MAIN, *arguments],
        env=env | environment(settings), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


async def a_story(settings: Settings) -> None:
    async with AsyncPublisher("r1", agent_name="coder", settings=settings) as publisher:
        publisher.run_started(task="fix [bold]the build")
        publisher.tool_call("Bash", {"command": "make\x1b[31m"})
        publisher.model_call("m", cost_usd=0.25)
    async with AsyncPublisher("r2", settings=settings) as other:
        other.heartbeat()
    link = Link(settings)
    names = f"{settings.topic_prefix}.alerts"
    for revision, status in ((1, "open"), (2, "resolved")):
        alert = msgspec.structs.replace(ALERT, revision=revision, status=status)
        await link.send(names, alert.key, msgspec.json.encode(alert))
    await link.close()
    async with Operator(settings, by="me") as operator:
        await operator.issue("pause", "run", "r1", reason="look at it")


async def test_looking(kafka_topics: Settings) -> None:
    await a_story(kafka_topics)
    lines = killcord(kafka_topics, "runs", "--json").stdout.splitlines()
    runs = {line["run_id"]: line for line in map(json.loads, lines)}
    assert {run: line["events"] for run, line in runs.items()} == {"r1": 3, "r2": 1}
    assert (runs["r1"]["tool_calls"], runs["r1"]["usd"], runs["r1"]["alerts"]) == (1, 0.25, 1)
    assert "fix [bold]the build" in killcord(kafka_topics, "runs").stdout

    [alert] = map(json.loads, killcord(kafka_topics, "alerts", "--json").stdout.splitlines())
    assert (alert["id"], alert["revision"], alert["status"]) == ("a1", 2, "resolved")
    assert killcord(kafka_topics, "alerts", "--severity", "critical").stdout == ""
    assert "make, 12 times" in killcord(kafka_topics, "alerts").stdout

    shown = killcord(kafka_topics, "show", "r1").stdout
    for words in ("Bash command=make", "Same call again", "killcord.events[0]@7", "pause run:r1: look at it", "by me"):
        assert words in shown
    assert "\x1b" not in shown
    kinds = {json.loads(line)["kind"] for line in killcord(kafka_topics, "show", "r1", "--json").stdout.splitlines()}
    assert kinds == {"run.started", "tool.call", "model.call", "alert", "command", "operator"}
    nothing = killcord(kafka_topics, "show", "r3")
    assert nothing.returncode == 1
    assert "nothing of run r3" in nothing.stderr


async def test_following(kafka_topics: Settings) -> None:
    await a_story(kafka_topics)
    command = [sys.executable, "-c", MAIN, "alerts", "--follow", "--json"]
    env = os.environ | environment(kafka_topics)
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:  # noqa: ASYNC220
        assert process.stdout
        assert json.loads(process.stdout.readline())["revision"] == 2
        link = Link(kafka_topics)
        later = msgspec.structs.replace(ALERT, revision=3)
        await link.send(f"{kafka_topics.topic_prefix}.alerts", later.key, msgspec.json.encode(later))
        await link.close()
        assert json.loads(process.stdout.readline())["revision"] == 3
        process.terminate()
