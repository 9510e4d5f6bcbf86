"""The JSON Schemas (draft 2020-12): one document for each kind of event, for their union, and for each message."""

from __future__ import annotations

import inspect
from typing import Any

import msgspec

from detectors.event import KINDS, AnyEvent
from detectors.rollup import Rollup
from monitor.messages import Ack, Alert, Command, JournalEntry, OperatorDecision, WorkerHeartbeat

DRAFT = "https://json-schema.org/draft/2020-12/schema"

# name of the file, without .json: the type that it describes
SUBJECTS: dict[str, Any] = {
    "event": AnyEvent,
    **{f"event.{kind.kind}": kind for kind in KINDS},
    "alert": Alert,
    "command": Command,
    "ack": Ack,
    "operator-decision": OperatorDecision,
    "rollup": Rollup,
    "journal-entry": JournalEntry,
    "worker-heartbeat": WorkerHeartbeat,
}
UNION = "An event: one JSON object. A Kafka message holds one, a JSON array of them, or NDJSON, all of one run."


def json_schemas() -> dict[str, dict[str, Any]]:
    """name: schema, each complete in itself."""
    return {name: _schema(subject) for name, subject in SUBJECTS.items()}


def components(ref_template: str) -> dict[str, dict[str, Any]]:
    """The schemas of all types by name, for a document that holds them together."""
    _, found = msgspec.json.schema_components(SUBJECTS.values(), ref_template=ref_template)
    return {name: told(found[name]) for name in sorted(found)}


def _schema(subject: Any) -> dict[str, Any]:
    schema = {"$schema": DRAFT, **told(msgspec.json.schema(subject))}
    if subject is AnyEvent:
        schema = {"$schema": DRAFT, "title": "Event", "description": UNION, **schema}
    return schema


def told(schema: Any) -> Any:
    """The schema with its descriptions as running text: docstrings come with the indentation of the source."""
    if isinstance(schema, list):
        return [told(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: inspect.cleandoc(value) if key == "description" and isinstance(value, str) else told(value)
        for key, value in schema.items()
    }
