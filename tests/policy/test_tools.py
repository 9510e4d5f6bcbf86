"""What a tool takes is the policy's to say, where its name does not: for worker, gate and judge alike."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from detectors.event import ToolCall
from monitor.cli.main import killcord
from monitor.client.gate import Gate
from monitor.client.judgement import Judge
from monitor.engine.engine import Engine
from monitor.engine.outcome import Position
from monitor.engine.state import new
from monitor.policy import Policy, PolicyError

YAML = """
tools:
  shell: [the_box, "mcp__box__*"]
  python: crunch
  sql: ask
  javascript: page
  text: [run_report, "mcp__box__note"]
"""
CASES = [  # tool, arguments, verdict, why
    ("the_box", {"input": "rm -rf /usr"}, "kill", "a shell's"),
    ("The_Box", {"input": "rm -rf /usr"}, "kill", "in any case"),
    ("the_box", "rm -rf /usr", "kill", "the command as text"),
    ("the_box", {"input": "ls"}, "allow", "harmless"),
    ("the_box", None, "allow", "nothing given"),
    ("mcp__box__do", {"what": {"line": "rm -rf /usr"}}, "kill", "by a glob, deep"),
    ("mcp__box__note", {"command": "rm -rf /usr"}, "allow", "a name counts before a glob"),
    ("crunch", {"snippet": "import shutil; shutil.rmtree('/usr')"}, "kill", "python, under an odd name"),
    ("crunch", {"code": "print(1)", "cwd": "/"}, "allow", "python that prints"),
    ("ask", {"q": "DROP DATABASE shop"}, "kill", "sql"),
    ("page", {"expr": "require('fs').rmSync('/usr', {recursive: true})"}, "kill", "javascript"),
    ("run_report", {"command": "rm -rf /usr"}, "allow", "only text"),
    ("bash", {"command": "rm -rf /usr"}, "kill", "what is not named is as ever"),
    ("thebox", {"input": "rm -rf /usr"}, "allow", "another name"),
]


@pytest.mark.parametrize(("tool", "arguments", "verdict", "why"), CASES, ids=[case[-1] for case in CASES])
def test_a_tool_is_what_the_policy_says(tool: str, arguments: Any, verdict: str, why: str, tmp_path: Any) -> None:
    policy = Policy.read(YAML.encode(), "p")
    engine, state = Engine(policy), new("r")
    call = ToolCall(id="c", time=1.0, run_id="r", tool=tool, arguments=arguments)
    found = {alert.mode for alert in engine.process(state, call, Position("t", 0, 0)).alerts}
    assert found == ({verdict} if verdict != "allow" else set())
    assert Judge(policy).judge(tool, arguments).verdict == verdict
    file = tmp_path / "p.yaml"
    file.write_text(YAML)
    assert Gate("r", policy=file).check(tool, arguments).verdict == verdict


def test_the_judge_lists_the_effects_of_such_a_tool() -> None:
    found = Judge(Policy.read(YAML.encode(), "p")).judge("the_box", {"input": "rm -rf /usr"})
    assert [effect["target"] for effect in found.effects] == ["/usr"]


def test_it_is_recorded_with_the_policy() -> None:
    policy = Policy.read(YAML.encode(), "p")
    again = Policy.from_effective(json.loads(json.dumps(policy.effective())))
    assert (again.digest, again.tools) == (policy.digest, policy.tools)
    assert policy.digest != Policy.load().digest


def test_show_and_check_tell_them(tmp_path: Any) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(YAML)
    run = CliRunner()
    assert "sets tools" in run.invoke(killcord, ["policy", "check", str(file)]).output
    shown = run.invoke(killcord, ["policy", "show", "--policy", str(file)]).output
    assert "\ntools\n  shell: mcp__box__*, the_box\n" in shown
    as_json = json.loads(run.invoke(killcord, ["policy", "show", "--policy", str(file), "--json"]).output)
    assert as_json["tools"]["text"] == ["mcp__box__note", "run_report"]


WRONG = [
    ("tools: [bash]\n", "p:1: […]: tools takes keys and values, not a list. "
     "Write `key: value`, one a line and indented below it."),
    ("tools: {shel: [x]}\n", "p:1: shel: tools has no such key. Did you mean shell?"),
    ("tools: {shell: x, sql: x}\n", "p:1: x: tools has it as shell and as sql. Leave one of them out."),
    ("tools: {shell: []}\n",
     "p:1: []: tools.shell names nothing, so the entry never holds. Name one, or leave shell out."),
]  # fmt: skip


@pytest.mark.parametrize(("yaml", "problem"), WRONG)
def test_what_is_wrong_is_said(yaml: str, problem: str) -> None:
    with pytest.raises(PolicyError) as caught:
        Policy.read(yaml.encode(), "p")
    assert [str(one) for one in caught.value.problems] == [problem]
