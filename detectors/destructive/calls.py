"""From a tool call to its effects: shells, SQL tools, Python tools, file tools, and functions by their names."""

from __future__ import annotations

import re
import shlex
from typing import Any

from detectors.destructive.beyond import MAX_SCANNED
from detectors.destructive.bounds import MAX_BYTES
from detectors.destructive.catalogue import shipped
from detectors.destructive.context import Context
from detectors.destructive.effects import Effect
from detectors.destructive.functions import Vocabulary, judge_function, vocabulary, words_of
from detectors.destructive.memo import remembered
from detectors.destructive.paths import join
from detectors.destructive.shell import analyse, analyse_code, analyse_step
from detectors.destructive.sql import analyse_sql
from detectors.destructive.steps import Session, combined, wrote
from detectors.destructive.throwaway import lowered_call
from detectors.destructive.tools import as_command, clicked, clicked_by, code_of
from detectors.destructive.values import clean

MAX_PATHS = 16
Arguments = dict[str, Any] | str | None
_CONTENTS = ("content", "contents", "text", "file_text", "new_str", "new_string", "new_text", "code", "body")
MAX_WORDS = 4096
_WRAPPING = frozenset({"params", "parameters", "input", "arguments", "args", "kwargs", "request", "tool_input"})
_SHELLS = frozenset({"bash", "shell", "sh", "zsh", "terminal", "powershell"})
_MOVES = frozenset({"move", "mv", "rename"})
_FROM = ("source", "src", "from", "old_path", "source_path", "path", "file_path")
_TO = ("destination", "dest", "dst", "to", "new_path", "destination_path", "target_path", "target")
_EDITS = frozenset({"view", "create", "str_replace", "insert", "undo_edit"})
_WRITES = frozenset({"write", "edit", "create", "overwrite"})
_FILLS = frozenset({"write", "create", "save", "edit", "replace", "insert", "update", "append", "patch",
                    "overwrite"})  # fmt: skip
_REMOVES = frozenset({"delete", "remove", "unlink", "rm", "erase", "wipe", "purge", "rmtree", "rmdir",
                      "shred", "trash"})  # fmt: skip
_WEB = frozenset({"http", "https", "api", "request", "requests", "rest", "route", "endpoint", "url", "key", "json",
                  "node"})  # fmt: skip
_MAGIC = re.compile(r"^([ \t]*)[!%].*$", re.MULTILINE)


@remembered(entries=4096, characters=2048)
def judge_command(command: str, context: Context) -> tuple[Effect, ...]:
    """The effects of a shell command, creations included, in order. Pure, so what was judged once is remembered."""
    return tuple(analyse(command, context, shipped()))


@remembered(entries=512, characters=4096)
def judge_python(code: str, context: Context) -> tuple[Effect, ...]:
    """The effects of Python code, as `judge_command`."""
    return tuple(analyse_code("python", code, context, shipped()))


@remembered(entries=4096, characters=2048)
def judge_step(command: str, context: Context, session: Session | None) -> tuple[tuple[Effect, ...], Session | None]:
    """As `judge_command`, in the shell that the steps before left, with what it leaves for the next."""
    effects, after = analyse_step(command, context, shipped(), session, lasting=True)
    return tuple(effects), after


class _Alone:
    """Judges commands by themselves."""

    def command(self, command: str, context: Context) -> tuple[Effect, ...]:
        return judge_command(command, context)

    def wrote(self, path: str, text: str, context: Context) -> None:
        """A file tool writes ``text``."""


class _Step(_Alone):
    """Judges the commands of one step after others."""

    def __init__(self, session: Session | None) -> None:
        self.session = session

    def command(self, command: str, context: Context) -> tuple[Effect, ...]:
        before = self.session
        effects, self.session = judge_step(command, context, before)
        if before is None or all(effect.action == "create" for effect in effects):
            return effects
        return combined(effects, judge_command(command, context), context.production)

    def wrote(self, path: str, text: str, context: Context) -> None:
        full = join(context.cwd or context.root, clean(path))
        self.session = wrote(
            self.session, full, clean(text), context,
            lambda language, code: analyse_code(language, code, context, shipped()),
        )  # fmt: skip


_ALONE = _Alone()


def effects_of_call(tool: str, arguments: Arguments, context: Context) -> tuple[Effect, ...]:
    """What a tool call would do, before it runs. Never raises for any tool name or arguments."""
    return _judged(tool, arguments, context, _ALONE)


def step_of_call(
    tool: str, arguments: Arguments, context: Context, session: Session | None
) -> tuple[tuple[Effect, ...], Session | None]:
    """The same for a step after others, whose shell ``session`` tells; and what it leaves."""
    step = _Step(session)
    return _judged(tool, arguments, context, step), step.session


