"""``killcord runs|alerts|show``: what happened, read from the topics themselves, without any worker."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import click
import msgspec

from monitor.cli.operate import Duration, run_async
from monitor.cli.options import RunId, kafka_options
from monitor.cli.records import Seen, read_back
from monitor.cli.render import Run, alert_line, print_runs, print_time_line
from monitor.client.reader import consumer, partitions_of
from monitor.engine.canary import canary_alert
from monitor.settings import Settings
from monitor.topics import Names

SEVERITIES = ("info", "warning", "critical")
SINCE = click.option("--since", type=Duration(), default="1h", show_default=True, help="How far back: 15m, 1h, 2d.")
JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")


def _tell(text: str) -> None:
    click.echo(text, err=True)


@click.command()
@SINCE
@JSON
@kafka_options
def runs(since: float, as_json: bool, settings: Settings) -> None:
    """The runs that were seen lately, and how they stand; without the watchdog's canaries."""
    run_async(_runs(settings, since, as_json))


async def _runs(settings: Settings, since: float, as_json: bool) -> int:
    names = Names.of(settings.topic_prefix)
    found: dict[str, Run] = {}
    async with consumer(settings) as reader:
        topics = [names.events, names.alerts, names.acks]
        async for one in read_back(reader, names, topics, time.time() - since, told=_tell):
            if one.run_id is not None:
                found.setdefault(one.run_id, Run(one.run_id)).take(one)
    rows = sorted((run for run in found.values() if not run.canary), key=lambda run: run.last, reverse=True)
    if as_json:
        for run in rows:
            click.echo(json.dumps(run.as_dict()))
    else:
        print_runs(rows)
    return 0


@click.command()
@SINCE
@click.option("--follow", "-f", is_flag=True, help="Go on as they come.")
@click.option("--run", type=RunId(), help="Of this run only.")
@click.option("--severity", type=click.Choice(SEVERITIES), default="info", show_default=True, help="At least.")
@JSON
@kafka_options
def alerts(since: float, follow: bool, run: str | None, severity: str, as_json: bool, settings: Settings) -> None:
    """The alerts, the last revision of each; --follow shows every revision as it comes.

    Those about the watchdog's canaries are shown with --run only.
    """
    run_async(_alerts(settings, since, follow, run, severity, as_json))


async def _alerts(settings: Settings, since: float, follow: bool, run: str | None, severity: str,
                  as_json: bool) -> int:  # fmt: skip
    names = Names.of(settings.topic_prefix)
    least = SEVERITIES.index(severity)
    shown: dict[str, int] = {}

    def show(one: Seen) -> None:
        alert = one.value
        wanted = SEVERITIES.index(alert.severity) >= least
        wanted &= not canary_alert(alert) if run is None else run == alert.run_id
        if wanted and shown.get(alert.id, -1) < alert.revision:
            shown[alert.id] = alert.revision
            click.echo(msgspec.json.encode(alert).decode() if as_json else alert_line(alert))
            sys.stdout.flush()

    last: dict[str, Seen] = {}
    async with consumer(settings) as reader:
        ends = await reader.end_offsets(await partitions_of(reader, [names.alerts]))
        async for one in read_back(reader, names, [names.alerts], time.time() - since, told=_tell):
            ends[_place(one)] = max(ends[_place(one)], one.offset + 1)
            if one.value.id not in last or last[one.value.id].value.revision <= one.value.revision:
                last[one.value.id] = one
        for one in sorted(last.values(), key=lambda one: one.time):
            show(one)
        if not shown and not follow:
            _tell("no such alerts were seen: --since looks further back")
        if follow:
            await _follow(reader, names, ends, show)
    return 0


def _place(one: Seen) -> Any:
    from aiokafka import TopicPartition

    return TopicPartition(one.topic, one.partition)


async def _follow(reader: Any, names: Names, positions: dict[Any, int], show: Any) -> None:
    from monitor.cli.records import seen

    reader.assign(list(positions))
    for partition, offset in positions.items():
        reader.seek(partition, offset)
    while True:
        for records in (await reader.getmany(timeout_ms=1000)).values():
            for record in records:
                for one in seen(record, names):
                    show(one)


@click.command()
@click.argument("run", type=RunId())
@click.option("--since", type=Duration(), default="7d", show_default=True, help="How far back.")
@JSON
@kafka_options
def show(run: str, since: float, as_json: bool, settings: Settings) -> None:
    """One run's time line: its events, alerts with their evidence, commands, acknowledgements, decisions.

    Exit status: 0 shown; 1 nothing of the run was found, or Kafka does not answer; 2 wrong usage.
    """
    run_async(_show(settings, run, since, as_json))


async def _show(settings: Settings, run: str, since: float, as_json: bool) -> int:
    names = Names.of(settings.topic_prefix)
    topics = [names.events, names.alerts, names.control, names.acks, names.operator, names.journal]
    async with consumer(settings) as reader:
        found = [
            one async for one in read_back(reader, names, topics, time.time() - since, run=run, told=_tell)
        ]
    found.sort(key=lambda one: one.time)  # stable: what has one time stays in order of its partition
    if not found:
        ago = time.strftime("%Y-%m-%d %H:%M", time.localtime(time.time() - since))
        _tell(f"nothing of run {run} since {ago}: is the id right, and --since long enough?")
        return 1
    if as_json:
        for one in found:
            click.echo(msgspec.json.encode(one).decode())
    else:
        print_time_line(run, found)
    return 0
