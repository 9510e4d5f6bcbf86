"""Does what the cluster has fit what Killcord wants? Pure: the cluster's answers are given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from monitor.settings import Settings
from monitor.topics.spec import Topic, create_command

Kind = Literal["missing", "partitions", "config", "right", "leader"]


class Found(Struct, frozen=True, kw_only=True):
    """One topic as the cluster has it. ``config`` is empty if this user may not read it."""

    name: str
    partitions: int
    replicas: int
    leaderless: tuple[int, ...] = ()
    config: Mapping[str, str] = {}


class Problem(Struct, frozen=True):
    """Why a topic cannot be used, and what to do. ``command``: what an administrator can run, or empty."""

    topic: str
    kind: Kind
    text: str
    command: str = ""

    def __str__(self) -> str:
        return f"{self.topic}: {self.text}"


def problems(wanted: Sequence[Topic], found: Mapping[str, Found], denied: Mapping[str, str],
             settings: Settings) -> list[Problem]:  # fmt: skip
    """Everything that keeps the worker from running right on these topics.

    ``denied``: topics of which this user may not know, with the right that is missing.
    """
    told: list[Problem] = []
    for topic in wanted:
        if right := denied.get(topic.name):
            told.append(missing_right(topic, right, settings))
        elif topic.name not in found:
            text = "does not exist. Create it: killcord topics create"
            told.append(Problem(topic.name, "missing", text, create_command(topic, settings.brokers)))
        else:
            told += _unfit(topic, found[topic.name], settings)
    return told + list(_partitions(wanted, found))


def missing_right(topic: Topic, right: str, settings: Settings) -> Problem:
    """The problem that this user lacks a right on a topic, with the command that gives it."""
    user = f"User:{settings.sasl_username}" if settings.sasl_username else "User:<this client>"
    command = (
        f"kafka-acls.sh --bootstrap-server {','.join(settings.brokers)} --command-config admin.properties"
        f" --add --allow-principal '{user}' --operation {right} --topic {topic.name}"
    )
    return Problem(
        topic.name, "right", f"{user} lacks the right {right}. An administrator gives it: {command}", command
    )


def _unfit(topic: Topic, found: Found, settings: Settings) -> Iterator[Problem]:
    if found.leaderless:
        parts = ", ".join(str(number) for number in found.leaderless)
        text = f"no broker leads partition {parts}. Bring the broker that has it back."
        yield Problem(topic.name, "leader", text)
    for key, value, remedy in _settings_that_hurt(topic, found, settings):
        command = (
            f"kafka-configs.sh --bootstrap-server {','.join(settings.brokers)} --command-config admin.properties"
            f" --alter --entity-type topics --entity-name {topic.name} --add-config {remedy}"
        )
        text = f"{key} is {value}, needed is {remedy}. An administrator sets it: {command}"
        yield Problem(topic.name, "config", text, command)


def _settings_that_hurt(topic: Topic, found: Found, settings: Settings) -> Iterator[tuple[str, str, str]]:
    """(key, value, key=value needed). Retention is the owner's business; these would lose or misread messages."""
    config = found.config
    cleanup = config.get("cleanup.policy")
    if cleanup is not None and cleanup != topic.cleanup:
        yield "cleanup.policy", cleanup, f"cleanup.policy={topic.cleanup}"
    stamp = config.get("message.timestamp.type")
    if topic.stamped and stamp is not None and stamp != "LogAppendTime":
        yield "message.timestamp.type", stamp, "message.timestamp.type=LogAppendTime"
    room = config.get("max.message.bytes")
    if room is not None and int(room) < settings.max_event_bytes:
        yield "max.message.bytes", room, f"max.message.bytes={topic.max_message_bytes}"
    insync = config.get("min.insync.replicas")
    if insync is not None and int(insync) > found.replicas:
        # With acks=all no write to it could ever succeed.
        yield f"with {found.replicas} copies min.insync.replicas", insync, f"min.insync.replicas={found.replicas}"


def _partitions(wanted: Sequence[Topic], found: Mapping[str, Found]) -> Iterator[Problem]:
    together = [(topic, found[topic.name]) for topic in wanted if topic.copartitioned and topic.name in found]
    if not together:
        return
    first, events = together[0]
    if events.partitions < first.partitions:
        text = (
            f"has {events.partitions} partitions, and KILLCORD_PARTITIONS asks for {first.partitions}."
            f" Set KILLCORD_PARTITIONS={events.partitions}: partitions added later would split runs in two."
        )
        yield Problem(events.name, "partitions", text)
    for _, other in together[1:]:
        if other.partitions == events.partitions:
            continue
        text = (
            f"has {other.partitions} partitions and {events.name} has {events.partitions}, but they must have as many:"
            " one worker reads the same partition of both. Delete the wrong one and run killcord topics create,"
            " or choose another KILLCORD_TOPIC_PREFIX."
        )
        yield Problem(other.name, "partitions", text)
