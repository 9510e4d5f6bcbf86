"""What the figures were measured on: without it they say nothing."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks import quix
from benchmarks.quix import ROOT

__all__ = ["ROOT", "kafka_version", "machine"]

LIBRARIES = (
    "aiokafka", "confluent-kafka", "faust-streaming", "msgspec", "orjson", "river", "sqlglot", "tree-sitter",
    "tree-sitter-bash",
)  # fmt: skip


def machine() -> dict[str, Any]:
    """Machine, interpreter, libraries, commit and load, by what people call them. Memory in GiB."""
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "libraries": {name: _version(name) for name in ("killcord", *LIBRARIES)} | {"quixstreams": quix.version()},
        "commit": _commit(),
        "load_average": [round(load, 2) for load in os.getloadavg()],
    }


def kafka_version(cluster: Path | None) -> str:
    """``cluster``: the directory of the broker that was started here, None for one that was named."""
    if cluster is None:
        return "named by KILLCORD_TEST_BROKERS, version not asked"
    found = (re.fullmatch(r"kafka-server-(\d[\w.]*)\.jar", jar.name) for jar in (cluster / "libs").iterdir())
    return next((match[1] for match in found if match), "not known")


def _cpu() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _commit() -> str:
    if shutil.which("git") is None:
        return "not known: no git"
    said = subprocess.run(
        ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return said.stdout.strip() or "not known: no checkout"
