"""What a guard finds of a run's actions after the event that got it killed."""

from __future__ import annotations

import time

import msgspec
import pytest

from monitor.client import AsyncPublisher
from monitor.client.orders import _command
from monitor.guard.aftermath import actions_after
from monitor.settings import Settings


@pytest.mark.parametrize(("trigger", "after", "last_seq"), [(1, 2, 4), (2, 1, 4), (4, 0, 4), (99, None, None)])
async def test_actions_after(kafka_topics: Settings, trigger: int, after: int | None, last_seq: int | None) -> None:
    async with (
        AsyncPublisher("r1", settings=kafka_topics) as publisher,
        AsyncPublisher("r2", settings=kafka_topics) as other,
    ):
        publisher.tool_call("Bash", "one")
        publisher.tool_call("Bash", "two")
        publisher.message("hm")
        publisher.tool_call("Bash", "three")
        other.tool_call("Bash", "another run's")
    command = msgspec.structs.replace(
        _command("kill", "run", "r1"), issued_at=time.time(), agent_id=publisher.agent_id,
        event_id=f"{publisher._nonce}-{trigger}",
    )  # fmt: skip
    proof = await actions_after(kafka_topics, command, "r1")
    assert (proof.actions_after, proof.last_seq) == (after, last_seq), proof.detail
    assert proof.detail
