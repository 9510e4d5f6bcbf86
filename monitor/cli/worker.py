"""``killcord worker``: checks everything a worker needs, then judges events until it is told to stop."""

from __future__ import annotations

import click

from monitor.cli.options import kafka_options
from monitor.settings import Settings


@click.command()
@kafka_options
@click.option("--policy", "policy", metavar="FILE", help="What differs from the shipped policy (KILLCORD_POLICY).")
def worker(settings: Settings, policy: str | None) -> None:
    """Judge events as they come, and issue alerts and commands.

    Waits for the broker, checks the topics (see `killcord topics create`), takes over its share of the partitions and
    serves /metrics, /healthz and /readyz. Stop it with Ctrl-C or SIGTERM: it hands over what it was doing.
    """
    import msgspec

    from monitor.worker.start import StartError, start

    if policy is not None:
        settings = msgspec.structs.replace(settings, policy=policy)
    try:
        start(settings)
    except StartError as error:
        raise click.ClickException(str(error)) from error
