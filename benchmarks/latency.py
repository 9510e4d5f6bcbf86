"""From an event to its kill received, acknowledged by all in-sync replicas, against the load offered.

One process offers healthy events and, among them, events that must be killed for; this one receives the control topic.
Both stamp by the machine's one clock: when an event was handed to its producer, when its kill was received. Beside it
the same for a stock Faust agent with the same engine. An app that falls behind is saturated, and its times say nothing.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from benchmarks import cluster
from benchmarks.figures import Result, percentile
from benchmarks.processes import cpu_seconds
from benchmarks.show import say
from benchmarks.stage import Stage, StageError, told
from monitor.client.reader import consumer, partitions_of
from monitor.settings import Settings
from monitor.topics import Names

NAME = "latency"
USUAL_KILLS = 20.0  # a second


class Rung(Struct, frozen=True):
    """rate: events a second offered; kills: of them, how many must be killed for; seconds: of each of the rounds."""

    rate: int
    kills: float = USUAL_KILLS
    seconds: float = 10.0
    rounds: int = 1

    @property
    def name(self) -> str:
        often = f" with {self.kills:g} kills/s" if self.kills > USUAL_KILLS else ""
        return f"{self.rate:,}/s{often}"


# 2,400 kills where the aims are, for their p99.9.
LADDER = (
    Rung(100, 10.0),
    Rung(500),
    Rung(2_000, seconds=40.0, rounds=3),
    Rung(2_000, 100.0),
    Rung(5_000),
    Rung(10_000, seconds=40.0, rounds=3),
    Rung(10_000, 100.0),
    Rung(25_000),
)
STOCK_LADDER = (Rung(100, 10.0), Rung(500), Rung(2_000, seconds=20.0, rounds=3), Rung(10_000, seconds=5.0))
QUICK = (Rung(500, seconds=3.0),)
WARM_UP = Rung(5_000, seconds=20.0)  # not counted: a broker that has just started spends a core on compiling itself
AIMS = {2_000: 15.0, 10_000: 25.0}  # p99, ms
AIM_P999_MS = 60.0
WARM_S = 5.0
GRACE_S = 3.0  # for the last kills after the load has ended
SATURATED = 0.99  # of the kills that came in time; below, the app has fallen behind
KILLCORD, STOCK = "killcord", "stock Faust agent"


class Round(Struct, kw_only=True):
    """times: ms from event to kill. sent: kills that were to come. offered: events/s that the load really had."""

    times: list[float] = field(default_factory=list)
    sent: int = 0
    offered: float = 0.0
    busy: float = 0.0

    @property
    def saturated(self) -> bool:
        return len(self.times) < SATURATED * self.sent


async def measure(stage: Stage, quick: bool) -> Result:
    """Each app with each load; the rounds of one load come one after the other, on one worker."""
    result = Result()
    result.settings = told(stage.settings())
    if not quick:
        await warm_up(stage)
    for way, ladder in ((KILLCORD, LADDER), (STOCK, STOCK_LADDER)):
        for rung in QUICK if quick else ladder:
            _report(result, way, rung, await _at(stage, way, rung))
    return result


async def warm_up(stage: Stage) -> None:
    """Lets the broker work for a while, as one does that was not started a moment ago."""
    say("warming up the broker")
    await _at(stage, KILLCORD, WARM_UP)


async def _at(stage: Stage, way: str, rung: Rung) -> list[Round]:
    """Fresh topics and a fresh worker for each load, so that none inherits another's backlog."""
    rate, seconds, rounds = rung.rate, rung.seconds, rung.rounds
    policy = stage.directory / "policy.yaml"
    policy.write_text(cluster.UNGOVERNED)
    settings = replace(stage.settings(), policy=str(policy))
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(cluster.topics_of(settings))
        if way == KILLCORD:
            process, _ = await stack.enter_async_context(cluster.worker(stage, settings))
        else:
            command = ("-m", "benchmarks.stock_app", "engine")
            process = await stack.enter_async_context(stage.program("stock", command, settings))
        watch = await stack.enter_async_context(_Watch(settings))
        await watch.until_alive(stage, settings)
        load = await stack.enter_async_context(
            stage.program("load", ["-m", "benchmarks.load", str(rate), str(rung.kills)], settings)
        )
        following = asyncio.create_task(watch.follow_load(load))
        await watch.settle(WARM_S if rounds > 1 or rate < 10_000 else 3.0)
        found = []
        for n in range(rounds):
            cpu, began, sent = cpu_seconds(process.pid), time.time(), watch.sent
            await asyncio.sleep(seconds)
            ended = time.time()
            busy = (cpu_seconds(process.pid) - cpu) / (ended - began)
            await asyncio.sleep(GRACE_S)
            round_ = watch.between(began, ended)
            round_.busy, round_.offered = busy, (watch.sent - sent) / (time.time() - began)
            found.append(round_)
            if load.returncode is not None:
                raise StageError(f"the load ended with status {load.returncode}:\n{stage.last_words('load')}")
            say(f"latency: {way} at {rung.name}, round {n + 1} of {rounds}: {_said(round_)}")
            if round_.saturated:
                break
        following.cancel()
        return found


