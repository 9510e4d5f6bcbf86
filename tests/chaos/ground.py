"""What scenarios stand on: a directory, a Kafka that they share, and Kafkas of their own that they may break."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import Cluster

Start = Callable[..., Cluster]
_began = time.monotonic()


class Ground:
    """``shared``: gives the brokers of the Kafka that all may use and none may break. ``start``: starts another."""

    def __init__(self, directory: Path, shared: Callable[[], tuple[str, ...]], start: Start) -> None:
        self.directory = directory
        self._shared, self._start = shared, start

    @property
    def brokers(self) -> tuple[str, ...]:
        return self._shared()

    @contextmanager
    def cluster(self, *options: str) -> Iterator[Cluster]:
        """A Kafka of the scenario's own, with the options of kafka.sh."""
        cluster = self._start(*options)
        try:
            yield cluster
        finally:
            cluster.close()


def say(text: str) -> None:
    """One line of progress, on standard error."""
    print(f"{time.monotonic() - _began:6.1f} s  {text}", file=sys.stderr, flush=True)
