"""``killcord policy check``, ``show`` and ``starter``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from monitor.cli.policy import policy
from monitor.policy import Policy
from monitor.policy.policy import starters

GOOD = 'rules:\n  - id: budget.run\n    scope: {team: "infra-*"}\n    limits: {usd: 5}\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "p.yaml").write_text(GOOD)
    return tmp_path / "p.yaml"


def run(*arguments: object, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(policy, [str(argument) for argument in arguments], env=env or {"KILLCORD_POLICY": ""})


def test_check_accepts(file: Path) -> None:
    done = run("check", file)
    assert (done.exit_code, done.output) == (
        0, f"{file}: valid, digest {Policy.load(file).digest}; sets budget.run\n",
    )  # fmt: skip


def test_check_names_every_problem(file: Path) -> None:
    file.write_text("rules:\n  - id: budget.runs\n  - id: drift.cost\n    mode: no\n")
    done = run("check", file)
    assert done.exit_code == 1
    assert done.stdout == ""
    first, second, last = done.stderr.splitlines()
    assert first == f"{file}:2: budget.runs: no such rule. Did you mean budget.run?"
    assert second.startswith(f"{file}:4: no: drift.cost mode takes one of ")
    assert last == "2 problems; the policy is refused whole."


def test_check_of_a_file_that_is_not_there(tmp_path: Path) -> None:
    done = run("check", tmp_path / "absent.yaml")
    assert done.exit_code == 1
    assert "absent.yaml: can't be read: No such file or directory." in done.stderr


def origins(*arguments: object, **given: dict[str, str]) -> dict[tuple[str, str, str], tuple[object, str]]:
    done = run("show", "--json", *arguments, **given)
    assert done.exit_code == 0, done.output
    return {(row["rule"], row["scope"], row["key"]): (row["value"], row["origin"])
            for row in json.loads(done.stdout)["values"]}  # fmt: skip


def test_show_tells_each_values_origin(file: Path) -> None:
    shown = origins("--policy", file)
    assert shown["budget.run", "team=infra-*", "limits.usd"] == (5.0, f"{file}:4")
    value, origin = shown["budget.run", "", "limits.usd"]
    assert value == 50.0
    number = int(origin.removeprefix("shipped default:"))
    default = (Path(__file__).parents[2] / "monitor/policy/default.yaml").read_text().splitlines()
    assert default[number - 1].strip().startswith("usd: 50")
    assert shown["budget.run", "", "severity"] == (None, "built in")


def test_show_for_a_scope_tells_what_holds_there(file: Path) -> None:
    assert origins("--policy", file, "--team", "infra-db")["budget.run", "", "limits.usd"] == (5.0, f"{file}:4")
    assert origins("--policy", file, "--team", "web")["budget.run", "", "limits.usd"][0] == 50.0


def test_show_reads_the_variable(file: Path) -> None:
    shown = origins("--team", "infra-db", env={"KILLCORD_POLICY": str(file)})
    assert shown["budget.run", "", "limits.usd"] == (5.0, f"{file}:4")


def test_show_reads_well(file: Path) -> None:
    lines = run("show", "--policy", file).stdout.splitlines()
    assert lines[0] == f"digest {Policy.load(file).digest}"
    at = lines.index("budget.run  [team=infra-*]")
    assert lines[at + 1].split() == ["limits.usd:", "5", f"{file}:4"]


def test_starters_are_listed_printed_and_shown(tmp_path: Path) -> None:
    listed = run("starter").stdout
    for name, path in starters().items():
        assert name in listed
        assert run("starter", name).stdout == path.read_text()
        (tmp_path / "p.yaml").write_text(run("starter", name).stdout)
        assert run("check", tmp_path / "p.yaml").exit_code == 0
        assert any(origin.startswith(f"starter {name}:") for _, origin in origins("--starter", name).values())
