"""A folder where images are built is rebuilt, unless a run works there."""

from __future__ import annotations

import pytest

from detectors.destructive.calls import judge_command
from detectors.destructive.context import Context
from detectors.destructive.effects import NARROW, WIDE, verdict

CASES = [  # workspace, command, rule
    ("/home/me/shop", "rm -rf /src", None),
    ("/home/me/shop", "rm -rf /build/x", None),
    ("/src/app", "rm -rf data", NARROW),
    ("/src/app", "rm -rf node_modules", None),
    ("/src/app", "rm -rf /src/app", WIDE),
    ("/src/app", "rm -rf /src", WIDE),
    ("/src/app", "rm -rf /src/other", None),
    ("/src/app", "rm -rf /build/x", None),
    ("/build/job-1", "rm -rf src", NARROW),
    ("/home/me", "rm -rf ~/.cache ~/.npm ~/go/pkg", None),
]


@pytest.mark.parametrize(("workspace", "command", "rule"), CASES)
def test_a_workspace_in_a_build_tree_is_a_workspace(workspace: str, command: str, rule: str | None) -> None:
    rules = {verdict(effect) for effect in judge_command(command, Context(workspace))} - {None}
    assert rules == ({rule} if rule else set())
