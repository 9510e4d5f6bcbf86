"""The messages of the AsyncAPI document: payload, key, headers, example."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from monitor.schemas import examples

RUN_KEY = "The run id."
WIDE_KEY = "The run id, or `scope:target` (`agent_name:coder`, `all`) for what is wider than a run."
STANDING_KEY = "`run:ID`, `agent_name:X`, `team:Y`, `environment:Z`, or `all`."


class Message(Struct, frozen=True, kw_only=True):
    """One kind of message. payload: an AsyncAPI schema; example: payload of an example, as JSON values.

    correlation: where in the payload the command's id stands.
    """

    summary: str
    payload: dict[str, Any]
    key: str
    example: Any = None
    content_type: str = "application/json"
    headers: dict[str, Any] | None = None
    header_example: dict[str, str] | None = None
    correlation: str | None = None

    def document(self) -> dict[str, Any]:
        """The message as AsyncAPI wants it."""
        body: dict[str, Any] = {"summary": self.summary, "contentType": self.content_type}
        if self.headers is not None:
            body["headers"] = self.headers
        body["payload"] = self.payload
        if self.correlation is not None:
            body["correlationId"] = {
                "location": f"$message.payload#/{self.correlation}",
                "description": "The command's id.",
            }
        body["bindings"] = {
            "kafka": {"key": {"type": "string", "description": self.key}, "bindingVersion": "0.5.0"},
        }
        example = {"headers": self.header_example} if self.header_example else {}
        body["examples"] = [{**example, "payload": msgspec.to_builtins(self.example)}]
        return body


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _header(description: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "description": description, **more}


_DEAD_LETTER_HEADERS = {
    "type": "object",
    "required": ["topic", "partition", "offset", "reason"],
    "properties": {
        "topic": _header("The topic that the message came from."),
        "partition": _header("Its partition, in decimal.", pattern="^[0-9]+$"),
        "offset": _header("Its offset, in decimal.", pattern="^[0-9]+$"),
        "reason": _header("Why it could not be decoded; names the field where one is at fault.", maxLength=2000),
    },
}

EVENTS: dict[str, Message] = {
    event.kind: Message(
        summary=(type(event).__doc__ or "").strip().split("\n")[0],
        payload=_ref(type(event).__name__),
        key=RUN_KEY,
        example=event,
    )
    for event in examples.EVENTS
}
BATCH: dict[str, Message] = {
    "events": Message(
        summary="Several events of one run in a JSON array.",
        payload=_ref("Events"),
        key=RUN_KEY,
        example=examples.EVENTS[:2],
    ),
    "events.ndjson": Message(
        summary="Several events of one run, one JSON object a line.",
        payload={"type": "string", "description": "Each line is an event."},
        key=RUN_KEY,
        example="".join(f"{msgspec.json.encode(event).decode()}\n" for event in examples.EVENTS[:2]),
        content_type="application/x-ndjson",
    ),
}
MESSAGES: dict[str, Message] = {
    **EVENTS,
    **BATCH,
    "alert": Message(
        summary="An alert, or its next revision.", payload=_ref("Alert"), key=WIDE_KEY, example=examples.ALERT
    ),
    "command": Message(
        summary="What a kill-switch is to do.",
        payload=_ref("Command"),
        key=WIDE_KEY,
        example=examples.COMMAND,
        correlation="id",
    ),
    "standing": Message(
        summary="A kill or pause in force.",
        payload=_ref("Command"),
        key=STANDING_KEY,
        example=examples.COMMAND,
        correlation="id",
    ),
    "lifted": Message(
        summary="A tombstone: what stood under this key stands no more.", payload={"type": "null"}, key=STANDING_KEY
    ),
    "ack": Message(
        summary="What a kill-switch did about a command, or that it watches.",
        payload=_ref("Ack"),
        key=RUN_KEY,
        example=examples.ACK,
        correlation="command_id",
    ),
    "operatorDecision": Message(
        summary="What a person or a trusted service decided.",
        payload=_ref("OperatorDecision"),
        key=WIDE_KEY,
        example=examples.DECISION,
    ),
    "rollup": Message(
        summary="Sums over a run's last steps.",
        payload=_ref("Rollup"),
        key="`scope:target`, such as `agent_name:coder`.",
        example=examples.ROLLUP,
    ),
    "journalEntry": Message(
        summary="An input other than an event that changed verdicts.",
        payload=_ref("JournalEntry"),
        key="The run id, or `policy:DIGEST`.",
        example=examples.JOURNAL,
    ),
    "workerHeartbeat": Message(
        summary="A worker judges events.",
        payload=_ref("WorkerHeartbeat"),
        key="The worker.",
        example=examples.WORKER_HEARTBEAT,
    ),
    "deadLetter": Message(
        summary="What could not be decoded, byte for byte as it came.",
        payload={"type": "string", "format": "binary", "description": "The original bytes: any."},
        key="The original key; the one key here that may be null, as the original's was.",
        example='{"kind":"model.call","time":1790000001.0,"run_id":"run-7f3a","cost_usd":NaN}',
        content_type="application/octet-stream",
        headers=_DEAD_LETTER_HEADERS,
        header_example=examples.DEAD_LETTER_HEADERS,
    ),
}
