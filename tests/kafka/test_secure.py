"""A client with our settings on a Kafka with TLS, SCRAM and ACLs; what is refused is said with its remedy."""

from __future__ import annotations

import asyncio
import uuid

import faust
import pytest
from aiokafka import AIOKafkaProducer
from confluent_kafka.admin import AclOperation
from msgspec.structs import replace

from monitor.settings import Settings, aiokafka_options
from monitor.topics import Names, topics
from monitor.topics.admin import check, create
from monitor.topics.connect import BrokerError, Refused, Unreachable, admin_client, reachable
from monitor.worker.faust_settings import faust_options
from monitor.worker.transport import install


def prefix() -> str:
    return f"t{uuid.uuid4().hex[:10]}"


async def test_clients_and_a_faust_agent_work_with_our_settings(secure_kafka) -> None:  # type: ignore[no-untyped-def]
    settings = replace(secure_kafka.admin, topic_prefix=prefix())
    names = Names.of(settings.topic_prefix)
    async with admin_client(settings) as client:
        assert (await create(client, settings)).problems == ()
    app = faust.App(**faust_options(settings))
    install(app, settings.fetch_wait_s)
    seen: asyncio.Queue[bytes] = asyncio.Queue()

    @app.agent(app.topic(names.events, key_type=bytes, value_type=bytes))
    async def see(stream: faust.Stream[bytes]) -> None:
        async for value in stream:
            await seen.put(value)

    producer = AIOKafkaProducer(**aiokafka_options(settings), acks="all")
    async with app:
        await producer.start()
        await producer.send_and_wait(names.events, b"seen", key=b"run")
        assert await asyncio.wait_for(seen.get(), 60) == b"seen"
        await producer.stop()


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
    group = told.pop()
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
