"""A real worker on a real Kafka: what it exports after work is what dashboards and rules ask for."""

import asyncio
import json
import os
import re
import socket
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from dashboards.overview import OVERVIEW
from dashboards.rules import RULES
from monitor.messages import Ack, Command, encode
from monitor.settings import aiokafka_options, environment
from monitor.topics import Names
from monitor.watchdog.metrics import WatchdogMetrics
from tests.prometheus.promql import exported, missing

PATIENCE_S = 60


def fetch(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def value(exposition, name, **labels):
    found = [
        sample.value
        for family in text_string_to_metric_families(exposition)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]
    return sum(found)


@pytest.fixture
async def live(kafka_topics, tmp_path):
    """A `killcord worker` that is ready: its settings, and a function that waits until its metrics say something."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = msgspec.structs.replace(kafka_topics, metrics_port=port)
    clean = {name: text for name, text in os.environ.items() if not name.startswith("KILLCORD_")}
    log = tmp_path / "worker.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            Path(sys.executable).with_name("killcord"), "worker", env=clean | environment(settings),
            stdout=output, stderr=output,
        )  # fmt: skip

    async def until(path, said):
        deadline = time.monotonic() + PATIENCE_S
        while True:
            status, text = await asyncio.to_thread(fetch, port, path)
            if status == 200 and said(text):
                return text
            assert process.returncode is None, log.read_text()
            assert time.monotonic() < deadline, f"{status} {text}\n{log.read_text()}"
            await asyncio.sleep(0.05)

    try:
        await until("/readyz", lambda _: True)
        yield settings, until
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_a_worker_that_worked_exports_what_is_asked_for(live):
    settings, until = live
    names = Names.of(settings.topic_prefix)
    options = aiokafka_options(settings)
    common = {"run_id": "run-77", "agent_id": "main", "agent_name": "coder", "publisher": "sdk"}
    now = time.time()
    events = [
        {"kind": "run.started", "time": now, "seq": 0, **common},
        {"kind": "not.a.kind", "time": now, "seq": 1, **common},
        {"kind": "tool.call", "time": now, "seq": 2, "tool": "bash", "arguments": {"command": "rm -rf / "}, **common},
    ]
    reader = AIOKafkaConsumer(names.control, auto_offset_reset="earliest", **options)
    writer = AIOKafkaProducer(**options)
    await reader.start()
    await writer.start()
    try:
        for message in [*(json.dumps(event).encode() for event in events), b"{broken"]:
            await writer.send_and_wait(names.events, message, key=b"run-77")
        record = await asyncio.wait_for(reader.getone(), PATIENCE_S)
        command = msgspec.json.decode(record.value, type=Command)
        done = Ack(
            command_id=command.id, run_id="run-77", status="stopped", time=time.time(), last_seq=2, actions_after=0,
            detail="cgroup", consumer="guard",
        )  # fmt: skip
        await writer.send_and_wait(names.acks, encode(done), key=b"run-77", partition=command.partition)
        text = await until("/metrics", lambda text: value(text, "killcord_acks_total", status="stopped") == 1)
        text = await until("/metrics", lambda text: value(text, "killcord_checkpoint_seconds_count") > 0)
    finally:
        await reader.stop()
        await writer.stop()

    assert command.action == "kill"
    counted = {
        "events": value(text, "killcord_events_total"),
        "unknown": value(text, "killcord_unknown_kinds_total"),
        "dead letters": value(text, "killcord_undecodable_total"),
        "kills": value(text, "killcord_commands_total", action="kill"),
        "timed commands": value(text, "killcord_event_to_command_seconds_count"),
        "timed stops": value(text, "killcord_command_to_stop_seconds_count"),
        "ready": value(text, "killcord_ready"),
        "partitions": value(text, "killcord_assigned_partitions"),
    }
    assert counted == {
        "events": 2, "unknown": 1, "dead letters": 1, "kills": 1, "timed commands": 1, "timed stops": 1, "ready": 1,
        "partitions": settings.partitions,
    }  # fmt: skip
    assert value(text, "killcord_alerts_total", mode="kill") >= 1
    assert value(text, "killcord_process_seconds_count") > 0
    metrics = exported(text) | exported(generate_latest(WatchdogMetrics().registry).decode())
    wanting = {expr: missing(expr, metrics) for expr in [*OVERVIEW.queries(), *(rule.expr for rule in RULES)]}
    assert not {expr: what for expr, what in wanting.items() if what}
    assert not re.search(r"run-77|cgroup|coder|" + command.id, text), "no id is a label"
