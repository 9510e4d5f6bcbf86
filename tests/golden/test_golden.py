"""The golden messages: what others wrote consumers against. A change here breaks them.

Each file is one Kafka message: topic, key, value, and headers or partition where they matter.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from detectors.event import KINDS, Event, ModelCall, RunFinished, RunStarted, ToolCall
from detectors.event import encode as encode_event
from detectors.rollup import Rollup
from monitor.decode import Decoded, Undecodable, decode
from monitor.engine import inputs
from monitor.engine.engine import Engine
from monitor.engine.outcome import Outcome, Position
from monitor.engine.state import RunState, new
from monitor.messages import Ack, Alert, Command, JournalEntry, OperatorDecision, WorkerHeartbeat, encode
from monitor.policy import Policy
from monitor.worker.record import dead_letter, encode_rollup

HERE = Path(__file__).parent
RUN = "run-7f3a"
TYPES: dict[str, Any] = {  # golden messages whose names start so, their type
    "alert-": Alert,
    "command-": Command,
    "standing-": Command,
    "ack-": Ack,
    "operator-": OperatorDecision,
    "journal-": JournalEntry,
    "rollup-": Rollup,
    "worker-heartbeat": WorkerHeartbeat,
}


def fields(text: str) -> list[str]:
    return text.split()


ALERT = fields(
    "id revision status event_id time run_id agent_id agent_name team environment rule family severity mode title "
    "summary score evidence command_id policy operational"
)
COMMAND = fields(
    "id action scope target run_id event_id agent_id seq partition reason alert_id issued_by issued_at expires_at epoch"
)
ACK = fields("command_id run_id status time last_seq actions_after detail consumer")
EVIDENCE = fields("event_id topic partition offset excerpt")
COMMON = fields("id kind time run_id agent_id parent_agent_id agent_name agent_version team environment publisher seq")
OF_KIND = {
    "run.started": "task workspace labels parent_run_id schedule_id",
    "model.call": "provider model input_tokens output_tokens cache_read_input_tokens cache_write_input_tokens "
    "reasoning_output_tokens cost_usd duration_s finish_reason",
    "tool.call": "tool call_id arguments",
    "tool.result": "call_id status exit_code output output_sha256 output_bytes duration_s",
    "message": "role text",
    "decision": "name chosen alternatives",
    "commit_point": "name revert",
    "run.finished": "outcome claim",
    "heartbeat": "",
    "metric": "name value unit labels",
}


def named(start: str) -> list[str]:
    return sorted(path.stem for path in HERE.glob(f"{start}*.json"))


def golden(name: str) -> dict[str, Any]:
    message: dict[str, Any] = json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))
    return message


def wire(value: Any) -> bytes:
    """As on Kafka: compact, in the order of the file."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


MESSAGES = [(name, kind) for start, kind in TYPES.items() for name in named(start)]


@pytest.mark.parametrize(("name", "kind"), MESSAGES, ids=[name for name, _ in MESSAGES])
def test_what_is_read_is_written_alike(name: str, kind: type[Any]) -> None:
    value = wire(golden(name)["value"])
    message = msgspec.json.decode(value, type=kind)
    assert (encode_rollup(message) if isinstance(message, Rollup) else encode(message)) == value


@pytest.mark.parametrize(("name", "kind"), MESSAGES, ids=[name for name, _ in MESSAGES])
def test_its_key_is_its_own_and_never_null(name: str, kind: type[Any]) -> None:
    told = golden(name)
    message = msgspec.json.decode(wire(told["value"]), type=kind)
    if isinstance(message, Ack):
        key = message.run_id
    elif isinstance(message, JournalEntry):
        key = message.run_id or f"policy:{message.digest}"
    else:
        key = message.standing_key if told["topic"] == "killcord.standing" else message.key
    assert key and key == told["key"]


@pytest.mark.parametrize("name", named("event-"))
def test_an_event_that_is_read_is_written_alike(name: str) -> None:
    value = wire(golden(name)["value"])
    decoded = decode(value)
    assert isinstance(decoded, Decoded)
    assert (decoded.run_id, [encode_event(event) for event in decoded.events]) == (golden(name)["key"], [value])


FIELDS = [  # golden messages whose names start so, the design's fields
    ("alert-", ALERT),
    ("command-", COMMAND),
    ("standing-", COMMAND),
    ("ack-", ACK),
]


@pytest.mark.parametrize(("start", "wanted"), FIELDS, ids=[row[0] for row in FIELDS])
def test_the_fields_are_the_design_s(start: str, wanted: list[str]) -> None:
    assert {tuple(golden(name)["value"]) for name in named(start)} == {tuple(wanted)}