class _Watch:
    """Receives the control topic, and hears from the load when it sent what."""

    def __init__(self, settings: Settings) -> None:
        self.sent = 0
        self._settings = settings
        self._stamps: dict[str, float] = {}
        self._received: dict[str, float] = {}
        self._reading: asyncio.Task[None] | None = None
        self._started, self._offered = asyncio.Event(), asyncio.Event()

    async def __aenter__(self) -> _Watch:
        self._reading = asyncio.create_task(self._read())
        async with asyncio.timeout(cluster.START_S):
            await self._started.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._reading
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self) -> None:
        async with consumer(self._settings) as reader:
            reader.assign(await partitions_of(reader, [Names.of(self._settings.topic_prefix).control]))
            self._started.set()
            while True:
                for records in (await reader.getmany(timeout_ms=1000)).values():
                    now = time.time()
                    for record in records:
                        self._received.setdefault((record.key or b"").decode(), now)

    async def until_alive(self, stage: Stage, settings: Settings) -> None:
        """Kills one run after the other until one comes back: the app judges."""
        from benchmarks.fill import fill
        from benchmarks.load import deadly

        until = time.monotonic() + cluster.START_S
        n = 0
        while not self._received:
            if time.monotonic() > until:
                raise StageError(f"no kill within {cluster.START_S:g} s of the start")
            await asyncio.to_thread(fill, settings, [(f"alive-{n}".encode(), deadly(f"alive-{n}"))])
            n += 1
            await asyncio.sleep(0.5)

    async def follow_load(self, load: asyncio.subprocess.Process) -> None:
        assert load.stdout
        async for line in load.stdout:
            said = msgspec.json.decode(line)
            self.sent = said["sent"]
            self._stamps.update(said["kills"])
            self._offered.set()

    async def settle(self, seconds: float) -> None:
        """Until the load has begun, and then for a while."""
        async with asyncio.timeout(cluster.START_S):
            await self._offered.wait()
        await asyncio.sleep(seconds)

    def between(self, began: float, ended: float) -> Round:
        """The kills whose events were sent in this time."""
        sent = {run_id: at for run_id, at in self._stamps.items() if began <= at < ended}
        times = [(self._received[run_id] - at) * 1000 for run_id, at in sent.items() if run_id in self._received]
        return Round(times=times, sent=len(sent))


def _said(found: Round) -> str:
    if not found.times:
        return f"no kill of {found.sent} came within {GRACE_S:g} s: saturated"
    percentiles = ", ".join(f"p{p:g} {percentile(found.times, p):.1f}" for p in (50, 99, 99.9))
    behind = " (saturated)" if found.saturated else ""
    return f"{len(found.times)} of {found.sent} kills, {percentiles} ms, {found.busy:.0%} of a core{behind}"


def _report(result: Result, way: str, rung: Rung, found: list[Round]) -> None:
    rate, at = rung.rate, f"{way}, {rung.name}"
    aimed = rate in AIMS and rung.kills == USUAL_KILLS
    saturated = any(each.saturated for each in found)
    times = [ms for each in found for ms in each.times]
    point: dict[str, object] = {"way": way, "rate": rate, "saturated": saturated}
    if saturated:
        came, sent = len(times), sum(each.sent for each in found)
        result.missing(NAME, at, f"saturated: {came:,} of {sent:,} kills within {GRACE_S:g} s of the load's end")
    else:
        aims = {50.0: None, 99.0: AIMS[rate] if aimed else None, 99.9: AIM_P999_MS if aimed else None}
        for percent, aim in aims.items():
            each = [percentile(round_.times, percent) for round_ in found]
            name, aim = f"{at}: event to kill received, p{percent:g}", aim if way == KILLCORD else None
            note = f"{len(times):,} kills, {found[0].offered:,.0f}/s really offered" if percent == 50 else ""
            point[f"p{percent:g}"] = result.rounds(NAME, name, each, "ms", aim=aim, note=note)
    result.rounds(NAME, f"{at}: busy", [each.busy * 100 for each in found], "% of a core")
    if rung.kills <= USUAL_KILLS:
        result.series.setdefault("latency", []).append(point)
    if aimed:
        text = (
            "saturated" if saturated else f"p50 {point['p50']:.1f} ms, p99 {point['p99']:.1f} ms, "
            f"p99.9 {point['p99.9']:.1f} ms"
        )  # fmt: skip
        result.summary.append(f"Event to kill received, acks=all, at {rate:,} events/s offered: {way} {text}.")
