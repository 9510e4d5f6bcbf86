"""Judges one event of one run: the same code in the worker, in the gate beside an agent, and in replay.

Deterministic: time comes from events, ids from hashes. The same events and the same journal give the same alerts and
commands on any worker.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from typing import Any, TypeAlias

from aiokafka.partitioner import murmur2

from detectors import DETECTORS
from detectors.detector import Detector, Finding, Rule, RuleSet, Run, shorten
from detectors.event import Event, RunFinished, RunStarted, ToolCall
from detectors.naming import MOST_NOTE, cut
from detectors.rolling import RollupCutter
from monitor.engine import inputs
from monitor.engine.answer import Answers, reference
from monitor.engine.canary import is_canary
from monitor.engine.governor import Governor
from monitor.engine.outcome import Outcome, Position
from monitor.engine.rules import DETECTOR_FAILED, ENGINE_RULES, SPLIT_RUN
from monitor.engine.state import RunState, remembered
from monitor.messages import Ack, JournalEntry, OperatorDecision
from monitor.policy import Policy

RULES: dict[str, Rule] = {
    rule.id: rule for rules in (*(detector.rules for detector in DETECTORS), ENGINE_RULES) for rule in rules
}

Observe: TypeAlias = Callable[[Event, Any, Run, RuleSet], Iterable[Finding]]

MOST_TEXT = 512  # bytes of a workspace's path; a longer one is not believed
MOST_LABELS, LABEL_TEXT, LABELS_TEXT = 16, 64, 256  # labels, characters of each, bytes of all
LATE_S = 3600.0  # events may arrive this late, or early, by their own clock; beyond, the broker's counts


class Engine:
    """Parameters: the policy; a governor (its own by default); ``on_error(detector name, error)`` hears of a detector
    that raised, which also becomes an alert of the run: one bad detector must not blind the others; ``partitions`` of
    the event topic, to see a run that lies where murmur2 would not put it (None: a file).
    """

    def __init__(
        self,
        policy: Policy,
        governor: Governor | None = None,
        detectors: Sequence[type[Detector[Any]]] = tuple(DETECTORS),
        on_error: Callable[[str, Exception], None] = lambda name, error: None,
        partitions: int | None = None,
    ) -> None:
        self._partitions = partitions
        self.governor = governor or Governor()
        self._detectors = [detector() for detector in detectors]
        self._by_kind: dict[type[Event], tuple[tuple[str, Observe], ...]] = {}
        self._cutter = RollupCutter()
        self._on_error = on_error
        self.use(policy)

    def use(self, policy: Policy) -> None:
        """The policy from the next event on."""
        self.policy = policy
        self._resolve = functools.lru_cache(maxsize=1024)(policy.resolve)
        self._answers = Answers(policy, self.governor, RULES)

    def process(self, state: RunState, event: Event, at: Position) -> Outcome:
        """Judges ``event`` and updates ``state``. What came before, by publisher and seq, counts for nothing."""
        out = Outcome()
        stamp, time = at.stamp, event.time
        missing = state.sequences.observe(event, time if stamp is None or time <= stamp + LATE_S else stamp)
        if missing is None:
            self._repeat(state, event, at, out)
            return out
        run = state.run
        first = not run.started_at
        _note(run, event, at, missing)
        state.stamp = stamp if stamp is not None else run.now
        resolved = self._resolve(run.agent_name, run.team, run.environment)
        kind, rules, states, findings = type(event), resolved.rules, state.detectors, out.findings
        for name, observe in self._by_kind.get(kind) or self._for(kind):
            try:
                if found := observe(event, getattr(states, name), run, rules):
                    findings.extend(found)
            except Exception as error:  # whatever a detector does wrong, the run goes on being watched
                self._on_error(name, error)
                findings.append(_failed(name, event, run, error))
        partition = at.partition
        if partition is None:
            partition = at.source
        elif state.partition < 0:
            state.partition = partition
            if self._partitions and (right := partition_of(run.run_id, self._partitions)) != partition:
                findings.append(_misplaced(event, run, partition, right))
        if findings:
            self._answers.give(state, event, at, findings, resolved, out)
            if state.early and out.commands:
                out.extend(inputs.catch_up(state, out.commands, self.policy.digest))
        if state.canary and is_canary(state, event):
            return out
        if rollups := self._cutter.observe(event, state.sums, run, partition):
            out.rollups = rollups
        if first or rollups:  # often enough for counts over an hour
            self.governor.saw(run.run_id, run.agent_name, state.stamp)
        return out

    def _repeat(self, state: RunState, event: Event, at: Position, out: Outcome) -> None:
        """A call that is dropped as a repeat may be another one under a used number: what it would break still counts.

        A true repeat finds what was found before, which is left out.
        """
        if not isinstance(event, ToolCall):
            return
        run = state.run
        resolved = self._resolve(run.agent_name, run.team, run.environment)
        run.offset = at.offset
        for detector in self._detectors:
            if not (detector.judges_repeats and _wants(detector, ToolCall)):
                continue
            try:
                found = list(
                    detector.observe(event, deepcopy(getattr(state.detectors, detector.name)), run, resolved.rules)
                )
            except Exception as error:  # as in `process`
                self._on_error(detector.name, error)
                continue
            out.findings.extend(finding for finding in found if remembered(reference(finding)) not in state.alerts)
        if out.findings:
            self._answers.give(state, event, at, out.findings, resolved, out)

    def take(self, state: RunState, events: Sequence[Event], at: Position) -> Outcome:
        """Judges the events of one message. A message up to the state's offset was taken before and changes nothing."""
        if at.partition is not None and at.offset <= state.offset:
            return Outcome()
        if len(events) == 1:
            out = self.process(state, events[0], at)
        else:
            out = Outcome()
            for event in events:
                out.extend(self.process(state, event, at))
        state.offset = at.offset
        return out

    def apply(self, state: RunState, entry: JournalEntry) -> Outcome:
        """Does again what the journal says happened to this run."""
        match entry:
            case JournalEntry(kind="ack", ack=Ack() as ack):
                return inputs.acknowledge(state, ack, entry.digest)
            case JournalEntry(kind="operator", operator=OperatorDecision() as decision):
                return inputs.decide(state, decision, entry.digest)
            case JournalEntry(kind="timer"):
                return inputs.recorded_step(state, entry, entry.digest)
            case _:
                return Outcome()

    def _for(self, kind: type[Event]) -> tuple[tuple[str, Observe], ...]:
        """Names and methods of the detectors that want to see such events."""
        wanted = tuple((detector.name, detector.observe) for detector in self._detectors if _wants(detector, kind))
        self._by_kind[kind] = wanted
        return wanted


