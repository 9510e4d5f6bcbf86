"""Killcord's topics as data: what each is for, how long it keeps, who must share its partition count."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from monitor.settings import Settings

Cleanup = Literal["delete", "compact"]

DAY_S = 86_400
# Faust's tables: the state of each run, and of what is wider than a run. Their changelogs are topics of ours to create.
TABLES = ("runs", "fleet")


class Names(Struct, frozen=True):
    """The names of the topics under one prefix, such as ``killcord.events``."""

    events: str
    operator: str
    acks: str
    rollups: str
    alerts: str
    control: str
    standing: str
    deadletter: str
    journal: str
    health: str

    @classmethod
    def of(cls, prefix: str = "killcord") -> Names:
        return cls(**{field: f"{prefix}.{field}" for field in cls.__struct_fields__})


class Topic(Struct, frozen=True, kw_only=True):
    """One topic as Killcord wants it.

    copartitioned: one worker must get the same partition of all of these, so they have as many partitions as events.
    stamped: the broker's clock is needed (LogAppendTime), since timers and evictions run on it.
    retention_s: None for a compacted topic.
    worker: the rights that a worker needs on it, in Kafka's words.
    """

    name: str
    purpose: str
    cleanup: Cleanup
    retention_s: int | None
    copartitioned: bool
    stamped: bool
    partitions: int
    replication_factor: int
    max_message_bytes: int
    worker: tuple[str, ...]

    def config(self) -> dict[str, str]:
        """The topic's configuration in Kafka's words, as it is created."""
        config = {"cleanup.policy": self.cleanup, "max.message.bytes": str(self.max_message_bytes)}
        if self.retention_s is not None:
            config["retention.ms"] = str(self.retention_s * 1000)
        if self.stamped:
            config["message.timestamp.type"] = "LogAppendTime"
        if self.cleanup == "compact":
            # Small and often: what a start has to read stays near one record a key.
            config |= {"segment.ms": str(3_600_000), "min.cleanable.dirty.ratio": "0.1"}
        if self.replication_factor >= 3:
            config["min.insync.replicas"] = "2"
        return config


def changelog(settings: Settings, table: str) -> str:
    """The name that Faust gives to the changelog topic of a table."""
    return f"{settings.app_id}-{table}-changelog"


def topics(settings: Settings) -> list[Topic]:
    """All topics of one installation; the events first."""
    names = Names.of(settings.topic_prefix)

    def topic(
        name: str,
        purpose: str,
        keeps: int | None,
        *worker: str,
        copartitioned: bool = False,
        stamped: bool = True,
    ) -> Topic:
        return Topic(
            name=name,
            purpose=purpose,
            cleanup="delete" if keeps is not None else "compact",
            retention_s=keeps * DAY_S if keeps is not None else None,
            copartitioned=copartitioned,
            stamped=stamped,
            partitions=settings.partitions,
            replication_factor=settings.replication_factor,
            max_message_bytes=settings.max_message_bytes,
            worker=worker,
        )

    return [
        topic(names.events, "what agents do, by run", 7, "Read", copartitioned=True),
        topic(names.operator, "approvals, raises, pins and outcomes, by people", 90, "Read", copartitioned=True),
        topic(names.acks, "what kill-switches did, where the command says", 7, "Read", copartitioned=True),
        topic(names.rollups, "what is wider than a run, by scope", 7, "Read", "Write", copartitioned=True),
        topic(names.alerts, "alerts, by run", 30, "Write"),
        topic(names.control, "kill, pause, resume and notice, by run", 7, "Write"),
        topic(names.standing, "standing kills and pauses, the last one of each target", None, "Write"),
        topic(names.deadletter, "what could not be decoded, as it came", 30, "Write"),
        topic(names.journal, "what else changed verdicts, for replay", 90, "Write", copartitioned=True),
        topic(names.health, "heartbeats of workers, which leases live on", 1, "Write"),
        *(
            # Faust stamps and reads changelogs by itself: the broker's clock is not needed in them.
            topic(
                changelog(settings, table),
                f"Faust table {table}",
                None,
                "Read",
                "Write",
                copartitioned=True,
                stamped=False,
            )
            for table in TABLES
        ),
    ]


def create_command(topic: Topic, brokers: tuple[str, ...]) -> str:
    """The command by which an administrator creates the topic."""
    copies = f" --replication-factor {topic.replication_factor}" if topic.replication_factor != -1 else ""
    config = "".join(f" --config {key}={value}" for key, value in topic.config().items())
    return (
        f"kafka-topics.sh --bootstrap-server {','.join(brokers)} --command-config admin.properties"
        f" --create --topic {topic.name} --partitions {topic.partitions}{copies}{config}"
    )
