"""``killcord deadletter list|show|replay``: what could not be decoded, looked at and put back."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import click
import msgspec
from aiokafka.errors import MessageSizeTooLargeError, TopicAuthorizationFailedError

from monitor.cli.buried import DeadLetter, NotFoundError, known, newest, one, places, put_back, read, why_not
from monitor.cli.operate import Duration, run_async
from monitor.cli.options import kafka_options
from monitor.cli.render import clock
from monitor.client.connection import link
from monitor.client.reader import consumer
from monitor.settings import Settings
from monitor.terminal import clean
from monitor.topics import Names

JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
REFUSED = (MessageSizeTooLargeError, TopicAuthorizationFailedError, NotFoundError)
NOT_ALL = 1  # exit status: something was not put back


@click.group()
def deadletter() -> None:
    """What could not be decoded: look at it, and put it back."""


@deadletter.command("list")
@click.option("--since", type=Duration(), default="7d", show_default=True, help="How far back: 15m, 1h, 2d.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="The newest so many.")
@JSON
@kafka_options
def list_(settings: Settings, since: float, limit: int, as_json: bool) -> None:
    """The dead letters, newest last: place, when, where from, why."""
    run_async(_list(settings, since, limit, as_json))


async def _list(settings: Settings, since: float, limit: int, as_json: bool) -> int:
    async with consumer(settings) as reader:
        letters = read(reader, Names.of(settings.topic_prefix), time.time() - since)
        found = await newest(_watched(letters, "reading"), limit)
    for letter in found:
        click.echo(msgspec.json.encode(letter.as_dict()).decode() if as_json else _line(letter))
    if not found:
        click.echo("no dead letters: --since looks further back", err=True)
    return 0


def _line(letter: DeadLetter) -> str:
    source = letter.source
    where = f"{source.topic}[{source.partition}]@{source.offset}" if source else "unknown"
    head = f"{letter.place:>8}  {clock(letter.time)}  {clean(where)}  {letter.size} bytes"
    return f"{head}\n          {clean(letter.reason)}\n          {clean(_text(letter.value))}"


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


@deadletter.command()
@click.argument("place", metavar="PARTITION:OFFSET")
@click.option("--raw", is_flag=True, help="The original bytes and nothing else, for a file or a pipe.")
@JSON
@kafka_options
def show(settings: Settings, place: str, raw: bool, as_json: bool) -> None:
    """One dead letter, whole, and whether it could be decoded now."""
    run_async(_show(settings, _places([place])[0], raw, as_json))


async def _show(settings: Settings, place: tuple[int, int], raw: bool, as_json: bool) -> int:
    names = Names.of(settings.topic_prefix)
    async with consumer(settings) as reader:
        letter = await _found(one(reader, names, *place))
    if raw:
        sys.stdout.buffer.write(letter.value)
        sys.stdout.buffer.flush()
        return 0
    now = _obstacle(letter, names, settings)
    if as_json:
        click.echo(msgspec.json.encode({**letter.as_dict(), "obstacle": now}).decode())
        return 0
    source = letter.source
    where = f"{source.topic} partition {source.partition} offset {source.offset}" if source else "unknown"
    key = "none" if letter.key is None else clean(_text(letter.key))
    click.echo(f"place    {letter.place}\nburied   {clock(letter.time)}\nfrom     {clean(where)}\nkey      {key}")
    click.echo(f"reason   {clean(letter.reason)}\nnow      {clean(now or 'can be decoded: replay it')}")
    click.echo(f"value    {letter.size} bytes (--raw: as they are)\n")
    click.echo("\n".join(clean(line) for line in _text(letter.value).splitlines()))
    return 0


@deadletter.command()
@click.argument("at", nargs=-1, metavar="[PARTITION:OFFSET]...")
@click.option("--all", "everything", is_flag=True, help="All of them, as far back as --since says.")
@click.option("--since", type=Duration(), metavar="DURATION", help="With --all: how far back. Default: everything.")
@click.option("--yes", is_flag=True, help="Do not ask back for --all.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--force", is_flag=True, help="Put back what would be buried again, too.")
@JSON
@kafka_options
def replay(
    settings: Settings,
    at: tuple[str, ...],
    everything: bool,
    since: float | None,
    yes: bool,
    dry_run: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Put dead letters back on the topic they came from: the original bytes under the original key.

    One that would be buried again stays, and the reason is said. Dead letters stay on their topic, so the same one can
    be put back twice; events with publisher and seq then count once. Exits with 1 if one was not put back.
    """
    if everything == bool(at):
        raise click.UsageError("name what to put back, as `killcord deadletter list` shows it (3:17), or --all")
    if since is not None and not everything:
        raise click.UsageError("--since goes with --all")
    wanted = None if everything else _places(at)
    if everything and not yes and not dry_run:
        click.confirm(f"put every dead letter of {settings.topic_prefix} back?", abort=True, err=True)
    run_async(_replay(settings, wanted, since, Putting(settings, dry_run, force, as_json)))