def _wants(detector: Detector[Any], kind: type[Event]) -> bool:
    return not detector.kinds or kind in detector.kinds


def _note(run: Run, event: Event, at: Position, missing: int) -> None:
    """What every event says of its run. The first to name something is believed; time never goes back."""
    run.offset = at.offset
    run.missing = missing
    # An agent's clock may be off, or lie: by less than an hour to the past, and not at all to the future.
    time, stamp = event.time, at.stamp
    if stamp is not None:
        if time > stamp:
            time = stamp
        elif time < stamp - LATE_S:
            time = stamp - LATE_S
    if time > run.now:
        run.now = time
    if not run.started_at:
        run.started_at = time
    if run.agent_name is None:
        run.agent_name = event.agent_name
    if run.team is None:
        run.team = event.team
    if run.environment is None:
        run.environment = event.environment
    if run.agent_version is None and event.agent_version is not None:
        run.agent_version = cut(event.agent_version, MOST_NOTE)
    kind = type(event)
    if kind is RunStarted:
        assert isinstance(event, RunStarted)
        if event.workspace is not None and len(event.workspace.encode("utf-8", "replace")) <= MOST_TEXT:
            run.workspace = run.workspace or event.workspace
        run.schedule_id = run.schedule_id or cut(event.schedule_id or "", MOST_NOTE) or event.schedule_id
        run.parent_run_id = run.parent_run_id or cut(event.parent_run_id or "", MOST_NOTE) or event.parent_run_id
        if event.labels and not run.labels:
            run.labels = _labels(event.labels)
    elif kind is RunFinished:
        run.finished = True


def _labels(given: dict[str, Any]) -> dict[str, Any]:
    """The first of them, as many as fit."""
    kept: dict[str, Any] = {}
    left = LABELS_TEXT
    for name, value in itertools.islice(given.items(), MOST_LABELS):
        name, value = name[:LABEL_TEXT], value[:LABEL_TEXT] if isinstance(value, str) else value
        left -= len(f"{name}{value}".encode("utf-8", "replace"))
        if left < 0:
            break
        kept[name] = value
    return kept


def partition_of(run_id: str, partitions: int) -> int:
    """Where murmur2 puts a run: Java's default partitioner, and aiokafka's."""
    return int((murmur2(run_id.encode()) & 0x7FFFFFFF) % partitions)


def _misplaced(event: Event, run: Run, partition: int, right: int) -> Finding:
    return Finding(
        rule=SPLIT_RUN.id,
        title=SPLIT_RUN.title,
        summary=f"Events of this run are in partition {partition}, murmur2 puts them in {right}: its producer uses "
        "another partitioner or another key, so parts of the run may be judged apart and its kill-switch may not be "
        "heard. Key events by run_id and partition by murmur2 (librdkafka: partitioner=murmur2_random).",
        evidence=(run.evidence(event, event.kind),),
    )


def _failed(name: str, event: Event, run: Run, error: Exception) -> Finding:
    return Finding(
        rule=DETECTOR_FAILED.id,
        key=name,
        title=DETECTOR_FAILED.title,
        summary=f"The detector {name} failed on a {event.kind} event ({type(error).__name__}: "
        f"{shorten(str(error))}); what it would have found is not known. The other detectors went on.",
        evidence=(run.evidence(event, event.kind),),
    )
