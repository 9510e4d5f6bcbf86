"""``killcord catalogue``: what is known of programs, entry by entry, and whether its cases hold."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec

from detectors.destructive.catalogue import CatalogueError, read
from detectors.destructive.catalogue_page import Row, failures, page, rows


@click.group()
def catalogue() -> None:
    """What is known of programs, and whether its cases hold."""


@catalogue.command("list")
@click.argument("text", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON array, for scripts.")
def list_(text: str | None, as_json: bool) -> None:
    """The entries, or those whose id or programs contain TEXT."""
    found = [row for row in rows() if text is None or text in row.id or any(text in name for name in row.programs)]
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
        return
    for row in found:
        click.echo(f"{row.id:32} {_does(row):36} {', '.join(row.programs[:5])}")
    if not found:
        click.echo(f"no entry has {text!r} in its id or programs", err=True)
        sys.exit(1)


@catalogue.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="One JSON array, for scripts.")
def show(name: str, as_json: bool) -> None:
    """The entries of the program or with the id NAME, with their cases."""
    found = [row for row in rows() if name == row.id or name in row.programs]
    if not found:
        raise click.ClickException(f"no entry or program is called {name!r}: `killcord catalogue list` shows them all")
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
        return
    for row in found:
        click.echo(f"{row.id}  ({row.file}, {row.kind})")
        click.echo(f"  does   {_does(row)}")
        if row.does is not None and row.does.undo:
            click.echo(f"  undo   {row.does.undo}")
        if row.when:
            click.echo(f"  when   {' | '.join(row.when)[:400]}")
        for title, commands in (("fires", row.fires), ("quiet", row.quiet)):
            for command in commands:
                click.echo(f"  {title}  {command}")


@catalogue.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
def test(files: tuple[Path, ...], as_json: bool) -> None:
    """Try the cases of every entry, or of the entries in FILES.

    FILES are read together with the shipped catalogue. Exits with 1 if a case
    does not hold or a file is wrong.
    """
    try:
        given = {file.name: read(file.name, file.read_bytes()) for file in files} or None
        found = list(failures(given))
    except CatalogueError as error:
        raise click.ClickException(str(error)) from error
    tried = sum(len(row.fires) + len(row.quiet) for row in rows(given))
    if as_json:
        click.echo(msgspec.json.encode({"tried": tried, "failed": found}).decode())
    else:
        for failure in found:
            fired = ", ".join(failure.found) or "nothing"
            click.echo(f"{failure.id}: should {_should(failure.expected)}: {failure.command}  (fired: {fired})")
        click.echo(f"{tried} cases, {len(found)} failed")
    if found:
        sys.exit(1)


@catalogue.command("page")
def page_() -> None:
    """Print the page of documentation, in Markdown."""
    click.echo(page(), nl=False)


def _does(row: Row) -> str:
    if row.does is None:
        return f"runs {row.language}" if row.language else "runs another" if row.kind == "wrapper" else row.kind
    undone = {"no": "for good", "yes": "undoable", "unknown": "perhaps undoable"}[row.does.reversible]
    return f"{row.does.action} {row.does.thing}, {row.does.width}, {undone}"


def _should(expected: str) -> str:
    return "fire" if expected == "fires" else "be quiet"
