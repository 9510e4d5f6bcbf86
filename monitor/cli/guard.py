"""``killcord guard``: runs any program so that all of it can be killed, paused and resumed."""

from __future__ import annotations

import os
import secrets
import sys
from typing import Any

import click

from monitor.cli.options import RunId, kafka_options
from monitor.settings import Settings

METHODS = ("auto", "cgroup2", "cgroup1", "pidns", "subreaper")
SWITCH_S = 0.0005  # Python's own is 5 ms
GUARD_FAILED = 125  # as of env, nohup and docker run: no status of the program


class GuardCommand(click.Command):
    """Its own failures end with a status that is not taken for the program's."""

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        try:
            return super().make_context(*arguments, **options)
        except click.ClickException as error:
            error.exit_code = GUARD_FAILED
            raise

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            error.exit_code = GUARD_FAILED
            raise


@click.command(cls=GuardCommand, context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--run-id", type=RunId(), envvar="KILLCORD_RUN_ID",
              help="The run; a new id if not given [KILLCORD_RUN_ID].")  # fmt: skip
@click.option("--agent-name", envvar="KILLCORD_AGENT_NAME", help="The deployment [KILLCORD_AGENT_NAME].")
@click.option("--team", envvar="KILLCORD_TEAM", help="Who runs it [KILLCORD_TEAM].")
@click.option("--environment", envvar="KILLCORD_ENVIRONMENT", help="Where it runs [KILLCORD_ENVIRONMENT].")
@click.option("--method", type=click.Choice(METHODS), default="auto", show_default=True, help="How it is held.")
@click.option("--on-exit", type=click.Choice(["kill", "wait"]), default="kill", show_default=True,
              help="What becomes of processes that the program leaves behind.")  # fmt: skip
@click.option("--without-monitor", type=click.Choice(["go-on", "pause", "stop"]), default="go-on", show_default=True,
              help="Without Kafka at the start: start anyway, start once it answers, or do not. Without a monitor "
              "later, for as long as --lease: go on, pause until it is back, or stop for good.")  # fmt: skip
@click.option("--lease", "lease_s", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS",
              help="How long without a monitor that judges the run [KILLCORD_LEASE_S].")  # fmt: skip
@click.option("--wait", "wait_s", type=click.FloatRange(min=0), default=5.0, show_default=True, metavar="SECONDS",
              help="How long the start waits for Kafka.")  # fmt: skip
@kafka_options
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def guard(
    command: tuple[str, ...],
    run_id: str | None,
    agent_name: str | None,
    team: str | None,
    environment: str | None,
    method: str,
    on_exit: str,
    without_monitor: str,
    lease_s: float | None,
    wait_s: float,
    settings: Settings,
) -> None:
    """Run COMMAND so that all of it can be stopped, children in sessions of their own included.

    Exit status: the program's, 128 + its signal; 137 the run was killed, now or before, or stopped without a monitor;
    127 no such program; 126 it cannot be run; 125 the guard itself cannot: wrong usage or settings, or a --method that
    is not to be had here; 69 Kafka does not answer at the start and --without-monitor is stop.
    """
    from monitor.guard.containment import UnavailableError, choose
    from monitor.guard.run import Guarded
    from monitor.guard.switch import GuardSwitch

    tags = {"KILLCORD_AGENT_NAME": agent_name, "KILLCORD_TEAM": team, "KILLCORD_ENVIRONMENT": environment}
    env = {**os.environ, **{name: value for name, value in tags.items() if value}}
    try:
        held = choose(None if method == "auto" else method)
    except UnavailableError as error:
        raise click.ClickException(f"no way to hold the run: {error}") from error
    guarded = Guarded(
        command, run_id=run_id or f"run-{secrets.token_hex(8)}", containment=held,
        on_exit="wait" if on_exit == "wait" else "kill", env=env,
    )  # fmt: skip
    # What kills looks through /proc, a turn for each file; what acknowledges must not make it wait 5 ms for each.
    sys.setswitchinterval(SWITCH_S)
    switch = GuardSwitch(
        guarded,
        settings,
        agent_name=agent_name,
        team=team,
        environment=environment,
        without_monitor="stop" if without_monitor == "stop" else "pause" if without_monitor == "pause" else "go-on",
        wait_s=wait_s,
        lease_s=lease_s,
    )
    sys.exit(switch.run())
