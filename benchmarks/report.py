"""The results of a run, kept as docs/performance.json, from which docs/performance.md is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field

from benchmarks.figures import Figure, Result
from benchmarks.machine import ROOT

KEPT = ROOT / "docs" / "performance.json"


class Measured(Struct, kw_only=True):
    """One benchmark. at: when it began, UTC. failed: why there is no result. commit: only where another run's."""

    at: str = ""
    seconds: float = 0.0
    failed: str = ""
    commit: str = ""
    result: Result = field(default_factory=Result)


class Report(Struct, kw_only=True):
    """machine: what it was measured on. benchmarks: by name."""

    machine: dict[str, Any]
    quick: bool = False
    benchmarks: dict[str, Measured] = field(default_factory=dict)

    @property
    def figures(self) -> list[Figure]:
        return [figure for measured in self.benchmarks.values() for figure in measured.result.figures]

    @property
    def summary(self) -> list[str]:
        return [line for measured in self.benchmarks.values() for line in measured.result.summary]

    def told(self) -> dict[str, Any]:
        """As `--json` prints it: flat, and with whether each target was reached."""
        return {
            "machine": {**self.machine, "quick": self.quick},
            "figures": [
                {**msgspec.to_builtins(figure), **({} if figure.reached is None else {"reached": figure.reached})}
                for figure in self.figures
            ],
            "summary": self.summary,
            "settings": {name: measured.result.settings for name, measured in self.benchmarks.items()},
            "series": {key: points for of in self.benchmarks.values() for key, points in of.result.series.items()},
            "seconds": {name: measured.seconds for name, measured in self.benchmarks.items()},
            "failed": {name: measured.failed for name, measured in self.benchmarks.items() if measured.failed},
        }


def load(path: Path = KEPT) -> Report:
    return msgspec.json.decode(path.read_bytes(), type=Report)


def save(report: Report, path: Path = KEPT) -> None:
    """Keeps what was measured; of benchmarks that were not, or failed, the earlier results stay, with their commit."""
    from benchmarks.document import write

    merged = msgspec.structs.replace(report, benchmarks=dict(report.benchmarks))
    if path.exists():
        earlier = load(path)
        for name, old in earlier.benchmarks.items():
            now = merged.benchmarks.get(name)
            if now is None or (now.failed and not old.failed):
                old.commit = old.commit or earlier.machine["commit"]
                merged.benchmarks[name] = old
    path.write_bytes(msgspec.json.format(msgspec.json.encode(merged)) + b"\n")
    write(merged, path.parent)
