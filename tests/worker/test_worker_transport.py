"""What the transport adds to Faust's, against the real Kafka."""

from __future__ import annotations

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from monitor.settings import Settings, aiokafka_options
from monitor.topics import Names
from monitor.worker.transport import rewind


async def test_what_was_fetched_in_a_rebalance_is_read_again_though_nothing_was_committed(
    kafka_topics: Settings,
) -> None:
    names = Names.of(kafka_topics.topic_prefix)
    fresh, begun, left = (TopicPartition(topic, 0) for topic in (names.events, names.acks, names.rollups))
    options = aiokafka_options(kafka_topics)
    async with AIOKafkaProducer(**options) as producer:
        for place in (fresh, begun, left):
            for n in range(3):
                await producer.send_and_wait(place.topic, str(n).encode(), partition=0)
    consumer = AIOKafkaConsumer(**options, group_id=kafka_topics.app_id, enable_auto_commit=False,
                                auto_offset_reset="earliest")  # fmt: skip
    await consumer.start()
    try:
        consumer.assign([fresh, begun, left])
        fetched = 0
        while fetched < 9:
            fetched += sum(map(len, (await consumer.getmany(timeout_ms=1000)).values()))
        await consumer.commit({begun: 2})
        await rewind(consumer, but={left.topic})
        assert [await consumer.position(place) for place in (fresh, begun, left)] == [0, 2, 3]
    finally:
        await consumer.stop()
