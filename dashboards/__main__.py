"""``python -m dashboards`` writes the Grafana dashboards and Prometheus rules; ``--check`` fails if they are stale."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import yaml

from dashboards import rules
from dashboards.overview import OVERVIEW

HERE = Path(__file__).parent
USAGE = "usage: python -m dashboards [--check]"
HEADER = "# Made by `python -m dashboards` from dashboards/rules.py: change that.\n"


def files() -> dict[Path, str]:
    """Every file that is made here, with its content."""
    written = yaml.safe_dump(rules.data(), sort_keys=False, width=110, allow_unicode=True)
    return {
        HERE / "grafana" / "overview.json": json.dumps(OVERVIEW.json(), indent=2) + "\n",
        HERE / "prometheus" / "killcord.rules.yml": HEADER + written,
    }


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["--check"]):
        print(USAGE, file=sys.stderr)
        return 2
    stale = [path for path, text in files().items() if not path.exists() or path.read_text() != text]
    if arguments:
        for path in stale:
            print(f"{path} is stale: run python -m dashboards", file=sys.stderr)
        return 1 if stale else 0
    for path in stale:
        path.parent.mkdir(exist_ok=True)
        path.write_text(files()[path])
        print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
