"""From a command line that the catalogue knows to its effects on named targets."""

from __future__ import annotations

import posixpath
import re

from msgspec.structs import replace

from detectors.destructive.arguments import Arguments
from detectors.destructive.catalogue import Match
from detectors.destructive.catalogue_schema import Entry
from detectors.destructive.context import Context, names_production
from detectors.destructive.effects import Certainty, Effect, Width
from detectors.destructive.paths import Spot, join, locate
from detectors.destructive.replaced import PUT
from detectors.destructive.values import GLOB, ONE, UNKNOWN, UNSET, display, is_unknown

MAX_TARGETS = 24
# What a program lists, handed to it again without a choice: everything of its kind.
_LISTED = re.compile(
    r"\$\(\s*(?:docker|podman|kubectl|oc|aws|gcloud|az|doctl|hcloud|heroku|fly|git|helm|openstack|rabbitmqctl)\s"
    r"(?:(?!--filter|grep|-l\s|--selector|--merged)[^)|]){0,120}?"
    r"\b(?:ls|list|describe-\w+|get|branch\s+-r)\b(?:(?!--filter|grep|-l\s|--selector|head)[^)]){0,120}\)"
)

_THERE = re.compile(r"(?:[\w.-]+@)?[\w.-]+:(?=[/~])")  # a path on another machine


def effects_of(match: Match, argv: list[str], cwd: str, context: Context, excerpt: str) -> list[Effect]:
    """What the matched command line does, one effect for each path, or one for all other targets together."""
    entry, words = match.entry, match.words[match.entry.skip :]
    target = entry.target
    if target == "paths":
        paths = words
    elif target == "sources":
        paths = words if match.arguments.has(("-t", "--target-directory")) else words[:-1]
    elif target == "last path":
        paths = words[-1:]
    elif target.startswith("path of:"):
        paths = [match.arguments.flags[flag] for flag in target[8:].split(",") if match.arguments.flags.get(flag)]
    elif target.startswith("key:"):
        prefix = target[4:]
        paths = [word[len(prefix) :] for word in match.words if word.startswith(prefix)]
    else:
        return [_named(match, words, argv, cwd, excerpt)]
    deep = entry.deep == "always" or match.arguments.has(entry.deep)
    if len(paths) > MAX_TARGETS:
        paths = sorted(paths, key=_how_far)[:MAX_TARGETS]  # a long list hides nothing
    names = {word.rstrip("/").rpartition("/")[2] for word in paths}
    if {"bin", "obj"} <= names:  # what .NET builds
        paths = [word for word in paths if word.rstrip("/").rpartition("/")[2] != "bin"]
    if GLOB + ".o" in names:  # with what a compiler says of what each depends on
        paths = [word for word in paths if not word.endswith(GLOB + ".d")]
    found = [path_effect(entry, word, deep, cwd, context, excerpt) for word in paths]
    return [effect for effect in found if effect is not None]


def _how_far(word: str) -> tuple[bool, int]:
    """What may reach far comes first: not below the working folder, or a pattern; of those the shortest."""
    near = word[:1] not in ("/", "~", ".") and word.isascii()
    return near, len(word)


def path_effect(entry: Entry, word: str, deep: bool, cwd: str, context: Context, excerpt: str) -> Effect | None:
    does = entry.does
    if does is None or not word.replace(UNSET, ""):
        return None  # a variable that nobody set, alone: nothing happens
    there = _THERE.match(word) if ":" in word else None
    spot = locate(word[there.end() :] if there is not None else word, cwd, context)
    if UNSET in word[1:] and UNSET not in word[:1] and word.rpartition(UNSET)[2].strip("/" + GLOB + ONE):
        spot = locate(word.replace(UNSET, "_"), cwd, context)  # one folder of many, whatever its name is
        if spot.place in ("workspace", "elsewhere", "unknown"):
            return None
    if UNSET in word and spot.place in ("workspace", "elsewhere", "unknown"):
        return None  # empty it is no known place, and what else it is nobody can tell
    if entry.only and spot.place not in entry.only:
        return _put(spot, excerpt, entry.id) if does.action == "overwrite" and not is_unknown(spot.path) else None
    effect = file_effect(does.action, spot, word, deep, excerpt, entry.id, does.reversible, does.undo)
    return replace(effect, keys=tuple(PUT + key for key in effect.keys)) if effect is not None and does.over else effect


