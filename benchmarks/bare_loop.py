"""What a worker is compared with: a bare aiokafka loop over the same topic; no Faust, group, outputs or checkpoint.

    python -m benchmarks.bare_loop decode|engine COUNT       (Kafka by KILLCORD_BROKERS and KILLCORD_TOPIC_PREFIX)

Prints one JSON object: events, seconds from the first fetch to the last event done, and CPU seconds meanwhile.
"""

from __future__ import annotations

import asyncio
import sys
import time

import msgspec

from monitor.client.reader import consumer, partitions_of
from monitor.decode import Undecodable, decode
from monitor.engine.engine import Engine
from monitor.engine.outcome import Position
from monitor.engine.state import RunState, new
from monitor.policy import Policy
from monitor.settings import load
from monitor.topics import Names


async def drain(judge: bool, count: int) -> dict[str, float]:
    """Reads ``count`` events with getmany and decodes each; with ``judge``, also runs the engine on it."""
    settings = load().settings
    engine = Engine(Policy.load(), partitions=settings.partitions)
    states: dict[str, RunState] = {}
    done = 0
    async with consumer(settings) as reader:
        places = await partitions_of(reader, [Names.of(settings.topic_prefix).events])
        reader.assign(places)
        await reader.seek_to_beginning(*places)
        started, cpu = time.perf_counter(), time.process_time()
        while done < count:
            for place, records in (await reader.getmany(timeout_ms=1000)).items():
                for record in records:
                    done += 1
                    decoded = decode(record.value)
                    if isinstance(decoded, Undecodable):
                        raise SystemExit(f"{place} offset {record.offset}: {decoded.reason}")
                    if judge:
                        state = states.get(decoded.run_id)
                        if state is None:
                            state = states[decoded.run_id] = new(decoded.run_id)
                        at = Position(record.topic, record.partition, record.offset, record.timestamp / 1000)
                        engine.take(state, decoded.events, at)
    return {"events": done, "seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - cpu}


if __name__ == "__main__":
    print(msgspec.json.encode(asyncio.run(drain(sys.argv[1] == "engine", int(sys.argv[2])))).decode())
