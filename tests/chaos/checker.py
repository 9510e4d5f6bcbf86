"""What must hold after every scenario, worked out from the bare records and from what the load did.

1. Every doomed run is killed, for the event that it was to be killed for; no other run is.
2. No run has two kills. The same command again is the same command: counted, and no fault.
3. Alerts are those that the stories say, and those that an undisturbed replay says.
4. Nothing is committed before its kill, its state or its dead letter is in Kafka.
5. States never go back: what a worker wrote late did not replace what its successor knew.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from aiokafka import ConsumerRecord, TopicPartition

from monitor.engine.state import decode as decode_state
from tests.chaos.load import Place
from tests.chaos.watch import Sample

Message = dict[str, Any]
VOLATILE = ("issued_at", "expires_at")
IDENTITY = {"alerts": ("id", "revision"), "control": ("id",)}
MEANING = frozenset({"rule", "run_id", "event_id", "command_id", "action", "target", "partition", "policy", "mode"})
MOST_SHOWN = 3


@dataclass(kw_only=True)
class Evidence:
    """What the load did, what Kafka holds, and what a replay says. Topics by their name after the prefix.

    fatal: event by run, None: any of its. places: of those events. told: (rule, run, event) that people must hear of,
    ``exact``: of nothing else. first: where each run's first kill is. poison: places of events that nobody can read.
    """

    prefix: str
    changelog: str
    fatal: dict[str, str | None]
    places: dict[str, Place]
    told: set[tuple[str, str, str | None]]
    exact: bool
    kills: dict[str, dict[str, Message]]
    first: dict[str, Place]
    others: list[Message]
    replayed: list[Message]
    records: list[ConsumerRecord]
    samples: list[Sample]
    poison: set[tuple[int, int]] = field(default_factory=set)
    by_topic: dict[str, list[ConsumerRecord]] = field(init=False)

    def __post_init__(self) -> None:
        self.by_topic = defaultdict(list)
        for record in self.records:
            self.by_topic[record.topic.removeprefix(f"{self.prefix}.")].append(record)

    def messages(self, topic: str) -> list[Message]:
        return [json.loads(record.value) for record in self.by_topic[topic] if record.value]


def problems(found: Evidence) -> list[str]:
    """Every way in which it did not hold; empty if it did."""
    return [*_kills(found), *_contents(found), *_alerts(found), *_deadletters(found), *_commits(found), *_states(found)]


def repeats(found: Evidence) -> dict[str, int]:
    """How many messages came again, which harms nobody: by topic."""
    return {
        "control": len(found.by_topic["control"]) - len({c["id"] for c in found.messages("control")}),
        "alerts": len(found.by_topic["alerts"]) - len({(a["id"], a["revision"]) for a in found.messages("alerts")}),
    }


def _kills(found: Evidence) -> Iterable[str]:
    lost = sorted(set(found.fatal) - set(found.kills))
    if lost:
        yield f"{len(lost)} kills LOST of {len(found.fatal)}: {_some(lost)}"
    wrong = sorted(set(found.kills) - set(found.fatal))
    if wrong:
        yield f"{len(wrong)} runs killed that did nothing wrong: {_some(wrong)}"
    twice = sorted(run for run, kills in found.kills.items() if len(kills) > 1)
    if twice:
        yield f"{len(twice)} runs killed by two commands: {_some(twice)}"
    late = [
        f"{run}: {command['event_id']} in place of {found.fatal[run]}"
        for run, kills in found.kills.items()
        for command in kills.values()
        if found.fatal.get(run) is not None and command["event_id"] != found.fatal[run]
    ]
    if late:
        yield f"{len(late)} kills for another event: {_some(late)}"
    if found.others:
        listed = [(command["action"], command["target"]) for command in found.others]
        yield f"{len(listed)} commands that are no kills: {_some(listed)}"
    acked = {ack["command_id"] for ack in found.messages("acks") if ack["status"] == "stopped"}
    silent = sorted(run for run, kills in found.kills.items() if not acked & set(kills))
    if silent:
        yield f"{len(silent)} kills without an acknowledged stop: {_some(silent)}"


def torn(found: Evidence) -> int:
    """Identities under which two messages differ at all, be it in a word: the acknowledgements came in another order
    when a run was judged again, and so an alert says "no kill-switch watches" once and not the other time."""
    return sum(len(texts) > 1 for topic in IDENTITY for texts in _by_identity(found, topic, frozenset()).values())


def _contents(found: Evidence) -> Iterable[str]:
    for topic in IDENTITY:
        differ = [texts for texts in _by_identity(found, topic, MEANING).values() if len(texts) > 1]
        if differ:
            shown = _some(map(sorted, differ), 1)
            yield f"{len(differ)} messages on {topic} under one identity mean two things: {shown}"


def _by_identity(found: Evidence, topic: str, names: frozenset[str]) -> dict[tuple[Any, ...], set[str]]:
    """What was published under one identity: these fields of it, or all but the volatile ones."""
    contents: dict[tuple[Any, ...], set[str]] = defaultdict(set)
    for message in found.messages(topic):
        kept = {n: v for n, v in message.items() if (n in names if names else n not in VOLATILE)}
        contents[tuple(message[name] for name in IDENTITY[topic])].add(json.dumps(kept, sort_keys=True))
    return contents


def _alerts(found: Evidence) -> Iterable[str]:
    promised = [alert for alert in found.messages("alerts") if not alert["operational"]]
    opened = {
        (alert["rule"], alert["run_id"], event_id)
        for alert in promised
        if alert["revision"] == 1 and alert["mode"] != "shadow" and alert["run_id"] is not None
        for event_id in (alert["event_id"], None)
    }
    untold = sorted(found.told - opened, key=str)
    if untold:
        yield f"{len(untold)} alerts missing that the stories call for: {_some(untold)}"
    if found.exact and (odd := sorted({one for one in opened if one[2] is not None} - found.told)):
        yield f"{len(odd)} alerts that no story calls for: {_some(odd)}"
    live = {_identity(alert) for alert in promised}
    again = {_identity(alert) for alert in found.replayed if alert["type"] == "alert" and not alert["operational"]}
    if live != again:
        only_live, only_again = sorted(live - again, key=str), sorted(again - live, key=str)
        yield (
            f"the alerts differ from an undisturbed replay: {len(only_live)} only live: {_some(only_live)}; "
            f"{len(only_again)} only replayed: {_some(only_again)}"
        )
    commands = {c["id"] for c in found.replayed if c["type"] == "command" and c["action"] == "kill"}
    if commands != (by_worker := {key for kills in found.kills.values() for key in kills}):
        differ = sorted(commands ^ by_worker)
        yield f"{len(differ)} kills differ from an undisturbed replay: {_some(differ)}"
    unresolved = _unresolved(found.messages("alerts"), set(found.kills))
    if unresolved:
        yield f"{len(unresolved)} kills were proven, and their alerts are still open: {_some(unresolved)}"


def _identity(alert: Message) -> tuple[Any, ...]:
    return alert["id"], alert["revision"], alert["rule"], alert["run_id"], alert["status"]


def _unresolved(alerts: list[Message], killed: set[str]) -> list[str]:
    """Runs whose kill's alert was not resolved by its highest revision."""
    latest: dict[str, Message] = {}
    for alert in alerts:
        if alert["mode"] == "kill" and alert["run_id"] in killed:
            known = latest.setdefault(alert["id"], alert)
            if alert["revision"] >= known["revision"]:
                latest[alert["id"]] = alert
    return sorted(alert["run_id"] for alert in latest.values() if alert["status"] != "resolved")


