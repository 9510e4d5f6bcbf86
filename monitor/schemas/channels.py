"""The topics of the AsyncAPI document: what they hold, who writes and who reads them."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

from monitor.schemas.messages import BATCH, EVENTS

Participant: TypeAlias = Literal["agent", "worker", "kill-switch", "operator", "watchdog", "consumer"]


class Channel(Struct, frozen=True, kw_only=True):
    """One topic. sent, received: who does, and why."""

    description: str
    messages: tuple[str, ...]
    sent: dict[Participant, str]
    received: dict[Participant, str]


# By the names of `monitor.topics.Names`.
CHANNELS: dict[str, Channel] = {
    "events": Channel(
        description="One run, with all its sub-agents, is one key: its events stay in order in one partition. "
        "Unknown fields are skipped, unknown kinds counted; what cannot be decoded goes to the dead-letter topic.",
        messages=(*EVENTS, *BATCH),
        sent={"agent": "Says what it does, before it does it.", "watchdog": "Sends canaries."},
        received={"worker": "Judges the run.", "operator": "`killcord show` and `killcord replay --topic`."},
    ),
    "operator": Channel(
        description="What lowers a verdict. Give write access to people and trusted services only, never to agents.",
        messages=("operatorDecision",),
        sent={
            "operator": "Approves, raises, pins, kills, pauses, resumes, says how a run ended.",
            "watchdog": "Says which event will be its canary.",
        },
        received={"worker": "Takes it into account from the next event on, and journals it."},
    ),
    "acks": Channel(
        description="Written to the partition that the command names, which is the one of the run's events. "
        "A switch registers with `watching` before the agent's first action.",
        messages=("ack",),
        sent={"kill-switch": "Registers, receives, and proves what it did."},
        received={
            "worker": "Confirms or escalates the command.",
            "operator": "`killcord kill` waits for it.",
            "consumer": "Follows commands to their proof.",
        },
    ),
    "rollups": Channel(
        description="The second stage's log. Each rollup names its source partition and offset: what comes twice "
        "counts once.",
        messages=("rollup",),
        sent={"worker": "Cuts one every few steps, and at a run's end."},
        received={"worker": "Judges deployments: drift."},
    ),
    "alerts": Channel(
        description="One `id` and `revision` is one message and may come twice; keep the highest revision.",
        messages=("alert",),
        sent={
            "worker": "Raises, revises, resolves and escalates.",
            "watchdog": "Raises and resolves what it sees of the monitor itself.",
        },
        received={"consumer": "Pages people.", "operator": "`killcord alerts`."},
    ),
    "control": Channel(
        description="Read all partitions without a consumer group. A command is obeyed once and acknowledged each "
        "time it comes; one with a lower epoch than was seen for its target, or that has expired, is refused.",
        messages=("command",),
        sent={"worker": "Notices, pauses and kills.", "operator": "Kills, pauses and resumes, with no worker needed."},
        received={
            "kill-switch": "Obeys, and acknowledges.",
            "watchdog": "Sees that its canary was killed.",
            "consumer": "Shows what was ordered.",
        },
    ),
    "standing": Channel(
        description="Compacted: the kill or pause in force of each target. A switch reads it to its end before the "
        "agent's first action. The kill of a run never ends; a tombstone lifts any other order.",
        messages=("standing", "lifted"),
        sent={"worker": "Its kills and pauses.", "operator": "Its kills and pauses, and what lifts them."},
        received={"kill-switch": "Learns that its run was killed before it started."},
    ),
    "deadletter": Channel(
        description="`killcord deadletter list`, `show` and `replay` look at these and put them back.",
        messages=("deadLetter",),
        sent={"worker": "Buries what it cannot decode, and goes on."},
        received={"operator": "Looks, and puts back."},
    ),
    "journal": Channel(
        description="With the events it gives the same verdicts again. Written to the partition of the run's events.",
        messages=("journalEntry",),
        sent={"worker": "Writes down what changed a verdict, and after which event."},
        received={"worker": "`killcord replay --topic` reads it.", "operator": "`killcord show`."},
    ),
    "health": Channel(
        description="Silence here is the alarm. Give write access to workers only: a kill-switch that pauses or stops "
        "without a monitor lives on these.",
        messages=("workerHeartbeat",),
        sent={"worker": "Says that it judges, which partitions, and how far behind it is."},
        received={
            "watchdog": "Alarms within three that are missing.",
            "kill-switch": "Renews its lease by a heartbeat that covers its run's partition.",
        },
    ),
}
