"""What a checkpoint is compared with: a Faust table in memory, written key by key as Faust's documentation has it.

    python -m benchmarks.stock_table BYTES                   (Kafka by KILLCORD_BROKERS and KILLCORD_TOPIC_PREFIX)

Each message of the event topic holds how many keys to write, each with a value of BYTES. Prints a line when its tables
are recovered.
"""

from __future__ import annotations

import sys

import faust
from faust.types import StreamT

from benchmarks.stock_app import app_of, raw_topic, run
from monitor.settings import Settings, load
from monitor.topics import Names


def build(settings: Settings, size: int) -> faust.App:
    app = app_of(settings)
    table = app.Table("runs", key_type=bytes, value_type=bytes, partitions=settings.partitions)
    value = b"x" * size

    @app.agent(raw_topic(app, Names.of(settings.topic_prefix).events))
    async def writing(stream: StreamT[bytes]) -> None:
        async for event in stream.events():
            for n in range(int(event.value)):
                table[b"run-%d-%d" % (event.message.partition, n)] = value

    @table.on_recover
    async def recovered() -> None:
        print(len(table), flush=True)

    return app


if __name__ == "__main__":
    run(build(load().settings, int(sys.argv[1])))
