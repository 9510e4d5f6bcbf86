"""``python -m monitor.schemas [--check] [--to DIRECTORY]``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from monitor.schemas.files import files, stale, write


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if a file is stale.")
@click.option("--to", type=click.Path(file_okay=False, path_type=Path), default="docs", show_default=True)
def main(check: bool, to: Path) -> None:
    """Write the JSON Schemas and the AsyncAPI document, from the types."""
    if check:
        old = stale(to)
        for path in old:
            click.echo(f"{to / path}: not what the types say; run `make schemas`", err=True)
        sys.exit(1 if old else 0)
    for path in write(to):
        click.echo(f"{to / path}: written" if (to / path).exists() else f"{to / path}: removed, no type is behind it")
    click.echo(f"{to}: {len(files())} files up to date")


if __name__ == "__main__":
    main()
