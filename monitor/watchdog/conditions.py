"""What is wrong, from all that the watchdog sees: a cause hides what follows from it, so that one thing pages once.

Kafka away  >  the monitor silent  >  partitions that nobody judges  >  canaries that do not come back
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from detectors.detector import Rule, Severity
from monitor.watchdog.beats import MISSED, Beats
from monitor.watchdog.canary import Canaries
from monitor.watchdog.coverage import Coverage

KAFKA = Rule(
    id="blindness.kafka", title="Kafka cannot be reached", severity="critical", mode="alert",
    description="The watchdog has lost Kafka: agents cannot be watched, and cannot be told anything.",
)  # fmt: skip
MONITOR = Rule(
    id="blindness.monitor", title="The monitor is silent", severity="critical", mode="alert",
    description="No worker's heartbeat has come for three heartbeats: no agent is watched.",
)  # fmt: skip
WORKER = Rule(
    id="blindness.worker", title="A worker was lost", severity="warning", mode="alert",
    description="A worker's heartbeats stopped, and nobody has taken over its partitions yet.",
)  # fmt: skip
COVERAGE = Rule(
    id="blindness.coverage", title="Partitions that nobody judges", severity="critical", mode="alert",
    description="Partitions of the event topic have no worker, or theirs does not get on.",
)  # fmt: skip
CANARY = Rule(
    id="blindness.canary", title="A canary did not come back killed", severity="critical", mode="alert",
    description="The watchdog's own destructive run went in, and no kill came out: verdicts no longer arrive.",
)  # fmt: skip
WATCHDOG_RULES: tuple[Rule, ...] = (KAFKA, MONITOR, WORKER, COVERAGE, CANARY)

BY_HAND = "`killcord kill RUN` works without any worker."


class Condition(Struct, frozen=True):
    """One thing that is wrong now. about: what it concerns; another is news."""

    rule: Rule
    summary: str
    about: tuple[str, ...] = ()

    @property
    def severity(self) -> Severity:
        return self.rule.severity


def conditions(
    away_s: float | None, kafka: str, beats: Beats, coverage: Coverage, canaries: Canaries, now: float
) -> list[Condition]:
    """``away_s``: for how long Kafka has not answered, once that is an alarm; ``kafka``: where it is, and why not."""
    if away_s is not None:
        text = (
            f"No answer from Kafka at {kafka} for {away_s:.0f} s. Nothing is judged, and no kill-switch hears a "
            "command; those with a lease do by themselves what they were told. Look at the brokers, or at the "
            "watchdog's rights."
        )
        return [Condition(KAFKA, text)]
    silent = beats.silent(now)
    if silent is not None:
        text = (
            f"No worker has been heard for {silent:.1f} s, {MISSED} heartbeats: no agent is watched. Start `killcord "
            f"worker`, look at its last log lines. {BY_HAND}"
        )
        return [Condition(MONITOR, text)]
    found = []
    if lost := beats.lost(now):
        names = tuple(sorted(beat.worker for beat in lost))
        parts = sorted({one.partition for beat in lost for one in beat.partitions})
        text = (
            f"No heartbeat of {', '.join(names)} any more, and nobody has taken over partitions {_listed(parts)} yet. "
            f"Look whether it runs; the others take over once Kafka gives it up. {BY_HAND}"
        )
        found.append(Condition(WORKER, text, names))
    uncovered = coverage.uncovered(now)
    if uncovered:
        text = (
            f"Nobody judges {_told(uncovered)}. The agents there are not watched. Look at the workers' /readyz and "
            f"logs, and restart the one that has them. {BY_HAND}"
        )
        found.append(Condition(COVERAGE, text, tuple(map(str, uncovered))))
    missing = {partition: why for partition, why in canaries.missing().items() if partition not in uncovered}
    if missing:
        text = (
            f"The canary of {_told(missing)}. Workers live, but their verdicts do not arrive: look at their logs and "
            f"at the producers' errors. One that is alerted and not killed: the policy answers destructive.wide of "
            f"agent_name killcord-canary with something else than kill. {BY_HAND}"
        )
        found.append(Condition(CANARY, text, tuple(map(str, missing))))
    return found


def _told(found: Mapping[int, str]) -> str:
    return "; ".join(f"partition {partition}: {why}" for partition, why in found.items())


def _listed(partitions: list[int]) -> str:
    return ", ".join(map(str, partitions)) or "(none)"
