"""What would allow a call: an operator's word for its run, or lines of policy, for a run, a place or for good."""

from __future__ import annotations

import datetime
import shlex
from typing import Any

import yaml
from msgspec import Struct

from detectors.allowance import Allowance, allowing, literal
from detectors.destructive.effects import REBUILD
from detectors.detector import Finding, Run
from monitor.client.circumstances import Circumstances
from monitor.client.judgement import Look, Step
from monitor.engine.answer import short_key

RUN_DAYS, PLACE_DAYS = 1, 30


class Way(Struct, frozen=True):
    """How a call would be allowed. text: what to type, or to paste into a policy. placeholders: what to fill in."""

    reach: str
    text: str
    placeholders: tuple[str, ...] = ()


def ways(look: Look, allowances: tuple[Allowance, ...], where: Circumstances, now: float) -> list[Way]:
    """From the narrowest to the widest; none for what is allowed. now: Unix seconds."""
    if not look.against:
        return []
    run = where.run_id or "RUN"
    here = Run(run_id=run, workspace=where.workspace, now=now)
    missing = () if where.run_id else ("RUN",)
    approve = "\n".join(
        f"killcord approve {shlex.quote(run)} {shlex.quote(_approved(finding))} --reason WHY"
        for finding in look.against
    )
    found = [Way("for this run, where a worker judges it", approve, missing)]
    about = exceptions(look.steps, look.against, allowances, here)
    if not about:
        return found
    place: dict[str, Any] = {
        name: literal(value)
        for name in ("agent_name", "team", "environment", "workspace")
        if (value := getattr(where, name))
    }
    day = datetime.datetime.fromtimestamp(now, datetime.UTC).date()
    tomorrow, later = (str(day + datetime.timedelta(days=days)) for days in (RUN_DAYS, PLACE_DAYS))
    return [
        *found,
        Way(f"for this run, until {tomorrow}", _policy(about, {"run_id": literal(run)}, tomorrow), missing),
        Way(f"for this place, until {later}", _policy(about, place or {"workspace": "DIR"}, later),
            () if place else ("DIR",)),
        Way("for good", _policy(about, {}, None)),
    ]  # fmt: skip


def exceptions(
    steps: list[Step], against: list[Finding], allowances: tuple[Allowance, ...], run: Run
) -> list[dict[str, Any]]:
    """What each would have to say, without scope and day. No wider than the call."""
    rules = {finding.rule for finding in against}
    targets: dict[tuple[str, str, str], list[str]] = {}
    for step in steps:
        effect = step.effect
        if step.rule not in rules or step.rule is None:
            continue
        about = (step.rule, effect.action, effect.thing)
        known = effect.certainty == "certain"
        if allowing(allowances, run, *about, effect.target, known) is None:
            targets.setdefault(about, []).append(literal(effect.target))
    found = [
        {"rule": rule, "action": action, "thing": thing, "target": list(dict.fromkeys(names))}
        for (rule, action, thing), names in targets.items()
    ]
    for finding in against:
        if finding.rule == REBUILD:
            facts = finding.facts
            found.append({"rule": REBUILD, "thing": facts["thing"], "target": [literal(facts["target"])]})
    return found


def _approved(finding: Finding) -> str:
    """Its name for an operator; the whole rule's, if nobody could type it."""
    name = f"{finding.rule}:{short_key(finding.key)}"
    return name if name.isprintable() else finding.rule


def _policy(about: list[dict[str, Any]], scope: dict[str, Any], until: str | None) -> str:
    lines = ["allow:"]
    for entry in about:
        targets = entry["target"]
        whole = {**entry, "target": targets[0] if len(targets) == 1 else targets}
        whole |= {"scope": scope} if scope else {}
        whole |= {"until": datetime.date.fromisoformat(until)} if until else {}
        text = yaml.safe_dump({**whole, "reason": "WHY"}, default_flow_style=True, sort_keys=False, width=10**9)
        lines.append(f"  - {text.rstrip()}")
    return "\n".join(lines)
