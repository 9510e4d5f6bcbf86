"""``killcord policy``: check a policy, show the one in force, print a starter."""

from __future__ import annotations

import sys
import time
from itertools import groupby
from pathlib import Path
from typing import Any, NoReturn

import click
import msgspec

from monitor.policy import Policy, PolicyError, Row
from monitor.policy.policy import read_file, starters
from monitor.terminal import clean


@click.group()
def policy() -> None:
    """Check a policy, or show the one in force."""


@policy.command()
@click.argument("file", type=click.Path())
def check(file: str) -> None:
    """Name everything that is wrong with FILE. Exits with 1 if anything is.

    Exceptions that have expired are told; they are not wrong.
    """
    checked = _load(file)
    rules = {row.rule for row in checked.explain() if row.origin.startswith(f"{file}:")}
    named = sorted(rules) + ["tools"] * bool(checked.tools) + ["allow"] * bool(checked.allowed)
    click.echo(f"{file}: valid, digest {checked.digest}; sets {', '.join(named) or 'nothing'}")
    now = time.time()
    for entry in checked.allowed:
        if entry.expired(now):
            click.echo(f"{entry.origin}: expired: {clean(str(entry))}. Remove it, or give it another day.")
        else:
            click.echo(f"{entry.origin}: allows {clean(str(entry))}")


@policy.command()
@click.option("--policy", "file", envvar="KILLCORD_POLICY", type=click.Path(), help="What differs from the default.")
@click.option("--starter", type=click.Choice(list(starters())), help="A starter policy in place of a file.")
@click.option("--agent-name", help="What holds for this deployment.")
@click.option("--team", help="What holds for this team.")
@click.option("--environment", help="What holds in this environment.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
def show(
    file: str | None,
    starter: str | None,
    agent_name: str | None,
    team: str | None,
    environment: str | None,
    as_json: bool,
) -> None:
    """Every effective value, and where it is from: file:line, the shipped default, or built in.

    Without a scope, all scopes are shown.
    """
    if starter is not None:
        try:
            shown = Policy.read(read_file(starters()[starter]), f"starter {starter}")
        except PolicyError as error:
            _refuse(error)
    else:
        shown = _load(file or None)
    rows = shown.explain(agent_name, team, environment)
    allowed, now = shown.exceptions(agent_name, team, environment), time.time()
    tools = shown.effective().get("tools", {})
    if as_json:
        told = [{**entry.as_dict(), "origin": entry.origin, "expired": entry.expired(now)} for entry in allowed]
        click.echo(
            msgspec.json.encode({"digest": shown.digest, "values": rows, "allow": told, "tools": tools}).decode()
        )
        return
    click.echo(f"digest {shown.digest}")
    for (rule, scope), group in groupby(rows, key=lambda row: (row.rule, row.scope)):
        click.echo(f"\n{rule}{f'  [{scope}]' if scope else ''}")
        _print(list(group))
    if tools:
        click.echo("\ntools")
    for kind, globs in tools.items():
        click.echo(f"  {kind}: {clean(', '.join(globs))}")
    if allowed:
        click.echo("\nallow")
    for entry in allowed:
        click.echo(f"  {clean(str(entry))}{'  EXPIRED' if entry.expired(now) else ''}  {entry.origin}")


@policy.command()
@click.argument("name", required=False, type=click.Choice(list(starters())))
def starter(name: str | None) -> None:
    """Print the starter policy NAME, to be redirected into a file; without NAME, list them."""
    if name is not None:
        click.echo(starters()[name].read_text(), nl=False)
        return
    for known, path in starters().items():
        click.echo(f"{known:<20} {_first_line(path)}")


def _first_line(path: Path) -> str:
    return path.read_text().splitlines()[0].lstrip("# ")


def _print(rows: list[Row]) -> None:
    width = max(len(f"{row.key}: {_text(row)}") for row in rows)
    for row in rows:
        click.echo(f"  {f'{row.key}: {_text(row)}':<{max(width, 40)}}  {row.origin}")


def _text(row: Row) -> str:
    if row.key == "severity" and row.value is None:
        return "the finding's own"
    value: Any = row.value
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"{value:g}" if value < 1e6 else f"{value:.0f}"
    return str(value) if isinstance(value, str) else msgspec.json.encode(value).decode()


def _load(path: str | None) -> Policy:
    try:
        return Policy.load(path)
    except PolicyError as error:
        _refuse(error)


def _refuse(error: PolicyError) -> NoReturn:
    for problem in error.problems:
        click.echo(problem, err=True)
    count = len(error.problems)
    click.echo(f"{count} problem{'s' if count > 1 else ''}; the policy is refused whole.", err=True)
    sys.exit(1)
