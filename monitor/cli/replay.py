"""``killcord replay``: the worker's verdicts on recorded runs."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import click
import msgspec
from click.core import ParameterSource
from rich.console import Console
from rich.progress import Progress

from detectors.detector import MODES
from monitor.cli.options import kafka_options
from monitor.counted import counted
from monitor.engine.outcome import Position
from monitor.policy import Policy, PolicyError
from monitor.replay.judge import FileJudge, Judged, lines
from monitor.replay.read import READERS, Problem, Unknown, reader_for
from monitor.replay.report import Report
from monitor.settings import Settings

FOUND = 3  # exit status for --fail-on
NAMES = [reader.name for reader in READERS]
MOST_PAUSE_S = 1e6  # an event may say any time, and `sleep` takes not any
MOST_PROBLEMS = 20  # printed; the rest are counted


@click.command()
@click.argument("files", nargs=-1, metavar="FILE...", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--ndjson", is_flag=True, help="One line for each alert and command, as on the topics, with its type.")
@click.option("--policy", "policy_file", envvar="KILLCORD_POLICY", metavar="FILE", help="Judge by this policy.")
@click.option(
    "--fail-on", type=click.Choice(["alert", "pause", "kill"]), help="Exit with 3 if this or worse is found."
)
@click.option(
    "--speed", type=click.FloatRange(min=0.0, min_open=True), help="Re-enact the times; 2 is twice as fast."
)
@click.option("--reader", "reader_name", type=click.Choice(NAMES), help="What the files are (else: seen by itself).")
@click.option("--topic", is_flag=True, help="Judge the event topic again, with the journal, instead of files.")
@click.option("--since", metavar="TIME", help="With --topic: from then on; 2026-05-01T12:00Z, Unix seconds, or 2h ago.")
@click.option("--until", metavar="TIME", help="With --topic: up to then.")
@kafka_options
def replay(
    files: tuple[Path, ...],
    ndjson: bool,
    policy_file: str | None,
    fail_on: str | None,
    speed: float | None,
    reader_name: str | None,
    topic: bool,
    since: str | None,
    until: str | None,
    settings: Settings,
) -> None:
    """Judge recorded runs: files, `-` for standard input, or with --topic what is on Kafka.

    Prints a report of each run; with --ndjson one JSON line for each alert and command, in the order of events. Needs
    no Kafka for files. The exit status is 0 whatever was found, unless --fail-on asks for 3.
    """
    policy = _policy(policy_file)
    if topic == bool(files):
        raise click.UsageError("name the files to replay (- for standard input), or --topic, and not both")
    show = Show(ndjson, speed)
    if topic:
        # The journal knows which policies were in force; only one that is named here takes their place.
        source = click.get_current_context().get_parameter_source("policy_file")
        named = policy_file is not None and source is ParameterSource.COMMANDLINE
        asyncio.run(_topic(settings, policy, named, _time(since), _time(until), show))
    else:
        if since or until:
            raise click.UsageError("--since and --until go with --topic")
        _files(files, policy, reader_name, show)
    show.end()
    if fail_on is not None and show.worst >= MODES.index(fail_on):  # type: ignore[arg-type]
        sys.exit(FOUND)


class Show:
    """Prints what was judged, as it comes (lines) or at the end (a report), at the pace that is asked for."""

    def __init__(self, ndjson: bool, speed: float | None) -> None:
        self.worst = -1
        self.report = Report()
        self.problems = 0
        self.unknown = 0
        self.ndjson = ndjson
        self._speed = speed
        self._began: tuple[float, float] | None = None

    def judged(self, judged: Judged) -> None:
        for alert in judged.alerts:
            if alert.mode != "shadow":
                self.worst = max(self.worst, MODES.index(alert.mode))
        if self.ndjson:
            for kind, message in lines(judged):
                line: dict[str, Any] = {"type": kind, **msgspec.to_builtins(message)}
                sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
            sys.stdout.buffer.flush()
        else:
            self.report.add(judged)

    def pace(self, event_time: float) -> None:
        if self._speed is None:
            return
        if self._began is None:
            self._began = (event_time, time.monotonic())
        due = self._began[1] + (event_time - self._began[0]) / self._speed
        time.sleep(min(max(0.0, due - time.monotonic()), MOST_PAUSE_S))

    def problem(self, place: str, reason: str) -> None:
        self.problems += 1
        if self.problems <= MOST_PROBLEMS:
            click.echo(f"{place}: not an event: {reason}", err=True)

    def failed(self, detector: str, error: Exception) -> None:
        click.echo(f"detector {detector} failed: {type(error).__name__}: {error}", err=True)

    def end(self) -> None:
        if not self.ndjson:
            self.report.print(Console(soft_wrap=True))
        if self.problems:
            left_out = counted(self.problems, "message was no event and was", "messages were no events and were")
            click.echo(f"{left_out} left out", err=True)
        if self.unknown:
            click.echo(f"{counted(self.unknown, 'event')} of kinds that this version does not know", err=True)


def _policy(path: str | None) -> Policy:
    try:
        return Policy.load(path)
    except PolicyError as error:
        raise click.ClickException(str(error)) from error


def _files(files: tuple[Path, ...], policy: Policy, reader_name: str | None, show: Show) -> None:
    judge = FileJudge(policy, show.failed)
    for path in files:
        if str(path) != "-" and (path.is_dir() or not path.exists()):
            what = "is a folder: name the files in it" if path.is_dir() else "no such file to replay"
            raise click.ClickException(f"{path}: {what}")
    for number, path in enumerate(files):
        if str(path) == "-":
            _file("standard input", sys.stdin.buffer, None, number, judge, reader_name, show)
            continue
        try:
            with path.open("rb") as file:
                _file(str(path), file, path.stat().st_size, number, judge, reader_name, show)
        except OSError as error:
            raise click.ClickException(f"{path}: cannot be read: {error.strerror}") from error


def _file(
    name: str, file: IO[bytes], size: int | None, number: int, judge: FileJudge, reader_name: str | None, show: Show
) -> None:
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(name, total=size)
        rows = _watched(file, lambda n: progress.advance(task, n))
        first = next(rows, b"")
        reader = reader_for(first, reader_name)
        for found in reader.read(_chain(first, rows)):
            if isinstance(found, Problem):
                show.problem(f"{name}:{found.offset + 1}", found.reason)
                continue
            if isinstance(found, Unknown):
                show.unknown += found.events
                continue
            show.pace(found.events[0].time)
            show.report.saw(found.run_id, len(found.events))
            show.judged(judge.take(found.run_id, found.events, Position(None, None, found.offset, source=number)))


def _watched(file: IO[bytes], read: Any) -> Iterator[bytes]:
    for line in file:
        read(len(line))
        yield line


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest


async def _topic(
    settings: Settings, policy: Policy, given: bool, since: float | None, until: float | None, show: Show
) -> None:
    from monitor.replay.topic import Range, TopicJudge
    from monitor.topics.connect import BrokerError, reachable

    try:
        await reachable(settings)
    except BrokerError as error:
        raise click.ClickException(str(error)) from error
    judge = TopicJudge(settings, policy, policy if given else None, show.failed)
    found = [entry async for entry in judge.judge(Range(since, until))]
    found.sort(key=lambda entry: entry[0])  # stable: a partition's own order stays
    for stamp, judged in found:
        show.pace(stamp)
        show.judged(judged)
    for partition, offset, reason in judge.undecodable:
        show.problem(f"partition {partition} offset {offset}", reason)


def _time(text: str | None) -> float | None:
    """Unix seconds of an ISO time, of Unix seconds, or of a span before now (90s, 15m, 2h, 3d)."""
    if text is None:
        return None
    span = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])(?: ago)?", text.strip())
    if span:
        return time.time() - float(span[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86_400}[span[2]]
    try:
        return float(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(
            f"{text!r} is no time: give 2026-05-01T12:00Z, Unix seconds, or a span such as 2h"
        ) from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
