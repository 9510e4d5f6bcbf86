"""Of two workers that both believe that a partition is theirs, one can write its states: against the real Kafka."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable

import pytest
from aiokafka.errors import KafkaError

from monitor.settings import Settings
from monitor.topics import TABLES, changelog
from monitor.worker.fence import EXPELLED, Fenced, FencedChangelogs
from monitor.worker.transport import ConsumerThread
from tests.worker.harness import tail


class Group:
    """What Kafka would tell each worker of the generation it is in."""

    def __init__(self) -> None:
        self.counted: dict[str, int] = {}

    def generation(self, worker: str) -> Callable[[], object]:
        async def ask() -> int | None:
            return self.counted[worker]

        return ask


@pytest.fixture
async def group() -> Group:
    return Group()


@pytest.fixture
async def workers(kafka_topics: Settings, group: Group) -> AsyncIterator[tuple[FencedChangelogs, FencedChangelogs]]:
    first, second = (FencedChangelogs(kafka_topics, group.generation(name)) for name in ("first", "second"))  # type: ignore[arg-type]
    yield first, second
    await first.close()
    await second.close()


async def written(settings: Settings) -> list[tuple[bytes, bytes | None]]:
    """What lies on the changelog, as a reader that sees everything sees it."""
    name = changelog(settings, TABLES[0])
    async with tail(settings, name) as seen:
        await seen.quiet(1.0)
    return [(record.key, record.value) for record in seen.records]


async def test_whoever_was_assigned_last_writes_and_the_one_before_cannot(
    kafka_topics: Settings, workers: tuple[FencedChangelogs, FencedChangelogs], group: Group
) -> None:
    first, second = workers
    name = changelog(kafka_topics, TABLES[0])
    group.counted = {"first": 1, "second": 2}
    await first.assigned({0}, 1)
    assert await first.write(0, {name: [(b"run", b"of the first")]}, 1) == {name: 0}

    await second.assigned({0}, 2)
    group.counted["first"] = EXPELLED
    with pytest.raises(Fenced, match="partition 0"):
        await first.write(0, {name: [(b"run", b"late")]}, 1)
    await second.write(0, {name: [(b"run", b"of the second")]}, 2)

    assert await written(kafka_topics) == [(b"run", b"of the first"), (b"run", b"of the second")]


async def test_a_producer_that_is_started_late_is_turned_away_and_the_owner_goes_on(
    kafka_topics: Settings, workers: tuple[FencedChangelogs, FencedChangelogs], group: Group
) -> None:
    first, second = workers
    name = changelog(kafka_topics, TABLES[0])
    group.counted = {"first": EXPELLED, "second": 2}
    await second.assigned({0}, 2)
    await second.write(0, {name: [(b"run", b"1")]}, 2)
    await first.assigned({0}, 1)  # suspended between its assignment and this: its producer fences the owner's

    with pytest.raises(Fenced):
        await first.write(0, {name: [(b"run", b"late")]}, 1)
    await second.write(0, {name: [(b"run", b"2")]}, 2)

    assert await written(kafka_topics) == [(b"run", b"1"), (b"run", b"2")]


async def test_nothing_is_written_before_kafka_has_said_whose_the_partition_is(
    kafka_topics: Settings, workers: tuple[FencedChangelogs, FencedChangelogs], group: Group
) -> None:
    first, _ = workers
    name = changelog(kafka_topics, TABLES[0])
    answers = iter([None, None, None, 1, 1])

    async def later() -> int | None:
        return next(answers)

    first._asks = later
    await first.assigned({0}, 1)
    await first.write(0, {name: [(b"run", b"state")]}, 1)
    assert list(answers) == []
    assert first.refused is None
    assert await written(kafka_topics) == [(b"run", b"state")]


async def test_what_does_not_fit_one_batch_goes_in_several(
    kafka_topics: Settings, workers: tuple[FencedChangelogs, FencedChangelogs], group: Group
) -> None:
    first, _ = workers
    group.counted["first"] = 1
    await first.assigned({0, 1}, 1)
    runs, fleet = (changelog(kafka_topics, table) for table in TABLES)
    entries = [(b"%d" % n, bytes(10_000)) for n in range(300)] + [(b"gone", None)]
    offsets = await first.write(1, {runs: entries, fleet: [(b"team", b"state")]}, 1)
    assert offsets[runs] >= 300
    assert offsets[fleet] == 0
    assert [key for key, _ in await written(kafka_topics)] == [key for key, _ in entries]


async def test_states_made_before_a_rebalance_are_not_written_after_it(
    kafka_topics: Settings, workers: tuple[FencedChangelogs, FencedChangelogs], group: Group
) -> None:
    first, _ = workers
    group.counted["first"] = 3
    await first.assigned({0}, 3)
    with pytest.raises(Fenced, match="generation 1"):
        await first.write(0, {changelog(kafka_topics, TABLES[0]): [(b"run", b"old")]}, 1)
    assert await written(kafka_topics) == []


async def test_a_worker_in_no_group_gives_up_and_starts_no_producer_that_would_fence_the_owner(
    kafka_topics: Settings, workers: tuple[FencedChangelogs, FencedChangelogs], group: Group
) -> None:
    first, second = workers
    name = changelog(kafka_topics, TABLES[0])
    group.counted = {"first": 1, "second": 2}
    await first.assigned({0}, 1)
    await first.write(0, {name: [(b"run", b"1")]}, 1)
    await second.assigned({0}, 2)
    await second.write(0, {name: [(b"run", b"2")]}, 2)
    owner = second._producers[0]
    group.counted["first"] = EXPELLED  # it is rejoining, and its rebalance waits for this write
    with pytest.raises(Fenced):
        await first.write(0, {name: [(b"run", b"late")]}, 1)
    await second.write(0, {name: [(b"run", b"3")]}, 2)
    assert second._producers[0] is owner
    assert await written(kafka_topics) == [(b"run", b"1"), (b"run", b"2"), (b"run", b"3")]


async def test_a_state_of_a_partition_that_is_not_this_workers_starts_no_producer(group: Group) -> None:
    group.counted["first"] = 3
    changelogs = FencedChangelogs(Settings(brokers=("127.0.0.1:1",)), group.generation("first"))  # type: ignore[arg-type]
    await changelogs.assigned((), 3)
    with pytest.raises(Fenced, match="partition 0 is not this worker's"):
        await changelogs.write(0, {"changelog": [(b"run", b"state")]}, 3)
    assert changelogs._producers == {}


class Coordinator:
    """Of a group that this worker is in, as Kafka answers its heartbeat."""

    generation = 7

    def __init__(self, answer: bool | Exception, then: int = 7) -> None:
        self._answer, self._then = answer, then

    async def _do_heartbeat(self) -> bool:
        self.generation = self._then
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


ANSWERS = [  # what the heartbeat comes to, the generation after it; what is known
    (True, 7, 7),
    (False, 7, None),  # no answer
    (KafkaError("GroupLoadInProgressError"), 7, None),  # a broker that was just started: nobody is expelled by it
    (False, EXPELLED, EXPELLED),
]


@pytest.mark.parametrize(("answer", "then", "known"), ANSWERS)
async def test_only_who_is_told_so_is_expelled(answer: bool | Exception, then: int, known: int | None) -> None:
    thread = ConsumerThread.__new__(ConsumerThread)
    thread.log = logging.getLogger(__name__)  # type: ignore[assignment]
    assert await thread._standing(Coordinator(answer, then)) == known  # type: ignore[arg-type]
