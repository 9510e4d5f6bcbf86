"""What is an event and what is a dead letter, and that the reason names the field."""

from __future__ import annotations

import hashlib
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.decode import Decoded, Undecodable, decode, nesting

BEAT = {"kind": "heartbeat", "time": 1, "run_id": "r", "id": "e"}


def beat(**more: object) -> dict[str, object]:
    return {**BEAT, **more}


TAKEN = [  # message, events, unknown kinds, why
    (json.dumps(BEAT), 1, 0, "one event"),
    (json.dumps([BEAT, BEAT]), 2, 0, "an array"),
    (json.dumps(BEAT) + "\n" + json.dumps(BEAT) + "\n", 2, 0, "NDJSON"),
    ("\n" + json.dumps(BEAT) + "\n\n", 1, 0, "blank lines"),
    (json.dumps(beat(kind="dream")), 0, 1, "a kind of a later version"),
    (json.dumps([beat(kind="dream"), BEAT]), 1, 1, "beside one that is known"),
    (json.dumps(beat(kind="dream")) + "\n" + json.dumps(BEAT), 1, 1, "NDJSON that begins with a kind not known"),
    (json.dumps(beat(), indent=1), 1, 0, "one event over several lines"),
    (json.dumps(beat(kind="dream"), indent=1), 0, 1, "one of an unknown kind over several lines"),
    (json.dumps(beat(novelty={"a": [1]})), 1, 0, "unknown fields"),
    (
        json.dumps({"kind": "tool.call", "tool": "t", "time": 1, "run_id": "r", "arguments": "ls"}),
        1,
        0,
        "text as argument",
    ),
]


DEEP: object = "x"
for _ in range(64):
    DEEP = [DEEP]
CALL = {"kind": "tool.call", "tool": "t", "time": 1, "run_id": "r", "id": "c"}
MANY = "[{" * 99
NESTED = [  # event, whether it is taken, why
    ({**CALL, "kind": "tool.result", "output": MANY}, True, "brackets in an output"),
    ({**CALL, "kind": "message", "text": f'\\"{MANY}"'}, True, "brackets and quotes in a message"),
    ({**CALL, "arguments": MANY}, True, "brackets in a text of arguments"),
    ({**CALL, "arguments": {"a": MANY, "b": [MANY]}}, True, "brackets in an argument, and within one"),
    ({**CALL, "arguments": {"a": MANY, "b": DEEP}}, False, "depth beside brackets in a text"),
    ({**CALL, "arguments": MANY, "novelty": DEEP}, True, "depth in a field that is not known, which nothing reads"),
    ({**CALL, "kind": "heartbeat", "novelty": MANY}, True, "brackets in a field that is not known"),
]


@pytest.mark.parametrize("escaped", [False, True], ids=["as they are", "escaped"])
@pytest.mark.parametrize(("event", "taken", "why"), NESTED, ids=[row[-1] for row in NESTED])
def test_depth_is_what_nests_and_not_what_is_in_a_text(
    event: dict[str, object], taken: bool, why: str, escaped: bool
) -> None:
    message = json.dumps(event)
    if escaped:
        message = message.replace("[{", "\\u005b\\u007b")
    decoded = decode(message.encode())
    assert isinstance(decoded, Decoded) == taken
    assert taken or (isinstance(decoded, Undecodable) and "nested too deep" in decoded.reason)


@pytest.mark.parametrize(("message", "events", "unknown", "why"), TAKEN, ids=[row[-1] for row in TAKEN])
def test_taken(message: str, events: int, unknown: int, why: str) -> None:
    decoded = decode(message.encode())
    assert isinstance(decoded, Decoded)
    assert (len(decoded.events), decoded.unknown) == (events, unknown)


