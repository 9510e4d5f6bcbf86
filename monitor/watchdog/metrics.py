"""What the watchdog counts, for Prometheus; apart from the workers' metrics, and scraped under a job of its own."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics

from monitor.watchdog.conditions import WATCHDOG_RULES

_LATENCY = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 1.0, 2.5, 5.0, 10.0, 30.0)


class WatchdogMetrics:
    """In a registry of their own. Every series is there before anything happened."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        disable_created_metrics()  # type: ignore[no-untyped-call]
        ProcessCollector(registry=self.registry)
        alarms = Gauge(
            "killcord_watchdog_alarm", "1 while the watchdog has this alarm open.", ["rule"], registry=self.registry
        )
        self._alarms = {rule.id: alarms.labels(rule.id) for rule in WATCHDOG_RULES}
        self.canary = Histogram(
            "killcord_canary_seconds", "From a canary's event to its kill, as any agent and its kill-switch have it.",
            buckets=_LATENCY, registry=self.registry,
        )  # fmt: skip
        canaries = Counter("killcord_canaries", "Canaries by what came of them.", ["outcome"], registry=self.registry)
        self.killed, self.missed = canaries.labels("killed"), canaries.labels("missed")
        self.workers = Gauge("killcord_workers", "Workers whose heartbeats come.", registry=self.registry)
        self.silence = Gauge(
            "killcord_heartbeat_age_seconds", "Since the latest heartbeat of any worker.", registry=self.registry
        )
        self.uncovered = Gauge(
            "killcord_uncovered_partitions", "Of the event topic, that nobody judges.", registry=self.registry
        )
        self.behind = Gauge(
            "killcord_behind_seconds", "The oldest event being judged, of all partitions.", registry=self.registry
        )

    def alarms(self, rules: set[str]) -> None:
        """These are open, and no others."""
        for rule, gauge in self._alarms.items():
            gauge.set(rule in rules)
