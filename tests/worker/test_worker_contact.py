"""A worker that Kafka does not answer says nothing of what it waits for: another may have its partitions by then."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from typing import Any

from monitor.settings import Settings
from tests.worker.conftest import StartWorker
from tests.worker.harness import Agent, made, producing, tail

ACK_S = 2.0
AWAY_S = 3 * ACK_S  # a second attempt and an escalation would have been due


async def test_no_timer_runs_out_while_kafka_is_away(own_kafka: Any, start_worker: StartWorker, fresh: str) -> None:
    settings = await made(
        Settings(
            brokers=own_kafka.brokers, topic_prefix=f"t{fresh}", partitions=2, replication_factor=1,
            session_timeout_s=30.0, request_timeout_s=40.0, ack_timeout_s=ACK_S, fetch_wait_s=0.1,
        )
    )  # fmt: skip
    run = Agent(f"run-{fresh}", f"coder-{fresh}")
    broker = int((own_kafka.directory / "broker-1" / "pid").read_text())
    worker = await start_worker(settings).ready()
    watching = {
        "command_id": None, "run_id": run.run_id, "status": "watching", "time": time.time(), "last_seq": None,
        "actions_after": None, "detail": "", "consumer": "a switch that is silent",
    }  # fmt: skip
    async with producing(settings) as send, tail(settings, "control", "alerts", "journal") as seen:
        await send(watching, topic="acks")
        await seen.until(lambda: [entry for entry in seen.of("journal") if entry["kind"] == "ack"], worker=worker)
        await send(run.call("rm -rf /home"))
        await seen.until(lambda: seen.of("control"), worker=worker)
        os.kill(broker, signal.SIGSTOP)
        try:
            await asyncio.sleep(AWAY_S)
            assert worker.metric("killcord_escalations_total") == 0
        finally:
            os.kill(broker, signal.SIGCONT)
        revised = await seen.until(
            lambda: [alert for alert in seen.of("alerts") if alert["revision"] > 1], worker=worker
        )
        assert len(seen.of("control")) == 2, "the second attempt comes before the alert says that nobody obeys"
        assert revised[0]["status"] == "open" and worker.metric("killcord_escalations_total") == 1
