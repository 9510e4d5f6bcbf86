"""What is remembered: a command is judged once, a long one is not kept, and no verdict hangs on what came before."""

from __future__ import annotations

import gc
import tracemalloc

import pytest

from detectors.destructive import shell
from detectors.destructive.calls import effects_of_call, judge_command
from detectors.destructive.catalogue import shipped
from detectors.destructive.context import Context
from detectors.destructive.memo import remembered

WORKSPACE = Context("/work/app")


def test_a_command_that_comes_again_is_not_analysed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    command = "for f in a b; do rm -rf /srv/memo/$f; done"
    first = effects_of_call("bash", {"command": command}, WORKSPACE)
    monkeypatch.setattr(shell, "Shell", None)
    assert effects_of_call("bash", {"command": command}, WORKSPACE) is first


def test_another_context_is_another_verdict() -> None:
    here, there = (effects_of_call("bash", {"command": "rm -rf ../app"}, Context(at)) for at in ("/w/app", "/w/other"))
    assert here != there


@pytest.mark.parametrize("tool", ["bash", "python", "sql", "x" * 9])
@pytest.mark.parametrize("form", ["text", "arguments"])
def test_huge_arguments_are_not_kept(tool: str, form: str) -> None:
    names = {"bash": "command", "python": "code", "sql": "query"}

    def ask(number: int) -> None:
        text = f"rm -rf /{number}; import os; os.remove('/x'); drop table t " + "a" * 200_000
        effects_of_call(tool, text if form == "text" else {names.get(tool, "path"): text}, WORKSPACE)
        effects_of_call(tool + text, {}, WORKSPACE)

    ask(0)
    tracemalloc.start()
    try:
        for number in range(1, 9):
            ask(number)
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 100_000, "eight texts of which the analysis reads 64 KiB and more"


def test_short_texts_are_kept_and_long_ones_go_through() -> None:
    asked: list[str] = []

    @remembered(entries=2, characters=3)
    def judge(text: str, times: int) -> str:
        asked.append(text)
        return text * times

    assert [judge("ab", 2), judge("ab", 2), judge("abcd", 1), judge("abcd", 1)] == ["abab", "abab", "abcd", "abcd"]
    assert asked == ["ab", "abcd", "abcd"]


def test_what_was_judged_before_changes_nothing() -> None:
    commands = ["cd /x", "x=/; rm -rf $x", "rm -rf $x", "f() { rm -rf ~; }; f", "f", "alias ls='rm -rf /'; ls", "ls"]
    forth = [judge_command(command, WORKSPACE) for command in commands]
    back = [tuple(shell.analyse(command, WORKSPACE, shipped())) for command in reversed(commands)]
    assert forth == back[::-1]
