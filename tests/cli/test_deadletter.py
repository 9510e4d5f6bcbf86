"""``killcord deadletter``: what a worker buried is listed, shown, and put back byte for byte."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from monitor.client.connection import partition_for
from monitor.client.reader import consumer, partitions_of, read_to_end
from monitor.settings import Settings, aiokafka_options, environment
from monitor.topics import Names

MAIN = [sys.executable, "-c", "from monitor.cli.main import main; main()"]
GOOD = b'{"kind": "heartbeat",  "time": 1, "run_id": "run-1"}'  # what a newer version can decode
BAD = b'{"kind":"model.call","time":1,"run_id":"run-2","cost_usd":NaN}\xff'
ACK = (
    b'{"command_id":null,"run_id":"run-1","status":"watching","time":1,"last_seq":null,"actions_after":null,'
    b'"detail":"","consumer":"c"}'
)


def killcord(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    done = raw(settings, *arguments)
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def raw(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("KILLCORD_")}
    return subprocess.run(
        [*MAIN, "deadletter", *arguments], env=env | environment(settings), capture_output=True,
        timeout=60, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


class Buried:
    """Buries as the worker does. The places are as `list` shows them."""

    def __init__(self, settings: Settings, producer: AIOKafkaProducer, reader: AIOKafkaConsumer) -> None:
        self.settings, self.names = settings, Names.of(settings.topic_prefix)
        self._producer, self._reader = producer, reader

    async def bury(self, value: bytes, key: bytes | None, topic: str | None = "events", partition: int = 2) -> str:
        source = f"{self.settings.topic_prefix}.{topic}" if topic in Names.__struct_fields__ else topic
        told = {"topic": source, "partition": partition, "offset": 7, "reason": "because - at `$.x`"}
        headers = [(name, str(word).encode()) for name, word in told.items()] if topic else []
        sent = await self._producer.send_and_wait(self.names.deadletter, value, key=key, headers=headers, partition=1)
        return f"{sent.partition}:{sent.offset}"

    async def on(self, topic: str) -> list[tuple[int, bytes | None, bytes]]:
        """(partition, key, value) of all that a topic holds."""
        name = getattr(self.names, topic)
        places = dict.fromkeys(await partitions_of(self._reader, [name]), 0)
        return [
            (record.partition, record.key, record.value or b"") async for record in read_to_end(self._reader, places)
        ]


@pytest.fixture
async def buried(kafka_topics: Settings) -> AsyncIterator[Buried]:
    async with (
        AIOKafkaProducer(**aiokafka_options(kafka_topics), acks="all") as producer,
        consumer(kafka_topics) as reader,
    ):
        yield Buried(kafka_topics, producer, reader)


async def test_list_tells_where_from_and_why(buried: Buried) -> None:
    first, second = await buried.bury(BAD, b"run-2"), await buried.bury(b"", None, topic=None)
    done = killcord(buried.settings, "list", "--json")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(row["place"], row["source"], row["reason"], row["key"], row["size"]) for row in rows] == [
        (first, {"topic": buried.names.events, "partition": 2, "offset": 7}, "because - at `$.x`", "run-2", len(BAD)),
        (second, None, "no reason given", None, 0),
    ]
    plain = killcord(buried.settings, "list", "--limit", "1")
    assert second in plain.stdout and first not in plain.stdout.split()


async def test_nothing_is_listed_from_an_empty_topic(kafka_topics: Settings) -> None:
    done = killcord(kafka_topics, "list")
    assert (done.returncode, done.stdout) == (0, "")
    assert "no dead letters" in done.stderr


async def test_show_gives_the_original_bytes(buried: Buried) -> None:
    place = await buried.bury(BAD, b"run-2")
    assert raw(buried.settings, "show", place, "--raw").stdout == BAD
    shown = killcord(buried.settings, "show", place)
    assert shown.returncode == 0
    for words in (f"{buried.names.events} partition 2 offset 7", "run-2", "because", "would be buried again"):
        assert words in shown.stdout


@pytest.mark.parametrize("command", ["list", "show"])
async def test_nothing_that_a_terminal_would_obey_is_printed(buried: Buried, command: str) -> None:
    place = await buried.bury(b"\x1b[2Jvalue", b"\x1b[2Jkey", topic="\x1b[2Jtopic")
    done = killcord(buried.settings, command, *([place] if command == "show" else []))
    assert "[2Jtopic" in done.stdout and "\x1b" not in done.stdout


@pytest.mark.parametrize(
    ("place", "status", "words"),
    [
        ("1:99", 1, "partition 1 of"),
        ("17:0", 1, "has partitions 0 to 3"),
        ("one", 2, "give PARTITION:OFFSET"),
        ("1:x", 2, "give PARTITION:OFFSET"),
    ],
)
async def test_what_is_not_there_is_said(kafka_topics: Settings, place: str, status: int, words: str) -> None:
    done = killcord(kafka_topics, "show", place)
    assert done.returncode == status
    assert words in done.stderr and "Traceback" not in done.stderr


async def test_replay_puts_bytes_and_key_back_where_murmur2_puts_the_key(buried: Buried) -> None:
    place = await buried.bury(GOOD, b"run-1")
    done = killcord(buried.settings, "replay", place)
    assert done.returncode == 0, done.stderr
    assert await buried.on("events") == [(partition_for("run-1", 4), b"run-1", GOOD)]


async def test_what_was_written_to_a_partition_by_number_goes_back_to_it(buried: Buried) -> None:
    other = (partition_for("run-1", 4) + 1) % 4
    keyless = await buried.bury(GOOD, None, partition=3)
    ack = await buried.bury(ACK, b"run-1", topic="acks", partition=other)
    assert killcord(buried.settings, "replay", keyless, ack).returncode == 0
    assert await buried.on("events") == [(3, None, GOOD)]
    assert await buried.on("acks") == [(other, b"run-1", ACK)]


async def test_what_would_be_buried_again_stays_unless_forced(buried: Buried) -> None:
    place = await buried.bury(BAD, b"run-2")
    done = killcord(buried.settings, "replay", place)
    assert done.returncode == 1
    assert "would be buried again" in done.stdout and "--force" in done.stderr
    assert await buried.on("events") == []
    assert killcord(buried.settings, "replay", place, "--force").returncode == 0
    assert [value for _, _, value in await buried.on("events")] == [BAD]


KEPT = [  # topic in the headers, why it stays
    ("control", "no topic that Killcord reads"),
    ("standing", "no topic that Killcord reads"),
    ("payroll", "no topic that Killcord reads"),
    (None, "headers do not say"),
]


@pytest.mark.parametrize(("topic", "why"), KEPT)
async def test_nothing_is_written_where_killcord_does_not_read(buried: Buried, topic: str | None, why: str) -> None:
    place = await buried.bury(GOOD, b"run-1", topic=topic)
    done = killcord(buried.settings, "replay", place, "--force")
    assert (done.returncode, why in done.stdout) == (1, True)


async def test_a_partition_that_is_no_more_is_said(buried: Buried) -> None:
    place = await buried.bury(GOOD, None, partition=40)
    done = killcord(buried.settings, "replay", place)
    assert done.returncode == 1
    assert "has no partition 40" in done.stdout


async def test_all(buried: Buried) -> None:
    await buried.bury(GOOD, b"run-1")
    await buried.bury(BAD, b"run-2")
    asked = killcord(buried.settings, "replay", "--all")
    assert asked.returncode == 1 and "Aborted" in asked.stderr
    dry = killcord(buried.settings, "replay", "--all", "--dry-run", "--json")
    assert [json.loads(line)["done"] for line in dry.stdout.splitlines()] == ["would go back", "kept"]
    assert await buried.on("events") == []
    done = killcord(buried.settings, "replay", "--all", "--yes")
    assert done.returncode == 1
    assert "1 put back, 1 kept" in done.stderr
    assert [value for _, _, value in await buried.on("events")] == [GOOD]


async def test_more_than_one_fetch_of_dead_letters_is_read_to_the_end(buried: Buried) -> None:
    filler = b"x" * 400_000
    places = [await buried.bury(filler, None, topic=None) for _ in range(12)]
    done = killcord(buried.settings, "list", "--json", "--limit", "10")
    assert [json.loads(line)["place"] for line in done.stdout.splitlines()] == places[2:]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("replay",), "or --all"),
        (("replay", "--all", "1:0"), "or --all"),
        (("replay", "1:0", "--since", "1h"), "--since goes with --all"),
        (("replay", "nowhere"), "give PARTITION:OFFSET"),
        (("list", "--brokers", "127.0.0.1:9"), "KILLCORD_BROKERS"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_what_cannot_be_done_is_said(arguments: tuple[str, ...], words: str) -> None:
    done = killcord(Settings(), *arguments)
    assert done.returncode in (1, 2)
    assert words in done.stderr and "Traceback" not in done.stderr
