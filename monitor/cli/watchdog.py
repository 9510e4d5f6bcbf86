"""``killcord watchdog``: sees from outside whether the monitor does its work, and raises the alarm if not."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from typing import Any

import click
import msgspec

from monitor.cli.options import kafka_options
from monitor.counted import counted
from monitor.settings import Settings

ALARM, NO_KAFKA = 3, 69


@click.command()
@kafka_options
@click.option("--once", is_flag=True, help="Look once, send one canary, tell what is wrong and end: for scripts, cron.")
@click.option("--json", "as_json", is_flag=True, help="Each alarm as a JSON object a line; with --once one for all.")
@click.option("--on-alarm", metavar="COMMAND",
              help="Run by the shell for each alarm that opens or is over; the alert is on its input.")  # fmt: skip
@click.option("--no-canary", is_flag=True, help="Send no canaries: only listen, and ask Kafka.")
def watchdog(settings: Settings, once: bool, as_json: bool, on_alarm: str | None, no_canary: bool) -> None:
    """Watch the monitor itself, from outside: shares nothing with the workers but Kafka.

    Alarms when no worker has been heard for three heartbeats, a partition is judged by nobody, a canary (a destructive
    run of its own, to each partition in turn) does not come back killed, or Kafka cannot be reached. An alarm is an
    alert on the topic, a log line and a metric (/metrics, /healthz and /readyz on watchdog_port), and is resolved when
    it is over. Needs to read health, control and alerts, to write events, operator and alerts, and to describe the
    workers' group.

    With --once, exits with 0 if all is well, 3 if something is wrong, 69 if Kafka does not answer.
    """
    from monitor.health import HealthServer, Heartbeat, PortUnavailable
    from monitor.logs import setup
    from monitor.watchdog.metrics import WatchdogMetrics
    from monitor.watchdog.watchdog import Watchdog

    if no_canary:
        settings = msgspec.structs.replace(settings, canary_interval_s=0.0)
    setup(msgspec.structs.replace(settings, log_level="error") if once else settings)
    metrics = WatchdogMetrics()
    told: Any = (lambda alert: click.echo(msgspec.json.encode(alert).decode())) if as_json else (lambda alert: None)
    if once:
        sys.exit(_told(asyncio.run(Watchdog(settings, metrics).once()), as_json, settings))
    alive = Heartbeat()
    dog = Watchdog(settings, metrics, on_alarm, told)
    server = None
    try:
        if settings.watchdog_port:
            host, port = settings.metrics_host, settings.watchdog_port
            server = HealthServer(
                metrics.registry, alive=alive, ready=dog.reached, host=host, port=port, setting="watchdog_port"
            )
            server.start()
        asyncio.run(_run(dog, alive))
    except PortUnavailable as error:
        raise click.ClickException(str(error)) from error
    finally:
        if server is not None:
            server.close()


async def _run(dog: Any, alive: Any) -> None:
    task = asyncio.ensure_future(dog.run())
    beating = asyncio.ensure_future(alive.run())
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        return
    finally:
        beating.cancel()


def _told(seen: Any, as_json: bool, settings: Settings) -> int:
    """Says what one look found; the exit status."""
    status = NO_KAFKA if not seen.reached else ALARM if seen.conditions else 0
    if as_json:
        alarms = [
            {"rule": one.rule.id, "severity": one.severity, "title": one.rule.title, "summary": one.summary}
            for one in seen.conditions
        ]
        workers = msgspec.to_builtins(seen.workers)
        click.echo(
            json.dumps({"well": status == 0, "reached": seen.reached, "alarms": alarms, "workers": workers,
                        "canary_s": seen.canary_s})
        )  # fmt: skip
        return status
    if not seen.reached:
        where, why = ",".join(settings.brokers), seen.refused or "too late"
        click.echo(f"no answer from Kafka at {where} ({why}). KILLCORD_BROKERS says where it is.", err=True)
    for one in seen.conditions if seen.reached else ():
        click.echo(f"{one.severity} {one.rule.id}: {one.summary}")
    if status == 0:
        canary = "" if seen.canary_s is None else f", the canary was killed after {seen.canary_s * 1000:.0f} ms"
        partitions = sum(len(beat.partitions) for beat in seen.workers)
        workers, judged = counted(len(seen.workers), "worker"), counted(partitions, "partition")
        click.echo(f"well: {workers}, {judged} judged{canary}")
    return status
