"""Runs the demo: broker, worker and fleet, each a process of its own; ends when all was seen, or at the deadline.

Whatever ends it, a Ctrl-C too, takes every process and the scratch directory along.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

from msgspec.structs import replace

from monitor.client.orders import Operator
from monitor.demo.fleet import FLEET, Cast
from monitor.demo.observe import Observer, Seen
from monitor.demo.show import Show
from monitor.demo.stage import agent_command, build
from monitor.embedded import embedded_broker
from monitor.settings import Settings
from monitor.settings.load import environment

DEADLINE_S = 50.0  # of the whole demo
WORKER_START_S = 25.0
RESUME_AFTER_S = 1.5  # a person looks before letting go on
POLICY = Path(__file__).parent / "policy.yaml"


class DemoError(RuntimeError):
    """The demo could not be staged; says what did not start, and its last words."""


def perform(show: Show) -> bool:
    """Whether all was seen."""
    with tempfile.TemporaryDirectory(prefix="killcord-demo-") as directory, embedded_broker(_settings()) as settings:
        scratch = Path(directory)
        build(scratch)
        settings = replace(settings, policy=str(POLICY), metrics_port=_free_port(), data_dir=str(scratch / "worker"))
        return asyncio.run(_perform(settings, scratch, show))


async def _perform(settings: Settings, scratch: Path, show: Show) -> bool:
    began = time.monotonic()
    fleet = {cast.run_id: Seen(cast=cast) for cast in FLEET}
    show.begin(fleet)
    observer = Observer(settings, fleet)
    async with contextlib.AsyncExitStack() as stack:
        log = scratch / "worker.log"
        worker = await stack.enter_async_context(_process([sys.executable, "-m", "monitor", "worker"], settings, log))
        await _ready(settings, worker, log, began)
        watching = asyncio.create_task(observer.run())
        stack.callback(watching.cancel)
        show.says(f"worker ready after {time.monotonic() - began:.1f} s; {len(FLEET)} agents start")
        agents = [asyncio.create_task(_agent(cast, fleet[cast.run_id], settings, scratch, observer)) for cast in FLEET]
        try:
            await _watch(settings, fleet, observer, show, began + DEADLINE_S)
        finally:
            for agent in agents:
                agent.cancel()
            await asyncio.gather(*agents, return_exceptions=True)
        if watching.done() and not watching.cancelled() and (error := watching.exception()) is not None:
            raise DemoError(f"reading the topics failed: {error}") from error
    show.end(fleet, time.monotonic() - began)
    return all(seen.missing() is None for seen in fleet.values())


async def _watch(settings: Settings, fleet: dict[str, Seen], observer: Observer, show: Show, deadline: float) -> None:
    """Shows what comes, plays the operator, and returns when all was seen or time is up."""
    told = 0
    resuming: set[asyncio.Task[None]] = set()
    while time.monotonic() < deadline:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(observer.changed.wait(), 0.25)
        observer.changed.clear()
        for run_id, message in observer.log[told:]:
            show.message(run_id, message)
        told = len(observer.log)
        show.state(fleet)
        for seen in fleet.values():
            if seen.cast.resumed and seen.proof is not None and not seen.resumed:
                seen.resumed = True
                resuming.add(asyncio.create_task(_resume(settings, seen, show)))
        if all(seen.missing() is None for seen in fleet.values()):
            break
    await asyncio.gather(*resuming)


async def _resume(settings: Settings, seen: Seen, show: Show) -> None:
    await asyncio.sleep(RESUME_AFTER_S)
    show.says(f"operator: killcord resume {seen.cast.run_id} --reason 'the review takes its time'")
    async with Operator(settings, by="operator") as operator:
        await operator.issue("resume", "run", seen.cast.run_id, reason="the review takes its time")


async def _agent(cast: Cast, seen: Seen, settings: Settings, scratch: Path, observer: Observer) -> None:
    command = agent_command(cast.run_id)
    if cast.switch == "guard":
        command = [
            sys.executable, "-m", "monitor", "guard", "--run-id", cast.run_id, "--agent-name", cast.agent_name,
            "--environment", cast.environment, "--", *command,
        ]  # fmt: skip
    named = {
        "KILLCORD_AGENT_NAME": cast.agent_name,
        "KILLCORD_ENVIRONMENT": cast.environment,
        "DEMO_SCRATCH": str(scratch),
    }
    async with _process(command, settings, scratch / f"{cast.run_id}.log", named) as process:
        seen.exit_status = await process.wait()
        observer.changed.set()


@contextlib.asynccontextmanager
async def _process(
    command: list[str], settings: Settings, log: Path, more: dict[str, str] | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process with these settings and its output in ``log``; asked to end, then ended, when the block is left."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("KILLCORD_")}
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
            env=own | environment(settings) | (more or {}),
            start_new_session=True,  # Ctrl-C is for the demo, which then ends them in order
        )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), 5.0)
            except TimeoutError:
                process.kill()
                await process.wait()


async def _ready(settings: Settings, worker: asyncio.subprocess.Process, log: Path, began: float) -> None:
    url = f"http://{settings.metrics_host}:{settings.metrics_port}/readyz"
    while time.monotonic() < began + WORKER_START_S:
        if worker.returncode is not None:
            raise DemoError(f"the worker ended with status {worker.returncode}:\n{_last_words(log)}")
        if await asyncio.to_thread(_answers, url):
            return
        await asyncio.sleep(0.1)
    raise DemoError(f"the worker was not ready within {WORKER_START_S:g} s:\n{_last_words(log)}")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1.0) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _last_words(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:])


def _settings() -> Settings:
    return Settings(topic_prefix="killcord", log_level="info")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
