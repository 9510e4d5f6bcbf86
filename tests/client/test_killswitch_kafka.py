"""Kill-switches on a real Kafka: what an operator orders, and what comes back."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator

import msgspec
import pytest

from monitor.client import AsyncKillSwitch, AsyncPublisher, Killed, KillSwitch
from monitor.client.orders import FinalError, Issued, Operator
from monitor.messages import Ack, Action, Command, Scope
from monitor.settings import Settings
from monitor.topics.admin import create
from monitor.topics.connect import admin_client

WITHIN = 10.0


@pytest.fixture
async def operator(kafka_topics: Settings) -> AsyncIterator[Operator]:
    async with Operator(kafka_topics, by="test") as made:
        yield made


async def acks(operator: Operator, issued: Issued) -> list[Ack]:
    return [ack async for ack in operator.acks(issued, WITHIN)]


async def statuses(operator: Operator, issued: Issued) -> list[str]:
    return [ack.status for ack in await acks(operator, issued)]


@contextlib.asynccontextmanager
async def switch(settings: Settings, run_id: str, **options: object) -> AsyncIterator[AsyncKillSwitch]:
    made = AsyncKillSwitch(run_id, settings=settings, **options)
    assert await made.start()
    try:
        yield made
    finally:
        await made.close()


class Agent:
    """What a kill-switch did to it."""

    def __init__(self) -> None:
        self.done: list[Action] = []

    def __getattr__(self, name: str) -> object:
        return lambda command: self.done.append(name.removeprefix("on_"))  # type: ignore[arg-type]

    def callbacks(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in ("on_kill", "on_pause", "on_resume")}


async def test_pause_resume_kill(kafka_topics: Settings, operator: Operator) -> None:
    agent = Agent()
    async with switch(kafka_topics, "r1", **agent.callbacks()):
        for action, end in (("pause", "paused"), ("resume", "resumed"), ("kill", "stopped")):
            issued = await operator.issue(action, "run", "r1", reason="test")
            assert issued.watched
            assert (await statuses(operator, issued))[-1] == end
    assert agent.done == ["pause", "resume", "kill"]


@pytest.mark.parametrize(
    ("scope", "target"), [("agent_name", "coder"), ("team", "infra"), ("environment", "prod"), ("all", "all")]
)
async def test_wide(kafka_topics: Settings, operator: Operator, scope: Scope, target: str) -> None:
    agent, other = Agent(), Agent()
    async with (
        switch(kafka_topics, "r1", agent_name="coder", team="infra", environment="prod", **agent.callbacks()),
        switch(kafka_topics, "r2", agent_name="else", **other.callbacks()),
    ):
        issued = await operator.issue("kill", scope, target, expires_in_s=60)
        found: list[Ack] = []
        async for ack in operator.acks(issued, WITHIN):
            found.append(ack)
            if len(found) == (4 if scope == "all" else 2):
                break
        stopped = {ack.run_id for ack in found if ack.status == "stopped"}
    assert stopped == ({"r1", "r2"} if scope == "all" else {"r1"})
    assert (agent.done, other.done) == (["kill"], ["kill"] if scope == "all" else [])


async def test_a_late_switch_knows_its_kill(kafka_topics: Settings, operator: Operator) -> None:
    issued = await operator.issue("kill", "run", "r1", reason="too late")
    assert issued.watched is False
    with pytest.raises(Killed) as caught:
        async with AsyncKillSwitch("r1", settings=kafka_topics):
            pytest.fail("the first action")
    assert caught.value.command == issued.command
    assert await statuses(operator, issued) == ["received", "stopped"]


async def test_a_sync_late_switch_knows_its_kill(kafka_topics: Settings, operator: Operator) -> None:
    await operator.issue("kill", "agent_name", "coder", expires_in_s=60)

    def work() -> None:
        with KillSwitch("r9", agent_name="coder", settings=kafka_topics):
            pytest.fail("the first action")

    with pytest.raises(Killed):
        await asyncio.to_thread(work)


async def test_a_killed_run_is_not_resumed(kafka_topics: Settings, operator: Operator) -> None:
    issued = await operator.issue("kill", "run", "r1")
    with pytest.raises(FinalError):
        await operator.issue("resume", "run", "r1")
    assert await operator.standing("run", "r1") == issued.command


async def test_a_resume_lifts_what_stands(kafka_topics: Settings, operator: Operator) -> None:
    await operator.issue("pause", "run", "r1")
    await operator.issue("resume", "run", "r1")
    assert await operator.standing("run", "r1") is None
    async with switch(kafka_topics, "r1") as late:
        assert late.paused is None


async def test_what_was_lifted_is_not_obeyed_by_a_late_switch(kafka_topics: Settings, operator: Operator) -> None:
    agent = Agent()
    await operator.issue("kill", "agent_name", "coder", expires_in_s=60)
    await operator.issue("resume", "agent_name", "coder")
    async with switch(kafka_topics, "r1", agent_name="coder", **agent.callbacks()):
        issued = await operator.issue("pause", "run", "r1")
        await acks(operator, issued)
    assert agent.done == ["pause"]


async def test_epochs_count_up_past_a_resume(kafka_topics: Settings, operator: Operator) -> None:
    issued = [await operator.issue(action, "run", "r1") for action in ("pause", "resume", "kill")]
    assert [one.command.epoch for one in issued] == [1, 2, 3]


async def test_a_repeat_is_acknowledged_and_not_obeyed(kafka_topics: Settings, operator: Operator) -> None:
    agent = Agent()
    async with switch(kafka_topics, "r1", **agent.callbacks()):
        issued = await operator.issue("pause", "run", "r1")
        await acks(operator, issued)
        await operator._write(issued.command)
        assert await statuses(operator, issued) == ["paused"]
    assert agent.done == ["pause"]


async def test_a_stale_epoch_is_refused(kafka_topics: Settings, operator: Operator) -> None:
    agent = Agent()
    async with switch(kafka_topics, "r1", **agent.callbacks()):
        first = await operator.issue("pause", "run", "r1")
        await acks(operator, first)
        stale = msgspec.structs.replace(first.command, id="s", epoch=0)
        await operator._link.send(operator.names.control, stale.key, msgspec.json.encode(stale))
        [answer] = await acks(operator, Issued(command=stale, watched=True))
    assert answer.status == "refused"
    assert "epoch 0 is lower than 1" in answer.detail


async def test_a_callback_that_raises_has_failed(kafka_topics: Settings, operator: Operator) -> None:
    def broken(command: Command) -> None:
        raise OSError("no permission")

    async with switch(kafka_topics, "r1", on_kill=broken):
        *_, last = await acks(operator, await operator.issue("kill", "run", "r1"))
    assert (last.status, last.detail) == ("failed", "OSError: no permission")


async def test_an_ended_run_says_so(kafka_topics: Settings, operator: Operator) -> None:
    async with switch(kafka_topics, "r1"):
        pass
    issued = await operator.issue("kill", "run", "r1")
    assert (issued.watched, issued.ended) == (False, True)


async def test_the_kill_comes_into_a_waiting_task(kafka_topics: Settings, operator: Operator) -> None:
    started = asyncio.Event()

    async def agent() -> None:
        async with AsyncKillSwitch("r1", settings=kafka_topics):
            started.set()
            with contextlib.suppress(Exception):  # what agents do around their tools
                await asyncio.sleep(60)

    task = asyncio.create_task(agent())
    await asyncio.wait_for(started.wait(), WITHIN)
    issued = await operator.issue("kill", "run", "r1", reason="loop")
    assert await statuses(operator, issued) == ["received", "stopped"]
    with pytest.raises(Killed, match="loop"):
        await task


async def test_check_waits_and_raises(kafka_topics: Settings, operator: Operator) -> None:
    steps: list[str] = []
    ready = threading.Event()

    def agent() -> None:
        with KillSwitch("r1", settings=kafka_topics) as switch:
            ready.set()
            while True:
                switch.check()
                steps.append("act")
                time.sleep(0.001)

    work = asyncio.create_task(asyncio.to_thread(agent))
    assert await asyncio.to_thread(ready.wait, WITHIN)
    paused = await operator.issue("pause", "run", "r1")
    assert await statuses(operator, paused) == ["received", "paused"]
    count = len(steps)
    resumed = await operator.issue("resume", "run", "r1")
    assert (await statuses(operator, resumed))[-1] == "resumed"
    killed = await operator.issue("kill", "run", "r1")
    assert await statuses(operator, killed) == ["received", "stopped"]
    with pytest.raises(Killed):
        await work
    assert len(steps) >= count


async def test_the_publisher_tells_what_got_through(kafka_topics: Settings, operator: Operator) -> None:
    async with AsyncPublisher("r1", settings=kafka_topics) as publisher:
        publisher.tool_call("Bash", "rm -rf /")
        trigger = publisher.last_seq
        publisher.tool_call("Bash", "ls")
        publisher.message("done")
        async with switch(kafka_topics, "r1", publisher=publisher, on_kill=lambda command: "gone"):
            issued = await operator.issue("kill", "run", "r1")
            await acks(operator, issued)
            again = msgspec.structs.replace(
                issued.command, id="other", seq=trigger, agent_id=publisher.agent_id, epoch=9
            )
            await operator._link.send(operator.names.control, again.key, msgspec.json.encode(again))
            [answer] = await acks(operator, Issued(command=again, watched=True))
    assert (answer.status, answer.last_seq, answer.actions_after) == ("stopped", 3, 1)


async def test_a_broker_restart_is_survived(own_kafka: object) -> None:
    settings = Settings(brokers=own_kafka.brokers, partitions=2, replication_factor=1)  # type: ignore[attr-defined]
    async with admin_client(settings) as client:
        assert not (await create(client, settings)).problems
    async with switch(settings, "r1", on_kill=lambda command: "gone"):
        await asyncio.to_thread(own_kafka.kill)  # type: ignore[attr-defined]
        await asyncio.to_thread(own_kafka.start)  # type: ignore[attr-defined]
        async with Operator(settings, by="test") as operator:
            issued = await operator.issue("kill", "run", "r1")
            assert [ack.status async for ack in operator.acks(issued, 30.0)][-1] == "stopped"
