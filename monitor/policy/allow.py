"""A policy's exceptions: what is let through although a rule forbids it, where, and up to which day."""

from __future__ import annotations

import contextlib
import datetime
import re
from typing import Any

from msgspec import UNSET, Struct

from detectors.allowance import Allowance
from detectors.destructive.effects import Action, Thing
from monitor.policy.catalogue import rules
from monitor.policy.document import Mapping, Node, Scalar, Sequence
from monitor.policy.problem import Report, meant
from monitor.policy.scope import Scope, globs_of, read_globs
from monitor.policy.typed import pairs, read, unknown

KEYS = ("rule", "target", "action", "thing", "scope", "until", "reason")
PLACES = (*Scope.__struct_fields__, "run_id", "workspace")
FAMILY = "destructive"
MOST_REASON = 200  # characters
_DAY = re.compile(r"[\dW-]+")
_UNTIL = "Write the last day, such as 2027-01-31, or a moment, such as 2027-01-31T18:00Z."


class Allowed(Struct, frozen=True):
    """One exception. origin: ``file:line``."""

    scope: Scope
    allowance: Allowance
    origin: str

    def expired(self, now: float) -> bool:
        """now: Unix seconds."""
        return self.allowance.ends is not None and self.allowance.ends <= now

    def __str__(self) -> str:
        given = self.as_dict()
        what = " ".join(filter(None, (given["rule"], given.get("action"), given.get("thing"), *given["target"][:4])))
        more = f" and {len(given['target']) - 4} more" if len(given["target"]) > 4 else ""
        where = " ".join(f"{name}={'|'.join(globs)}" for name, globs in given.get("scope", {}).items())
        until = f" until {given['until']}" if "until" in given else ""
        reason = f" ({given['reason']})" if "reason" in given else ""
        return f"{what}{more}{f' [{where}]' if where else ''}{until}{reason}"

    def as_dict(self) -> dict[str, Any]:
        """As it is written in a policy, without what is left open."""
        given = self.allowance
        where = {**self.scope.as_dict(), "run_id": list(given.run_id), "workspace": list(given.workspace)}
        whole = {
            "rule": given.rule, "target": list(given.target), "action": given.action, "thing": given.thing,
            "scope": {name: globs for name, globs in where.items() if globs}, "until": given.until,
            "reason": given.reason,
        }  # fmt: skip
        return {name: value for name, value in whole.items() if value}


def read_allowed(node: Node, report: Report) -> list[Allowed]:
    """What is wrong in it goes to ``report``."""
    if isinstance(node, Scalar) and node.is_null:
        return []
    if not isinstance(node, Sequence):
        report.add(node.line, str(node), "allow takes a list of exceptions",
                   "Write `- rule: RULE` with a target for each below it.")  # fmt: skip
        return []
    found = []
    for item in node.items:
        own = Report(report.file)  # the same problem of two entries counts once, and spoils both
        entry = _read(item, own)
        for problem in own.problems:
            report.add(problem.line, problem.value, problem.message, problem.remedy)
        found += [entry] if entry is not None else []
    return found


def _read(node: Node, report: Report) -> Allowed | None:
    given = {key.text: (key, value) for key, value in pairs(node, "an entry of allow", report)}
    values: dict[str, Any] = {}
    scope: dict[str, tuple[str, ...]] = {}
    for name, (key, value) in given.items():
        where = f"allow {name}"
        if name == "rule":
            values["rule"] = _rule(value, report)
        elif name == "scope":
            scope = read_globs(value, PLACES, where, report)
        elif name == "target":
            values["target"] = globs_of(value, where, report)
        elif name == "action":
            values["action"] = read(value, Action, where, report)
        elif name == "thing":
            values["thing"] = read(value, Thing, where, report)
        elif name == "until":
            values.update(_until(value, report))
        elif name == "reason":
            values["reason"] = read(value, str, where, report)
            if values["reason"] is not UNSET and len(values["reason"]) > MOST_REASON:
                report.add(value.line, str(value), f"{where} takes at most {MOST_REASON} characters", "Shorten it.")
        else:
            unknown(key, KEYS, "an entry of allow", report)
    if given and "rule" not in given:
        report.add(node.line, "", "an exception without rule", f"Write `rule: {FAMILY}.narrow`, or another of them.")
    if given and "target" not in given:
        report.add(node.line, "", "an exception without target",
                   'Write what it is about, as `killcord explain` names it, or a glob; "*" is everything.')  # fmt: skip
    if isinstance(node, Mapping) and not given:
        report.add(node.line, "{}", "an exception from nothing", "Give rule and target, or leave it out.")
    if not given or report.problems:
        return None
    runs, folders = scope.pop("run_id", ()), tuple(glob.rstrip("/") or glob for glob in scope.pop("workspace", ()))
    return Allowed(
        Scope(**scope), Allowance(run_id=runs, workspace=folders, **values), f"{report.file}:{node.line}"
    )  # fmt: skip


def _rule(node: Node, report: Report) -> str:
    name = node.text if isinstance(node, Scalar) else str(node)
    known = [rule for rule in rules() if rule.startswith(f"{FAMILY}.")]
    if name in known:
        return name
    if name in rules():
        remedy = f"Change its mode below rules, with a scope: `- {{id: {name}, scope: {{…}}, mode: notice}}`."
        report.add(node.line, name, f"only rules of {FAMILY} have exceptions", remedy)
    else:
        report.add(node.line, name, "no such rule", meant(name, known))
    return name


def _until(node: Node, report: Report) -> dict[str, Any]:
    """Without a time zone, UTC; a day counts to its end."""
    if isinstance(node, Scalar) and not node.is_null:
        with contextlib.suppress(ValueError, OverflowError):
            moment = datetime.datetime.fromisoformat(node.text)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
            return {"until": node.text, "ends": moment.timestamp() + 86_400 * bool(_DAY.fullmatch(node.text))}
    report.add(node.line, str(node), "allow until takes a day or a moment, not this", _UNTIL)
    return {}
