"""The layout is the architecture: who may import what."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = ["detectors", "monitor", "dashboards", "benchmarks"]
HEAVY = {"faust", "mode", "river", "numpy", "scipy", "confluent_kafka", "prometheus_client"}


def imports(*packages: str) -> Iterator[tuple[str, str]]:
    """(file:line, module) of every import statement, those within functions too."""
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                where = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
                if isinstance(node, ast.Import):
                    yield from ((where, alias.name) for alias in node.names)
                elif isinstance(node, ast.ImportFrom):
                    assert not node.level, f"{where}: name the module in full, so that one can look for it"
                    yield where, node.module or ""


def test_detectors_import_nothing_of_the_running_system() -> None:
    outer = {"monitor", "dashboards", "benchmarks", "tests", "aiokafka", "faust", "click", "rich", "structlog"}
    assert [found for found in imports("detectors") if found[1].split(".")[0] in outer] == []


def test_detectors_have_no_clock_no_network_and_no_chance() -> None:
    impure = {"time", "random", "secrets", "uuid", "socket", "subprocess", "asyncio", "os", "urllib", "http"}
    beside = ("detectors/checks.py", "detectors/hostile.py")  # what detectors are tested with
    found = [found for found in imports("detectors") if found[1].split(".")[0] in impure]
    assert [place for place in found if not place[0].startswith(beside)] == []


@pytest.mark.parametrize("package", OURS)
def test_nothing_that_runs_what_it_reads(package: str) -> None:
    banned = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "marshal", "shelve"}
    assert [found for found in imports(package) if found[1].split(".")[0] in banned] == []


def test_the_running_system_imports_nothing_of_its_tests() -> None:
    assert [found for found in imports("monitor", "dashboards") if found[1].split(".")[0] == "tests"] == []


LIGHT = [
    "monitor.client",
    "monitor.client.gate",
    "monitor.guard",
    "monitor.policy",
    "monitor.engine.engine",
    "monitor.schemas",
    "monitor.settings",
    "monitor.topics",
    "monitor.cli.config, monitor.cli.topics, monitor.cli.deadletter",
    "detectors",
]


@pytest.mark.parametrize("modules", LIGHT)
def test_what_agents_import_loads_nothing_heavy(modules: str) -> None:
    program = f"import sys, {modules}; print(*{{name.split('.')[0] for name in sys.modules}})"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert HEAVY & set(loaded) == set()