REFUSED = [  # message, words of the reason, why
    (b"", "empty message", "no bytes"),
    (b"{bad", "malformed", "broken JSON"),
    (b"5", "Expected `object`", "not an object"),
    (b"[]", "empty array", "no events"),
    (b"\xff", "malformed", "not text"),
    (b'{"kind":"message","time":1,"run_id":"r","text":"\xff"}', "UTF-8", "not UTF-8"),
    (b'{"time":1,"run_id":"r"}', "`kind`", "no kind"),
    (b'{"kind":"heartbeat","time":1}', "`run_id`", "no run"),
    (b'{"kind":"heartbeat","time":1,"run_id":""}', "`$.run_id`", "an empty run"),
    (b'{"kind":"dream","time":1}', "`run_id`", "no run in an unknown kind"),
    (b'{"kind":"heartbeat","run_id":"r"}', "`time`", "no time"),
    (b'{"kind":"heartbeat","time":"now","run_id":"r"}', "`$.time`", "wrong type"),
    (b'{"kind":"heartbeat","time":NaN,"run_id":"r"}', "NaN - at `$.time`", "NaN"),
    (json.dumps(beat(time="x")).encode() + b"\n" + json.dumps(BEAT).encode(), "line 1", "the first of NDJSON"),
    (b'{"kind":"model.call","time":1,"run_id":"r","cost_usd":1e999}', "`$.cost_usd`", "overflows"),
    (b'{"kind":"model.call","time":1,"run_id":"r","cost_usd":-1}', "`$.cost_usd`", "negative"),
    (
        b'{"kind":"tool.call","tool":"t","time":1,"run_id":"r","arguments":{"a":[1,{"b":-Infinity}]}}',
        "-Infinity - at `$.arguments.a[1].b`",
        "infinity deep inside",
    ),
    (json.dumps([BEAT, beat(time="x")]).encode(), "`$[1].time`", "the second of an array"),
    (json.dumps(BEAT).encode() + b"\n" + json.dumps(beat(time="x")).encode(), "line 2", "the second of NDJSON"),
    (json.dumps([BEAT, beat(run_id="q")]).encode(), "several runs", "two runs"),
    (json.dumps([BEAT, beat(run_id="q", kind="dream")]).encode(), "several runs", "two runs, one of unknown kind"),
    (b'{"a":' * 100 + b"1" + b"}" * 100, "nested too deep", "nested"),
    (b"[" * 200_000, "nested", "a nesting bomb"),
    (json.dumps(beat(id="x" * 2_000_000)).encode(), "over the limit of 1048576 bytes", "too large"),
]


@pytest.mark.parametrize(("message", "words", "why"), REFUSED, ids=[row[-1] for row in REFUSED])
def test_refused(message: bytes, words: str, why: str) -> None:
    refused = decode(message)
    assert isinstance(refused, Undecodable)
    assert words in refused.reason


def test_an_event_without_an_id_gets_one_from_its_bytes() -> None:
    message = json.dumps([{k: v for k, v in BEAT.items() if k != "id"}] * 2).encode()
    first, again = decode(message), decode(message)
    assert isinstance(first, Decoded) and isinstance(again, Decoded)
    ids = [event.id for event in first.events]
    assert ids == [event.id for event in again.events]
    assert len(set(ids)) == 2


def test_nesting_counts_no_brackets_in_strings() -> None:
    assert nesting(b'{"a":"[[[[\\"[[["}') == 1


MIB = 1 << 20
HOSTILE = {
    "a string that is never closed, with escaped quotes": b"{" * 70 + b'"' + b'\\"' * (MIB // 2 - 100),
    "escaped quotes outside strings": b'\\"' * (MIB // 2 - 200) + b"[" * 70,
    "open brackets": b"[" * MIB,
    "empty strings": b"[" * 70 + b'""' * (MIB // 2 - 100),
    "empty arrays": b"[" + b"[]," * (MIB // 3 - 100) + b"1]",
    "lines that are no events": b"\n".join([b"{}"] * (MIB // 3)),
    "NaN at the end": b'{"kind":"heartbeat","time":1,"run_id":"r","n":[' + b"1," * (MIB // 2 - 100) + b"NaN]}",
    "ten thousand events without ids": json.dumps([{k: v for k, v in BEAT.items() if k != "id"}] * 9999).encode(),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_mebibyte_of_the_worst_is_decoded_soon(name: str) -> None:
    began = time.process_time()
    decode(HOSTILE[name])
    assert time.process_time() - began < 1, "linear code takes a twentieth of this, quadratic code minutes"


def test_derived_ids_are_the_hash_of_the_message_and_the_place_in_it() -> None:
    message = json.dumps([{k: v for k, v in BEAT.items() if k != "id"}] * 2).encode()
    decoded = decode(message)
    assert isinstance(decoded, Decoded)
    wanted = [hashlib.sha256(message + n.to_bytes(4, "big")).hexdigest()[:16] for n in range(2)]
    assert [event.id for event in decoded.events] == wanted


def test_too_many_events_are_refused_before_they_are_read() -> None:
    refused = decode(b"\n".join([json.dumps(BEAT).encode()] * 10_001))
    assert isinstance(refused, Undecodable) and "10001 events in one message" in refused.reason


@given(st.binary(max_size=300))
def test_no_bytes_raise(message: bytes) -> None:
    assert isinstance(decode(message), Decoded | Undecodable)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(
    st.dictionaries(st.sampled_from(["kind", "time", "run_id", "seq", "tool", "arguments", "cost_usd"]), json_values)
)
def test_no_json_raises(message: dict[str, object]) -> None:
    assert isinstance(decode(json.dumps(message).encode()), Decoded | Undecodable)
