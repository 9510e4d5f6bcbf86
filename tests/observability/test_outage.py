"""A broker that goes away under a real worker: its log stays readable, and nobody restarts it for that."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from monitor.settings import Settings, aiokafka_options, environment
from monitor.topics.admin import create

PATIENCE_S = 60


def status(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
            return response.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return 0


def wait_until(true, process, log):
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)


def complete_lines(log):
    return [json.loads(line) for line in log.read_text().splitlines(keepends=True) if line.endswith("\n")]


@pytest.fixture
async def settings(own_kafka):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    made = Settings(brokers=own_kafka.brokers, partitions=2, replication_factor=1, metrics_port=port)
    client = AIOKafkaAdminClient(**aiokafka_options(made))
    await client.start()
    try:
        assert not (await create(client, made)).problems
    finally:
        await client.close()
    return made


def test_a_broker_outage_is_few_lines_and_no_death(own_kafka, settings, tmp_path):
    log = tmp_path / "worker.log"
    clean = {name: text for name, text in os.environ.items() if not name.startswith("KILLCORD_")}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [Path(sys.executable).with_name("killcord"), "worker"],
            env=clean | environment(settings), stdout=output, stderr=output,
        )  # fmt: skip
    try:
        wait_until(lambda: status(settings.metrics_port, "/readyz") == 200, process, log)
        own_kafka.kill()
        # The first count comes after ten seconds, when stock Faust has written a thousand lines.
        wait_until(lambda: any("repeated" in line for line in complete_lines(log)), process, log)
        assert status(settings.metrics_port, "/healthz") == 200
    finally:
        process.kill()
        process.wait()
    lines = complete_lines(log)
    errors = [line for line in lines if line["level"] in ("warning", "error")]
    assert errors, "an outage is told"
    print(f"{sum(line.get('repeated', 1) for line in errors)} warnings and errors in {len(errors)} lines")
    assert len(errors) < 60
