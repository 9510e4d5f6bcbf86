"""What outlasts a step: the shell's folder, variables, aliases and functions, and scripts that would do harm once run.

Whether a tool keeps its shell from call to call is not known. So a command is judged as if it did; where a shell of
its own would do worse, that counts too, as possible (`combined`). What is kept is small: the newest few of each, and of
the files that a run writes only those that would do harm, the long ones as the commands that they come to.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from detectors.destructive.effects import ORDER, Effect, verdict
from detectors.destructive.paths import join
from detectors.destructive.plain import Pipeline
from detectors.destructive.telling import may_harm, telling
from detectors.destructive.values import GLOB, ONE, is_unknown, literal

if TYPE_CHECKING:
    from detectors.destructive.context import Context
    from detectors.destructive.scope import Scope

MAX_VARIABLES = 8
MAX_VALUE = 96  # characters
MAX_DEFINITIONS = 3
MAX_DEFINITION = 160
MAX_SCRIPTS = 3
MAX_SCRIPT = 500
KEPT = "#!/bin/sh -kept\n"
"""Begins what is kept of a long script, in whatever language: the shell commands that it comes to."""
Pairs = tuple[tuple[str, str], ...]


class Session(Struct, frozen=True, omit_defaults=True, cache_hash=True):
    """cwd: empty where it is not known. aliases, functions: texts by name. files: texts of harmful scripts by path."""

    cwd: str = ""
    variables: Pairs = ()
    aliases: Pairs = ()
    functions: Pairs = ()
    files: Pairs = ()

    @property
    def redefines(self) -> bool:
        """Whether a harmless name may stand for something else."""
        return bool(self.aliases or self.functions or self.files)


_SCRIPT = re.compile(r'"([\w:.-]{1,60})"\s*:\s*"((?:[^"\\]|\\.)*+)"')
_OWN = frozenset({"OLDPWD", "PWD", "_"})
_DROPPED = {"table": "TABLE", "database": "DATABASE", "schema": "SCHEMA", "rows": "TABLE"}


def script_kept(path: str, text: str, context: Context, judge: Callable[[str, str], list[Effect]]) -> str | None:
    """What to keep of a file that was written; None for nothing. judge: the effects of code in a language."""
    language = telling(path, text)
    if language is None:
        return None
    if language == "recipe":
        kept = text if len(text) <= MAX_SCRIPT else _recipes(path, text)
        return kept if len(kept) <= MAX_SCRIPT else None
    effects = [effect for effect in judge(language, text) if verdict(effect, context.production)]
    if not effects:
        return None
    return text if len(text) <= MAX_SCRIPT else KEPT + "\n".join(_commands(effects[:8]))[:MAX_SCRIPT]


def _recipes(path: str, text: str) -> str:
    """A long Makefile or package.json without what cannot do harm."""
    if path.endswith(".json"):
        found = {name: line for name, line in _SCRIPT.findall(text) if may_harm("recipe", line)}
        return json.dumps({"scripts": {name: line.replace('\\"', '"') for name, line in found.items()}})
    lines = text.replace("\\\n", " ").split("\n")
    return "\n".join(
        line for line in lines if may_harm("recipe", line) or (line[:1].strip() and (":" in line or "=" in line))
    )


def _commands(effects: list[Effect]) -> list[str]:
    """Commands that do what the effects say."""
    lines = []
    for effect in effects:
        keys = [key[6:] or "/" for key in effect.keys if key.startswith("files:")]
        if keys and not is_unknown(keys[0]):
            lines.append("rm -rf -- " + shlex.quote(keys[0]))
        elif effect.thing in _DROPPED:
            lines.append(f"psql -c {shlex.quote(f'DROP {_DROPPED[effect.thing]} {effect.target or chr(120)}')}")
        elif effect.excerpt and len(effect.excerpt) < 200:
            lines.append(effect.excerpt)
    return lines


def entered(session: Session, scope: Scope, define: Callable[[str], object]) -> None:
    """Puts a scope where the step before left its shell. define: runs the text of a function's definition."""
    if session.cwd and scope.context.cwd is None:
        scope.cwd = session.cwd
    scope.variables.update(session.variables)
    scope.aliases.update(session.aliases)
    scope.files.update(session.files)
    for name, body in session.functions:
        define(f"{name}() {body}")


