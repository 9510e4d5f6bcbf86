"""Workers for tests: one that a session's tests share, with run ids of their own, and as many more as are asked."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from monitor.settings import Settings
from tests.worker.harness import Worker, made

StartWorker = Callable[[Settings], Worker]


@pytest.fixture
def start_worker(tmp_path: Path) -> Iterator[StartWorker]:
    """Starts a worker; it ends with the test, whatever ends that."""
    workers: list[Worker] = []

    def start(settings: Settings) -> Worker:
        workers.append(Worker(settings, tmp_path / f"worker-{len(workers)}.log"))
        return workers[-1]

    yield start
    for worker in workers:
        if worker.process.poll() is None:
            worker.kill()


@pytest.fixture(scope="session")
def shared_worker(kafka: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """A worker with the shipped policy; whoever uses it takes ids that nobody else takes."""
    settings = Settings(brokers=kafka, topic_prefix=f"w{uuid.uuid4().hex[:10]}", partitions=4, replication_factor=1)
    asyncio.run(made(settings))
    worker = Worker(settings, tmp_path_factory.mktemp("shared") / "worker.log")
    try:
        asyncio.run(worker.ready())
        yield worker
        worker.stop()
    finally:
        if worker.process.poll() is None:
            worker.kill()


@pytest.fixture
def fresh() -> str:
    """A name that no other test has."""
    return uuid.uuid4().hex[:8]
