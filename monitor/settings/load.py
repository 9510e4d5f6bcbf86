"""Settings from the command line, the environment, a file and the defaults, in this order of precedence."""

from __future__ import annotations

import difflib
import math
import os
import re
import typing
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from monitor.settings.check import BROKERS_EXPECTED, conflicts
from monitor.settings.model import FIELDS, Field, Settings, plain, shown, variable

# Variables that are Killcord's but no settings: other parts read them, or tests do.
OTHER_VARIABLES = {
    "KILLCORD_CONFIG": "the settings file, in place of --config",
    "KILLCORD_RUN_ID": "the run that this process belongs to",
    "KILLCORD_AGENT_ID": "the agent within the run",
    "KILLCORD_AGENT_NAME": "the deployment that the agent belongs to",
    "KILLCORD_AGENT_VERSION": "its version",
    "KILLCORD_PARENT_AGENT_ID": "the agent that started this one",
    "KILLCORD_TEAM": "the team that runs it",
    "KILLCORD_ENVIRONMENT": "where it runs, such as production",
    "KILLCORD_TEST_BROKERS": "the Kafka that the tests use",
}


class SettingsError(ValueError):
    """Settings that cannot be used. ``problems`` has one sentence each: setting, value, where it is from, remedy."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class Shown(msgspec.Struct, frozen=True):
    """One line of ``killcord config``. ``value`` is masked if secret."""

    name: str
    value: str
    origin: str
    variable: str
    description: str


class Loaded(msgspec.Struct, frozen=True):
    """Settings, and for each of them where its value came from."""

    settings: Settings
    origins: dict[str, str]

    def describe(self) -> list[Shown]:
        return [
            Shown(name, shown(entry, getattr(self.settings, name)), self.origins[name], entry.variable,
                  entry.description)
            for name, entry in FIELDS.items()
        ]  # fmt: skip


def environment(settings: Settings) -> dict[str, str]:
    """The variables that give another process the same settings. Holds secrets as they are."""
    return {
        entry.variable: plain(getattr(settings, name))
        for name, entry in FIELDS.items()
        if getattr(settings, name) != entry.default
    }


def load(
    overrides: Mapping[str, Any] | None = None,
    *,
    env: Mapping[str, str] | None = None,
    file: str | Path | None = None,
) -> Loaded:
    """The settings of this process.

    ``overrides`` are from the command line (None: not given); ``file`` is ``--config`` (else ``KILLCORD_CONFIG``).
    Raises SettingsError with all problems at once.
    """
    env = os.environ if env is None else env
    problems: list[str] = []
    values: dict[str, Any] = {}
    refused: set[str] = set()
    origins = dict.fromkeys(FIELDS, "default")
    path = file or env.get("KILLCORD_CONFIG")
    sources = [
        _from_file(Path(path), problems) if path else iter(()),
        _from_env(env, problems),
        _from_command_line(overrides or {}, problems),
    ]
    for source in sources:
        for name, value, origin in source:
            origins[name] = origin
            try:
                values[name] = _convert(FIELDS[name], value)
            except msgspec.ValidationError as error:
                refused.add(name)
                problems.append(_unfit(FIELDS[name], value, origin, error))
    settings = Settings(**values)
    problems += conflicts(settings, origins, refused)
    if problems:
        raise SettingsError(problems)
    return Loaded(settings, origins)


def _convert(entry: Field, value: Any) -> Any:
    if entry.name == "brokers" and isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    if isinstance(value, str) and entry.type.__origin__ is not str:
        value = value.strip()
    converted = msgspec.convert(value, entry.type, strict=False)
    if isinstance(converted, float) and not math.isfinite(converted):
        raise msgspec.ValidationError("Expected a finite number")
    return converted


def _unfit(entry: Field, value: Any, origin: str, error: Exception) -> str:
    told = "***" if entry.secret else repr(value)
    reason = re.sub(r" - at `\$`?.*$", "", str(error))
    inner = typing.get_args(entry.type)[0]
    if typing.get_origin(inner) is typing.Literal:
        reason = f"expected one of {', '.join(map(str, typing.get_args(inner)))}"
    if entry.name == "brokers":
        reason = BROKERS_EXPECTED
    return f"{entry.name} = {told} ({origin}): {reason}. {entry.description} Default: {shown(entry, entry.default)!r}."


def _from_command_line(overrides: Mapping[str, Any], problems: list[str]) -> Iterator[tuple[str, Any, str]]:
    for name, value in overrides.items():
        if name not in FIELDS:
            problems.append(f"{name} (command line): no such setting.{_meant(name, FIELDS)}")
        elif value is not None:
            yield name, value, "command line"


def _from_env(env: Mapping[str, str], problems: list[str]) -> Iterator[tuple[str, Any, str]]:
    variables = {variable(name): name for name in FIELDS}
    for key, value in env.items():
        if key in variables:
            yield variables[key], value, f"environment {key}"
        elif key.startswith("KILLCORD_") and key not in OTHER_VARIABLES:
            problems.append(f"{key} (environment): no such setting.{_meant(key, [*variables, *OTHER_VARIABLES])}")


def _from_file(path: Path, problems: list[str]) -> Iterator[tuple[str, Any, str]]:
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"settings file {path}: {error}. Give a readable YAML file by --config or KILLCORD_CONFIG.")
        return
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return
        if not isinstance(node, yaml.MappingNode):
            problems.append(f"settings file {path}: expected `name: value` lines, found something else.")
            return
        for key_node, value_node in node.value:
            name, line = str(key_node.value), key_node.start_mark.line + 1
            if name not in FIELDS:
                problems.append(f"{name} ({path}:{line}): no such setting.{_meant(name, FIELDS)}")
                continue
            yield name, loader.construct_object(value_node, deep=True), f"file {path}:{line}"
    except yaml.YAMLError as error:
        problems.append(f"settings file {path} is not YAML: {error}.")
    finally:
        loader.dispose()


def _meant(name: str, known: Iterable[str]) -> str:
    # Their common start would make any two variables look alike.
    by_end = {candidate.removeprefix("KILLCORD_"): candidate for candidate in known}
    close = difflib.get_close_matches(name.removeprefix("KILLCORD_"), by_end, n=1, cutoff=0.7)
    return f" Did you mean {by_end[close[0]]}?" if close else " `killcord config` lists the settings."