def _deadletters(found: Evidence) -> Iterable[str]:
    missing = sorted(found.poison - set(_buried(found)))
    if missing:
        yield f"{len(missing)} undecodable messages not in the dead-letter topic: {_some(missing)}"
    odd = sorted(set(_buried(found)) - found.poison)
    if odd:
        yield f"{len(odd)} messages in the dead-letter topic that were sound: {_some(odd)}"


def _buried(found: Evidence) -> dict[tuple[int, int], ConsumerRecord]:
    """The first dead letter of each place on the event topic."""
    letters: dict[tuple[int, int], ConsumerRecord] = {}
    for record in found.by_topic["deadletter"]:
        headers = {name: value.decode() for name, value in record.headers}
        if headers["topic"] == f"{found.prefix}.events":
            letters.setdefault((int(headers["partition"]), int(headers["offset"])), record)
    return letters


def _commits(found: Evidence) -> Iterable[str]:
    """Whatever lies below a committed offset must have been in Kafka when that was looked at."""
    early: Counter[str] = Counter()
    example = ""
    events, control = f"{found.prefix}.events", f"{found.prefix}.control"
    covered = _covered(found)
    for partition in {place.partition for place in found.places.values()} | {p for p, _ in covered}:
        at = TopicPartition(events, partition)
        fatal = sorted((p.offset, run) for run, p in found.places.items() if p.partition == partition)
        for sample in found.samples:
            committed = sample.committed.get(at, 0)
            for offset, run in fatal:
                first = found.first.get(run)
                if first is None or offset >= committed:
                    continue
                if first.offset >= sample.ends[TopicPartition(control, first.partition)]:
                    early["kill"] += 1
                    example = example or f"{run} at {partition}:{offset}, committed {committed}"
    for (partition, offset), place in covered.items():
        at = TopicPartition(events, partition)
        for sample in found.samples:
            if sample.committed.get(at, 0) > offset:
                # Samples are in order: if the first that passes it has its cover, all have.
                if place is None or place[1] >= sample.ends[place[0]]:
                    early["state or dead letter"] += 1
                    example = example or f"{partition}:{offset}, committed {sample.committed[at]}, covered by {place}"
                break
    for what, count in early.items():
        yield f"{count} offsets committed before the {what} was in Kafka, the first: {example}"


