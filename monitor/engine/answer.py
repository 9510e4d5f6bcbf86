"""From a finding to its alert and its command, as the policy says.

mode  = the policy's mode for the rule, lowered to the finding's cap, to shadow where an operator let it through,
        and from kill to pause where the governor holds it back
alert = a new one, or the next revision of the one that this rule and key raised before in this run
command = for notice, pause and kill, unless the run is under that order already
"""

from __future__ import annotations

import msgspec

from detectors.detector import MODES, Finding, Mode, Rule, Run, Severity, shorten
from detectors.event import Event
from detectors.naming import cut
from monitor.engine.canary import ISSUED_BY, TITLE, is_canary
from monitor.engine.governor import Governor
from monitor.engine.lifecycle import Status, Tracked
from monitor.engine.outcome import Outcome, Position
from monitor.engine.rules import GOVERNOR
from monitor.engine.state import MOST_ALERTS, MOST_TRACKED, KnownAlert, RunState, remembered
from monitor.messages import Action, Alert, Command, Evidence, JournalEntry, identify
from monitor.policy import Policy, Resolved

PAUSE_EXPIRES_S = 3600.0
NOTICE_EXPIRES_S = 300.0
RANK = {mode: rank for rank, mode in enumerate(MODES)}
ACTIONS: dict[Mode, Action] = {"notice": "notice", "pause": "pause", "kill": "kill"}
EXPIRES: dict[Action, float | None] = {"kill": None, "pause": PAUSE_EXPIRES_S, "notice": NOTICE_EXPIRES_S}
MOST_KEY = 56  # bytes of a finding's key; of a longer one its start and its hash are kept
MOST_TITLE, MOST_SUMMARY = 200, 2000  # characters
AGAIN = "blindness.after_kill"  # the one rule that leads to a second kill


class Answers:
    """Turns the findings of one event into what is published. One of these serves an engine."""

    def __init__(self, policy: Policy, governor: Governor, rules: dict[str, Rule]) -> None:
        self.policy = policy
        self.governor = governor
        self._rules = rules

    def give(
        self, state: RunState, event: Event, at: Position, findings: list[Finding], resolved: Resolved, out: Outcome
    ) -> None:
        for finding in findings:
            self._one(state, event, at, finding, resolved, out)

    def _one(
        self, state: RunState, event: Event, at: Position, finding: Finding, resolved: Resolved, out: Outcome
    ) -> None:
        answer = resolved.answer(finding.rule)
        mode = self._mode(answer.mode, finding, state.run)
        if mode == "off":
            return
        name = remembered(reference(finding))
        known = state.alerts.get(name)
        if known is None:
            alert_id = identify("alert", state.run.run_id, finding.rule, finding.key, event.id)
            known = KnownAlert(bytes.fromhex(alert_id), 0, "off")
        kept = None
        canary = is_canary(state, event)
        if mode == "kill" and self._would_kill(state, finding) and not canary:
            now = at.stamp if at.stamp is not None else state.run.now
            kept = self.governor.refuses(
                state.run.run_id, state.run.agent_name, now, self.policy.governor, known.id, at.offset
            )
            if kept is not None:
                mode = "pause"
                out.journal.append(self._governed(state, at, known.id, kept))
                if self.governor.pages(now):
                    out.alerts.append(self._page(state, event, at, kept))
        severity = answer.severity or finding.severity or self._rules[finding.rule].severity
        if canary:
            severity = "info"
        command = self._command(state, event, at, finding, mode, known)
        alert = self._alert(state, event, at, finding, mode, severity, known, command, kept)
        if canary:
            alert.title = f"{TITLE}{alert.title}"
            if command is not None:
                command.issued_by = ISSUED_BY
        known.revision, known.mode = alert.revision, mode
        state.alerts[name] = known
        if len(state.alerts) > MOST_ALERTS:
            del state.alerts[next(iter(state.alerts))]
        out.alerts.append(msgspec.structs.replace(alert))
        for tracked in state.tracked:
            if tracked.alert is not None and tracked.alert.id == alert.id:
                tracked.alert = alert
        if command is not None:
            self._track(state, command, alert, at)
            out.commands.append(command)

    def _mode(self, mode: Mode, finding: Finding, run: Run) -> Mode:
        if mode == "off":
            return mode
        if finding.cap is not None and RANK[finding.cap] < RANK[mode]:
            mode = finding.cap
        approved = run.grants.approved
        if approved:
            short = f"{finding.rule}:{short_key(finding.key)}"
            names = (finding.rule, f"{finding.rule}:{finding.key}", short, remembered(reference(finding)))
            if not set(names).isdisjoint(approved):
                return "shadow"
        return mode

    def _would_kill(self, state: RunState, finding: Finding) -> bool:
        return state.killed_by is None or (finding.rule == AGAIN and state.run.stopped is not None)

    def _command(
        self, state: RunState, event: Event, at: Position, finding: Finding, mode: Mode, known: KnownAlert
    ) -> Command | None:
        """The command that this answer needs, or None where the run is under such an order already."""
        action = ACTIONS.get(mode)
        if action is None or (action == "kill" and not self._would_kill(state, finding)):
            return None
        if action != "kill" and state.killed_by is not None:
            return None
        if action == "pause" and state.paused_by is not None:
            return None
        state.epoch += 1
        expires = EXPIRES[action]
        command = Command(
            id=identify("command", action, state.run.run_id, finding.rule, finding.key, event.id),
            action=action,
            scope="run",
            target=state.run.run_id,
            run_id=state.run.run_id,
            event_id=event.id,
            agent_id=event.agent_id or None,
            seq=event.seq,
            partition=at.partition,
            reason=shorten(finding.summary, MOST_SUMMARY),
            alert_id=known.id,
            issued_by="killcord",
            issued_at=state.run.now,
            expires_at=None if expires is None else state.run.now + expires,
            epoch=state.epoch,
        )
        if action == "kill":
            state.killed_by = command.id
        elif action == "pause":
            state.paused_by = command.id
        return command

    def _alert(
        self,
        state: RunState,
        event: Event,
        at: Position,
        finding: Finding,
        mode: Mode,
        severity: Severity,
        known: KnownAlert,
        command: Command | None,
        kept: str | None,
    ) -> Alert:
        command_id = command.id if command is not None else None
        if command_id is None and mode in ("kill", "pause"):
            command_id = state.killed_by or state.paused_by
        alert = alert_of(state, event, at, self.policy.digest, self._rules[finding.rule])
        alert.id, alert.revision, alert.mode, alert.severity = known.id, known.revision + 1, mode, severity
        alert.agent_id = event.agent_id or None
        alert.title, alert.score, alert.command_id = shorten(finding.title, MOST_TITLE), finding.score, command_id
        alert.summary = " ".join(
            part for part in (shorten(finding.summary, MOST_SUMMARY), done(state, mode, command, kept)) if part
        )
        alert.evidence = [
            Evidence(
                event_id=item.event_id,
                topic=at.topic,
                partition=at.partition,
                offset=item.offset if item.offset >= 0 else None,
                excerpt=item.excerpt,
            )
            for item in finding.evidence
        ] or alert.evidence
        return alert

    def _track(self, state: RunState, command: Command, alert: Alert, at: Position) -> None:
        if command.action == "notice":
            return
        status: Status = "ended" if state.ended else "issued" if state.watchers else "unguarded"
        now = at.stamp if at.stamp is not None else state.run.now
        track(state, Tracked(command=command, status=status, issued_at=now, alert=alert))

    def _governed(self, state: RunState, at: Position, alert_id: str, why: str) -> JournalEntry:
        return JournalEntry(
            kind="governor",
            partition=at.partition if at.partition is not None else -1,
            offset=at.offset - 1,
            run_id=state.run.run_id,
            digest=self.policy.digest,
            governed=alert_id,
            why=why,
        )

    def _page(self, state: RunState, event: Event, at: Position, why: str) -> Alert:
        alert = alert_of(state, event, at, self.policy.digest, GOVERNOR)
        alert.id = identify("governor", event.id)
        alert.operational = True
        alert.summary = (
            f"{why}. Further kills are pauses for now: look whether many runs went wrong at once, or a rule is "
            "wrong; then kill or resume the paused runs."
        )
        return alert


