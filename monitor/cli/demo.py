"""``killcord demo``."""

from __future__ import annotations

import sys

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="A JSON line for each run, then one with passed.")
@click.option("--svg", type=click.Path(dir_okay=False, writable=True), help="Save a picture of what was shown.")
def demo(as_json: bool, svg: str | None) -> None:
    """Run the whole thing once: the embedded broker, a worker, and a small fleet of agents that go wrong.

    The agents act on a scratch directory and stand-in commands. Ends by itself within a minute; exits with 0 only if
    everything was seen that must be: one agent left alone, one let go on, the others caught, stopped, or escalated.
    """
    from monitor.demo.direct import DemoError, perform
    from monitor.demo.show import Json, OnTerminal, Plain, picture, recorder

    if as_json and svg:
        raise click.UsageError("--svg is a picture of what --json does not show: give one of them")
    console = recorder() if svg else None
    live = sys.stdout.isatty() and not svg
    show: Json | Plain = Json() if as_json else OnTerminal() if live else Plain(console)
    try:
        passed = perform(show)
    except DemoError as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        click.echo("stopped; nothing is left running", err=True)
        sys.exit(130)
    finally:
        if isinstance(show, OnTerminal):
            show.close()
    if console is not None and svg:
        picture(console, svg)
    sys.exit(0 if passed else 1)
