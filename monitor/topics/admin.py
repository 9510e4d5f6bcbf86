"""Looks at the cluster's topics, and creates those that are missing. Existing ones are never altered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import msgspec
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.client import CoordinationType
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    GroupCoordinatorNotAvailableError,
    LeaderNotAvailableError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.protocol.metadata import MetadataRequest
from msgspec import Struct

from monitor.settings import Settings
from monitor.topics.fit import Found, Problem, missing_right, problems
from monitor.topics.rights import rights
from monitor.topics.spec import Topic, create_command, topics

_DENIED = (TopicAuthorizationFailedError.errno, ClusterAuthorizationFailedError.errno)


class Created(Struct, frozen=True):
    """What ``create`` did: names of new topics, and what stands in the way of the rest."""

    names: tuple[str, ...]
    problems: tuple[Problem, ...]


async def check(
    client: AIOKafkaAdminClient, settings: Settings, wanted: Sequence[Topic] | None = None, *, as_worker: bool = True
) -> list[Problem]:
    """Everything about the topics that keeps Killcord from running right; empty if all is well.

    ``as_worker``: this client must also have the rights that a worker needs, as who only creates topics need not.
    """
    wanted = topics(settings) if wanted is None else wanted
    found, denied = await look(client, [topic.name for topic in wanted], configs=not settings.ephemeral)
    told = problems(wanted, found, denied, settings)
    if as_worker:
        allowed = await rights(client, list(found))
        told += [
            missing_right(topic, right, settings)
            for topic in wanted
            for right in topic.worker
            if right not in allowed.get(topic.name, topic.worker)
        ]
        told += await _group(client, settings)
        told += await _transactions(client, settings)
    return told


async def _group(client: AIOKafkaAdminClient, settings: Settings) -> list[Problem]:
    """The problem that this client may not join the workers' group, if it is so."""
    try:
        await client.find_coordinator(settings.app_id)
    except GroupAuthorizationFailedError:
        return [_missing(settings, "Read", "this group", f"--group {settings.app_id}")]
    except GroupCoordinatorNotAvailableError:  # as on a new cluster, until its first group
        return []
    return []


async def _transactions(client: AIOKafkaAdminClient, settings: Settings) -> list[Problem]:
    """The problem that this client may not write its states as their only writer, if it is so."""
    if settings.ephemeral:
        return []
    try:
        await client._client.coordinator_lookup(CoordinationType.TRANSACTION, f"{settings.app_id}-0")
    except TransactionalIdAuthorizationFailed:
        which = f"--transactional-id {settings.app_id}- --resource-pattern-type prefixed"
        return [_missing(settings, "Write", "the transactional ids that begin with it", which)]
    except GroupCoordinatorNotAvailableError:  # as on a new cluster, until its first transaction
        return []
    return []


def _missing(settings: Settings, right: str, what: str, which: str) -> Problem:
    user = f"User:{settings.sasl_username}" if settings.sasl_username else "User:<this client>"
    command = (
        f"kafka-acls.sh --bootstrap-server {','.join(settings.brokers)} --command-config admin.properties"
        f" --add --allow-principal '{user}' --operation {right} {which}"
    )
    text = f"{user} lacks the right {right} on {what}. An administrator gives it: {command}"
    return Problem(settings.app_id, "right", text, command)


async def create(client: AIOKafkaAdminClient, settings: Settings, wanted: Sequence[Topic] | None = None) -> Created:
    """Creates the missing topics and then checks all. Where the right is missing, problems carry the commands."""
    wanted = topics(settings) if wanted is None else wanted
    found, _ = await look(client, [topic.name for topic in wanted], configs=False)
    # What is new must have as many partitions as the events that are there.
    events = found.get(wanted[0].name)
    missing = [
        msgspec.structs.replace(topic, partitions=events.partitions) if events and topic.copartitioned else topic
        for topic in wanted
        if topic.name not in found
    ]
    names, refused = await _create(client, settings, missing)
    await _until_led(client, names, settings.request_timeout_s)
    told = {problem.topic for problem in refused}
    left = [problem for problem in await check(client, settings, wanted, as_worker=False) if problem.topic not in told]
    return Created(names, (*refused, *left))


