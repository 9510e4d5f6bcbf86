"""The documents that others write against: fresh, valid, and about every message."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator, Draft202012Validator

from detectors.event import KINDS
from monitor.schemas import SUBJECTS, asyncapi, files, json_schemas, stale, write
from monitor.schemas.channels import CHANNELS
from monitor.settings import Settings
from monitor.topics import TABLES, Names, topics

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs"
GOLDEN = HERE.parent / "golden"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return asyncapi()


def test_the_documents_in_docs_are_what_the_types_say() -> None:
    assert stale(DOCS) == [], "run `make schemas`"


def test_the_check_fails_for_what_is_stale_and_names_it(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "schemas" / "ack.json").write_text("{}")
    (tmp_path / "schemas" / "gone.json").write_text("{}")
    (tmp_path / "asyncapi.yaml").unlink()
    done = subprocess.run(
        [sys.executable, "-m", "monitor.schemas", "--check", "--to", str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert [Path(line.split(":")[0]).name for line in done.stderr.splitlines()] == [
        "asyncapi.yaml", "ack.json", "gone.json",
    ]  # fmt: skip
    assert write(tmp_path) == ["asyncapi.yaml", "schemas/ack.json", "schemas/gone.json"]
    assert stale(tmp_path) == []


@pytest.mark.parametrize("name", SUBJECTS)
def test_each_schema_is_a_schema_and_describes_itself(name: str) -> None:
    schema = json_schemas()[name]
    Draft202012Validator.check_schema(schema)
    described = [schema, *schema["$defs"].values()]
    assert all("description" in part for part in described if "title" in part)


def test_the_asyncapi_document_is_valid(document: dict[str, Any]) -> None:
    schema = json.loads((HERE / "asyncapi-3.1.0.json").read_text())
    errors = [f"{error.json_path}: {error.message[:200]}" for error in Draft7Validator(schema).iter_errors(document)]
    assert errors == []
    assert yaml.safe_load(files()["asyncapi.yaml"]) == document


def test_every_topic_is_a_channel_but_the_worker_s_own_changelogs(document: dict[str, Any]) -> None:
    told = {channel["address"] for channel in document["channels"].values()}
    assert told == {topic.name for topic in topics(Settings()) if not topic.name.endswith("-changelog")}
    assert len(told) == len(topics(Settings())) - len(TABLES)
    assert set(CHANNELS) == set(Names.__struct_fields__)


def test_every_kind_of_event_is_a_message_of_the_events(document: dict[str, Any]) -> None:
    assert {kind.kind for kind in KINDS} <= document["channels"]["events"]["messages"].keys()


def test_every_topic_has_someone_who_sends_and_someone_who_receives(document: dict[str, Any]) -> None:
    sides = {(body["channel"]["$ref"], body["action"]) for body in document["operations"].values()}
    assert sides == {(f"#/channels/{name}", side) for name in CHANNELS for side in ("send", "receive")}


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for reference in references(document):
        node: Any = document
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]


def references(node: Any) -> list[str]:
    if isinstance(node, list):
        return [found for item in node for found in references(item)]
    if not isinstance(node, dict):
        return []
    own = [node["$ref"]] if "$ref" in node else []
    return own + [found for item in node.values() for found in references(item)]


def test_every_message_has_a_key_and_a_fitting_example(document: dict[str, Any]) -> None:
    for message in document["components"]["messages"].values():
        assert message["bindings"]["kafka"]["key"]["description"]
        for example in message["examples"]:
            Draft202012Validator({**message["payload"], "components": document["components"]}).validate(
                example["payload"]
            )
            if "headers" in message:
                Draft202012Validator(message["headers"]).validate(example["headers"])


GOLDEN_SCHEMAS = [  # golden messages whose names start so, schema
    ("alert-", "alert"),
    ("command-", "command"),
    ("standing-", "command"),
    ("ack-", "ack"),
    ("operator-", "operator-decision"),
    ("journal-", "journal-entry"),
    ("rollup-", "rollup"),
    ("event-", "event"),
]


@pytest.mark.parametrize(("start", "name"), GOLDEN_SCHEMAS, ids=[row[0] for row in GOLDEN_SCHEMAS])
def test_every_golden_message_fits_its_schema(start: str, name: str) -> None:
    paths = sorted(GOLDEN.glob(f"{start}*.json"))
    assert paths
    for path in paths:
        value = json.loads(path.read_text())["value"]
        Draft202012Validator(json_schemas()[name]).validate(value)
        if name == "event":
            Draft202012Validator(json_schemas()[f"event.{value['kind']}"]).validate(value)


REFUSED = [  # schema, message, why it is none
    ("event", {"kind": "telepathy", "time": 1, "run_id": "r"}, "an unknown kind"),
    ("event", {"kind": "heartbeat", "time": 1}, "no run"),
    ("event", {"kind": "heartbeat", "time": 1, "run_id": ""}, "an empty run"),
    ("event", {"kind": "heartbeat", "time": "now", "run_id": "r"}, "a time that is text"),
    ("event", {"kind": "tool.result", "time": 1, "run_id": "r", "status": "fine"}, "an unknown status"),
    ("event.heartbeat", {"kind": "metric", "time": 1, "run_id": "r", "name": "n", "value": 1}, "another kind"),
    ("ack", {"command_id": "c", "run_id": "r", "status": "stopped"}, "half an acknowledgement"),
    ("command", {"action": "explode"}, "an unknown action"),
]


@pytest.mark.parametrize(("name", "message", "why"), REFUSED, ids=[row[-1] for row in REFUSED])
def test_what_is_no_message_does_not_fit(name: str, message: dict[str, Any], why: str) -> None:
    assert not Draft202012Validator(json_schemas()[name]).is_valid(message)
