"""The rules that the engine itself may raise: what no detector sees, because it is about Killcord's own doing."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from detectors.detector import Rule, Thresholds

Seconds = Annotated[float, Meta(gt=0)]


class Missed(Thresholds, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """missed: heartbeats in a row, of a run that had published two."""

    missed: Annotated[int, Meta(ge=2)] = 3


class Published(Thresholds, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """silent_s: how long an agent may publish nothing while its guard sees it run."""

    silent_s: Seconds = 600.0


class Behind(Thresholds, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """behind_s: age of the event being judged, in one partition. Resolved below half of it."""

    behind_s: Seconds = 5.0


UNCONFIRMED = Rule(
    id="blindness.unconfirmed",
    title="A command was not obeyed",
    severity="critical",
    mode="alert",
    description="A kill-switch that watches the run did not prove in time that it obeyed. Raised for commands that an "
    "operator gave; a command that an alert led to revises that alert. Operational: raised by a timer.",
)
GOVERNOR = Rule(
    id="governor.limit",
    title="Killcord held back its own kills",
    severity="critical",
    mode="alert",
    description="More kills than the policy's governor allows: the rest became pauses. Either many runs went wrong at "
    "once, or a rule is wrong. Operational: it depends on what other runs did.",
)
DETECTOR_FAILED = Rule(
    id="blindness.detector",
    title="A detector could not judge an event",
    severity="warning",
    mode="alert",
    description="A detector raised an error, which is a bug in it; the others went on. Once a run and detector.",
)
SPLIT_RUN = Rule(
    id="blindness.partition",
    title="A run's events are in the wrong partition",
    severity="warning",
    mode="alert",
    description="The partition is not the one that murmur2 gives for the run id, so parts of the run may be judged "
    "apart. Producers need murmur2 (librdkafka: partitioner=murmur2_random) and the run id as key.",
)

HEARTBEAT = Rule(
    id="blindness.heartbeat",
    title="Heartbeats are lost",
    severity="warning",
    mode="alert",
    description="A run that published heartbeats, its agent or its guard, stopped doing so and did not say that it "
    "ended. Operational: raised and resolved by a timer.",
    thresholds=Missed,
)
SILENT = Rule(
    id="blindness.silent",
    title="Runs, but publishes nothing",
    severity="warning",
    mode="alert",
    description="A run's guard sees its processes, and its agent publishes nothing: what it does is not judged. "
    "Operational: raised and resolved by a timer.",
    thresholds=Published,
)
LAG = Rule(
    id="blindness.lag",
    title="Events are judged late",
    severity="critical",
    mode="alert",
    description="The events of a partition are old when they are judged, and kills come late by as much. "
    "Operational: raised and resolved by a timer.",
    thresholds=Behind,
)

ENGINE_RULES: tuple[Rule, ...] = (UNCONFIRMED, GOVERNOR, DETECTOR_FAILED, SPLIT_RUN, HEARTBEAT, SILENT, LAG)
