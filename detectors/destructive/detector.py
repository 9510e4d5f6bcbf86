"""The detector of destructive actions: effects of each tool call, weighed in the run's context."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, ClassVar

import msgspec
from msgspec import structs

from detectors.allowance import Allowance, allowing
from detectors.destructive.calls import step_of_call
from detectors.destructive.context import context_of, environment_of
from detectors.destructive.effects import (
    NARROW,
    ORDER,
    REBUILD,
    REVERSIBLE,
    UNSEEN,
    WIDE,
    Effect,
    verdict,
)  # fmt: skip
from detectors.destructive.kinds import as_kind
from detectors.destructive.memory import (
    MANY_REMOVED,
    MAX_DESTROYED,
    MAX_PENDING,
    MAX_SESSIONS,
    REBUILT,
    Memory,
    digest,
    kept,
    owns,
    rebuilt,
    remember,
)  # fmt: skip
from detectors.destructive.provenance import MOVED
from detectors.destructive.wording import certainty, describe, outlook
from detectors.detector import Detector, Example, Finding, Rule, RuleSet, Run, Severity, shorten
from detectors.event import Event, ToolCall, ToolResult

RULES = (
    Rule(id=WIDE, title="Irreversible and wide destruction", severity="critical", mode="kill",
         description="Would destroy everything of its kind (a machine, a home, a workspace, a database) "
                     "for good. In production, a large part is enough."),
    Rule(id=NARROW, title="Irreversible destruction", severity="warning", mode="deny",
         description="Would destroy something limited for good that the run did not make and nothing rebuilds."),
    Rule(id=REVERSIBLE, title="Destruction that can be undone", severity="info", mode="alert",
         description="Would stop, disable or remove something that can be brought back."),
    Rule(id=UNSEEN, title="Code that nobody has seen", severity="warning", mode="alert",
         description="Would run what a download or a decoder prints, or could not be read whole."),
    Rule(id=REBUILD, title="Destroyed and rebuilt", severity="warning", mode="alert",
         description="Creates again what the same run destroyed: the new one lacks what the old one held."),
)  # fmt: skip
_MAX_FACTS = 8
_MAX_JOINED = 8192
_CONTINUED = re.compile(r"\\\n|[012]?>&[012]|&>")
_JOINED = re.compile(r"[;&\n]|\|\|")
_STRICT = re.compile(r"set -\w*e\w*(?: -o pipefail)?\s*[;\n]")
_UNCHECKED = re.compile(r"&|\|\||\bset \+")


class Destructive(Detector[Memory]):
    """What a command, query, file tool or function would destroy, how widely, and whether it can be undone.

    Understands shell by tree-sitter, SQL by sqlglot, Python by its own parser, and some 150 programs by a catalogue of
    data. Judges calls before they run. Memory: at most 1.5 KiB a run. Cost: 10 to 40 µs for most commands not seen
    before, 1 µs for one seen.
    """

    name: ClassVar[str] = "destructive"
    kinds: ClassVar[tuple[type[Event], ...]] = (ToolCall, ToolResult)
    rules: ClassVar[tuple[Rule, ...]] = RULES
    State: ClassVar[type[msgspec.Struct]] = Memory
    judges_repeats: ClassVar[bool] = True

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        from detectors.destructive.examples import EXAMPLES  # built when asked for: a worker has no use for them

        return EXAMPLES

    def observe(self, event: Event, state: Memory, run: Run, rules: RuleSet) -> Iterable[Finding]:
        if isinstance(event, ToolResult):
            self._result(event, state)
            return ()
        if not isinstance(event, ToolCall):
            return ()
        context = context_of(run.workspace, environment_of(run.environment or event.environment, run.labels))
        agent = event.agent_id[:64] if event.agent_id else ""
        before = state.sessions.get(agent)
        tool, arguments = event.tool, event.arguments
        if rules.tools:
            tool, arguments = as_kind(tool, arguments, rules.tools)
        effects, session = step_of_call(tool, arguments, context, before)
        if session is not before and session is not None:
            state.sessions.pop(agent, None)
            state.sessions[agent] = session
            if len(state.sessions) > MAX_SESSIONS:
                del state.sessions[next(iter(state.sessions))]
        if not effects:
            return ()
        return self._judge(event, state, run, rules, effects, context.production)

    def _judge(
        self, event: ToolCall, state: Memory, run: Run, rules: RuleSet, effects: tuple[Effect, ...], production: bool
    ) -> list[Finding]:
        made: list[str] = []
        known = set(state.own)
        proven: bool | None = None
        broken: dict[str, list[Effect]] = {}
        through: dict[Allowance, list[Effect]] = {}
        findings: list[Finding] = []
        for effect in effects:
            if effect.action == "create":
                if effect.entry == MOVED:
                    if owns(known.union(made), structs.replace(effect, keys=effect.keys[1:])):
                        made.append(digest(effect.keys[0]))
                    continue
                made.extend(digest(key) for key in effect.keys)
                before = rebuilt(state.destroyed, effect)
                if before is not None and REBUILD in rules:
                    again = self._rebuilt(event, run, effect, before, production)
                    by = _allowing(rules, run, REBUILD, structs.replace(effect, thing=before[0], target=before[1]))
                    findings.append(again if by is None else _let_through(again, by))
                    state.destroyed.remove(before)
                continue
            proof = known
            if made:
                if proven is None:
                    proven = _one_depends_on_the_other(event)
                proof = known.union(made) if proven else known
            if proof:
                if owns(proof, effect):
                    continue
                if effect.reversible != "yes" and kept(proof, effect):
                    effect = structs.replace(effect, reversible="yes", undo="it was saved before")
            rule = verdict(effect, production)
            if rule is None and effect.place == "workspace" and effect.action == "delete":
                state.removed += 1
                if state.removed % MANY_REMOVED == 0:  # a folder goes in small steps too
                    target = f"one by one, {state.removed} in this run, the last one {effect.target}"
                    effect = structs.replace(effect, width="many", target=target)
                    rule = verdict(effect, production)
            if rule is None:
                continue
            if rules.allowances and (by := _allowing(rules, run, rule, effect)) is not None:
                through.setdefault(by, []).append(effect)
                continue
            broken.setdefault(rule, []).append(effect)
            if effect.thing in REBUILT and effect.action in ("delete", "overwrite"):
                state.destroyed.append((effect.thing, effect.target[:64], event.id[:64]))
                del state.destroyed[: max(0, len(state.destroyed) - MAX_DESTROYED)]
        if made:
            self._made(event, state, made)
        findings.extend(
            self._finding(event, run, rule, broken[rule], production)
            for rule in ORDER
            if rule in broken and rule in rules
        )
        for by, allowed in through.items():
            if by.rule in rules:
                findings.append(_let_through(self._finding(event, run, by.rule, allowed, production), by))
        return findings

    def _made(self, event: ToolCall, state: Memory, made: list[str]) -> None:
        """A thing counts as made when the result says that the call worked: the agent's word alone lowers nothing."""
        state.pending[(event.call_id or "")[:64]] = made[-16:]
        while len(state.pending) > MAX_PENDING:
            del state.pending[next(iter(state.pending))]

    def _result(self, event: ToolResult, state: Memory) -> None:
        made = state.pending.pop((event.call_id or "")[:64], None)
        if made and (event.status == "ok" or (event.status is None and event.exit_code == 0)) and not event.exit_code:
            remember(state.own, made)

    def _finding(self, event: ToolCall, run: Run, rule: str, effects: list[Effect], production: bool) -> Finding:
        worst = effects[0]
        command = _quoted(event, worst)
        where = " in production" if production or any(effect.production for effect in effects) else ""
        more = f", and {len(effects) - 1} more" if len(effects) > 1 else ""
        quote = f"`{shorten(command, 160)}`."
        summary = f"Would {describe(worst)}{more}{where}, {outlook(worst)}: {quote}{certainty(worst)}"
        severity: Severity | None = "critical" if where and rule in (NARROW, REBUILD) else None
        if where and rule == REVERSIBLE:
            severity = "warning"
        title = describe(worst)
        return Finding(
            rule=rule,
            title=shorten(title[0].upper() + title[1:] + where, 120),
            summary=summary,
            key=shorten(f"{worst.action}:{worst.thing}:{worst.target}", 120),
            score={"certain": 1.0, "likely": 0.8, "possible": 0.5}[worst.certainty],
            severity=severity,
            evidence=(run.evidence(event, command),),
            facts=_facts(effects),
        )

    def _rebuilt(
        self, event: ToolCall, run: Run, effect: Effect, before: tuple[str, str, str], production: bool
    ) -> Finding:
        thing, target, destroyer = before
        name = f"the {thing} {target}".rstrip()
        where = " in production" if production or effect.production else ""
        return Finding(
            rule=REBUILD,
            title=f"Rebuilds {name}{where} after destroying it",
            summary=f"Creates {name}{where} again, which this run destroyed before (event {destroyer}): "
            f"what the old one held is gone unless it was saved. `{shorten(effect.excerpt or event.tool, 160)}`.",
            key=f"rebuild:{thing}:{target}"[:120],
            severity="critical" if where else None,
            evidence=(run.evidence(event, effect.excerpt or event.tool),),
            facts={"destroyed_by": destroyer, "thing": thing, "target": target},
        )


