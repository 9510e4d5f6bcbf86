"""Functions judged by their names and arguments: ``delete_user(all=true)``, ``mcp__crm__purgeRecords``."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
from msgspec import Struct

from detectors.destructive.context import names_production
from detectors.destructive.effects import Action, Effect, Reversible, Thing, Width
from detectors.destructive.memo import remembered


class Vocabulary(Struct, frozen=True, forbid_unknown_fields=True):
    """The words of ``functions.yaml``."""

    shell_tools: frozenset[str]
    shell_arguments: list[str]
    sql_tools: frozenset[str]
    sql_arguments: list[str]
    python_tools: frozenset[str]
    code_arguments: list[str]
    folder_arguments: list[str]
    file_things: frozenset[str]
    path_arguments: list[str]
    verbs: dict[str, Reversible]
    needs_thing: frozenset[str]
    things: dict[Thing, list[str]]
    trifles: frozenset[str]
    whole: frozenset[str]
    wide_arguments: frozenset[str]
    wide_values: frozenset[str]
    target_arguments: list[str]
    filter_arguments: list[str]
    defusing_arguments: list[str]
    defusing_words: frozenset[str]


@cache
def vocabulary() -> Vocabulary:
    source = files("detectors.destructive").joinpath("functions.yaml").read_bytes()
    return msgspec.yaml.decode(source, type=Vocabulary)


@cache
def _nouns() -> dict[str, Thing]:
    return {word: thing for thing, words in vocabulary().things.items() for word in words}


_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SPLIT = re.compile(r"[^A-Za-z0-9]+")


@remembered(entries=1024, characters=256)
def words_of(name: str) -> tuple[str, ...]:
    """``deleteUser`` and ``crm.delete_user`` as words in lower case."""
    return tuple(word.lower() for part in _SPLIT.split(name[:256]) for word in _CAMEL.split(part) if word)


def judge_function(tool: str, arguments: dict[str, Any], excerpt: str) -> list[Effect]:
    """What a function that is named like a destruction would do; nothing for any other name."""
    known = vocabulary()
    words = words_of(tool)
    if tool.startswith("mcp__") or "." in tool:  # the server's name is no verb
        words = words_of(re.split(r"__|\.", tool)[-1])
    verb = next((word for word in words if word in known.verbs), None)
    if verb is None or words.index(verb) > 2 or not known.defusing_words.isdisjoint(words):
        return []
    if any(_truthy(arguments.get(name)) for name in known.defusing_arguments):
        return []
    after = words[words.index(verb) + 1 :] or words[: words.index(verb)]
    things = _nouns()
    noun = next((word for word in after if word in things), None)
    if noun is None and (verb in known.needs_thing or not after or not known.trifles.isdisjoint(after)):
        return []
    if noun is not None and known.trifles.intersection(after):
        return []
    thing: Thing = things[noun] if noun else "other"
    width = _width(known, words, noun, thing, arguments)
    reversible = known.verbs[verb]
    if noun is None and width != "all":
        reversible = "unknown" if reversible == "no" else reversible
    if reversible == "unknown" and width == "all":
        reversible = "no"
    if thing == "message" and width == "one":
        return []
    if thing == "files" and width == "one":  # which file is what matters: `calls` looks at the paths
        return []
    action: Action = "revoke" if verb == "revoke" else "stop" if reversible == "yes" else "delete"
    target = _target(known, arguments)
    return [
        Effect(action=action, thing=thing, target=(target or noun or tool)[:200], width=width, reversible=reversible,
               excerpt=excerpt, entry=f"function.{verb}", keys=(f"{thing}:{target}",) if target else (),
               production=names_production(tool) or names_production(target))
    ]  # fmt: skip


def _width(
    known: Vocabulary, words: tuple[str, ...], noun: str | None, thing: Thing, arguments: dict[str, Any]
) -> Width:
    if "all" in words or "everything" in words:
        return "all"
    for name, value in arguments.items():
        if str(name).lower() in known.wide_arguments and _truthy(value):
            return "all"
        if isinstance(value, str) and value.strip().lower() in known.wide_values:
            return "all"
        if str(name).lower() in known.filter_arguments and value in ({}, "", "1=1", "true", True):
            return "all"
        if isinstance(value, list) and len(value) > 1:
            return "many"
    if thing in known.whole:
        return "all"
    if (
        noun is not None
        and noun.endswith("s")
        and not any(arguments.get(name) not in (None, "", [], {}) for name in known.target_arguments)
    ):
        return "all" if not arguments else "many"
    return "one"


def _target(known: Vocabulary, arguments: dict[str, Any]) -> str:
    for name in known.target_arguments:
        value = arguments.get(name)
        if value not in (None, "", [], {}):
            return str(value)[:120]
    return next((str(value)[:120] for value in arguments.values() if isinstance(value, str) and value), "")


def _truthy(value: Any) -> bool:
    return value is True or (isinstance(value, str) and value.lower() in ("true", "yes", "1", "all")) or value == 1
