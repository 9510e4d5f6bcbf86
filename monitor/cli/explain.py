"""``killcord explain``: how the verdict on a call comes about, layer by layer, and what would allow it. No broker."""

from __future__ import annotations

import time
from typing import Any

import click
import msgspec

from detectors.allowance import Allowance
from detectors.detector import Run
from monitor.cli.allowing import Way, ways
from monitor.cli.judge import arguments_of, load, placed
from monitor.client.circumstances import Circumstances
from monitor.client.judgement import Judge, Look, Step, told
from monitor.policy import Policy
from monitor.terminal import clean

Answers = dict[str, tuple[Any, str]]


@click.command()
@click.argument("command")
@click.option("--tool", default="bash", show_default=True, help="The tool that COMMAND is for.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@placed
def explain(command: str, tool: str, as_json: bool, policy_file: str | None, given: Circumstances) -> None:
    """Show how the verdict on COMMAND comes about, layer by layer, and what would allow it.

    What would allow it is told for this run, this place and for good, as lines that can be pasted into a policy.
    COMMAND is what the tool takes, or a JSON object of its arguments.
    """
    policy, now = load(policy_file), time.time()
    look = Judge(policy).look(tool, arguments_of(tool, command, policy), given)
    who = (given.agent_name or "", given.team or "", given.environment or "")
    answers = {row.rule: (row.value, row.origin) for row in policy.explain(*who) if row.key == "mode"}
    found = ways(look, policy.resolve(*who).rules.allowances, given, now)
    if as_json:
        click.echo(msgspec.json.encode(_whole(command, look, answers, found)))
        return
    run = Run(run_id=given.run_id or "", workspace=given.workspace, now=now)
    _show(command, look, answers, policy, run, who)
    if found:
        click.echo("\nWhat would allow it")
    for way in found:
        fill = f"  (put in {' and '.join(('WHY', *way.placeholders))})"
        click.echo(f"  {way.reach}:{fill}")
        for line in way.text.splitlines():
            click.echo(f"    {clean(line)}")


def _whole(command: str, look: Look, answers: Answers, found: list[Way]) -> dict[str, Any]:
    judgement = look.judgement
    answer = answers.get(judgement.rule or "")
    return {
        "command": command,
        **msgspec.structs.asdict(judgement),
        "layers": [{**told(step.effect), "breaks": step.rule, "harmless": step.why_not} for step in look.steps],
        "policy": None if answer is None else {"mode": answer[0], "origin": answer[1]},
        "would_allow": [{"for": way.reach, "text": way.text, "fill_in": ["WHY", *way.placeholders]} for way in found],
    }


def _show(command: str, look: Look, answers: Answers, policy: Policy, run: Run, who: tuple[str, str, str]) -> None:
    click.echo(f"{clean(command)}\n")
    click.echo("What it would do" + ("" if look.steps else ": nothing that destroys"))
    for step in look.steps:
        effect = step.effect
        click.echo(f"  {effect.action} {effect.thing}: {clean(effect.target) or 'unknown'}")
        undo = f" ({effect.undo})" if effect.undo else ""
        known = [f"how wide: {effect.width}", f"can be undone: {effect.reversible}{undo}", effect.certainty]
        click.echo(f"    {' · '.join(known + [f'place: {effect.place}'] * bool(effect.place))}")
        if effect.excerpt:
            click.echo(f"    in: {clean(effect.excerpt)}" + (f"  [{effect.entry}]" if effect.entry else ""))
        click.echo(f"    breaks {step.rule}" if step.rule else f"    harmless: {step.why_not or 'everyday work'}")
        for line in _excepted(step, policy, run, who):
            click.echo(f"    {clean(line)}")
    click.echo("\nWhat the policy answers")
    broken = [step.rule for step in look.steps if step.rule] + [finding.rule for finding in look.against]
    for rule in dict.fromkeys(broken):
        mode, origin = answers.get(rule, ("alert", "built in"))
        click.echo(f"  {rule}: {mode}  ({origin})")
    click.echo(f"\nVerdict: {look.judgement.verdict}\n  {look.judgement.explanation}")


def _excepted(step: Step, policy: Policy, run: Run, who: tuple[str, str, str]) -> list[str]:
    """Which of the policy's exceptions are about this, and what became of them."""
    effect = step.effect
    if step.rule is None:
        return []
    lines = []
    for entry in policy.allowed:
        allowance: Allowance = entry.allowance
        if not allowance.covers(step.rule, effect.action, effect.thing, effect.target, effect.certainty == "certain"):
            continue
        if entry.expired(run.now):
            lines.append(f"an exception for it has expired: {entry}  ({entry.origin})")
        elif entry.scope.matches(*who) and allowance.holds(run):
            lines.append(f"let through: {entry}  ({entry.origin})")
        else:
            lines.append(f"an exception for it holds elsewhere: {entry}  ({entry.origin})")
    return lines
