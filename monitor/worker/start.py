"""Starts a worker: settings, policy, broker and topics are checked before Faust sees them."""

from __future__ import annotations

import asyncio
import sys
from importlib.metadata import version

import faust
import structlog

from monitor.health import Heartbeat, PortUnavailable, serve
from monitor.logs import setup, worker_options
from monitor.metrics import Metrics
from monitor.policy import Policy, PolicyError
from monitor.settings import Settings
from monitor.topics import topics
from monitor.topics.admin import check, look
from monitor.topics.connect import BrokerError, admin_client
from monitor.worker.app import Monitor
from monitor.worker.assumptions import broken
from monitor.worker.collector import settle

log = structlog.get_logger("killcord.worker")


SWITCH_S = 0.001  # Python's own is 5 ms


class StartError(RuntimeError):
    """Why a worker cannot start, with the remedy."""


def start(settings: Settings) -> None:
    """Runs a worker until a signal ends it; leaves by SystemExit, as Faust's own command does."""
    handler = setup(settings)
    try:
        policy = Policy.load(settings.policy or None)
    except PolicyError as error:
        raise StartError(str(error)) from error
    try:
        partitions, cluster = asyncio.run(_cluster(settings))
    except BrokerError as error:
        raise StartError(str(error)) from error
    if lost := broken():
        raise StartError(
            f"faust-streaming {version('faust-streaming')} with aiokafka {version('aiokafka')} is not what this version"
            " was made for:\n"
            + "\n".join(f"  not so: {name}" for name in lost)
            + "\nInstall the versions in requirements.lock."
        )
    metrics = Metrics()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    monitor = Monitor(settings, policy, metrics, partitions, cluster)
    heartbeat = Heartbeat()
    try:
        server = serve(settings, metrics, alive=heartbeat, ready=monitor.ready)
    except PortUnavailable as error:
        raise StartError(str(error)) from error
    beating = loop.create_task(heartbeat.run())
    options = worker_options(handler)
    monitor.app.conf.loghandlers = options.pop("loghandlers")  # the one that Faust takes from its app
    # What judges must not wait long for the threads that write to disk and serve metrics.
    sys.setswitchinterval(SWITCH_S)
    settle()
    worker = faust.Worker(monitor.app, loop=loop, loglevel=settings.log_level.upper(), quiet=True, **options)
    try:
        worker.execute_from_commandline()
    finally:
        beating.cancel()
        if server is not None:
            server.close()
        sys.stderr.flush()


async def _cluster(settings: Settings) -> tuple[int, str]:
    """(partitions of the event topic, the cluster's own id), once all topics fit."""
    async with admin_client(settings) as client:
        problems = await check(client, settings)
        if problems:
            listed = "\n".join(f"  {problem}" for problem in problems)
            raise StartError(f"the topics do not fit:\n{listed}\nCreate what is missing: killcord topics create")
        name = topics(settings)[0].name
        found, _ = await look(client, [name], configs=False)
        return found[name].partitions, (await client.describe_cluster()).get("cluster_id") or ""
