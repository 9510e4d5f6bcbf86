"""``killcord topics create|check``: the topics that Killcord needs, made or looked at."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable

import click
import msgspec
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from monitor.cli.options import kafka_options
from monitor.client.connection import quiet
from monitor.settings import Settings
from monitor.topics import Problem
from monitor.topics import topics as wanted_topics
from monitor.topics.admin import Created, check, create
from monitor.topics.connect import BrokerError, admin_client

AGAIN_S = 0.5
JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
WAIT = click.option(
    "--wait", "wait_s", type=click.FloatRange(min=0), metavar="SECONDS",
    help="How long to wait for a broker that does not answer (else: the setting broker_wait_s).",
)  # fmt: skip

Work = Callable[[AIOKafkaAdminClient, Settings], Awaitable[Created]]


@click.group()
def topics() -> None:
    """Create the topics, or check them. Existing ones are never altered."""


@topics.command("create")
@JSON
@WAIT
@kafka_options
def create_(settings: Settings, as_json: bool, wait_s: float | None) -> None:
    """Create the topics that are missing, and check the rest; existing ones are used as they are, if they fit.

    Where the right to create is missing, prints the exact commands for an administrator. Exits with 1 if anything
    stands in the way of a worker.
    """
    _run(settings, create, as_json, wait_s)


@topics.command("check")
@JSON
@click.option("--until-ready", is_flag=True, help="Look again until the topics fit, for as long as --wait says.")
@WAIT
@kafka_options
def check_(settings: Settings, as_json: bool, until_ready: bool, wait_s: float | None) -> None:
    """Name everything about the topics that keeps Killcord from running right. Exits with 1 if anything does."""
    _run(settings, _patiently(wait_s) if until_ready else _look, as_json, wait_s)


async def _look(client: AIOKafkaAdminClient, settings: Settings) -> Created:
    return Created((), tuple(await check(client, settings)))


def _patiently(wait_s: float | None) -> Work:
    async def look(client: AIOKafkaAdminClient, settings: Settings) -> Created:
        end = time.monotonic() + (settings.broker_wait_s if wait_s is None else wait_s)
        # Kafka tells nobody when a topic is made.
        while (found := await _look(client, settings)).problems and time.monotonic() < end:  # noqa: ASYNC110
            await asyncio.sleep(AGAIN_S)
        return found

    return look


def _run(settings: Settings, work: Work, as_json: bool, wait_s: float | None) -> None:
    quiet()
    try:
        done = asyncio.run(_connected(settings, work, wait_s))
    except BrokerError as error:
        raise click.ClickException(str(error)) from error
    except (KafkaError, OSError) as error:
        why = str(error) or type(error).__name__
        raise click.ClickException(f"brokers = {','.join(settings.brokers)}: {why}. Is the cluster well?") from error
    _tell_json(settings, done) if as_json else _tell(settings, done)
    sys.exit(1 if done.problems else 0)


async def _connected(settings: Settings, work: Work, wait_s: float | None) -> Created:
    wait = settings.broker_wait_s if wait_s is None else wait_s
    brokers = ",".join(settings.brokers)
    said = asyncio.get_running_loop().call_later(
        1.0, lambda: click.echo(f"waiting for Kafka at {brokers}, for {wait:g} s ...", err=True)
    )
    try:
        async with admin_client(settings, wait_s) as client:
            said.cancel()
            return await work(client, settings)
    finally:
        said.cancel()


def _tell(settings: Settings, done: Created) -> None:
    troubled: dict[str, list[Problem]] = {}
    for problem in done.problems:
        troubled.setdefault(problem.topic, []).append(problem)
    shapes = wanted_topics(settings)
    for topic in shapes:
        state = "created" if topic.name in done.names else "fits"
        if topic.name not in troubled:
            click.echo(f"{topic.name:<{max(len(shape.name) for shape in shapes)}}  {state:<7}  {topic.purpose}")
    for problem in done.problems:
        click.echo(f"{problem.topic}: {problem.text.removesuffix(problem.command).rstrip(' :')}", err=True)
    commands = [problem.command for problem in done.problems if problem.command]
    if commands:
        click.echo("\nAn administrator can run (admin.properties: how to log in):", err=True)
        for command in commands:
            click.echo(command, err=True)
    if done.problems:
        count = len(done.problems)
        click.echo(f"\n{count} problem{'s' if count > 1 else ''} at {','.join(settings.brokers)}", err=True)


def _tell_json(settings: Settings, done: Created) -> None:
    told = {
        "brokers": settings.brokers,
        "topics": [topic.name for topic in wanted_topics(settings)],
        "created": done.names,
        "problems": done.problems,
        "passed": not done.problems,
    }
    click.echo(msgspec.json.encode(told).decode())
