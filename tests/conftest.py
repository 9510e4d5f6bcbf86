"""A real Apache Kafka for tests, and a fresh set of Killcord's topics on it for each test.

`kafka` is one broker for the whole session, `own_kafka` one that a test may kill, `start_kafka` makes any other.
All end with the session, whatever ends it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
from aiokafka.admin import AIOKafkaAdminClient

from monitor.settings import Settings, aiokafka_options
from monitor.topics import topics
from monitor.topics.admin import create

# On a busy machine slow is no failure: what is tested is what comes out.
hypothesis.settings.register_profile("killcord", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("killcord")

HERE = Path(__file__).resolve().parent
REMEDY = "install Java 17 or newer and Maven, or set KILLCORD_TEST_BROKERS to a Kafka that the tests may use"
NEEDS_KAFKA = {"kafka", "own_kafka", "start_kafka", "kafka_settings", "kafka_topics", "secure_kafka"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if NEEDS_KAFKA & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.kafka)


def script() -> Path:
    """The recipe beside the checkout if there is one, else our own."""
    beside = HERE.parent.parent / "shared" / "kafka" / "kafka.sh"
    return beside if beside.exists() else HERE / "kafka" / "kafka.sh"


class Cluster:
    """A Kafka of 1 or 3 brokers with ids 1, 2, 3, in a directory of its own."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.directory = directory
        directory.mkdir(parents=True)
        # Its input ends with this process, however that dies; brokers are in sessions of their own and would stay.
        self._reaper = subprocess.Popen(
            ["bash", "-c", 'cat; "$0" stop "$1"; rm -rf "$1"', str(script()), str(directory)],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            env=os.environ | {"KAFKA_TIMEOUT": "10"},
        )  # fmt: skip
        try:
            self.brokers = tuple(self._run("start", *options).strip().split(","))
        except BaseException:
            self.close()
            raise

    def _run(self, command: str, *arguments: str) -> str:
        done = subprocess.run(
            [str(script()), command, str(self.directory), *arguments], capture_output=True, text=True, timeout=150
        )
        if done.returncode:
            raise RuntimeError(f"kafka.sh {command}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def kill(self, broker: int = 1) -> None:
        """kill -9; `start` brings it back with its data, at the same address."""
        self._run("kill", str(broker))

    def stop(self) -> None:
        """All brokers in good order; their data stay."""
        self._run("stop")

    def start(self) -> None:
        """Brings back what does not run, and waits until it answers."""
        self._run("start")

    def close(self) -> None:
        assert self._reaper.stdin
        self._reaper.stdin.close()
        self._reaper.wait(timeout=60)


StartKafka = Callable[..., Cluster]


def unavailable(why: str) -> None:
    """In CI a missing Kafka fails the test; on a person's machine it skips it."""
    if os.environ.get("CI"):
        pytest.fail(f"no Kafka: {why}; {REMEDY}", pytrace=False)
    pytest.skip(f"no Kafka: {why}; {REMEDY}")


@pytest.fixture(scope="session")
def start_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartKafka]:
    """Starts a cluster: ``start_kafka("--brokers", "3", ...)``, with the options of kafka.sh. Ends with the session."""
    clusters: list[Cluster] = []
    refusals: list[str] = []

    def start(*options: str) -> Cluster:
        if refusals:
            unavailable(refusals[0])
        if not shutil.which("java"):
            unavailable("java not found")
        try:
            clusters.append(Cluster(tmp_path_factory.mktemp("kafka") / "cluster", *options))
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            refusals.append(str(error))
            unavailable(str(error))
        return clusters[-1]

    yield start
    for cluster in clusters:
        cluster.close()


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """The brokers, host:port, that all tests share."""
    if named := os.environ.get("KILLCORD_TEST_BROKERS"):
        return tuple(part.strip() for part in named.split(","))
    cluster: Cluster = request.getfixturevalue("start_kafka")()
    return cluster.brokers


@pytest.fixture
def own_kafka(start_kafka: StartKafka) -> Iterator[Cluster]:
    """One broker that the test may kill, stop and start."""
    cluster = start_kafka()
    yield cluster
    cluster.close()


@pytest.fixture
def kafka_settings(kafka: tuple[str, ...]) -> Settings:
    """Settings for one test: the shared broker, under a prefix that no other test has. No topics exist yet."""
    return Settings(
        brokers=kafka,
        topic_prefix=f"t{uuid.uuid4().hex[:10]}",
        partitions=4,
        replication_factor=1,
        metrics_port=0,
        broker_wait_s=10.0,
    )


@pytest.fixture
async def kafka_topics(kafka_settings: Settings) -> AsyncIterator[Settings]:
    """The same settings, with all topics there; they are deleted after the test."""
    client = AIOKafkaAdminClient(**aiokafka_options(kafka_settings))
    await client.start()
    try:
        made = await create(client, kafka_settings)
        assert not made.problems, made.problems
        yield kafka_settings
        await client.delete_topics([topic.name for topic in topics(kafka_settings)])
    finally:
        await client.close()