def _put(spot: Spot, excerpt: str, entry: str) -> Effect:
    """Something comes to lie at a place where nothing of worth was."""
    return Effect(action="create", thing="files", target=spot.path, width="one", reversible="yes",
                  keys=(f"{PUT}files:{spot.path.rstrip('/*')}",), excerpt=excerpt, entry=entry)  # fmt: skip


def file_effect(
    action: str, spot: Spot, word: str, deep: bool, excerpt: str, entry: str, reversible: str = "no", undo: str = ""
) -> Effect | None:
    """The effect on one path. deep: with everything below it. None: nothing happens, as with a folder and plain rm."""
    last = word.rstrip("/").rsplit("/", 1)[-1]
    pattern = GLOB in last or ONE in last
    deep = deep or last.startswith(GLOB + GLOB)  # what find selects lies at any depth
    place, width = spot.place, spot.width
    if place == "protected" and width == "all" and (action == "change" or (pattern and last.strip(GLOB))):
        width = "many"
    if not deep and last == GLOB and place in ("core", "wide"):
        pass  # its folders stay, and no file is left that was in it
    elif not deep and place == "protected" and width == "all":
        pass
    elif not deep:
        if place in ("root", "core", "wide", "workspace root", "repository") and not pattern:
            return None  # a folder: the program refuses
        if place == "workspace root":
            place = "workspace"
        width = (
            "many" if pattern and place not in ("device",) else "one" if place not in ("device", "unknown") else width
        )
        if place in ("root", "core", "wide"):
            place, width = "system", "many"
    elif place == "workspace" and _one_file(last):
        width = "one"
    return Effect(
        action=action,  # type: ignore[arg-type]
        thing="disk" if place == "device" else "repository" if place == "repository" else "files",
        target=spot.path,
        width=width,
        reversible=reversible,  # type: ignore[arg-type]
        undo=undo,
        certainty=spot.certainty,
        place=place,
        keys=("files:" + spot.path.rstrip("/*"),),
        excerpt=excerpt,
        entry=entry,
    )


def _one_file(name: str) -> bool:
    """``rm -rf main.c`` is one file as far as its name tells."""
    stem, suffix = posixpath.splitext(name)
    return (
        bool(stem)
        and 2 <= len(suffix) <= 6
        and suffix[1:].isalnum()
        and not suffix[1:].isdigit()
        and GLOB not in name
        and not is_unknown(name)
    )


def _named(match: Match, words: list[str], argv: list[str], cwd: str, excerpt: str) -> Effect:
    entry, does, target = match.entry, match.entry.does, match.entry.target
    assert does is not None
    if target == "first":
        words = words[:1]
    elif target == "none":
        words = []
    elif target.startswith("word:"):
        words = match.arguments.words[int(target[5:]) - 1 :][:1]
    elif target.startswith("flag:"):
        words = [match.arguments.flags[flag] for flag in target[5:].split(",") if match.arguments.flags.get(flag)]
    width: Width = "all" if entry.widen and match.arguments.has(entry.widen) else does.width
    if (
        any(word.rpartition("/")[2] == GLOB for word in words)
        and does.action != "create"
        and entry.id != "docker.every"
    ):
        width = "all"  # whatever was listed before
    if UNKNOWN in "".join(argv) and entry.id != "docker.every" and _LISTED.search(excerpt):
        width = "all"
    certainty: Certainty = "certain"
    if any(UNSET in word or UNKNOWN in word for word in argv[1:]):
        certainty = "likely"
    names = [display(word) for word in words[:MAX_TARGETS]]
    keys = tuple(f"{does.thing}:{name}" for name in names if name)
    if does.thing == "files":
        keys = _files(match.arguments, names, cwd)
    return Effect(
        action=does.action,
        thing=does.thing,
        target=" ".join(names)[:200],
        width=width,
        reversible=does.reversible,
        undo=does.undo,
        certainty=certainty,
        keys=keys,
        excerpt=excerpt,
        entry=entry.id,
        production=_production(match.arguments, argv),
    )


def _files(arguments: Arguments, names: list[str], cwd: str) -> tuple[str, ...]:
    """Of a working copy as a whole where none are named; none for what is ignored by it, which it keeps nowhere."""
    if not names and arguments.has(("-x", "-X")):
        return ()
    folder = join(cwd, arguments.flags.get("-C", "") or ".")
    return tuple("files:" + join(folder, name) for name in names or ["."])


def _production(arguments: Arguments, argv: list[str]) -> bool:
    return any(names_production(word) for word in argv[1:] if len(word) < 200)
