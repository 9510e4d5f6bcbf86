"""What is not parsed, because its words tell that it cannot matter, would not have been found by parsing either."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from detectors.destructive import code_tree, python_code, telling
from detectors.destructive.catalogue import shipped
from detectors.destructive.context import Context
from detectors.destructive.effects import Effect, verdict
from detectors.destructive.shell import analyse

CASES = sorted((Path(__file__).parent / "destructive_cases").glob("*.yaml"))
WORDS = ("python", "perl", "ruby", "php", "node", "deno", "bun", "rails", "import ", "<<", "exec", "eval", ".py", ".js")


def commands(path: Path) -> Iterator[str]:
    read: dict[str, Any] = msgspec.yaml.decode(path.read_bytes())
    for label in ("kill", "deny", "quiet"):
        yield from filter(None, read.get(label, "").splitlines())
    yield from (item["text"] for item in read.get("texts", ()))


def judged(command: str) -> list[tuple[str | None, str, str]]:
    effects: list[Effect] = analyse(command, Context("/home/dev/app"), shipped())
    return [(verdict(effect), effect.target, effect.entry) for effect in effects if verdict(effect)]


@pytest.mark.parametrize("path", CASES, ids=[path.stem for path in CASES])
def test_a_look_at_the_words_loses_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [text for text in commands(path) if any(word in text for word in WORDS)]
    looked = {text: judged(text) for text in texts}
    for module in (python_code, telling):
        monkeypatch.setattr(module, "may_matter", lambda *_: True)
    monkeypatch.setattr(code_tree, "_WORTH", re.compile(""))
    monkeypatch.setattr(code_tree, "may_fit", lambda *_: True)
    monkeypatch.setattr(python_code, "_telling", lambda *_: True)
    differ = {text: (looked[text], parsed) for text in texts if (parsed := judged(text)) != looked[text]}
    assert not differ
