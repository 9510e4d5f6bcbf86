"""The AsyncAPI 3.1 document: every topic with its key, its messages, and who sends and receives them."""

from __future__ import annotations

from typing import Any

from detectors.event import KINDS
from monitor.schemas.channels import CHANNELS, Channel, Participant
from monitor.schemas.json_schemas import components
from monitor.schemas.messages import MESSAGES
from monitor.settings import FIELDS, Settings
from monitor.topics import Names, Topic, topics

VERSION = "1.0.0"  # of the messages: it changes with their fields, not with each release
BINDING = "0.5.0"  # of AsyncAPI's Kafka binding
PARTICIPANTS: dict[Participant, str] = {
    "agent": "Publishes what it does: by the SDK, a hook, the guard, or any Kafka client.",
    "worker": "`killcord worker`: judges events, and issues alerts and commands.",
    "kill-switch": "Stops an agent and proves it: SDK, `killcord guard`, a sidecar, your own.",
    "operator": "A person or trusted service: the `killcord` command line, which works with every worker dead.",
    "watchdog": "`killcord watchdog`: sees from outside whether the monitor does its work.",
    "consumer": "On-call tools, consoles, notifiers, archives.",
}
INFO = """\
Killcord watches a fleet of AI agents as they act, and stops the ones that go wrong.

This document is for all who take part: the tag of an operation says who sends or receives. Field names stay; new fields
may be added, and a consumer skips those it does not know. Topics start with a prefix (`killcord`) that an installation
may choose. Keys are never null: the run id, or `scope:target` for what is wider than a run. Producers of keyed messages
partition by murmur2 of the key (the default of Java and aiokafka; librdkafka: `partitioner=murmur2_random`)."""


def asyncapi() -> dict[str, Any]:
    """The document, checked against AsyncAPI's own schema by the tests."""
    shapes = {topic.name: topic for topic in topics(Settings())}
    names = Names.of()
    return {
        "asyncapi": "3.1.0",
        "info": {
            "title": "Killcord",
            "version": VERSION,
            "description": INFO,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
            "tags": [{"name": name, "description": text} for name, text in PARTICIPANTS.items()],
        },
        "defaultContentType": "application/json",
        "servers": {"kafka": _server()},
        "channels": {name: _channel(name, channel, shapes[getattr(names, name)]) for name, channel in CHANNELS.items()},
        "operations": {
            operation: body for name, channel in CHANNELS.items() for operation, body in _operations(name, channel)
        },
        "components": {
            "messages": {name: message.document() for name, message in MESSAGES.items()},
            "schemas": _schemas(),
        },
    }


def _server() -> dict[str, Any]:
    default = FIELDS["brokers"].default
    return {
        "host": "{brokers}",
        "protocol": "kafka",
        "description": "Any Kafka from 2.4 on, TLS and SASL included; `killcord config` shows how.",
        "variables": {"brokers": {"default": ",".join(default), "description": FIELDS["brokers"].description}},
    }


def _schemas() -> dict[str, Any]:
    schemas = components("#/components/schemas/{name}")
    events = [{"$ref": f"#/components/schemas/{kind.__name__}"} for kind in KINDS]
    return {**schemas, "Events": {"type": "array", "minItems": 1, "items": {"oneOf": events}}}


def _channel(name: str, channel: Channel, topic: Topic) -> dict[str, Any]:
    config: dict[str, Any] = {"cleanup.policy": [topic.cleanup]}
    if topic.retention_s is not None:
        config["retention.ms"] = topic.retention_s * 1000
    return {
        "address": topic.name,
        "title": name,
        "description": channel.description,
        "messages": {message: {"$ref": f"#/components/messages/{message}"} for message in channel.messages},
        "bindings": {
            "kafka": {
                "partitions": topic.partitions,
                "topicConfiguration": config,
                "bindingVersion": BINDING,
            }
        },
    }


def _operations(name: str, channel: Channel) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for action, told in (("send", channel.sent), ("receive", channel.received)):
        for who, why in told.items():
            body: dict[str, Any] = {
                "action": action,
                "channel": {"$ref": f"#/channels/{name}"},
                "summary": why,
                "tags": [{"name": who}],
                "messages": [{"$ref": f"#/channels/{name}/messages/{message}"} for message in channel.messages],
            }
            if name == "control" and action == "send":
                body["reply"] = {
                    "channel": {"$ref": "#/channels/acks"},
                    "messages": [{"$ref": "#/channels/acks/messages/ack"}],
                }
            verb = "Sends" if action == "send" else "Receives"
            found.append((f"{who.replace('kill-switch', 'killSwitch')}{verb}{name.capitalize()}", body))
    return found
