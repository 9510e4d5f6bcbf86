"""``python -m tests.chaos [--json] [NAME...]``: every scenario on a real Kafka, and a table of what came of them."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import click

from tests.chaos import backlog as backlogs
from tests.chaos import brokers, crashes, disk, gaps, hostile, network, poison, rebalances, suspended
from tests.chaos.ground import Ground, say
from tests.chaos.report import Row, as_json, table
from tests.conftest import Cluster

Scenario = Callable[[Ground], Awaitable[Row]]


def scenarios(kills: int, rounds: int, backlog: int, rate: float) -> dict[str, Scenario]:
    """By the name that the command line takes."""
    return {
        "sigkill": lambda g: crashes.killed(g, kills=kills, rate=rate),
        "sigkill-no-ids": lambda g: crashes.killed(g, kills=max(1, kills // 4), static=False, rate=rate),
        "sigstop": lambda g: suspended.suspended(g, rounds=rounds, rate=rate / 2),
        "storm": lambda g: rebalances.storm(g, rounds=rounds, rate=rate / 2),
        "join": lambda g: rebalances.join_and_leave(g, rate=rate / 2),
        "rolling": lambda g: rebalances.rolling_restart(g, rounds=rounds, rate=rate / 2),
        "broker": lambda g: brokers.restarted(g, rounds=rounds, rate=rate / 2),
        "leader": lambda g: brokers.leader_killed(g, rounds=rounds, rate=rate / 2),
        "network": lambda g: network.troubled(g, rounds=max(1, rounds // 2), rate=rate / 2),
        "disk": lambda g: disk.full(g, rounds=max(1, rounds // 2), rate=rate / 2),
        "disorder": lambda g: hostile.out_of_order(g, rate=rate / 2),
        "partitioner": hostile.another_partitioner,
        "poison": poison.at_every_place,
        "gap": gaps.unacknowledged,
        "backlog": lambda g: backlogs.drained(g, events=backlog),
    }


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--kills", default=100, show_default=True, help="SIGKILLs of a worker.")
@click.option("--rounds", default=5, show_default=True, help="Rounds of every other fault.")
@click.option("--backlog", default=1_000_000, show_default=True, help="Events that wait for a worker.")
@click.option("--rate", default=1000.0, show_default=True, help="Events a second while things break.")
@click.option("--json", "json_", is_flag=True, help="One JSON object in place of the table.")
def main(names: tuple[str, ...], kills: int, rounds: int, backlog: int, rate: float, json_: bool) -> None:
    """Break everything that Killcord stands on while agents work, and check that no kill was lost and none came twice.

    A real Kafka is started for it (Java 17 and Maven). Without a NAME, everything. Exits with 1 if anything did not
    hold.
    """
    known = scenarios(kills, rounds, backlog, rate)
    for name in names:
        if name not in known:
            raise click.ClickException(f"no scenario {name!r}: there are {', '.join(known)}")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it reports every broker that we kill
    directory = Path(tempfile.mkdtemp(prefix="killcord-chaos-"))
    clusters: list[Cluster] = []
    rows: list[Row] = []

    def start(*options: str) -> Cluster:
        clusters.append(Cluster(directory / f"kafka-{len(clusters)}", *options))
        return clusters[-1]

    def shared() -> tuple[str, ...]:
        return (clusters[0] if clusters else start()).brokers

    try:
        shared()
        ground = Ground(directory, shared, start)
        for name in names or known:
            row = _one(name, known[name], ground)
            rows.append(row)
    except KeyboardInterrupt:
        say("interrupted")
    finally:
        for cluster in clusters:
            cluster.close()
        failed = not rows or any(row.problems for row in rows)
        if failed:
            say(f"the workers' logs are in {directory}")
        else:
            shutil.rmtree(directory, ignore_errors=True)
    if json_:
        print(json.dumps(as_json(rows), indent=1))
    else:
        table(rows)
    sys.exit(1 if failed else 0)


def _one(name: str, scenario: Scenario, ground: Ground) -> Row:
    """A scenario that breaks off is a row too."""
    try:
        row = asyncio.run(scenario(ground))
    except Exception as error:
        row = Row(scenario=name, problems=[f"broke off: {type(error).__name__}: {error}"])
    for problem in row.problems:
        say(f"{name}: {problem}")
    return row


if __name__ == "__main__":
    main()
