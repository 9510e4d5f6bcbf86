"""``killcord judge`` and ``killcord explain``: what a tool call would do, and what the policy answers. No broker."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import IO, Any

import click
import msgspec
from msgspec import Struct

from monitor.client.judgement import Circumstances, Judge, Judgement, explained, told
from monitor.policy import Policy, PolicyError
from monitor.terminal import clean

MOST_LINE = 16 * 1024**2  # bytes
FOUND = {"allow": 0, "alert": 0, "deny": 3, "pause": 3, "kill": 3}


class Line(Struct):
    """What is judged."""

    tool: str
    arguments: dict[str, Any] | str | None = None
    id: Any = None
    context: Circumstances = Circumstances()


def circumstances(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed((
        click.option("--workspace", metavar="DIR", help="The run's own directory."),
        click.option("--environment", metavar="NAME", help="Such as production: it makes a verdict graver."),
        click.option("--agent-name", metavar="NAME", help="Chooses the policy's rules."),
        click.option("--team", metavar="NAME", help="Chooses the policy's rules."),
        click.option("--policy", "policy_file", envvar="KILLCORD_POLICY", metavar="FILE", help="Judge by this policy."),
    )):  # fmt: skip
        command = option(command)
    return command


@click.command()
@click.argument("command", required=False)
@click.option("--ndjson", is_flag=True, help="Judge the calls on standard input, one a line.")
@click.option("--tool", default="bash", show_default=True, help="The tool that COMMAND is for.")
@click.option("--shell-tool", "shells", multiple=True, metavar="NAME", help="A tool that takes shell commands.")
@circumstances
def judge(
    command: str | None, ndjson: bool, tool: str, shells: tuple[str, ...], policy_file: str | None, **where: str | None
) -> None:
    """Judge a tool call before it runs.

    Prints verdict and reason for COMMAND. With --ndjson, lines of {"id", "tool", "arguments", "context"?} are read, and
    {"id", "verdict", "effects", "rule", "explanation"} written for each, in order, as they come. context: run_id (the
    steps of a run count together), workspace, cwd, environment, agent_name, team. A line that can't be read is denied.

    \b
    Exit status: for a COMMAND 0 allowed, 3 refused; with --ndjson 0, or 1 if
    a line could not be read; 2 wrong usage.
    """
    if ndjson == (command is not None):
        raise click.UsageError("give a COMMAND, or --ndjson with calls on standard input, and not both")
    given = Circumstances(**where)
    judging = Judge(_policy(policy_file))
    if command is not None:
        found = judging.judge(tool, {"command": command}, given)
        click.echo(f"{found.verdict}{f' ({found.rule})' if found.rule else ''}: {found.explanation}")
        sys.exit(FOUND[found.verdict])
    sys.exit(_stream(judging, sys.stdin.buffer, sys.stdout.buffer, frozenset(shells), given))


def _stream(judging: Judge, source: IO[bytes], to: IO[bytes], shells: frozenset[str], given: Circumstances) -> int:
    unread = 0
    for number, text in _lines(source):
        try:
            line = msgspec.json.decode(text, type=Line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            unread += 1
            found = Judgement(
                verdict="deny", rule=None, effects=[],
                explanation=f'line {number} is no call: {error}. Give {{"id", "tool", "arguments", "context"?}}.',
            )  # fmt: skip
            name: Any = _id_of(text)
        else:
            where = _over(line.context, given)
            name = line.id
            found = judging.judge("bash" if line.tool in shells else line.tool, line.arguments, where)
        to.write(msgspec.json.encode({"id": name, **msgspec.structs.asdict(found)}) + b"\n")
        to.flush()
    return 1 if unread else 0


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
        line = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return line.get("id") if isinstance(line, dict) else None


def _over(context: Circumstances, given: Circumstances) -> Circumstances:
    """What the line says, and the options where it says nothing."""
    both = msgspec.structs.asdict(given) | {
        name: value for name, value in msgspec.structs.asdict(context).items() if value is not None
    }
    return Circumstances(**both)


@click.command()
@click.argument("command")
@click.option("--tool", default="bash", show_default=True, help="The tool that COMMAND is for.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@circumstances
def explain(command: str, tool: str, as_json: bool, policy_file: str | None, **where: str | None) -> None:
    """Show how the verdict on COMMAND comes about, layer by layer, and what would allow it."""
    policy = _policy(policy_file)
    given = Circumstances(**where)
    found = Judge(policy).judge(tool, {"command": command}, given)
    steps = explained(tool, {"command": command}, given)
    answers = {
        row.rule: (row.value, row.origin)
        for row in policy.explain(given.agent_name or "", given.team or "", given.environment or "")
        if row.key == "mode"
    }
    allowing = _allowing(found.rule, given)
    if as_json:
        layers = [{**told(step.effect), "breaks": step.rule, "harmless": step.why_not} for step in steps]
        answer = answers.get(found.rule or "")
        policy_says = None if answer is None else {"mode": answer[0], "origin": answer[1]}
        whole = {"command": command, **msgspec.structs.asdict(found), "layers": layers, "policy": policy_says}
        click.echo(msgspec.json.encode({**whole, "would_allow": allowing}))
        return
    click.echo(f"{clean(command)}\n")
    click.echo("What it would do" + ("" if steps else ": nothing that destroys"))
    for step in steps:
        effect = step.effect
        click.echo(f"  {effect.action} {effect.thing}: {clean(effect.target) or 'unknown'}")
        undo = f" ({effect.undo})" if effect.undo else ""
        known = [f"how wide: {effect.width}", f"can be undone: {effect.reversible}{undo}", effect.certainty]
        click.echo(f"    {' · '.join(known + [f'place: {effect.place}'] * bool(effect.place))}")
        if effect.excerpt:
            click.echo(f"    in: {clean(effect.excerpt)}" + (f"  [{effect.entry}]" if effect.entry else ""))
        click.echo(f"    breaks {step.rule}" if step.rule else f"    harmless: {step.why_not or 'everyday work'}")
    click.echo("\nWhat the policy answers")
    for rule in dict.fromkeys(step.rule for step in steps if step.rule):
        mode, origin = answers.get(rule, ("alert", "built in"))
        click.echo(f"  {rule}: {mode}  ({origin})")
    click.echo(f"\nVerdict: {found.verdict}\n  {found.explanation}")
    if allowing:
        click.echo("\nWhat would allow it")
        for text in allowing:
            click.echo(f"  {text}")


def _allowing(rule: str | None, where: Circumstances) -> list[str]:
    """Ways for this run, this deployment, and for good."""
    if rule is None:
        return []
    run = where.run_id or "RUN"
    scope = where.agent_name or "NAME"
    return [
        f"for this run: killcord approve {run} {rule} --reason '...'",
        f"for one deployment, in the policy: - {{id: {rule}, scope: {{agent_name: {scope}}}, mode: alert}}",
        f"for good, in the policy: - {{id: {rule}, mode: alert}}",
    ]


def _policy(file: str | None) -> Policy:
    try:
        return Policy.load(file)
    except PolicyError as error:
        raise click.ClickException(str(error)) from error
