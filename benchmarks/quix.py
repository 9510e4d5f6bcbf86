"""Where quixstreams is installed, if it is."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WHERE = "BENCHMARK_VENV"
REMEDY = "not installed: make bench installs it"


def python() -> str | None:
    """The interpreter that has quixstreams; None without one."""
    found = Path(os.environ.get(WHERE) or ROOT / ".cache" / "bench") / "bin" / "python"
    return str(found) if found.exists() else None


def version() -> str:
    """Of quixstreams, or the remedy."""
    interpreter = python()
    if interpreter is None:
        return REMEDY
    asked = "from importlib.metadata import version; print(version('quixstreams'))"
    said = subprocess.run([interpreter, "-c", asked], capture_output=True, text=True, check=False)
    return said.stdout.strip() or REMEDY
