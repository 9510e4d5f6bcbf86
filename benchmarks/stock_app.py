"""What a worker is compared with: an app as Faust's own documentation writes it, with Faust's own transport.

    python -m benchmarks.stock_app decode|table|engine       (Kafka by KILLCORD_BROKERS and KILLCORD_TOPIC_PREFIX)

decode: decodes each event. table: also writes the run's state to a table. engine: judges each event and sends alerts
and commands; the state of runs stays in memory, without a checkpoint, which is in the app's favour. Concurrency 1, as
the order of a run's events wants it; a commit every 0.3 s, as often as Killcord's.
"""

from __future__ import annotations

import sys
import tempfile
from typing import Any

import faust
from faust.types import StreamT
from yarl import URL

from monitor import messages
from monitor.decode import Decoded, decode
from monitor.engine.engine import Engine
from monitor.engine.outcome import Position
from monitor.engine.state import RunState, encode, new
from monitor.policy import Policy
from monitor.settings import Settings, load
from monitor.topics import Names


def app_of(settings: Settings) -> faust.App:
    """Faust's defaults but for what would keep it from this broker, and quick commits."""
    return faust.App(
        settings.app_id,
        env={},
        broker=[URL(f"kafka://{broker}") for broker in settings.brokers],
        broker_commit_interval=settings.commit_interval_s,
        broker_session_timeout=settings.session_timeout_s,
        broker_request_timeout=settings.request_timeout_s,
        producer_acks=-1,
        consumer_auto_offset_reset="earliest",
        key_serializer="raw",
        value_serializer="raw",
        store="memory://",
        datadir=f"{tempfile.gettempdir()}/{settings.app_id}",
        topic_partitions=settings.partitions,
        topic_allow_declare=False,
        topic_disable_leader=True,
        table_standby_replicas=0,
        web_enabled=False,
        autodiscover=False,
        worker_redirect_stdouts=False,
    )


def raw_topic(app: faust.App, name: str) -> Any:
    return app.topic(name, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")


def build(way: str, settings: Settings) -> faust.App:
    """The app that works in the ``way`` named."""
    app, names = app_of(settings), Names.of(settings.topic_prefix)
    events = raw_topic(app, names.events)
    if way == "decode":

        @app.agent(events)
        async def decoding(stream: StreamT[bytes]) -> None:
            async for value in stream:
                decode(value)

    elif way == "table":
        table = app.Table("runs", key_type=bytes, value_type=bytes, partitions=settings.partitions)

        @app.agent(events)
        async def writing(stream: StreamT[bytes]) -> None:
            async for event in stream.events():
                decoded = decode(event.value)
                if isinstance(decoded, Decoded):
                    state = new(decoded.run_id)
                    state.offset = event.message.offset
                    table[decoded.run_id.encode()] = encode(state)

    else:
        engine = Engine(Policy.load(settings.policy or None), partitions=settings.partitions)
        states: dict[str, RunState] = {}
        control, alerts = raw_topic(app, names.control), raw_topic(app, names.alerts)

        @app.agent(events)
        async def judging(stream: StreamT[bytes]) -> None:
            async for event in stream.events():
                decoded, message = decode(event.value), event.message
                if not isinstance(decoded, Decoded):
                    continue
                state = states.get(decoded.run_id)
                if state is None:
                    state = states[decoded.run_id] = new(decoded.run_id)
                at = Position(message.topic, message.partition, message.offset, message.timestamp)
                out = engine.take(state, decoded.events, at)
                for command in out.commands:
                    await control.send(key=command.key.encode(), value=messages.encode(command))
                for alert in out.alerts:
                    await alerts.send(key=alert.key.encode(), value=messages.encode(alert))

    return app


def run(app: faust.App) -> None:
    """Until a signal ends it."""
    faust.Worker(app, loglevel="WARNING", quiet=True).execute_from_commandline()


if __name__ == "__main__":
    run(build(sys.argv[1], load().settings))