def reference(finding: Finding) -> str:
    """What tells a run's alerts apart: the same rule and key again is the next revision (`remembered`)."""
    return f"{finding.rule}|{short_key(finding.key)}"


def short_key(key: str) -> str:
    """The key as a person approves it."""
    return cut(key, MOST_KEY)


def track(state: RunState, tracked: Tracked) -> None:
    """Follows a command from here on. The state stays bounded: the oldest that is done is no longer followed."""
    if len(state.tracked) >= MOST_TRACKED:
        oldest = next((n for n, known in enumerate(state.tracked) if known.done), 0)
        del state.tracked[oldest]
    state.tracked.append(tracked)


def alert_of(state: RunState, event: Event | None, at: Position, digest: str, rule: Rule) -> Alert:
    """An alert of ``rule`` about this run, with what every alert says; the caller fills in the rest."""
    run = state.run
    event_id = event.id if event is not None else ""
    return Alert(
        id="",
        revision=1,
        status="open",
        event_id=event_id,
        time=run.now if event is None else event.time if at.stamp is None else min(event.time, at.stamp),
        run_id=run.run_id,
        agent_id=(event.agent_id or None) if event is not None else None,
        agent_name=run.agent_name,
        team=run.team,
        environment=run.environment,
        rule=rule.id,
        family=rule.family,
        severity=rule.severity,
        mode=rule.mode,
        title=rule.title,
        summary=rule.description,
        score=1.0,
        evidence=[]
        if event is None
        else [
            Evidence(event_id=event_id, topic=at.topic, partition=at.partition, offset=at.offset, excerpt=event.kind)
        ],
        command_id=None,
        policy=digest,
    )


def done(state: RunState, mode: Mode, command: Command | None, kept: str | None) -> str:
    """What was done about it, in a sentence for a person at three in the morning."""
    guarded = bool(state.watchers) or state.ended
    unguarded = "No kill-switch watches this run, so nothing obeys: stop it by hand."
    if state.ended and command is not None:
        return "The run had ended by then."
    if kept is not None:
        held = f"Not killed but paused, since the governor holds kills back ({kept})."
        return held if guarded else f"{held} {unguarded}"
    if mode in ("kill", "pause"):
        if command is None:
            return f"The run is already under a {'kill' if state.killed_by else 'pause'}."
        return f"A {mode} was issued." if guarded else f"A {mode} was issued. {unguarded}"
    if mode == "deny":
        return "A gate refuses this call; without one, it runs."
    if mode == "notice":
        return "The agent was told."
    return ""
