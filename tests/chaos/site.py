"""One installation under fire: topics of its own, workers, fleets, a kill-switch, and an eye on all of it."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from tests.chaos import checker
from tests.chaos.ground import Ground, say
from tests.chaos.load import Fleet
from tests.chaos.programs import Worker, killcord
from tests.chaos.recovery import Fault, recovery
from tests.chaos.report import Row
from tests.chaos.stories import POLICY
from tests.chaos.switch import Switch
from tests.chaos.watch import Watch, read_all

INPUTS = ("events", "operator", "acks", "rollups")
OUTPUTS = ("control", "deadletter")
READ = ("events", "control", "alerts", "acks", "deadletter")
PATIENCE_S = 90.0
QUIET_S = 1.0
LOST_S = 10.0  # everything is judged and committed for so long: what has not come will not come
SEND_S = 120  # the load's own producer: longer than any outage that a scenario makes


class Site:
    """Made by `site`. ``told``: the environment of every Killcord program."""

    def __init__(self, name: str, told: dict[str, str], directory: Path, partitions: int) -> None:
        self.name, self.told, self.directory = name, told, directory
        self.prefix = told["KILLCORD_TOPIC_PREFIX"]
        self.partitions = partitions
        self.changelog = f"{self.prefix}-worker-runs-changelog"
        self.workers: list[Worker] = []
        self.fleets: list[Fleet] = []
        self.faults: list[Fault] = []
        self.poison: set[tuple[int, int]] = set()
        self.fatal: dict[str, str] = {}  # of runs that no fleet made
        self.producer: AIOKafkaProducer
        self.consumer: AIOKafkaConsumer
        self.switch: Switch
        self.watch: Watch
        self._tasks: list[asyncio.Task[None]] = []
        self._began = time.monotonic()

    def topic(self, name: str) -> str:
        return f"{self.prefix}.{name}"

    def places(self, *names: str) -> list[TopicPartition]:
        return [TopicPartition(self.topic(name), n) for name in names for n in range(self.partitions)]

    def worker(self, *, static: bool = False, **told: str) -> Worker:
        """Starts one; `Worker.ready` waits for it. It ends with the site."""
        name = f"worker-{len(self.workers)}"
        self.workers.append(Worker(name, self.told | told, self.directory / f"{name}.log", static))
        return self.workers[-1]

    def work(self, rate: float, **more: Any) -> Fleet:
        """A fleet begins to work."""
        name = f"run{len(self.fleets)}"
        fleet = Fleet(self.producer, self.topic("events"), rate, name=name, **more)
        self.fleets.append(fleet)
        self.switch.fleets.append(fleet)
        self.beside(fleet.work())
        self.beside(self.switch.register(fleet))
        return fleet

    def beside(self, work: Any) -> asyncio.Task[None]:
        self._tasks.append(asyncio.ensure_future(work))
        return self._tasks[-1]

    async def fault(self, victim: Worker | None, act: Callable[[], Any]) -> None:
        """Does what hurts, in a thread if it takes its time; notes when, and whose partitions it hit (None: all)."""
        orphaned = None
        if victim is not None:
            orphaned = frozenset((await self.watch.owners(self.topic("events"))).get(victim.name, ()))
        self.faults.append(Fault(time.time(), orphaned))
        await asyncio.to_thread(act)

    async def killing(self, more: int = 5, partitions: Iterable[int] | None = None) -> None:
        """Until so many more runs were killed in each of the partitions (all of them): whoever owns them judges."""
        wanted = {n: self._killed(n) + more for n in (range(self.partitions) if partitions is None else partitions)}
        await self.until(lambda: all(self._killed(n) >= count for n, count in wanted.items()), "kills go on")

    def _killed(self, partition: int) -> int:
        return sum(place.partition == partition for place in self.switch.first.values())

    async def until(self, true: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
        end = time.monotonic() + patience_s
        while not true():
            self._check_tasks()
            if time.monotonic() > end:
                last = "\n".join(f"--- {worker.name}\n{worker.said()[-2500:]}" for worker in self.workers[-2:])
                raise AssertionError(f"{self.name}: not within {patience_s:g} s: {what}\n{last}")
            await asyncio.sleep(0.05)

    def _check_tasks(self) -> None:
        for task in self._tasks:
            if task.done() and not task.cancelled() and (error := task.exception()):
                raise error

    async def settled(self, patience_s: float = PATIENCE_S) -> None:
        """The load ends, and everything on the inputs is judged and committed. What is then missing is lost."""
        fatal = self.all_fatal()
        for fleet in self.fleets:
            fleet.stop()
        end = time.monotonic() + patience_s
        inputs = self.places(*INPUTS)
        quiet_since, before = time.monotonic(), None
        while time.monotonic() < end:
            self._check_tasks()
            try:
                committed, ends = await self.watch.committed(), await self.watch.ends(inputs)
            except (KafkaError, OSError, TimeoutError):
                await asyncio.sleep(0.2)
                continue
            fatal = self.all_fatal()
            caught_up = all(committed.get(place, 0) >= ends[place] for place in inputs)
            if not caught_up or ends != before:
                quiet_since, before = time.monotonic(), ends
            complete = set(fatal) <= set(self.switch.kills)
            if time.monotonic() - quiet_since > (QUIET_S if complete else LOST_S):
                return
            await asyncio.sleep(0.1)
        behind = [(*place, committed.get(place, 0), ends[place]) for place in inputs]
        behind = [entry for entry in behind if entry[2] < entry[3]]
        say(f"{self.name}: not settled after {patience_s:g} s (topic, partition, committed, end): {behind}")

    def all_fatal(self) -> dict[str, str]:
        return self.fatal | {run: event for fleet in self.fleets for run, event in fleet.fatal.items()}

    async def verdict(self, *, exact: bool = True, told: set[tuple[str, str, str]] | None = None) -> Row:
        """Settles, compares everything, and gives the scenario's row. ``exact``: no alert beyond the stories'."""
        await self.settled()
        say(f"{self.name}: comparing with an undisturbed replay")
        printed = await killcord(self.told, "replay", "--topic", "--ndjson", patience_s=600)
        changelog = [TopicPartition(self.changelog, n) for n in range(self.partitions)]
        where = {run: place for fleet in self.fleets for run, place in fleet.places.items()}
        known = {entry for fleet in self.fleets for entry in fleet.told()}
        fatal: dict[str, str | None] = {**self.all_fatal()}
        for run in {run for fleet in self.fleets for run in fleet.uncertain()}:
            fatal[run] = None
            where.pop(run, None)
        found = checker.Evidence(
            prefix=self.prefix, changelog=self.changelog, fatal=fatal, places=where,
            told={*known, *(told or ())}, exact=exact, kills=self.switch.kills, first=self.switch.first,
            others=self.switch.others, replayed=[json.loads(line) for line in printed.splitlines()],
            records=await read_all(self.consumer, [*self.places(*READ), *changelog]),
            samples=self.watch.samples, poison=self.poison,
        )  # fmt: skip
        again, amiss = checker.repeats(found), checker.problems(found)
        if amiss:
            await asyncio.to_thread(_keep, found, self.directory)
        return Row(
            scenario=self.name, events=len(found.by_topic["events"]), should_die=len(found.fatal),
            killed=len(found.kills), faults=len(self.faults), repeated_commands=again["control"],
            repeated_alerts=again["alerts"], torn=checker.torn(found),
            recovery=recovery(self.faults, where, self.switch.first),
            seconds=time.monotonic() - self._began, problems=amiss,
        )  # fmt: skip


@asynccontextmanager
async def site(
    ground: Ground, name: str, brokers: tuple[str, ...] | None = None, *, partitions: int = 4, **told: str
) -> AsyncIterator[Site]:
    """A fresh one; everything in it ends with it. ``brokers``: None for those that are shared."""
    brokers = brokers or ground.brokers
    directory = ground.directory / f"{name.replace(' ', '-')}-{uuid.uuid4().hex[:6]}"
    directory.mkdir(parents=True)
    (directory / "policy.yaml").write_text(POLICY)
    environment = {
        "KILLCORD_BROKERS": ",".join(brokers),
        "KILLCORD_TOPIC_PREFIX": f"chaos{uuid.uuid4().hex[:8]}",
        "KILLCORD_PARTITIONS": str(partitions),
        "KILLCORD_POLICY": str(directory / "policy.yaml"),
        **told,
    }
    say(name)
    await killcord(environment, "topics", "create")
    made = Site(name, environment, directory, partitions)
    options: dict[str, Any] = {"bootstrap_servers": list(brokers), "client_id": "chaos"}
    async with AsyncExitStack() as stack:
        stack.push_async_callback(_end, made)
        made.producer = await stack.enter_async_context(
            AIOKafkaProducer(**options, acks="all", linger_ms=2, request_timeout_ms=SEND_S * 1000)
        )
        hears = AIOKafkaConsumer(**options, fetch_max_wait_ms=50, enable_auto_commit=False)
        made.consumer = AIOKafkaConsumer(**options, isolation_level="read_committed", enable_auto_commit=False)
        # The end of a transaction is decided before its mark is written: what counts is that the records are there.
        looks = AIOKafkaConsumer(**options, enable_auto_commit=False)
        for consumer in (hears, made.consumer, looks):
            await stack.enter_async_context(consumer)
        admin = AIOKafkaAdminClient(**options, request_timeout_ms=5000)
        await admin.start()
        stack.push_async_callback(admin.close)
        changelog = [TopicPartition(made.changelog, n) for n in range(partitions)]
        made.switch = Switch(hears, made.producer, made.prefix, partitions)
        made.watch = Watch(admin, looks, f"{made.prefix}-worker", [*made.places(*OUTPUTS), *changelog])
        stack.push_async_callback(_cancel, made)
        made.beside(made.switch.obey())
        made.beside(made.watch.sample())
        yield made


async def _cancel(made: Site) -> None:
    for task in made._tasks:
        task.cancel()
    await asyncio.gather(*made._tasks, return_exceptions=True)


async def _end(made: Site) -> None:
    for worker in made.workers:
        await asyncio.to_thread(worker.kill)


def _keep(found: checker.Evidence, directory: Path) -> None:
    """Everything that was compared, beside the workers' logs: the brokers go with the scenario."""
    for topic, records in found.by_topic.items():
        with (directory / f"{topic}.ndjson").open("w") as file:
            for record in records:
                value = None if record.value is None else record.value.decode("utf-8", "replace")[:4000]
                key = None if record.key is None else record.key.decode("utf-8", "replace")
                line = {"partition": record.partition, "offset": record.offset, "time": record.timestamp / 1000}
                file.write(json.dumps({**line, "key": key, "value": value}) + "\n")
    with (directory / "samples.ndjson").open("w") as file:
        for sample in found.samples:
            places = {f"{place.topic}:{place.partition}": offset for place, offset in sample.committed.items()}
            file.write(json.dumps(places) + "\n")
