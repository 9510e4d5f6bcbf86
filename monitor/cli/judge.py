"""``killcord judge``: what the policy answers to a tool call, or to a stream of them. No broker."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import IO, Any

import click
import msgspec
from msgspec import Struct

from detectors.destructive.functions import vocabulary, words_of
from detectors.destructive.kinds import as_kind
from monitor.client.circumstances import ALONE, Circumstances, over
from monitor.client.judgement import Judge, Judgement
from monitor.policy import Policy, PolicyError
from monitor.terminal import clean

MOST_LINE = 16 * 1024**2  # bytes
MOST_QUOTED = 80  # bytes
PLACES = ("workspace", "cwd", "environment", "run_id", "agent_name", "team")
INTERRUPTED = 130
FOUND = {"allow": 0, "alert": 0, "deny": 3, "pause": 3, "kill": 3}


class Line(Struct):
    """What is judged."""

    tool: str
    arguments: dict[str, Any] | list[Any] | str | None = None
    id: Any = None
    context: Circumstances | None = None
    annotations: dict[str, Any] | None = None


def placed(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options that say where a call happens; the command gets them as ``given``."""

    @functools.wraps(command)
    def with_place(*args: Any, **options: Any) -> Any:
        where = {name: options.pop(name) for name in PLACES}
        return command(*args, given=Circumstances(**where), **options)

    for option in reversed((
        click.option("--workspace", metavar="DIR", help="The run's own directory."),
        click.option("--cwd", metavar="DIR", help="Where the tool starts."),
        click.option("--environment", metavar="NAME", help="Such as production: it makes a verdict graver."),
        click.option("--run-id", metavar="RUN", help="Whose call it is."),
        click.option("--agent-name", metavar="NAME", help="Chooses the policy's rules."),
        click.option("--team", metavar="NAME", help="Chooses the policy's rules."),
        click.option("--policy", "policy_file", envvar="KILLCORD_POLICY", metavar="FILE", help="Judge by this policy."),
    )):  # fmt: skip
        with_place = option(with_place)
    return with_place


@click.command()
@click.argument("command", required=False)
@click.option("--ndjson", is_flag=True, help="Judge the calls on standard input, one a line.")
@click.option("--tool", default="bash", show_default=True, help="The tool that COMMAND is for.")
@click.option("--shell-tool", "shells", multiple=True, metavar="NAME", help="A tool that takes shell commands.")
@placed
def judge(
    command: str | None, ndjson: bool, tool: str, shells: tuple[str, ...], policy_file: str | None, given: Circumstances
) -> None:
    """Judge a tool call before it runs.

    Prints verdict and reason for COMMAND, which is what the tool takes, or a JSON object of its arguments. With
    --ndjson, lines of {"id", "tool", "arguments", "context"?, "annotations"?} are read, and {"id", "verdict",
    "effects", "rule", "explanation"} written for each, in order, as they come. context: run_id (the steps of a run
    count together), workspace, cwd, environment, labels, agent_name, team, time, annotations. A line that can't be
    read is denied. Which tools are shells, databases or interpreters the policy can say (tools).

    \b
    Exit status: for a COMMAND 0 allowed, 3 refused; with --ndjson 0, or 1 if
    a line could not be read; 2 wrong usage; 130 Ctrl-C.
    """
    if ndjson == (command is not None):
        raise click.UsageError("give a COMMAND, or --ndjson with calls on standard input, and not both")
    judging = Judge(load(policy_file))
    if command is not None:
        tool = "bash" if tool in shells else tool
        found = judging.judge(tool, arguments_of(tool, command, judging.policy), given)
        click.echo(f"{found.verdict}{f' ({found.rule})' if found.rule else ''}: {found.explanation}")
        sys.exit(FOUND[found.verdict])
    try:
        sys.exit(_stream(judging, sys.stdin.buffer, sys.stdout.buffer, frozenset(shells), given))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # nobody reads the answers any more: nothing is wrong
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is buffered has to go somewhere
        sys.exit(0)


def _stream(judging: Judge, source: IO[bytes], to: IO[bytes], shells: frozenset[str], given: Circumstances) -> int:
    unread = 0
    for number, text in _lines(source):
        name: Any = None
        try:
            line = msgspec.json.decode(text, type=Line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            unread += 1
            name, found = _id_of(text), _no_call(number, text, error)
        else:
            name, where = line.id, over(line.context or ALONE, given)
            if line.annotations is not None:
                where = msgspec.structs.replace(where, annotations=line.annotations)
            arguments = {"command": line.arguments} if isinstance(line.arguments, list) else line.arguments
            found = judging.judge("bash" if line.tool in shells else line.tool, arguments, where)
        to.write(_line({"id": name, **msgspec.structs.asdict(found)}))
        to.flush()
    return 1 if unread else 0


def _line(answer: dict[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(answer) + b"\n"
    except (
        ValueError,
        RecursionError,
    ):  # an id that JSON has no place for, such as half a surrogate pair deep in a list
        return msgspec.json.encode({**answer, "id": None}) + b"\n"


def _no_call(number: int, text: bytes, error: Exception) -> Judgement:
    start = text[:MOST_QUOTED].decode("utf-8", "replace").strip()
    long = f"longer than {MOST_LINE} bytes; " if len(text) >= MOST_LINE and not text.endswith(b"\n") else ""
    said = clean(f"line {number} is no call: {long}{error}: {start}{'…' * (len(text) > MOST_QUOTED)}")
    return Judgement(
        verdict="deny", rule=None, effects=[],
        explanation=f'{said}. Give {{"id", "tool", "arguments", "context"?}} on one line.',
    )  # fmt: skip


def _lines(source: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Numbered from 1, without blank ones. What is longer than a line may be is cut, and so no JSON."""
    number = 0
    while text := source.readline(MOST_LINE):
        number += 1
        whole = text
        while not whole.endswith(b"\n") and (whole := source.readline(MOST_LINE)):
            pass  # the rest of a line that is too long
        if text.strip():
            yield number, text


def _id_of(text: bytes) -> Any:
    """The id of a line that is no call, where it can be seen."""
    try:
        line = json.loads(text)  # which takes half a surrogate pair too
        name = line.get("id") if isinstance(line, dict) else None
        return name.encode("utf-8", "replace").decode() if isinstance(name, str) else name
    except (ValueError, RecursionError):
        return None


def arguments_of(tool: str, text: str, policy: Policy) -> dict[str, Any] | str:
    """What is given to a tool on the command line, as its arguments."""
    if text.lstrip().startswith("{"):
        try:
            given = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            pass  # a shell's group, or another language
        else:
            return given if isinstance(given, dict) else text
    known, words = vocabulary(), words_of(tool)
    if as_kind(tool, text, policy.tools) != (tool, text):
        return text
    if not known.python_tools.isdisjoint(words):
        return {"code": text}
    if not known.sql_tools.isdisjoint(words):
        return {"query": text}
    return {"command": text}


def load(file: str | None) -> Policy:
    try:
        return Policy.load(file)
    except PolicyError as error:
        raise click.ClickException(str(error)) from error
