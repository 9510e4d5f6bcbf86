"""Checks that every detector passes, in the manner of river's: one list, run over all of `detectors.DETECTORS`.

A check takes a detector's class and raises AssertionError. Run them on a detector of your own:

>>> from detectors.blindness import Blindness
>>> for check in CHECKS:
...     check(Blindness)
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias, get_args

import msgspec

from detectors.detector import Detector, Finding, Mode, Rule, Run, Severity, Stopped, Thresholds
from detectors.event import KINDS, Event, Metric, ToolCall
from detectors.hostile import hostile_events
from detectors.testing import Watch, watch_example

DetectorType: TypeAlias = type[Detector[Any]]

MANY = 20_000
SOME = 2_000


def check_rules_are_named(detector: DetectorType) -> None:
    """Rule ids are `family.name`, differ, and their thresholds have defaults."""
    ids = [rule.id for rule in detector.rules]
    assert ids, f"{detector.__name__} has no rules"
    assert len(ids) == len(set(ids)), f"{detector.__name__} gives two rules one id: {ids}"
    for rule in detector.rules:
        assert re.fullmatch(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*", rule.id), f"{rule.id!r} is not family.name"
        assert rule.title and rule.description, f"{rule.id} lacks a title or a description"
        assert rule.mode in get_args(Mode) and rule.severity in get_args(Severity), f"{rule.id}: mode or severity"
        rule.thresholds()
    assert re.fullmatch(r"[a-z][a-z0-9_]*", detector.name), f"{detector.name!r} can't be a field of the run's state"


def check_examples(detector: DetectorType) -> None:
    """It carries at least one story that fires for each rule, and one that stays quiet; and so they do."""
    examples = detector.examples()
    shown = {example.fires for example in examples}
    for rule in detector.rules:
        assert rule.id in shown, f"no example fires {rule.id}"
    assert None in shown, f"{detector.__name__} has no example that stays quiet"
    for example in examples:
        fired = {finding.rule for finding in watch_example(detector(), example)}
        right = example.fires in fired if example.fires else not fired
        assert right, f"example {example.name!r} fires {sorted(fired) or 'nothing'}, not {example.fires}"


def check_missing_fields_are_no_verdict(detector: DetectorType) -> None:
    """With the built-in thresholds, events without any optional field never fire, however many."""
    watch = Watch(detector())
    for number in range(300):
        for kind in KINDS:
            given: dict[str, Any] = {"tool": "t"} if kind is ToolCall else {}
            given = {"name": "m", "value": 1.0} if kind is Metric else given
            found = watch.see(kind(time=0.0, run_id="r", id=str(number), **given))
            assert not found, f"{kind.kind} without optional fields fires {found[0].rule}"


def check_findings_are_well_formed(detector: DetectorType) -> None:
    """Own rules, words, finite numbers, JSON facts, and evidence that was seen."""
    rules = {rule.id for rule in detector.rules}
    for watch, events in _streams(detector, SOME):
        seen: set[str] = set()
        for event in events:
            seen.add(event.id)
            for finding in watch.see(event):
                _check_finding(finding, rules, seen)


def check_state_survives_bytes(detector: DetectorType) -> None:
    """With the state packed and unpacked after every event, the findings are the same."""
    for (kept, events), (packed, _) in zip(_streams(detector, SOME), _streams(detector, SOME), strict=True):
        for event in events:
            expected = kept.see(event)
            found = packed.see(event)
            assert found == expected, f"{found} is not {expected}, which it is without a round trip"
            packed.state = msgspec.msgpack.decode(msgspec.msgpack.encode(packed.state), type=detector.State)


def check_state_is_bounded(detector: DetectorType) -> None:
    """The state never takes more than `state_bytes`, whatever comes."""
    watch = Watch(detector(), thresholds=_tight(detector))
    for number, event in enumerate(hostile_events(7, MANY)):
        watch.see(event)
        size = len(msgspec.msgpack.encode(watch.state))
        assert size <= detector.state_bytes, f"{size} bytes after event {number}; declared: {detector.state_bytes}"


def check_replay_gives_the_same(detector: DetectorType) -> None:
    """Twice the same events, twice the same findings, also in processes that hash otherwise."""
    here = findings_digest(detector)
    assert findings_digest(detector) == here, "a replay in this process gives other findings"
    code = (
        "import importlib; from detectors.checks import findings_digest; "
        f"print(findings_digest(getattr(importlib.import_module({detector.__module__!r}), {detector.__name__!r})))"
    )
    path = os.pathsep.join(sys.path)
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path}
        there = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
        assert there.returncode == 0, there.stderr
        assert there.stdout.strip() == here, f"with PYTHONHASHSEED={seed} the findings are others"


def check_judges_from_state_alone(detector: DetectorType) -> None:
    """All that it knows is in its state.

    The same state and event give the same verdict again, and one instance serves two runs at once. So an event can't
    have been learned from before it is judged.
    """
    shared = detector()
    first, second = Watch(shared, thresholds=_tight(detector)), Watch(shared, thresholds=_tight(detector))
    alone = Watch(detector(), thresholds=_tight(detector))
    for event, other in zip(hostile_events(3, SOME), hostile_events(4, SOME), strict=True):
        before = msgspec.msgpack.encode(first.state)
        found = first.see(event)
        second.see(other)
        assert found == alone.see(event), "another run changes what is found in this one"
        if isinstance(event, detector.kinds):
            state = msgspec.msgpack.decode(before, type=detector.State)
            again = list(shared.observe(event, state, first.run, first.rules))
            # Nothing is found in a repeat, which `see` drops.
            assert again == found or not found, "the same state and event give another verdict"


def check_inputs_are_left_alone(detector: DetectorType) -> None:
    """Neither the event nor what is known of the run changes."""
    watch = Watch(detector(), thresholds=_tight(detector))
    for event in hostile_events(5, SOME):
        if not isinstance(event, detector.kinds):
            continue
        watch.run.now = event.time
        inputs = msgspec.msgpack.encode((event, watch.run))
        list(watch.detector.observe(event, watch.state, watch.run, watch.rules))
        assert msgspec.msgpack.encode((event, watch.run)) == inputs, f"{event.kind} or the run was changed"


CHECKS: tuple[Callable[[DetectorType], None], ...] = (
    check_rules_are_named,
    check_examples,
    check_missing_fields_are_no_verdict,
    check_findings_are_well_formed,
    check_state_survives_bytes,
    check_state_is_bounded,
    check_replay_gives_the_same,
    check_judges_from_state_alone,
    check_inputs_are_left_alone,
)


def check_rule_ids_are_unique(detectors: tuple[DetectorType, ...]) -> None:
    """No two detectors share a rule id or a name."""
    rules: list[Rule] = [rule for detector in detectors for rule in detector.rules]
    ids, names = [rule.id for rule in rules], [detector.name for detector in detectors]
    assert len(ids) == len(set(ids)), f"a rule id is used twice: {sorted(ids)}"
    assert len(names) == len(set(names)), f"a detector's name is used twice: {sorted(names)}"


def findings_digest(detector: DetectorType) -> str:
    """SHA-256 of all findings on the examples and a hostile stream."""
    digest = hashlib.sha256()
    for watch, events in _streams(detector, SOME):
        for event in events:
            for finding in watch.see(event):
                digest.update(msgspec.json.encode(finding))
    return digest.hexdigest()


def _streams(detector: DetectorType, hostile: int) -> Iterator[tuple[Watch, list[Event]]]:
    for example in detector.examples():
        yield Watch(detector(), example.run, example.thresholds), list(example.events)
    stopped = Run(run_id="r", stopped=Stopped(command_id="k", time=5.0, last_seq=3))
    for run in (None, stopped):
        yield Watch(detector(), run, _tight(detector)), list(hostile_events(11, hostile))


def _tight(detector: DetectorType) -> dict[str, Thresholds]:
    """Thresholds under which examples fire: the built-in ones may set no limit."""
    return {name: given for e in detector.examples() if e.fires for name, given in e.thresholds.items()}


def _check_finding(finding: Finding, rules: set[str], seen: set[str]) -> None:
    assert finding.rule in rules, f"{finding.rule} is not a rule of this detector"
    assert finding.title.strip() and finding.summary.strip(), f"{finding.rule} without words"
    assert math.isfinite(finding.score) and finding.score >= 0, f"{finding.rule}: score {finding.score}"
    assert finding.cap is None or finding.cap in get_args(Mode), f"{finding.rule}: cap {finding.cap!r}"
    assert finding.severity is None or finding.severity in get_args(Severity), f"{finding.rule}: {finding.severity!r}"
    assert finding.evidence, f"{finding.rule} without evidence"
    for evidence in finding.evidence:
        assert evidence.event_id in seen, f"{finding.rule}: evidence {evidence.event_id!r} was never seen"
    json.dumps(finding.facts, allow_nan=False)
