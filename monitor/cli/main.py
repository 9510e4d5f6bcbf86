"""The ``killcord`` command. Each subcommand is a module of its own, imported when it is called: a guard must start
quickly, and an agent's installation has no Faust to import."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

# name: (module, attribute, needs the monitor extra, one line of help)
COMMANDS: dict[str, tuple[str, str, bool, str]] = {
    "demo": ("monitor.cli.demo", "demo", True, "Run the whole thing once, on the embedded broker, with a small fleet."),
    "guard": ("monitor.cli.guard", "guard", False, "Run a program so that all of it can be stopped."),
    "kill": ("monitor.cli.operate", "kill", False, "Stop a run, a deployment or everything; final for a run."),
    "pause": ("monitor.cli.operate", "pause", False, "Pause a run, a deployment or everything."),
    "resume": ("monitor.cli.operate", "resume", False, "Let a paused run go on."),
    "approve": ("monitor.cli.operate", "approve", False, "Let a rule's findings through for one run."),
    "raise": ("monitor.cli.operate", "raise_", False, "Raise a run's budget."),
    "runs": ("monitor.cli.look", "runs", False, "The runs that were seen lately, and how they stand."),
    "alerts": ("monitor.cli.look", "alerts", False, "The alerts; --follow goes on as they come."),
    "show": ("monitor.cli.look", "show", False, "One run's time line: events, findings, commands, decisions."),
    "replay": ("monitor.cli.replay", "replay", True, "Judge recorded runs: files, standard input, or a topic."),
    "judge": ("monitor.cli.judge", "judge", False, "Judge a tool call, or a stream of them, before it runs."),
    "explain": ("monitor.cli.explain", "explain", False, "Show how the verdict on a command comes about."),
    "worker": ("monitor.cli.worker", "worker", True, "Judge events as they come, and issue alerts and commands."),
    "watchdog": ("monitor.cli.watchdog", "watchdog", True, "Watch the monitor itself, from outside; raise the alarm."),
    "policy": ("monitor.cli.policy", "policy", False, "Check a policy, or show the one in force."),
    "catalogue": ("monitor.cli.catalogue", "catalogue", False, "What is known of programs, and whether it holds."),
    "config": ("monitor.cli.config", "config", False, "Show every setting, and where each came from."),
    "topics": ("monitor.cli.topics", "topics", False, "Create the topics, or check them."),
    "deadletter": ("monitor.cli.deadletter", "deadletter", False, "What could not be decoded: list, show, replay."),
}

EXTRA = {"faust", "river", "numpy", "scipy", "confluent_kafka", "prometheus_client", "mode"}


class Lazy(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _, _ = COMMANDS[cmd_name]
        try:
            command: click.Command = getattr(importlib.import_module(module), attribute)
        except ModuleNotFoundError as error:
            raise _left_out(cmd_name, error) from None
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:  # a command may import what it needs only when it runs
            raise _left_out(ctx.invoked_subcommand or "", error) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, _, text) in COMMANDS.items()])


def _left_out(command: str, error: ModuleNotFoundError) -> Exception:
    """The remedy, if the monitor extra has the module; else the error as it is."""
    if (error.name or "").split(".")[0] not in EXTRA:
        return error
    return click.ClickException(
        f"`killcord {command}` needs {error.name}, which an agent's installation leaves out: "
        "pip install 'killcord[monitor]'"
    )


@click.command(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="killcord")
def killcord() -> None:
    """Watch a fleet of AI agents as they act, and stop the ones that go wrong.

    Settings come from options, KILLCORD_* variables, or a file; `killcord config` shows them all.
    """


def main() -> None:
    try:
        killcord(prog_name="killcord")
    except BrokenPipeError:  # the reader of a pipe has had enough: nothing is wrong
        sys.stderr.close()
        sys.exit(0)
