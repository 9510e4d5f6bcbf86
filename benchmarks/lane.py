"""What it costs to fetch, decode, checkpoint and acknowledge an event, without the engine: Killcord's lane and others.

Killcord's lane keeps and checkpoints the state of each run. Stock Faust is measured without a table and with one,
quixstreams and bare aiokafka without state.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from benchmarks import cluster, quix
from benchmarks.figures import Result, percentile
from benchmarks.held import Drained, Running, bare, drained, patient
from benchmarks.recorded import Keyed, messages, source
from benchmarks.show import say
from benchmarks.stage import Stage, told
from monitor.settings import FIELDS, Settings
from monitor.topics import Names

NAME = "lane"
WARM = 2_000
AIM_US, AIM_SHARE = 12.0, 12.0
OURS, AGENTS = "killcord, batch lane", "killcord, plain agents"
STOCK, TABLE, BARE, QUIX = "stock Faust agent", "stock Faust agent, a table", "bare aiokafka getmany", "quixstreams"


class Way(Struct, frozen=True):
    """count: events of the backlog; fewer for the slow ones."""

    name: str
    count: int
    command: tuple[str, ...]
    lane: str = ""


WAYS = (
    Way(OURS, 150_000, ("-m", "benchmarks.lane_worker"), "batch"),
    Way(AGENTS, 15_000, ("-m", "benchmarks.lane_worker"), "agents"),
    Way(BARE, 150_000, ("-m", "benchmarks.bare_loop", "decode")),
    Way(STOCK, 20_000, ("-m", "benchmarks.stock_app", "decode")),
    Way(TABLE, 5_000, ("-m", "benchmarks.stock_app", "table")),
    Way(QUIX, 150_000, ("-m", "benchmarks.quix_app")),
)


async def measure(stage: Stage, quick: bool) -> Result:
    """All ways in each round."""
    rounds, share = (1, 25) if quick else (3, 1)
    found: dict[str, list[Drained]] = {}
    result = Result()
    all_messages = messages(WARM + max(way.count for way in WAYS) // share, time.time())
    result.settings = told(patient(stage.settings()))
    if not quick:
        say("lane: a first round, which is not counted, for the broker to warm up")
        await _one(stage, WAYS[0], all_messages)
    for n in range(rounds):
        for way in WAYS:
            if why := _not_here(way):
                if not n:
                    say(f"lane: {way.name}: {why}")
                continue
            found.setdefault(way.name, []).append(
                await _one(stage, way, all_messages[: WARM + max(500, way.count // share)])
            )
            last = found[way.name][-1]
            say(
                f"lane, round {n + 1} of {rounds}: {way.name}: {last.rate:,.0f} events/s, "
                f"{last.cpu_us:.1f} µs of CPU an event"
            )
    _report(result, found)
    return result


def _not_here(way: Way) -> str:
    if way.name == AGENTS and "lane" not in FIELDS:
        return "this version has no setting `lane`"
    return quix.REMEDY if way.name == QUIX and quix.python() is None else ""


async def _one(stage: Stage, way: Way, backlog: Sequence[Keyed]) -> Drained:
    settings = patient(stage.settings())
    if way.lane and "lane" in FIELDS:
        settings = replace(settings, lane=way.lane)
    async with cluster.topics_of(settings) as client:
        if way.name == BARE:
            return await bare(stage, settings, "decode", backlog)
        python, command = sys.executable, way.command
        if way.name == QUIX:
            python = quix.python() or python
            names = Names.of(settings.topic_prefix)
            command = (*command, ",".join(settings.brokers), names.events, settings.app_id)
        name = way.name.replace(" ", "-").replace(",", "")
        async with stage.program(name, command, _own_port(way, settings), python=python) as process:
            return await drained(stage, settings, client, [Running(name, process)], backlog, WARM)


def _own_port(way: Way, settings: Settings) -> Settings:
    return cluster.with_port(settings) if way.lane else settings


def _report(result: Result, found: dict[str, list[Drained]]) -> None:
    size = next(iter(found.values()))[0].bytes
    for way in WAYS:
        if way.name not in found:
            result.missing(NAME, way.name, _not_here(way))
            continue
        of = found[way.name]
        aim = AIM_US if way.name == OURS else None
        note = f"{of[0].events:,.0f} events of {size:.0f} bytes, {source()}"
        result.rounds(NAME, f"{way.name}: CPU", [d.cpu_us for d in of], "µs/event", aim=aim, note=note)
        rate = result.rounds(NAME, f"{way.name}: rate", [d.rate for d in of], "events/s")
        result.rounds(NAME, f"{way.name}: broker CPU", [d.broker_us for d in of], "µs/event")
        result.series.setdefault("lanes", []).append(
            {"way": way.name, "rate": rate, "cpu_us": percentile([d.cpu_us for d in of], 50)}
        )
    ratios = [stock.cpu_us / ours.cpu_us for stock, ours in zip(found[STOCK], found[OURS], strict=True)]
    ratio = result.rounds(
        NAME, "stock Faust agent / batch lane, CPU", ratios, "times", aim=AIM_SHARE, least=True,
        note="the stock agent without a table",
    )  # fmt: skip
    kept = [table.cpu_us / ours.cpu_us for table, ours in zip(found[TABLE], found[OURS], strict=True)]
    with_table = result.rounds(
        NAME, "stock Faust agent with a table / batch lane, CPU", kept, "times", note="both keep each run's state"
    )
    ours, stock = (percentile([d.cpu_us for d in found[name]], 50) for name in (OURS, STOCK))
    result.summary.append(
        f"Without the engine the batch lane spends {ours:.1f} µs of CPU on an event (fetched, decoded, checkpointed, "
        f"acknowledged), a stock Faust agent {stock:.0f} µs without any state: {ratio:.1f} times as much. "
        f"One that keeps each run's state in a table, as the lane does, spends {with_table:.0f} times as much."
    )