def _judged(tool: str, arguments: Arguments, context: Context, step: _Alone) -> tuple[Effect, ...]:
    if type(arguments) is dict and len(arguments) == 1 and _is_shell(tool):  # most calls, by the shortest way
        command = arguments.get("command")
        if type(command) is str and command:
            return step.command(command[:MAX_SCANNED], context)
    known = vocabulary()
    words = words_of(tool)
    if arguments is None:
        arguments = {}
    if isinstance(arguments, str):
        if not known.sql_tools.isdisjoint(words):
            return tuple(analyse_sql(arguments))
        if not known.shell_tools.isdisjoint(words):
            return step.command(arguments, context)
        return tuple(judge_function(tool, {}, f"{tool} {arguments}"[:240]))
    if len(arguments) == 1:  # run_sql(params={"sql": ...})
        name, inner = next(iter(arguments.items()))
        if name in _WRAPPING and isinstance(inner, dict):
            arguments = inner
    context = _at_folder(known, arguments, context)
    python = not known.python_tools.isdisjoint(words)
    shell = not known.shell_tools.isdisjoint(words)
    if not python and (coded := code_of(known, words, arguments)) is not None:
        return (*analyse_code(coded[0], coded[1], context, shipped()), *clicked_by(coded[1], _excerpt(tool, arguments)))
    database = not known.sql_tools.isdisjoint(words)
    if (same := as_command(words, arguments)) is not None:
        of_kind = "kind" in arguments and same.startswith("kubectl delete ")  # which says all there is
        named = [] if of_kind else judge_function(tool, arguments, _excerpt(tool, arguments))
        return (*step.command(same, context), *(_queries(known, arguments, database) if database else ()), *named)
    command = _command(known, arguments, shell and not python, words)
    if command in _EDITS and not shell and (path := arguments.get("path", arguments.get("file_path"))):
        return _edited(known, str(path), arguments, context, step)
    if command is not None:
        return step.command(command, context)
    out = _queries(known, arguments, database)
    if python:
        out.extend(_python(known, arguments, context))
    if out:
        return tuple(out)
    files = _files(known, tool, words, arguments, context, step)
    if files is not None:
        return files
    excerpt = _excerpt(tool, arguments)
    named = judge_function(tool, arguments, excerpt)
    if named:
        named = lowered_call(named, arguments, context.production)
    return (*clicked(words, arguments, excerpt), *named)


@remembered(entries=1024, characters=256)
def _is_shell(tool: str) -> bool:
    """Whether a tool's argument ``command``, where it has no other, is a shell's and nothing else."""
    known, words, arguments = vocabulary(), words_of(tool), {"command": "x"}
    return (
        not known.shell_tools.isdisjoint(words)
        and known.python_tools.isdisjoint(words)
        and code_of(known, words, arguments) is None
        and as_command(words, arguments) is None
    )


def _command(
    known: Vocabulary, arguments: dict[str, Any], shell: bool, words: tuple[str, ...] = ()
) -> str | None:
    """The shell text among the arguments. A list is an argument vector; for a shell tool's own it may be a script."""
    for name in known.shell_arguments:
        value = arguments.get(name)
        if not value or (name in ("script", "input", "code") and not shell):
            continue
        if isinstance(value, str):
            rest = arguments.get("args")
            if name in ("command", "cmd") and isinstance(rest, list) and rest:
                return shlex.join([value, *(str(item) for item in rest[:256])])
            return value[:MAX_SCANNED]
        if isinstance(value, list) and value:
            value = value[0] if len(value) == 1 and isinstance(value[0], list) else value
            items = [str(item) for item in value[:MAX_WORDS]]
            return "\n".join(items) if name == "commands" else shlex.join(items)
    return "\n".join(_texts(arguments, [])) or None if shell and not _SHELLS.isdisjoint(words) else None


def _queries(known: Vocabulary, arguments: dict[str, Any], database: bool) -> list[Effect]:
    """The SQL among the arguments of a database's tool, or under a name that says so."""
    out: list[Effect] = []
    for name in known.sql_arguments:
        value = arguments.get(name)
        if isinstance(value, list):
            value = ";\n".join(str(item) for item in value[:50])
        if isinstance(value, str) and (database or name in ("sql", "statement", "statements")):
            out.extend(analyse_sql(value))
    return out


