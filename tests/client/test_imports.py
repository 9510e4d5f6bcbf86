"""What agents import loads none of what only the worker needs, and is there quickly."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"faust", "river", "numpy", "scipy", "confluent_kafka", "prometheus_client", "mode", "sqlglot", "rich"}


@pytest.mark.parametrize(
    "modules",
    [
        "monitor.client",
        "monitor.client.publisher, monitor.client.killswitch, monitor.client.orders",
        "monitor.cli.main, monitor.cli.guard, monitor.guard.switch",
        "monitor.cli.operate",
    ],
)
def test_light(modules: str) -> None:
    program = f"import sys, {modules}; print(*{{name.split('.')[0] for name in sys.modules}})"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not HEAVY & set(loaded)
