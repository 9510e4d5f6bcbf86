"""The second stage: from a deployment's rollup to alerts, as the policy says. Pure, as the first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from detectors.detector import MODES, Finding, Mode, Rule, RuleSet, shorten
from detectors.drift import Drift
from detectors.fleet import FleetDetector, FleetState, Source
from detectors.loops.fork_bomb import ForkBombs
from detectors.loops.heartbeat import Heartbeats
from detectors.rollup import Rollup
from monitor.engine.answer import ACTIONS, EXPIRES
from monitor.engine.outcome import Outcome
from monitor.engine.rules import DETECTOR_FAILED
from monitor.messages import Alert, Command, Evidence, OperatorDecision, Scope, identify
from monitor.policy import Answer, Policy, Resolved

FLEET_DETECTORS: tuple[FleetDetector[Any], ...] = (Drift(), Heartbeats(), ForkBombs())
STRONGEST: Mode = "pause"  # a statistic over a deployment never kills
FAILURE_SAID_EVERY_S = 86_400.0  # a deployment lives on: its detector's failure is said again after a day

_encode = msgspec.msgpack.encode
_decode = msgspec.msgpack.Decoder(FleetState).decode


def encode(state: FleetState) -> bytes:
    """The state in msgpack, the same bytes whenever it was saved before."""
    for detector in FLEET_DETECTORS:
        detector.settle(state.part(detector))
    return _encode(state)


def decode(data: bytes) -> FleetState:
    """The state that `encode` wrote. Raises msgspec.DecodeError (a ValueError) for bytes of another form or version."""
    state = _decode(data)
    for detector in FLEET_DETECTORS:
        state.part(detector)
    return state


class FleetEngine:
    """Judges rollups. ``events_topic``: where the evidence lies; None: in files, whose lines have no partition.

    ``on_error(detector name, error)`` hears of every time that a detector raised, which is also alerted, at most once a
    day for each deployment and detector: one bad detector must not blind the others or end the worker.
    """

    def __init__(
        self,
        policy: Policy,
        *,
        events_topic: str | None = None,
        issued_by: str = "killcord",
        detectors: Sequence[FleetDetector[Any]] = FLEET_DETECTORS,
        on_error: Callable[[str, Exception], None] = lambda name, error: None,
    ) -> None:
        self.policy = policy
        self._topic = events_topic
        self._issued_by = issued_by
        self._detectors = detectors
        self._on_error = on_error
        self._rules: dict[str, Rule] = {rule.id: rule for detector in detectors for rule in detector.rules}
        self._rules[DETECTOR_FAILED.id] = DETECTOR_FAILED

        def with_a_rule(rules: RuleSet) -> list[FleetDetector[Any]]:
            return [detector for detector in detectors if any(rule.id in rules for rule in detector.rules)]

        self._with_a_rule = with_a_rule

    def process(self, state: FleetState, rollup: Rollup) -> Outcome:
        """Update ``state`` and return what to publish: nothing for a rollup that was counted before."""
        out = Outcome()
        if not state.admit(rollup):
            return out
        resolved = self._resolved(rollup)
        for detector in resolved.rules.derive(self._with_a_rule):
            findings: list[Finding] = []
            try:
                findings.extend(detector.observe(rollup, state.part(detector), resolved.rules))
            except Exception as error:  # whatever a detector does wrong, the deployment goes on being watched
                self._on_error(detector.name, error)
                if state.say_failed(detector.name, rollup.time, FAILURE_SAID_EVERY_S):
                    findings.append(_failed(detector, rollup, error))
            for finding in findings:
                self._answer(state, rollup, finding, resolved.answer(finding.rule), out)
        return out

    def decide(self, state: FleetState, decision: OperatorDecision) -> None:
        """Take a ``pin`` or ``unpin``; any other decision changes nothing here."""
        if decision.decision == "pin":
            state.pinned = True
            for detector in self._detectors:
                detector.pin(state.part(detector))
        elif decision.decision == "unpin":
            state.pinned = False
            for detector in self._detectors:
                detector.unpin(state.part(detector))

    def _resolved(self, rollup: Rollup) -> Resolved:
        if rollup.scope == "agent_name":
            return self.policy.resolve(rollup.target, rollup.team, rollup.environment)
        return self.policy.resolve(**{rollup.scope: rollup.target})

    def _answer(self, state: FleetState, rollup: Rollup, finding: Finding, answer: Answer, out: Outcome) -> None:
        mode = lowest(answer.mode, finding.cap or STRONGEST, STRONGEST)
        if mode == "off":
            return
        if mode == "deny":
            mode = "alert"  # nothing that could be refused: it is about runs that have ended
        alert = self._alert(rollup, finding, mode, answer)
        if command := self._command(state, rollup, finding, mode, alert):
            alert.command_id = command.id
            done = "All runs of it are paused for an hour." if mode == "pause" else "Its agents were told."
            alert.summary = f"{alert.summary} {done}"
            out.commands.append(command)
        out.alerts.append(alert)

    def _alert(self, rollup: Rollup, finding: Finding, mode: Mode, answer: Answer) -> Alert:
        rule = self._rules[finding.rule]
        own = {"agent_name": None, "team": None, "environment": None, rollup.scope: rollup.target}
        if rollup.scope == "agent_name":
            own |= {"team": rollup.team, "environment": rollup.environment}
        return Alert(
            id=identify(rollup.scope, rollup.target, finding.rule, finding.key, rollup.event_id),
            revision=1,
            status="open",
            event_id=rollup.event_id,
            time=rollup.time,
            run_id=None,
            agent_id=None,
            agent_name=own["agent_name"],
            team=own["team"],
            environment=own["environment"],
            rule=rule.id,
            family=rule.family,
            severity=answer.severity or finding.severity or rule.severity,
            mode=mode,
            title=finding.title,
            summary=finding.summary,
            score=finding.score,
            evidence=[
                Evidence(
                    event_id=item.event_id,
                    topic=self._topic,
                    partition=item.partition if self._topic and isinstance(item, Source) else None,
                    offset=item.offset if item.offset >= 0 else None,
                    excerpt=item.excerpt,
                )
                for item in finding.evidence
            ],
            command_id=None,
            policy=self.policy.digest,
        )

    def _command(self, state: FleetState, rollup: Rollup, finding: Finding, mode: Mode, alert: Alert) -> Command | None:
        action = ACTIONS.get(mode)
        if action is None:
            return None
        state.epoch += 1
        expires = EXPIRES[action]
        scope: Scope = msgspec.convert(rollup.scope, Scope)
        return Command(
            id=identify("command", action, rollup.scope, rollup.target, finding.rule, finding.key, rollup.event_id),
            action=action,
            scope=scope,
            target=rollup.target,
            run_id=None,
            event_id=rollup.event_id,
            agent_id=None,
            seq=None,
            partition=rollup.partition,
            reason=finding.summary,
            alert_id=alert.id,
            issued_by=self._issued_by,
            issued_at=rollup.time,
            expires_at=None if expires is None else rollup.time + expires,
            epoch=state.epoch,
        )


def _failed(detector: FleetDetector[Any], rollup: Rollup, error: Exception) -> Finding:
    excerpt = f"rollup of run {rollup.run_id}: {type(error).__name__}"
    return Finding(
        rule=DETECTOR_FAILED.id,
        key=detector.name,
        title=DETECTOR_FAILED.title,
        summary=f"The detector {detector.name} failed on a rollup of {rollup.key} ({type(error).__name__}: "
        f"{shorten(str(error))}); what it would have found is not known. The other detectors went on.",
        evidence=(Source(rollup.event_id, rollup.offset, shorten(excerpt), rollup.partition),),
    )


def lowest(*modes: Mode) -> Mode:
    """The mildest of them.

    >>> lowest("kill", "pause"), lowest("shadow", "pause")
    ('pause', 'shadow')
    """
    return min(modes, key=MODES.index)