def test_the_fields_of_evidence_are_the_design_s() -> None:
    assert [list(entry) for entry in golden("alert-open")["value"]["evidence"]] == [EVIDENCE]


def test_the_fields_of_events_are_the_design_s() -> None:
    assert {kind.kind for kind in KINDS} == OF_KIND.keys()
    for kind, own in OF_KIND.items():
        assert set(golden(f"event-{kind}")["value"]) == {*COMMON, *own.split()}


def test_there_is_a_golden_message_of_every_word() -> None:
    def words(start: str, field: str) -> set[str]:
        return {golden(name)["value"][field] for name in named(start)}

    assert words("ack-", "status") == set(fields("watching received stopped ended paused resumed refused failed"))
    assert words("command-", "action") == set(fields("notice pause resume kill"))
    assert words("standing-", "scope") == set(fields("run agent_name team environment all"))
    assert words("standing-", "action") == {"kill", "pause"}
    decisions = fields("approve raise_budget kill pause resume pin unpin outcome canary")
    assert words("operator-", "decision") == set(decisions)
    assert words("journal-", "kind") == set(fields("ack operator policy governor timer"))
    assert words("alert-", "status") == {"open", "resolved"}


def test_a_dead_letter_is_the_original_bytes_with_its_place_and_reason() -> None:
    told = golden("deadletter")
    value, headers = told["value"].encode(), told["headers"]
    refused = decode(value)
    assert isinstance(refused, Undecodable)
    record = dead_letter(
        told["topic"], headers["topic"], int(headers["partition"]), int(headers["offset"]), told["key"].encode(), value,
        refused.reason,
    )  # fmt: skip
    assert (record.topic, record.key, record.value) == (told["topic"], told["key"].encode(), value)
    assert {name: text.decode() for name, text in record.headers} == headers


class Live:
    """A run that is over its budget, judged by the real engine with the shipped policy."""

    def __init__(self) -> None:
        self.engine = Engine(Policy.load(None), partitions=8)
        self.state: RunState = new(RUN)
        self.said = Outcome()
        self.offset = 0

    def event(self, kind: type[Event], **more: Any) -> None:
        n = self.offset
        event = kind(
            id=f"e{n}", time=1000.0 + n, run_id=RUN, agent_id="main", agent_name="coder", team="payments",
            environment="production", publisher="sdk", seq=n, **more,
        )  # fmt: skip
        self.said.extend(self.engine.take(self.state, [event], Position("killcord.events", 5, n, 1000.0 + n)))
        self.offset += 1

    def ack(self, status: str, command_id: str | None, **more: Any) -> None:
        counts: dict[str, Any] = {"last_seq": None, "actions_after": None, "detail": "", **more}
        ack = Ack(command_id=command_id, run_id=RUN, status=status, time=1010.0, consumer="guard", **counts)  # type: ignore[arg-type]
        self.said.extend(inputs.acknowledge(self.state, ack, self.engine.policy.digest))


@pytest.fixture(scope="module")
def said() -> Outcome:
    live = Live()
    live.ack("watching", None)
    live.event(RunStarted, task="t")
    live.event(ToolCall, tool="bash", arguments={"command": "true"})
    live.event(ModelCall, cost_usd=1e6)
    kill = next(command for command in live.said.commands if command.action == "kill")
    live.said.extend(inputs.on_time(live.state, live.state.tracked[0].issued_at + 60, 2.0, "d"))
    live.ack("stopped", kill.id, last_seq=2, actions_after=0)
    live.event(RunFinished, outcome="success")
    return live.said


def written(message: Any) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(
        encode_rollup(message) if isinstance(message, Rollup) else encode(message)
    )
    return found


def test_the_engine_s_alerts_have_exactly_these_fields(said: Outcome) -> None:
    assert {alert.status for alert in said.alerts} == {"open", "resolved"}
    for alert in said.alerts:
        assert list(written(alert)) == ALERT
        assert all(list(entry) == EVIDENCE for entry in written(alert)["evidence"])
        assert alert.key == RUN


def test_the_engine_s_commands_have_exactly_these_fields(said: Outcome) -> None:
    assert said.commands
    for command in said.commands:
        assert list(written(command)) == COMMAND
        assert (command.key, command.standing_key) == (RUN, f"run:{RUN}")


def test_the_engine_s_journal_and_rollups_have_no_other_fields(said: Outcome) -> None:
    assert said.journal and said.rollups
    assert {rollup.key for rollup in said.rollups} >= {"agent_name:coder"}
    for start, messages in (("journal-", said.journal), ("rollup-", said.rollups)):
        known = {field for name in named(start) for field in golden(name)["value"]}
        for message in messages:
            assert set(written(message)) <= known
