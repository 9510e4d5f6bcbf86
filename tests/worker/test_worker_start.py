"""A worker that cannot start says why and what to do; one whose broker is late waits for it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from msgspec.structs import replace

from monitor.settings import Settings, aiokafka_options
from monitor.topics import Names, topics
from tests.conftest import Cluster
from tests.worker.conftest import StartWorker
from tests.worker.harness import Worker, free_port, made


def refusal(worker: Worker) -> str:
    """What it says when it ends by itself, with 1."""
    assert worker.process.wait(60) == 1, worker.said()
    said = worker.said()
    assert "Traceback" not in said, said
    return said


async def test_without_topics(kafka_settings: Settings, start_worker: StartWorker) -> None:
    said = refusal(start_worker(kafka_settings))
    assert f"{kafka_settings.topic_prefix}.events" in said
    assert "killcord topics create" in said


@pytest.mark.parametrize("lacking", ["acks", "changelog"])
async def test_a_topic_is_missing(kafka_topics: Settings, start_worker: StartWorker, lacking: str) -> None:
    name = next(topic.name for topic in topics(kafka_topics) if topic.name.endswith(lacking))
    await administer(kafka_topics, "delete_topics", [name])
    said = refusal(start_worker(kafka_topics))
    assert name in said and "killcord topics create" in said
    await administer(kafka_topics, "create_topics", [NewTopic(name, 4, 1)])  # the fixture deletes all of them


async def test_a_topic_with_too_few_partitions(kafka_topics: Settings, start_worker: StartWorker) -> None:
    name = Names.of(kafka_topics.topic_prefix).acks
    await administer(kafka_topics, "delete_topics", [name])
    await administer(kafka_topics, "create_topics", [NewTopic(name, 2, 1)])
    said = refusal(start_worker(kafka_topics))
    assert name in said and "2" in said and "4" in said


async def administer(settings: Settings, what: str, *arguments: Any) -> None:
    client = AIOKafkaAdminClient(**aiokafka_options(settings))
    await client.start()
    try:
        await getattr(client, what)(*arguments)
    finally:
        await client.close()


def test_an_unreachable_broker_is_waited_for_and_then_named(start_worker: StartWorker) -> None:
    settings = Settings(brokers=(f"127.0.0.1:{free_port()}",), broker_wait_s=3.0)
    began = time.monotonic()
    said = refusal(start_worker(settings))
    assert 3.0 <= time.monotonic() - began < 30
    assert settings.brokers[0] in said and "KILLCORD_BROKERS" in said


async def test_a_broker_that_comes_up_in_time(own_kafka: Cluster, start_worker: StartWorker, tmp_path: Path) -> None:
    settings = await made(Settings(brokers=own_kafka.brokers, partitions=4, replication_factor=1))
    own_kafka.stop()
    worker = start_worker(replace(settings, broker_wait_s=60.0))
    own_kafka.start()
    await worker.ready()
