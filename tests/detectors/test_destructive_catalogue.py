"""The catalogue as data: each entry's own cases, its form, and what a broken file says."""

from __future__ import annotations

import pytest

from detectors.destructive.catalogue import CatalogueError, build, read, shipped
from detectors.destructive.code import code_rules
from detectors.destructive.context import Context
from detectors.destructive.effects import verdict
from detectors.destructive.shell import analyse

ENTRIES = shipped().entries
RUNNERS = list({id(item): item for group in shipped().wrappers.values() for item in group}.values())
READERS = list({id(item): item for item in shipped().interpreters.values()}.values())
FIRES = [(entry.id, command) for entry in ENTRIES for command in entry.fires]
QUIET = [(entry.id, command) for entry in ENTRIES for command in entry.quiet]
AROUND = [*RUNNERS, *READERS]


CODE = [compiled.rule for compiled in code_rules()]


def findings(command: str) -> list[str]:
    return [effect.entry for effect in analyse(command, Context(), shipped()) if verdict(effect)]


@pytest.mark.parametrize(("entry", "command"), FIRES)
def test_fires(entry: str, command: str) -> None:
    assert entry in findings(command)


@pytest.mark.parametrize(("entry", "command"), QUIET)
def test_is_quiet(entry: str, command: str) -> None:
    assert findings(command) == []


@pytest.mark.parametrize("command", [command for item in AROUND for command in item.fires])
def test_what_is_run_by_another_fires(command: str) -> None:
    assert findings(command)


@pytest.mark.parametrize("command", [command for item in AROUND for command in item.quiet])
def test_what_is_run_by_another_is_quiet(command: str) -> None:
    assert findings(command) == []


@pytest.mark.parametrize(("rule", "command"), [(rule.id, command) for rule in CODE for command in rule.fires])
def test_a_call_in_a_program_fires(rule: str, command: str) -> None:
    assert findings(command)


@pytest.mark.parametrize("command", [command for rule in CODE for command in rule.quiet])
def test_a_call_in_a_program_is_quiet(command: str) -> None:
    assert findings(command) == []


def test_every_rule_for_calls_shows_a_case() -> None:
    assert [rule.id for rule in CODE if not rule.fires] == []


def test_every_harmful_entry_shows_a_case() -> None:
    assert [e.id for e in ENTRIES if e.does and e.does.action != "create" and not e.fires] == []


def test_a_tool_is_added_without_code() -> None:
    file = read(
        "mine.yaml",
        b"""
programs:
  - names: [acme]
    entries:
      - {id: acme.burn, when: [burn], does: {action: delete, thing: cloud, width: all, reversible: "no"}}
""",
    )
    (effect,) = analyse("acme burn everything", Context(), build([file]))
    assert (effect.entry, effect.target, verdict(effect)) == ("acme.burn", "everything", "destructive.wide")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"programs: [{names: [a], entries: [{id: x, colour: red}]}]", "colour"),
        (
            b"programs: [{names: [a], entries: [{id: x, does: {action: explode, thing: files, reversible: no}}]}]",
            "action",
        ),
        (b"programs: [{names: 3, entries: []}]", "names"),
        (b"programs: [", "mine.yaml"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(text: bytes, said: str) -> None:
    with pytest.raises(CatalogueError, match=r"mine\.yaml") as refused:
        read("mine.yaml", text)
    assert said in str(refused.value)


def test_an_id_is_given_once() -> None:
    file = read("mine.yaml", b"programs: [{names: [a], entries: [{id: x}, {id: x}]}]")
    with pytest.raises(CatalogueError, match="'x' is used twice"):
        build([file])
