"""A client with our settings on a Kafka with TLS, SCRAM and ACLs; what is refused is said with its remedy."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable

import orjson
import pytest
from aiokafka import AIOKafkaProducer
from confluent_kafka.admin import AclOperation
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from monitor.engine.engine import partition_of
from monitor.metrics import Metrics
from monitor.policy import Policy
from monitor.settings import Settings, aiokafka_options
from monitor.topics import TABLES, Names, changelog, topics
from monitor.topics.admin import check, create
from monitor.topics.connect import BrokerError, Refused, Unreachable, admin_client, reachable
from monitor.worker.app import Monitor
from tests.worker.harness import tail


def prefix() -> str:
    return f"t{uuid.uuid4().hex[:10]}"


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_a_worker_judges_with_our_settings(secure_kafka) -> None:  # type: ignore[no-untyped-def]
    settings = replace(secure_kafka.admin, topic_prefix=prefix())
    async with admin_client(settings) as client:
        assert (await create(client, settings)).problems == ()
    worker = Monitor(settings, Policy.load(None), Metrics(CollectorRegistry()), settings.partitions)
    event = {"kind": "tool.call", "id": "e", "time": time.time(), "run_id": "run", "tool": "bash", "call_id": "c",
             "arguments": {"command": "rm -rf /"}}  # fmt: skip
    producer = AIOKafkaProducer(**aiokafka_options(settings), acks="all")
    async with worker.app:
        await producer.start()
        await producer.send_and_wait(Names.of(settings.topic_prefix).events, orjson.dumps(event), key=b"run")
        partition = partition_of("run", settings.partitions)
        await until(lambda: (state := worker.runs.find(partition, "run")) is not None and state.killed_by is not None)
        await worker.checkpoint.cut()
        await producer.stop()
        async with tail(settings, changelog(settings, TABLES[0])) as seen:
            await seen.until(lambda: b"run" in {record.key for record in seen.records})


async def test_without_the_right_to_create_an_administrator_gets_the_commands(secure_kafka) -> None:  # type: ignore[no-untyped-def]
    mine = prefix()
    secure_kafka.grant("reader", AclOperation.DESCRIBE, mine)
    settings = secure_kafka.user("reader", mine)
    async with admin_client(settings) as client:
        made = await create(client, settings)
    assert made.names == ()
    assert {problem.kind for problem in made.problems} == {"right"}
    assert {problem.topic for problem in made.problems} == {topic.name for topic in topics(settings)}
    (events,) = (problem for problem in made.problems if problem.topic == f"{mine}.events")
    assert "User:reader may not create it" in events.text
    assert events.command == (
        f"kafka-topics.sh --bootstrap-server {settings.brokers[0]} --command-config admin.properties --create"
        f" --topic {mine}.events --partitions 2 --replication-factor 1 --config cleanup.policy=delete"
        " --config max.message.bytes=1114112 --config retention.ms=604800000"
        " --config message.timestamp.type=LogAppendTime"
    )


async def test_topics_that_a_user_may_not_see_are_told_as_a_missing_right(secure_kafka) -> None:  # type: ignore[no-untyped-def]
    settings = secure_kafka.user("nobody", prefix())
    async with admin_client(settings) as client:
        told = await check(client, settings)
    assert {problem.kind for problem in told} == {"right"}
    assert "User:nobody lacks the right Describe" in told[0].text
    assert f"--operation Describe --topic {settings.topic_prefix}.events" in told[0].command


async def test_a_worker_without_the_right_to_write_is_told_before_it_starts(secure_kafka) -> None:  # type: ignore[no-untyped-def]
    mine = prefix()
    async with admin_client(replace(secure_kafka.admin, topic_prefix=mine)) as client:
        made = await create(client, replace(secure_kafka.admin, topic_prefix=mine))
        assert made.problems == ()
    for operation in (AclOperation.READ, AclOperation.DESCRIBE_CONFIGS):
        secure_kafka.grant("reader", operation, mine)
    settings = secure_kafka.user("reader", mine)
    async with admin_client(settings) as client:
        told = await check(client, settings)
        assert await check(client, settings, as_worker=False) == []
    transactions, group = told.pop(), told.pop()
    assert f"--operation Write --transactional-id {mine}-worker- --resource-pattern-type prefixed" in (
        transactions.command
    )
    assert f"--operation Read --group {mine}-worker" in group.command
    assert {problem.topic for problem in told} == {t.name for t in topics(settings) if "Write" in t.worker}
    assert "User:reader lacks the right Write" in told[0].text
    assert f"--operation Write --topic {told[0].topic}" in told[0].command


async def test_the_right_to_create_on_a_prefix_is_enough(secure_kafka) -> None:  # type: ignore[no-untyped-def]
    mine = prefix()
    for operation in (AclOperation.CREATE, AclOperation.DESCRIBE, AclOperation.DESCRIBE_CONFIGS):
        secure_kafka.grant("owner", operation, mine)
    settings = secure_kafka.user("owner", mine)
    async with admin_client(settings) as client:
        made = await create(client, settings)
    assert made.problems == ()
    assert len(made.names) == len(topics(settings))


WRONG = [  # settings that differ, error, what it says
    ({"sasl_password": "guessed"}, Refused, "user 'admin' was refused with SCRAM-SHA-512"),
    ({"sasl_mechanism": "PLAIN"}, Refused, "refused with PLAIN"),
    ({"ssl_cafile": ""}, Refused, "certificate is not trusted.*KILLCORD_SSL_CAFILE \\(not set\\)"),
    ({"ssl_cafile": "STRANGER"}, Refused, "certificate is not trusted.*KILLCORD_SSL_CAFILE"),
    ({"security_protocol": "PLAINTEXT"}, Unreachable, "does it want TLS\\? KILLCORD_SECURITY_PROTOCOL is PLAINTEXT"),
]


@pytest.mark.parametrize(("change", "error", "says"), WRONG, ids=[row[2][:30] for row in WRONG])
async def test_who_is_not_let_in_learns_why(  # type: ignore[no-untyped-def]
    secure_kafka, change: dict[str, str], error: type[BrokerError], says: str
) -> None:
    change = {key: str(secure_kafka.stranger_ca) if value == "STRANGER" else value for key, value in change.items()}
    settings: Settings = replace(secure_kafka.admin, **change)
    with pytest.raises(error, match=says):
        await reachable(settings, wait_s=2)