def _allowing(rules: RuleSet, run: Run, rule: str, effect: Effect) -> Allowance | None:
    known = effect.certainty == "certain"
    return allowing(rules.allowances, run, rule, effect.action, effect.thing, effect.target, known)


def _let_through(finding: Finding, by: Allowance) -> Finding:
    """Recorded, and nothing else."""
    return structs.replace(
        finding, cap="shadow", summary=f"{finding.summary} {by.told}", facts={**finding.facts, "allowed": by.told}
    )


def _one_depends_on_the_other(event: ToolCall) -> bool:
    """Whether a command runs only if those before it worked: joined by ``&&``, or under ``set -e``."""
    arguments = event.arguments
    texts = [arguments] if isinstance(arguments, str) else list((arguments or {}).values())
    return not any(_apart(text) for text in texts if isinstance(text, str))


def _apart(text: str) -> bool:
    if len(text) > _MAX_JOINED:
        return True
    text = _CONTINUED.sub(" ", text).replace("&&", "").strip()
    strict = _STRICT.match(text)
    if strict is not None:
        return _UNCHECKED.search(text, strict.end()) is not None
    return _JOINED.search(text) is not None


def _quoted(event: ToolCall, effect: Effect) -> str:
    """The whole command where it is short: a pipe says more than its end."""
    arguments = event.arguments
    texts = [arguments] if isinstance(arguments, str) else list((arguments or {}).values())
    part = effect.excerpt or event.tool
    return next((text for text in texts if isinstance(text, str) and part in text and len(text) <= 160), part)


def _facts(effects: list[Effect]) -> dict[str, Any]:
    fields = ("action", "thing", "target", "width", "reversible", "undo", "certainty", "place", "entry")
    listed = [
        {name: shorten(getattr(effect, name)) for name in fields if getattr(effect, name)}
        for effect in effects[:_MAX_FACTS]
    ]
    return {"effects": listed, "count": len(effects)}