def _texts(value: Any, found: list[str], depth: int = 4) -> list[str]:
    """All texts in a shell tool's arguments, which has none of the usual names for its command."""
    if len(found) >= MAX_PATHS or not depth:
        return found
    if isinstance(value, str):
        found.append(value[:MAX_BYTES])
    elif isinstance(value, dict | list):
        for item in list(value.values() if isinstance(value, dict) else value)[:MAX_PATHS]:
            _texts(item, found, depth - 1)
    return found


def _python(known: Vocabulary, arguments: dict[str, Any], context: Context) -> list[Effect]:
    for name in known.code_arguments:
        value = arguments.get(name)
        if isinstance(value, str):
            # A notebook's own lines are no Python: with them the rest would not parse.
            lines = [line.lstrip()[1:] for line in value[:MAX_BYTES].splitlines() if line.lstrip().startswith("!")]
            out = list(judge_python(_MAGIC.sub(r"\1pass", value), context))
            return out + list(judge_command("\n".join(lines), context)) if lines else out
    return []


def _files(
    known: Vocabulary, tool: str, words: tuple[str, ...], arguments: dict[str, Any], context: Context, step: _Alone
) -> tuple[Effect, ...] | None:
    """File tools as the shell command that does the same; None for other tools."""
    of_files = not known.file_things.isdisjoint(words) or (_WEB.isdisjoint(words) and _names_a_path(arguments))
    if not _MOVES.isdisjoint(words) and of_files:
        ends = [
            next((value for name in names if isinstance(value := arguments.get(name), str) and value), None)
            for names in (_FROM, _TO)
        ]
        if None not in ends:
            return judge_command("mv -- " + shlex.join(str(end) for end in ends), context)
    paths: list[str] = []
    for name in known.path_arguments:
        value = arguments.get(name)
        if isinstance(value, str) and value:
            paths.append(value)
        elif isinstance(value, list):
            paths.extend(str(item) for item in value[:MAX_PATHS])
    if not paths or (not (of_files and words) and _WRITES.isdisjoint(words)):
        return None
    if known.file_things.isdisjoint(words) and _WRITES.isdisjoint(words) and _REMOVES.isdisjoint(words[:2]):
        return None
    verb = next(
        (word for word in words if word in _REMOVES), None
    )
    if verb is not None:
        folder = bool({"folder", "folders", "directory", "directories", "dir"}.intersection(words))
        top = any(path.strip().rstrip("/").count("/") <= 1 and path[:1] in ("/", "~") for path in paths)
        deep = "-rf" if folder or top or arguments.get("recursive") else "-f"
        glob = " ".join(shlex.quote(clean(path)).replace("*", "'*'") for path in paths)
        return judge_command(f"rm {deep} -- {glob}", context)
    if not _FILLS.isdisjoint(words):
        for name in _CONTENTS:
            text = arguments.get(name)
            if isinstance(text, str) and text:
                step.wrote(paths[0], text[:MAX_BYTES], context)
                break
    if {"truncate", "empty"}.intersection(words):
        return judge_command(f": > {shlex.quote(paths[0])}", context)
    if {"write", "create", "save", "overwrite", "put"}.intersection(words) and arguments.get("append") is not True:
        content = next((arguments[name] for name in _CONTENTS if name in arguments), None)
        empty = content == "" and not {"write", "overwrite"}.isdisjoint(words)
        return judge_command(f"{':' if empty else 'echo x'} > {shlex.quote(paths[0])}", context)
    return ()


def _names_a_path(arguments: dict[str, Any]) -> bool:
    """Whether a tool that does not say that it is for files is given one: ``delete(path="/etc")``."""
    for name in ("path", "file_path", "filepath", "source", "src", "directory", "folder"):
        value = arguments.get(name)
        if isinstance(value, str) and value[:1] in ("/", "~", ".") and "://" not in value:
            return True
    return False


def _edited(
    known: Vocabulary, path: str, arguments: dict[str, Any], context: Context, step: _Alone
) -> tuple[Effect, ...]:
    """An editor whose commands are words of its own, as models are trained on."""
    if arguments["command"] == "view":
        return ()
    words = ("write", "file") if arguments["command"] == "create" else ("edit", "file")
    return _files(known, "write_file", words, {**arguments, "path": path}, context, step) or ()


def _at_folder(known: Vocabulary, arguments: dict[str, Any], context: Context) -> Context:
    for name in known.folder_arguments:
        value = arguments.get(name)
        if isinstance(value, str) and value.startswith("/") and len(value) < 1024:
            return Context(context.workspace, context.environment, clean(value))
    return context


def _excerpt(tool: str, arguments: dict[str, Any]) -> str:
    return f"{tool}({', '.join(f'{key}={value!r:.60}' for key, value in list(arguments.items())[:6])})"[:240]
