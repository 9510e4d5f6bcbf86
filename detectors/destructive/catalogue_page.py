"""The catalogue for people: its entries as rows, the cases that each shows, and the page of documentation."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from detectors.destructive.catalogue import build, shipped_files
from detectors.destructive.catalogue_schema import Does, File, Interpreter, Wrapper
from detectors.destructive.code import code_rules
from detectors.destructive.context import Context
from detectors.destructive.effects import verdict
from detectors.destructive.shell import analyse

_HEAD = """# What Killcord knows of programs

Made by `make catalogue` from `detectors/destructive/catalogue/*.yaml` and `code_rules.yaml`; `killcord catalogue list`
shows the same. An entry says which command lines it is about, what they do, to what, how widely, and whether that can
be undone. Where the width is not given, it follows from where a path lies (`places.yaml`). A program that is in no list
is judged by its verbs (`unlisted`). The first entry of a program that fits a command line decides; with `--help`,
`--dry-run` and the like nothing happens. `killcord catalogue show ID` prints one entry with its cases,
`killcord catalogue test FILE` tries the cases of a file of your own.
"""
_UNDO = {"no": "no", "yes": "yes", "unknown": "not known"}


class Row(Struct, frozen=True, omit_defaults=True):
    """One entry. kind: ``command``, ``wrapper``, ``interpreter`` or ``call`` (of a function in a program)."""

    id: str
    kind: str
    file: str
    programs: list[str]
    when: list[str] = []
    does: Does | None = None
    language: str = ""
    fires: list[str] = []
    quiet: list[str] = []


class Failure(Struct, frozen=True):
    """A case that does not hold. expected: ``fires`` or ``quiet``; found: the entries that fired."""

    id: str
    expected: str
    command: str
    found: list[str]


def rows(given: dict[str, File] | None = None) -> list[Row]:
    """The entries of files by name, in order; without any, of the shipped catalogue and the rules for calls."""
    out: list[Row] = []
    for name, file in (shipped_files() if given is None else given).items():
        out.extend(
            Row(entry.id, "command", name, program.names, [*entry.when, *entry.any], entry.does,
                fires=entry.fires, quiet=entry.quiet)
            for program in file.programs for entry in program.entries
        )  # fmt: skip
        out.extend(_runner(name, item) for item in file.wrappers)
        out.extend(_runner(name, item) for item in file.interpreters)
    if given is None:
        for compiled in code_rules():
            rule = compiled.rule
            out.append(Row(rule.id, "call", "code_rules.yaml", [], [rule.act or rule.call], rule.does,
                           fires=rule.fires, quiet=rule.quiet))  # fmt: skip
    return out


def _runner(file: str, item: Wrapper | Interpreter) -> Row:
    kind = "wrapper" if isinstance(item, Wrapper) else "interpreter"
    sub = [*item.sub, *item.of] if isinstance(item, Wrapper) else item.code
    language = "" if isinstance(item, Wrapper) else item.language
    return Row(f"{kind}.{item.names[0]}", kind, file, item.names, sub, None, language, item.fires, item.quiet)


def failures(given: dict[str, File] | None = None) -> Iterator[Failure]:
    """The cases that don't hold: of files added to the shipped ones, or of the shipped ones."""
    shipped = shipped_files()
    catalogue = build([*shipped.values(), *(given or {}).values()])
    for row in rows(given):
        for expected, commands in (("fires", row.fires), ("quiet", row.quiet)):
            for command in commands:
                found = [e.entry for e in analyse(command, Context(), catalogue) if verdict(e)]
                held = not found if expected == "quiet" else row.id in found if row.kind == "command" else bool(found)
                if not held:
                    yield Failure(row.id, expected, command, found)


def page() -> str:
    """The page of documentation, in Markdown."""
    out = [_HEAD]
    listed = rows()
    programs = {name for row in listed for name in row.programs}
    cases = sum(len(row.fires) + len(row.quiet) for row in listed)
    out.append(f"{len(listed)} entries for {len(programs)} programs, with {cases} cases that tests try.\n")
    for file in dict.fromkeys(row.file for row in listed):
        out.append(f"## {file.removesuffix('.yaml').replace('_', ' ')}\n")
        out.append("| entry | programs | does | undone | fires on |\n| --- | --- | --- | --- | --- |")
        out.extend(_line(row) for row in listed if row.file == file)
        out.append("")
    return "\n".join(out)


def _line(row: Row) -> str:
    names = ", ".join(f"`{name}`" for name in row.programs[:6])
    more = f" and {len(row.programs) - 6} more" if len(row.programs) > 6 else ""
    if row.does is not None:
        width = {"one": "", "many": "many ", "all": "all ", "unknown": ""}[row.does.width]
        does = f"{row.does.action} {width}{row.does.thing}"
        undone = _UNDO[row.does.reversible] + (f": {row.does.undo}" if row.does.undo else "")
    else:
        does = f"runs {row.language}" if row.language else "runs another" if row.kind == "wrapper" else "no harm"
        does = f"{row.when[0]}" if row.kind == "call" else does
        undone = ""
    case = f"`{_cell(row.fires[0])}`" if row.fires else ""
    return f"| {row.id} | {names}{more} | {does} | {_cell(undone)} | {case} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ⏎ ")[:160]
