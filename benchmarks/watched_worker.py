"""``killcord worker`` that also counts its tasks, as the gauge benchmark_tasks on /metrics, for `soak`.

python -m benchmarks.watched_worker                      (settings by KILLCORD_...)
"""

from __future__ import annotations

import asyncio
import weakref

from prometheus_client import CollectorRegistry, Gauge

from monitor.metrics import Metrics

GAUGE = "benchmark_tasks"
_loops: weakref.WeakSet[asyncio.AbstractEventLoop] = weakref.WeakSet()


class Counting(asyncio.DefaultEventLoopPolicy):
    """Remembers the loops: the health endpoint that is asked has a thread of its own, without one."""

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        loop = super().new_event_loop()
        _loops.add(loop)
        return loop


class WithTasks(Metrics):
    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        super().__init__(registry)
        Gauge(GAUGE, "Tasks not yet done.", registry=self.registry).set_function(tasks)


def tasks() -> float:
    """Of every loop that runs."""
    return float(sum(len(asyncio.all_tasks(loop)) for loop in list(_loops) if loop.is_running()))


def main() -> None:
    from monitor.settings import load
    from monitor.worker import start

    asyncio.set_event_loop_policy(Counting())
    start.Metrics = WithTasks  # type: ignore[misc]
    start.start(load().settings)


if __name__ == "__main__":
    main()
