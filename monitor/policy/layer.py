"""One policy file, read: what it says of the governor, and its entries in order, each value with its origin."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias, cast, get_args

import msgspec
from msgspec import UNSET, Meta, Struct, field, inspect

from detectors.destructive.kinds import Kind
from detectors.detector import Mode, Rule, Severity
from monitor.policy.allow import Allowed, read_allowed
from monitor.policy.catalogue import rules
from monitor.policy.document import Node, Scalar, Sequence, parse
from monitor.policy.problem import PolicyError, Report, meant
from monitor.policy.scope import Scope, read_globs, read_scope
from monitor.policy.typed import fields, nested, pairs, read, unknown

Path: TypeAlias = tuple[str, ...]
MODE: Path = ("mode",)
SEVERITY: Path = ("severity",)
OWN_KEYS = ("id", "mode", "severity", "scope")


class Governor(Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of Killcord's own kills; beyond, a kill becomes a pause, and one page is sent.

    kills_per_minute: of one worker; 0: every kill becomes a pause. share_of_runs: of a deployment's runs in an hour,
    looked at once more than share_after_kills of them were killed.
    """

    kills_per_minute: Annotated[int, Meta(ge=0)] = 30
    share_of_runs: Annotated[float, Meta(ge=0, le=1)] = 0.25
    share_after_kills: Annotated[int, Meta(ge=0)] = 5


class Value(Struct, frozen=True):
    """A JSON value, and where it was written: ``file:line``."""

    value: Any
    origin: str


class Entry(Struct, frozen=True):
    """What one entry sets: mode, severity and thresholds, by path. A value of None removes a limit."""

    rule: str
    scope: Scope
    values: dict[Path, Value]


class Layer(Struct, frozen=True):
    """One file. ``values`` are the governor's."""

    governor: dict[Path, Value] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    allowed: list[Allowed] = field(default_factory=list)
    tools: dict[Kind, tuple[str, ...]] = field(default_factory=dict)


def read_layer(data: bytes, file: str) -> Layer:
    """Raises PolicyError with all problems. ``file``: its name as people are told."""
    report = Report(file)
    root = parse(data, report)
    return layer_of(root, report)


def layer_of(root: Node | None, report: Report) -> Layer:
    """Raises PolicyError if ``report`` has problems already or gets some."""
    layer = Layer()
    for key, value in pairs(root, "a policy", report) if root is not None else ():
        if key.text == "governor":
            _read_fields(value, Governor, (), "governor", layer.governor, report)
        elif key.text == "rules":
            layer.entries.extend(_read_entries(value, report))
        elif key.text == "allow":
            layer.allowed.extend(read_allowed(value, report))
        elif key.text == "tools":
            layer.tools.update(_read_tools(value, report))
        else:
            unknown(key, ("governor", "rules", "allow", "tools"), "a policy", report)
    if report.problems:
        raise PolicyError(report.problems)
    return layer


def _read_tools(node: Node, report: Report) -> dict[Kind, tuple[str, ...]]:
    """Names or globs of tools, by what they take. One glob stands for one kind."""
    if isinstance(node, Scalar) and node.is_null:
        return {}
    given = cast(dict[Kind, tuple[str, ...]], read_globs(node, get_args(Kind), "tools", report))
    kinds: dict[str, Kind] = {}
    for kind, globs in given.items():
        for glob in globs:
            if kinds.setdefault(glob, kind) != kind:
                report.add(node.line, glob, f"tools has it as {kinds[glob]} and as {kind}", "Leave one of them out.")
    return given


def _read_entries(node: Node, report: Report) -> list[Entry]:
    if isinstance(node, Scalar) and node.is_null:  # `rules:` with all of its entries commented out
        return []
    if not isinstance(node, Sequence):
        report.add(node.line, str(node), "rules takes a list of entries", "Write `- id: RULE` for each rule below it.")
        return []
    return [entry for item in node.items if (entry := _read_entry(item, report)) is not None]


