"""The policy in force: built-in values, the shipped default over them, and a user's file over both.

    built in          every rule as its detector declares it
    default.yaml      what is shipped
    the user's file   only what differs

Within a file, later entries override earlier ones field by field where both hold.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path as FilePath
from typing import Any, get_args

import msgspec
from msgspec import Struct

from detectors.destructive.kinds import Kind, Kinds
from detectors.detector import Mode, RuleSet, Severity, Thresholds
from monitor.policy.allow import Allowed
from monitor.policy.catalogue import rules
from monitor.policy.document import MAX_BYTES, from_values
from monitor.policy.layer import (
    MODE,
    SEVERITY,
    Entry,
    Governor,
    Layer,
    Path,
    Value,
    flatten,
    layer_of,
    read_layer,
    removable,
    unflatten,
)  # fmt: skip
from monitor.policy.problem import PolicyError, Problem, Report

HERE = FilePath(__file__).parent
SHIPPED = HERE / "default.yaml"
STARTERS = HERE / "starters"
BUILT_IN = "built in"


class Answer(Struct, frozen=True):
    """What a finding of a rule leads to. ``severity`` None: the finding's own, else the rule's."""

    mode: Mode
    severity: Severity | None = None


class Resolved:
    """The policy for one scope. ``rules``: thresholds of every rule that is not off, for the detectors."""

    __slots__ = ("_answers", "rules")

    def __init__(self, rule_set: RuleSet, answers: Mapping[str, Answer]) -> None:
        self.rules = rule_set
        self._answers = answers

    def answer(self, rule: str) -> Answer:
        """A rule that nothing declares is alerted: nobody said that it may be kept from people."""
        return self._answers.get(rule) or Answer("alert")


class Row(Struct, frozen=True):
    """One value and its origin: ``file:line``, ``shipped default:line`` or ``built in``. The scope ``""``: always."""

    rule: str
    scope: str
    key: str
    value: Any
    origin: str


class Policy:
    """Immutable. ``governor``: limits of Killcord's own kills. ``digest``: 16 hex digits that name its content."""

    def __init__(self, governor: Mapping[Path, Value], base: Mapping[str, Mapping[Path, Value]],
                 overrides: Iterable[Entry], allowed: Iterable[Allowed] = (),
                 tools: Mapping[Kind, tuple[str, ...]] | None = None) -> None:  # fmt: skip
        """``base``: values of each rule that hold unless one of ``overrides``, in their order, says otherwise.
        ``allowed``: exceptions, whose order means nothing. ``tools``: what tools take, by names or globs."""
        self._governor = dict(governor)
        self._base = {rule: dict(base[rule]) for rule in sorted(base)}
        self._overrides = sorted(overrides, key=lambda entry: entry.rule)  # stable: the order within a rule stays
        self.allowed = tuple(sorted(allowed, key=lambda entry: msgspec.json.encode(entry.as_dict(), order="sorted")))
        # A plain name counts before a glob that fits it too.
        listed = [(kind, glob) for kind in get_args(Kind) for glob in (tools or {}).get(kind, ())]
        self.tools: Kinds = tuple(sorted(listed, key=lambda pair: any(letter in pair[1] for letter in "*?[")))
        self.governor = msgspec.convert(unflatten(_values(self._governor)), Governor)
        self.digest = hashlib.sha256(msgspec.json.encode(self.effective(), order="sorted")).hexdigest()[:16]
        self._matching = functools.lru_cache(maxsize=4096)(self._match)
        self._built = functools.lru_cache(maxsize=512)(self._build)

    @classmethod
    def load(cls, path: str | FilePath | None = None) -> Policy:
        """The file over the shipped default; None: the shipped default. Raises PolicyError with all problems."""
        return cls.of() if path is None else cls.read(read_file(FilePath(path)), str(path))

    @classmethod
    def read(cls, data: bytes, file: str) -> Policy:
        """As `load`, of a file's content. ``file``: its name as people are told."""
        return cls.of(read_layer(data, file))

    @classmethod
    def of(cls, *layers: Layer) -> Policy:
        """Layers over the shipped default, the last one strongest."""
        governor = {path: Value(value, BUILT_IN) for path, value in flatten(Governor()).items()}
        base = {rule_id: {MODE: Value(rule.mode, BUILT_IN), SEVERITY: Value(None, BUILT_IN),
                          **{path: Value(value, BUILT_IN) for path, value in flatten(rule.thresholds()).items()}}
                for rule_id, rule in rules().items()}  # fmt: skip
        overrides: dict[str, list[Entry]] = {rule_id: [] for rule_id in base}
        for layer in (shipped(), *layers):
            governor.update(layer.governor)
            for entry in layer.entries:
                if entry.scope or overrides[entry.rule]:
                    overrides[entry.rule].append(entry)
                else:
                    _lay(base[entry.rule], entry)
        allowed = [entry for layer in layers for entry in layer.allowed]
        tools = {kind: globs for layer in layers for kind, globs in layer.tools.items()}
        return cls(governor, base, [entry for entries in overrides.values() for entry in entries], allowed, tools)

    @classmethod
    def from_effective(cls, effective: Mapping[str, Any]) -> Policy:
        """The policy that `effective` gave, with the same digest. A rule that it does not name is off.

        Raises PolicyError if another version wrote it, with rules or thresholds that this one does not have.
        """
        report = Report("recorded policy")
        try:
            root = from_values(effective)
        except ValueError as error:
            report.add(0, "", str(error), "Use the policy as it was recorded.")
            raise PolicyError(report.problems) from error
        layer = layer_of(root, report)
        base: dict[str, Mapping[Path, Value]] = {}
        overrides = []
        for entry in layer.entries:
            if entry.rule in base:
                overrides.append(entry)
            else:
                base[entry.rule] = entry.values
        return cls(layer.governor, base, overrides, layer.allowed, layer.tools)

    def effective(self) -> dict[str, Any]:
        """All of it as JSON values: the governor; for each rule its base entry, then what overrides it; the rest."""
        entries: list[dict[str, Any]] = []
        for rule, values in self._base.items():
            entries.append({"id": rule, **unflatten(_values(values))})
            for entry in self._overrides:
                if entry.rule == rule:
                    scope = {"scope": entry.scope.as_dict()} if entry.scope else {}
                    entries.append({"id": rule, **scope, **unflatten(_values(entry.values))})
        whole: dict[str, Any] = {"governor": unflatten(_values(self._governor)), "rules": entries}
        if self.allowed:
            whole["allow"] = [entry.as_dict() for entry in self.allowed]
        if self.tools:
            whole["tools"] = {kind: sorted(glob for of, glob in self.tools if of == kind) for kind, _ in self.tools}
        return whole

    def resolve(self, agent_name: str | None = None, team: str | None = None,
                environment: str | None = None) -> Resolved:  # fmt: skip
        """What holds there. Cached: the same few scopes come with every event."""
        return self._built(self._matching(agent_name or "", team or "", environment or ""))

    def explain(self, agent_name: str | None = None, team: str | None = None,
                environment: str | None = None) -> list[Row]:  # fmt: skip
        """Every value and where it is from: of that scope or, if none is given, of all scopes."""
        rows = [Row("governor", "", ".".join(path), value.value, value.origin)
                for path, value in self._governor.items()]  # fmt: skip
        everywhere = agent_name is None and team is None and environment is None
        matching = self._matching(agent_name or "", team or "", environment or "")
        for rule in self._base:
            rows += _rows(rule, "", self._base[rule] if everywhere else self._merged(rule, matching))
            if everywhere:
                for entry in self._overrides:
                    if entry.rule == rule:
                        rows += _rows(rule, str(entry.scope) or "everywhere, from here on", entry.values)
        return rows

    def exceptions(self, agent_name: str | None = None, team: str | None = None,
                   environment: str | None = None) -> list[Allowed]:  # fmt: skip
        """Those of that scope, expired ones too, or of all scopes if none is given."""
        if agent_name is None and team is None and environment is None:
            return list(self.allowed)
        return [entry for entry in self.allowed
                if entry.scope.matches(agent_name or "", team or "", environment or "")]  # fmt: skip

    def _match(self, agent_name: str, team: str, environment: str) -> tuple[int, ...]:
        """Numbers of the overrides that hold there, and after them of the exceptions."""
        scopes = [*(entry.scope for entry in self._overrides), *(entry.scope for entry in self.allowed)]
        return tuple(number for number, scope in enumerate(scopes) if scope.matches(agent_name, team, environment))

    def _merged(self, rule: str, matching: tuple[int, ...]) -> dict[Path, Value]:
        values = dict(self._base[rule])
        for number in matching:
            if number < len(self._overrides) and self._overrides[number].rule == rule:
                _lay(values, self._overrides[number])
        return values

    def _build(self, matching: tuple[int, ...]) -> Resolved:
        answers = dict.fromkeys(rules(), Answer("off"))
        thresholds: dict[str, Thresholds] = {}
        for rule in self._base:
            values = _values(self._merged(rule, matching))
            declared = rules()[rule]
            answers[rule] = Answer(values.pop(MODE, declared.mode), values.pop(SEVERITY, None))
            if answers[rule].mode != "off":
                thresholds[rule] = msgspec.convert(unflatten(values), declared.thresholds)
        first = len(self._overrides)
        allowances = tuple(self.allowed[number - first].allowance for number in matching if number >= first)
        return Resolved(RuleSet(thresholds, allowances, self.tools), answers)


@functools.cache
def shipped() -> Layer:
    """The shipped default, read once."""
    return read_layer(SHIPPED.read_bytes(), "shipped default")


def starters() -> dict[str, FilePath]:
    """Starter policies by name."""
    return {path.stem: path for path in sorted(STARTERS.glob("*.yaml"))}


def read_file(path: FilePath) -> bytes:
    """At most one byte more than a policy may have. Raises PolicyError if the file can't be read."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or str(error)
        remedy = "Give a file that this user may read by --policy or KILLCORD_POLICY."
        raise PolicyError([Problem(str(path), 0, "", f"can't be read: {reason}", remedy)]) from error


def _lay(values: dict[Path, Value], entry: Entry) -> None:
    thresholds = rules()[entry.rule].thresholds
    for path, value in entry.values.items():
        if value.value is None and path not in (MODE, SEVERITY) and removable(thresholds, path):
            values.pop(path, None)
        else:
            values[path] = value


def _values(located: Mapping[Path, Value]) -> dict[Path, Any]:
    return {path: value.value for path, value in located.items()}


def _rows(rule: str, scope: str, values: Mapping[Path, Value]) -> list[Row]:
    return [Row(rule, scope, ".".join(path), value.value, value.origin) for path, value in values.items()]
