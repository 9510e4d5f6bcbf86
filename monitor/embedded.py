"""A broker inside this process, for trying things out: librdkafka's mock cluster, which speaks Kafka's protocol.

What it does: produce (acks, idempotence, transactions, compression, headers, tombstones), fetch, offsets, consumer
groups with static members. What it does not:
- topics have four partitions, come by asking for them, and cannot be created or configured otherwise;
- nothing is kept: 5 MiB a partition, in memory, the oldest dropped, no compaction; all is gone with the process;
- it does not stamp messages, finds no offsets by time, and its answer to a producer carries a made-up time stamp;
- no log-in, no TLS. It listens on the loopback, on a port of its own choosing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from msgspec.structs import replace

from monitor.settings import Settings
from monitor.topics import topics

PARTITIONS = 4  # what librdkafka gives to a topic that is asked for
FETCH_WAIT_S = 0.01
START_S = 10.0


@contextmanager
def embedded_broker(settings: Settings | None = None) -> Iterator[Settings]:
    """Runs the broker, with all topics there, and gives the settings of whoever talks to it.

    ``monitor.settings.environment`` turns them into variables for other processes. Says on stderr what it is.
    """
    # Only what runs a broker pays for loading it, and only `killcord[monitor]` has it.
    from confluent_kafka import Producer

    holder = Producer(
        {"bootstrap.servers": "", "test.mock.num.brokers": 1, "log_level": 0, "log.connection.close": False}
    )
    brokers = tuple(f"{broker.host}:{broker.port}" for broker in holder.list_topics(timeout=START_S).brokers.values())
    given = replace(
        settings or Settings(),
        brokers=brokers,
        ephemeral=True,
        security_protocol="PLAINTEXT",
        partitions=PARTITIONS,
        replication_factor=-1,
        fetch_wait_s=FETCH_WAIT_S,
    )
    for topic in topics(given):
        holder.list_topics(topic.name, timeout=START_S)
    print(
        f"killcord: embedded broker on {','.join(brokers)}: in memory, for trying out only. All is gone when it ends."
        " For more, set KILLCORD_BROKERS to a Kafka.",
        file=sys.stderr,
        flush=True,
    )
    yield given
    # librdkafka ends the mock cluster with the client that holds it.
    del holder