async def _replay(
    settings: Settings, wanted: list[tuple[int, int]] | None, since: float | None, putting: Putting
) -> int:
    names = Names.of(settings.topic_prefix)
    connection = link(settings)
    try:
        async with consumer(settings) as reader:
            if wanted is None:
                start = None if since is None else time.time() - since
                async for letter in _watched(read(reader, names, start), "putting back"):
                    await putting.put(letter, names, connection)
            else:
                letters = [await _found(one(reader, names, *place)) for place in wanted]
                for letter in letters:
                    await putting.put(letter, names, connection)
    finally:
        await connection.release()
    return putting.end()


class Putting:
    """Puts one after the other back, says what it does, and counts."""

    def __init__(self, settings: Settings, dry_run: bool, force: bool, as_json: bool) -> None:
        self._settings, self._dry_run, self._force, self._as_json = settings, dry_run, force, as_json
        self._counts: Counter[str] = Counter()

    async def put(self, letter: DeadLetter, names: Names, connection: Any) -> None:
        obstacle = _obstacle(letter, names, self._settings)
        if obstacle is not None and not (self._force and known(letter, names)):
            self._say(letter, "kept", obstacle)
            return
        assert letter.source is not None
        if self._dry_run:
            self._say(letter, "would go back", f"to {letter.source.topic}")
            return
        try:
            partition, offset = await put_back(await connection.producer(), names, letter)
        except REFUSED as error:
            self._say(letter, "kept", f"Kafka would not take it: {error or type(error).__name__}")
            return
        self._say(letter, "put back", f"to {letter.source.topic}[{partition}]@{offset}")

    def _say(self, letter: DeadLetter, what: str, more: str) -> None:
        self._counts[what] += 1
        if self._as_json:
            told = {"place": letter.place, "done": what, "detail": more}
            click.echo(msgspec.json.encode(told).decode())
        else:
            click.echo(f"{letter.place:>8}  {what}: {clean(more)}")

    def end(self) -> int:
        """Returns the exit status."""
        told = ", ".join(f"{count} {what}" for what, count in self._counts.items()) or "no dead letters"
        remedy = "; --force puts back what would be buried again" if self._counts["kept"] and not self._force else ""
        click.echo(f"{told}{remedy}", err=True)
        return NOT_ALL if self._counts["kept"] else 0


def _obstacle(letter: DeadLetter, names: Names, settings: Settings) -> str | None:
    """Why it cannot be put back, or None."""
    if letter.source is None:
        return "its headers do not say where it is from: Killcord did not write it"
    if not known(letter, names):
        return f"it says that it is from {letter.source.topic}, which is no topic that Killcord reads"
    why = why_not(letter, names, settings)
    return None if why is None else f"would be buried again: {why}"


async def _found(letter: Any) -> DeadLetter:
    try:
        found: DeadLetter = await letter
    except NotFoundError as error:
        raise click.ClickException(str(error)) from error
    return found


def _places(texts: Any) -> list[tuple[int, int]]:
    try:
        return places(texts)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


async def _watched(letters: AsyncIterator[DeadLetter], what: str) -> AsyncIterator[DeadLetter]:
    """Counts on a terminal what goes by; a pipe sees nothing of it."""
    if not sys.stderr.isatty():
        async for letter in letters:
            yield letter
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn

    columns = (SpinnerColumn(), TextColumn("{task.description} {task.completed}"))
    # Lines for a pipe must not land in the display.
    both = sys.stdout.isatty()
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=both) as progress:
        task = progress.add_task(what)
        async for letter in letters:
            progress.advance(task)
            yield letter
