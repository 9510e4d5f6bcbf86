"""``killcord demo``."""

from __future__ import annotations

import sys

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="A JSON line for each run, then one with passed.")
def demo(as_json: bool) -> None:
    """Run the whole thing once: the embedded broker, a worker, and a small fleet of agents that go wrong.

    The agents act on a scratch directory and stand-in commands. Ends by itself within a minute; exits with 0 only if
    everything was seen that must be: one agent left alone, one let go on, the others caught, stopped, or escalated.
    """
    from monitor.demo.direct import DemoError, perform
    from monitor.demo.show import Json, OnTerminal, Plain

    show: Json | Plain = Json() if as_json else OnTerminal() if sys.stdout.isatty() else Plain()
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
    sys.exit(0 if passed else 1)
