"""The rules that the engine itself may raise: what no detector sees, because it is about Killcord's own doing."""

from __future__ import annotations

from detectors.detector import Rule

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

ENGINE_RULES: tuple[Rule, ...] = (UNCONFIRMED, GOVERNOR, DETECTOR_FAILED, SPLIT_RUN)