def left(
    session: Session | None, scope: Scope, start: str, judge: Callable[[str, str], list[Effect]]
) -> Session | None:
    """The session after a step that ended in ``scope`` and began in the folder ``start``."""
    changed = scope.cwd != start or scope.variables or scope.files or scope.aliases or scope.functions
    if session is None and not changed:
        return None
    before = session or Session()
    known = dict(before.variables)
    for name, value in scope.variables.items():
        if name in _OWN or known.get(name) == value:
            continue
        known.pop(name, None)
        if value and len(value) <= MAX_VALUE and not is_unknown(value) and name.isidentifier():
            known[name] = value
    aliases = {name: text for name, text in scope.aliases.items() if len(text) <= MAX_DEFINITION}
    functions = {
        name: text
        for name, (body, words) in scope.functions.items()
        if body.end_byte - body.start_byte <= MAX_DEFINITION and (text := words.text(body))
    }
    files = dict(before.files)
    for path, text in scope.files.items():
        if files.get(path) != text and path.startswith("/") and not path.startswith("/dev/"):
            files.pop(path, None)
            kept = None if is_unknown(text) else script_kept(path, literal(text), scope.context, judge)
            if kept is not None:
                files[path] = kept
    for path in [path for path in files if path not in scope.files]:
        del files[path]
    cwd = before.cwd if scope.cwd == start else "" if is_unknown(scope.cwd) else scope.cwd[:256]
    after = Session(
        cwd=cwd,
        variables=tuple(known.items())[-MAX_VARIABLES:],
        aliases=tuple(aliases.items())[-MAX_DEFINITIONS:],
        functions=tuple(functions.items())[-MAX_DEFINITIONS:],
        files=tuple(files.items())[-MAX_SCRIPTS:],
    )
    return session if after == before else after


def walked(session: Session | None, script: list[Pipeline], context: Context) -> Session | None:
    """The session after a script of which nothing outlasts it but where it went."""
    cwd = start = (session.cwd if session is not None else "") or context.root
    for pipeline in script:
        words = pipeline[0].words
        if words[0] == "cd" and len(pipeline) == 1:
            target = words[1] if len(words) > 1 else context.home
            if target.startswith("-") or GLOB in target or ONE in target:
                return session if session is None else structs.replace(session, cwd="")
            cwd = join(cwd, target)[:256]
    if cwd == start:
        return session
    return Session(cwd=cwd) if session is None else structs.replace(session, cwd=cwd)


def wrote(
    session: Session | None, path: str, text: str, context: Context, judge: Callable[[str, str], list[Effect]]
) -> Session | None:
    """The session after a tool wrote a file."""
    files = dict(session.files) if session is not None else {}
    before = files.pop(path, None)
    kept = script_kept(path, text, context, judge)
    if kept is not None:
        files[path] = kept
    if before is None and kept is None:
        return session
    return structs.replace(session or Session(), files=tuple(files.items())[-MAX_SCRIPTS:])


def combined(lasting: tuple[Effect, ...], fresh: tuple[Effect, ...], production: bool) -> tuple[Effect, ...]:
    """A shell that lasts, and one that is new for each call: the worse of both; if that is the new one, as possible."""
    worst = min((_rank(effect, production) for effect in lasting), default=len(ORDER))
    worse = [effect for effect in fresh if _rank(effect, production) < worst]
    if not worse:
        return lasting
    return (*lasting, *(structs.replace(effect, certainty="possible") for effect in worse))


def _rank(effect: Effect, production: bool) -> int:
    rule = verdict(effect, production)
    return ORDER.index(rule) if rule is not None else len(ORDER)
