"""``killcord config``: every setting, its value, and where that came from."""

from __future__ import annotations

import sys

import click
import msgspec

from monitor.cli.options import loaded_options
from monitor.settings import Loaded, Shown


@click.command()
@click.option("--json", "as_json", is_flag=True, help="A JSON array, for scripts.")
@loaded_options
def config(loaded: Loaded, as_json: bool) -> None:
    """Show every setting: value, where it came from, variable, and what it does. Secrets are masked.

    Options win over KILLCORD_* variables, those over the settings file, that over the defaults. Settings that cannot
    be used are named, each with the remedy; the exit status is then 1.
    """
    rows = loaded.describe()
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(rows), indent=2).decode())
    elif sys.stdout.isatty():
        _table(rows)
    else:
        for row in rows:
            click.echo(f"{row.name} = {row.value}\n    {row.origin}; {row.variable}. {row.description}")


def _table(rows: list[Shown]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE, pad_edge=False)
    for name in ("setting", "value", "from", "what it does"):
        table.add_column(name, overflow="fold")
    for row in rows:
        style = "dim" if row.origin == "default" else "bold"
        table.add_row(
            Text(row.name), Text(row.value, style), Text(row.origin, style), Text(f"{row.description} [{row.variable}]")
        )
    Console().print(table)