def _covered(found: Evidence) -> dict[tuple[int, int], tuple[TopicPartition, int] | None]:
    """By place on the event topic: where the dead letter is, or the first state that holds it; None: nowhere.

    A state of a transaction that was not committed does not count: it is gone once the changelog is cleaned.
    """
    states: dict[tuple[int, bytes], list[tuple[int, int]]] = defaultdict(list)
    for record in found.by_topic[found.changelog]:
        if record.value is not None:
            states[record.partition, record.key].append((decode_state(record.value).offset, record.offset))
    buried = _buried(found)
    covered: dict[tuple[int, int], tuple[TopicPartition, int] | None] = {}
    for event in found.by_topic["events"]:
        place = event.partition, event.offset
        if letter := buried.get(place):
            covered[place] = TopicPartition(letter.topic, letter.partition), letter.offset
            continue
        holds = (at for offset, at in states[event.partition, event.key] if offset >= event.offset)
        first = next(holds, None)
        covered[place] = None if first is None else (TopicPartition(found.changelog, event.partition), first)
    return covered


def _states(found: Evidence) -> Iterable[str]:
    latest: dict[tuple[int, bytes], int] = {}
    back = []
    for record in found.by_topic[found.changelog]:
        if record.value is None:
            continue
        key, offset = (record.partition, record.key), decode_state(record.value).offset
        if offset < latest.get(key, -1):
            back.append(f"{record.key.decode()} from {latest[key]} to {offset}")
        latest[key] = offset
    if back:
        yield f"{len(back)} states went BACK in the changelog: {_some(back)}"


def _some(what: Iterable[object], most: int = MOST_SHOWN) -> str:
    listed = list(what)
    return ", ".join(map(str, listed[:most])) + (f" and {len(listed) - most} more" if len(listed) > most else "")