def _read_entry(node: Node, report: Report) -> Entry | None:
    given = {key.text: (key, value) for key, value in pairs(node, "an entry of rules", report)}
    rule = _read_id(node, given, report)
    where = rule.id if rule else "the entry"
    values: dict[Path, Value] = {}
    scope = Scope()
    for name, (key, value) in given.items():
        origin = f"{report.file}:{key.line}"
        if name == "mode":
            mode = read(value, Mode, f"{where} mode", report)
            if mode is not UNSET:
                values[MODE] = Value(mode, origin)
        elif name == "severity":
            severity = read(value, Severity | None, f"{where} severity", report)
            if severity is not UNSET:
                values[SEVERITY] = Value(severity, origin)
        elif name == "scope":
            scope = read_scope(value, where, report)
        elif name != "id" and rule is not None:
            _read_field(key, value, rule.thresholds, (), where, values, report)
    return Entry(rule.id, scope, values) if rule else None


def _read_id(node: Node, given: dict[str, tuple[Scalar, Node]], report: Report) -> Rule | None:
    if "id" not in given:
        if given:
            report.add(node.line, "", "an entry without id", "Write `- id: RULE`; `killcord policy show` lists them.")
        return None
    value = given["id"][1]
    if isinstance(value, Scalar) and value.text in rules():
        return rules()[value.text]
    name = value.text if isinstance(value, Scalar) else str(value)
    report.add(value.line, name, "no such rule", meant(name, rules()))
    return None


def _read_fields(node: Node, struct: Any, path: Path, where: str, out: dict[Path, Value], report: Report) -> None:
    for key, value in pairs(node, " ".join((where, ".".join(path))).rstrip(), report):
        _read_field(key, value, struct, path, where, out, report)


def _read_field(
    key: Scalar, node: Node, struct: Any, path: Path, where: str, out: dict[Path, Value], report: Report
) -> None:
    here = (*path, key.text)
    label = f"{where} {'.'.join(here)}"
    if isinstance(struct, inspect.DictType):
        annotation = _python(struct.value_type)
    elif key.text in (known := fields(struct)):
        annotation = known[key.text]
    else:
        _unknown_field(key, struct, path, where, report)
        return
    inner = nested(annotation)
    if inner is not None:
        _read_fields(node, inner, here, where, out, report)
        return
    removes = isinstance(struct, inspect.DictType) and isinstance(node, Scalar) and node.is_null
    value = None if removes else read(node, annotation, label, report)
    if value is not UNSET:
        out[here] = Value(value, f"{report.file}:{key.line}")


def _python(value_type: inspect.Type) -> Any:
    """The values of a dict are numbers, text or booleans: thresholds that need more are structs."""
    plain = {inspect.IntType: int, inspect.FloatType: float, inspect.StrType: str, inspect.BoolType: bool}
    return plain.get(type(value_type), Any)


def _unknown_field(key: Scalar, struct: Any, path: Path, where: str, report: Report) -> None:
    for name, annotation in fields(struct).items():
        inner = nested(annotation)
        if isinstance(inner, type) and key.text in fields(inner):
            report.add(key.line, key.text, f"{where} has no such key", f"It belongs below {'.'.join((*path, name))}.")
            return
    own = () if path or struct is Governor else OWN_KEYS
    unknown(key, (*own, *fields(struct)), " ".join((where, ".".join(path))).rstrip(), report)


def flatten(struct: Struct, path: Path = ()) -> dict[Path, Any]:
    """The fields of a struct by path, nested structs and dicts key by key, as JSON values."""
    flat: dict[Path, Any] = {}
    for name, annotation in fields(type(struct)).items():
        value = getattr(struct, name)
        inner = nested(annotation)
        if isinstance(inner, inspect.DictType):
            flat.update({(*path, name, str(key)): msgspec.to_builtins(item) for key, item in value.items()})
        elif inner is not None:
            flat.update(flatten(value, (*path, name)))
        else:
            flat[(*path, name)] = msgspec.to_builtins(value, order="deterministic")
    return flat


def unflatten(flat: dict[Path, Any]) -> dict[str, Any]:
    """The other way round: nested dicts."""
    tree: dict[str, Any] = {}
    for path, value in flat.items():
        at = tree
        for name in path[:-1]:
            at = at.setdefault(name, {})
        at[path[-1]] = value
    return tree


def removable(struct: type[Struct], path: Path) -> bool:
    """Whether the path ends in a key of a dict, which null takes away, and not in a field, which null empties."""
    at: Any = struct
    for name in path[:-1]:
        at = nested(fields(at)[name]) if isinstance(at, type) and name in fields(at) else None
    return isinstance(at, inspect.DictType)