async def _create(client: AIOKafkaAdminClient, settings: Settings,
                  missing: Sequence[Topic]) -> tuple[tuple[str, ...], list[Problem]]:  # fmt: skip
    if not missing:
        return (), []
    if settings.ephemeral:
        # The embedded broker takes no request to create a topic: asking for one is enough.
        await client.describe_topics([topic.name for topic in missing])
        return tuple(topic.name for topic in missing), []
    asked = [
        # aiokafka takes -1 (the broker's default replication) only with assignments, which may be empty.
        NewTopic(
            topic.name,
            topic.partitions,
            topic.replication_factor,
            {} if topic.replication_factor == -1 else None,
            topic.config(),
        )
        for topic in missing
    ]
    answer = (await client.create_topics(asked)).to_object()
    wanted = {topic.name: topic for topic in missing}
    names, refused = [], []
    for error in answer["topic_errors"]:
        topic, code = wanted[error["topic"]], error["error_code"]
        if code == 0:
            names.append(topic.name)
        elif code != TopicAlreadyExistsError.errno:  # somebody else was quicker: then it is checked like the others
            refused.append(_refused(topic, code, error.get("error_message"), settings))
    return tuple(names), refused


async def _until_led(client: AIOKafkaAdminClient, names: Sequence[str], within_s: float) -> None:
    """A new topic is unknown to the brokers for a moment, and then without leaders. ``check`` tells if it stays so."""
    end = time.monotonic() + within_s
    while names and time.monotonic() < end:
        found, _ = await look(client, names, configs=False)
        if len(found) == len(names) and not any(topic.leaderless for topic in found.values()):
            return
        await asyncio.sleep(0.05)


def _refused(topic: Topic, code: int, message: str | None, settings: Settings) -> Problem:
    command = create_command(topic, settings.brokers)
    if code in _DENIED:
        user = f"User:{settings.sasl_username}" if settings.sasl_username else "this client"
        text = (
            f"{user} may not create it (the right Create on the topic or the cluster). An administrator runs: {command}"
        )
        return Problem(topic.name, "right", text, command)
    why = message or getattr(for_code(code), "description", "") or f"error {code}"
    return Problem(
        topic.name, "missing", f"Kafka would not create it: {why} An administrator can try: {command}", command
    )


async def look(
    client: AIOKafkaAdminClient, names: Sequence[str], *, configs: bool = True
) -> tuple[dict[str, Found], dict[str, str]]:
    """(topics that exist, topics of which this user may not know with the right that is missing).

    ``configs``: read their configuration too, which the embedded broker cannot tell.
    """
    # `client.describe_topics` would let a broker with auto.create.topics.enable create what it is asked about.
    request = MetadataRequest(list(names), allow_auto_topic_creation=False)
    answer = (await client._send_request(request)).to_object()
    listed: list[dict[str, Any]] = []
    denied: dict[str, str] = {}
    for entry in answer["topics"]:
        if entry["error_code"] in _DENIED:
            denied[entry["topic"]] = "Describe"
        elif entry["error_code"] in (0, LeaderNotAvailableError.errno):
            listed.append(entry)
        elif entry["error_code"] != UnknownTopicOrPartitionError.errno:
            raise for_code(entry["error_code"])(entry["topic"])
    read = await _configs(client, [entry["topic"] for entry in listed]) if configs else {}
    return {entry["topic"]: _found(entry, read.get(entry["topic"], {})) for entry in listed}, denied


def _found(entry: dict[str, Any], config: dict[str, str]) -> Found:
    parts = entry["partitions"]
    return Found(
        name=entry["topic"],
        partitions=len(parts),
        replicas=min((len(part["replicas"]) for part in parts), default=0),
        leaderless=tuple(sorted(part["partition"] for part in parts if part["leader"] < 0)),
        config=config,
    )


async def _configs(client: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """The configuration of each topic; a topic is left out where the right DescribeConfigs is missing."""
    if not names:
        return {}
    answers = await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names])
    return {
        resource["resource_name"]: {
            entry["config_names"]: entry["config_value"] for entry in resource["config_entries"]
        }
        for answer in answers
        for resource in answer.to_object()["resources"]
        if resource["error_code"] == 0
    }
