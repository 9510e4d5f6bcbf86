"""Topics on a real Kafka: created as stated, used as they are, and what does not fit is said."""

from __future__ import annotations

import asyncio
import socket
import time

import msgspec
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from monitor.settings import Settings
from monitor.topics import Names, changelog, topics
from monitor.topics.admin import check, create, look
from monitor.topics.connect import Unreachable, admin_client, reachable


async def make(client: AIOKafkaAdminClient, name: str, partitions: int, **config: str) -> None:
    settings = {key.replace("_", "."): value for key, value in config.items()}
    answer = await client.create_topics([NewTopic(name, partitions, 1, topic_configs=settings)])
    assert [error["error_code"] for error in answer.to_object()["topic_errors"]] == [0]
    while name not in (await look(client, [name]))[0]:  # noqa: ASYNC110 - a new topic is unknown for a moment
        await asyncio.sleep(0.02)


async def test_created_topics_are_as_stated_and_pass_the_check(kafka_settings: Settings) -> None:
    async with admin_client(kafka_settings) as client:
        made = await create(client, kafka_settings)
        assert made.problems == ()
        assert set(made.names) == {topic.name for topic in topics(kafka_settings)}
        found, denied = await look(client, list(made.names))
        assert not denied
        for topic in topics(kafka_settings):
            there = found[topic.name]
            assert there.partitions == kafka_settings.partitions
            assert topic.config().items() <= dict(there.config).items(), topic.name
        assert await check(client, kafka_settings) == []


async def test_a_second_create_changes_nothing(kafka_topics: Settings) -> None:
    async with admin_client(kafka_topics) as client:
        assert await create(client, kafka_topics) == await create(client, kafka_topics)
        assert (await create(client, kafka_topics)).names == ()


async def test_a_missing_topic_is_named_and_not_created_by_asking(kafka_settings: Settings) -> None:
    async with admin_client(kafka_settings) as client:
        told = await check(client, kafka_settings)
        assert {problem.topic for problem in told} == {topic.name for topic in topics(kafka_settings)}
        assert {problem.kind for problem in told} == {"missing"}
        assert await check(client, kafka_settings) == told


async def test_what_exists_is_used_as_it_is_and_the_rest_made_to_fit(kafka_settings: Settings) -> None:
    events = Names.of(kafka_settings.topic_prefix).events
    async with admin_client(kafka_settings) as client:
        await make(client, events, 6, message_timestamp_type="LogAppendTime", retention_ms="1000000")
        made = await create(client, kafka_settings)
        assert made.problems == ()
        found, _ = await look(client, [events, changelog(kafka_settings, "runs")])
        assert found[events].config["retention.ms"] == "1000000"
        assert {topic.partitions for topic in found.values()} == {6}


UNFIT = [  # topic, partitions, configuration, what the problem says
    ("events", 4, {"message_timestamp_type": "CreateTime"}, "message.timestamp.type is CreateTime"),
    ("events", 2, {"message_timestamp_type": "LogAppendTime"}, "Set KILLCORD_PARTITIONS=2"),
    ("acks", 3, {"message_timestamp_type": "LogAppendTime"}, "has 3 partitions and"),
    ("standing", 4, {"message_timestamp_type": "LogAppendTime"}, "cleanup.policy is delete"),
    (
        "control",
        4,
        {"message_timestamp_type": "LogAppendTime", "cleanup_policy": "compact"},
        "cleanup.policy is compact",
    ),
    ("deadletter", 4, {"message_timestamp_type": "LogAppendTime", "max_message_bytes": "5000"}, "max.message.bytes"),
    ("alerts", 4, {"message_timestamp_type": "LogAppendTime", "min_insync_replicas": "2"}, "min.insync.replicas is 2"),
]


@pytest.mark.parametrize(("topic", "partitions", "config", "says"), UNFIT, ids=[row[3] for row in UNFIT])
async def test_a_topic_that_does_not_fit_is_told_with_its_remedy(
    kafka_settings: Settings, topic: str, partitions: int, config: dict[str, str], says: str
) -> None:
    name = f"{kafka_settings.topic_prefix}.{topic}"
    async with admin_client(kafka_settings) as client:
        await make(client, name, partitions, **config)
        made = await create(client, msgspec.structs.replace(kafka_settings, partitions=4))
        assert [problem.topic for problem in made.problems] == [name]
        assert says in made.problems[0].text


async def test_a_broker_that_is_not_there_is_waited_for_and_then_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        began = time.monotonic()
        with pytest.raises(Unreachable, match=f"no Kafka broker answered within 1 s \\({address}.*KILLCORD_BROKERS"):
            await reachable(Settings(brokers=(address,)), wait_s=1)
        assert 0.5 < time.monotonic() - began < 5


async def test_the_first_broker_that_answers_is_enough(kafka_settings: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        dead = f"127.0.0.1:{taken.getsockname()[1]}"
        both = msgspec.structs.replace(kafka_settings, brokers=(dead, *kafka_settings.brokers))
        assert await reachable(both) == kafka_settings.brokers[0]
