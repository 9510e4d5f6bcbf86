"""What is flagged of collections of shell commands, how that agrees with their labels, and what a verdict costs.

    python -m benchmarks.commands [--list CORPUS]

Reads ``*.jsonl`` of lines ``{"cmd", "expect"}`` from the corpora beside the checkout, as far as they are there, and the
cases of the tests. Each command is judged by itself, in a plain project's folder, by the shipped policy. The time is
that of the analysis alone, in this process, of commands that were not seen before.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator

from msgspec import Struct

from benchmarks.machine import ROOT
from detectors.destructive.calls import effects_of_call
from detectors.destructive.context import Context
from monitor.client.judgement import Circumstances, Judge

CORPORA = ROOT.parent / "shared" / "corpora" / "commands"
CASES = ROOT / "tests" / "detectors" / "destructive_cases"
WORKSPACE = "/home/dev/app"
VERDICTS = ("kill", "deny", "pause", "alert", "allow")
BAD = frozenset({"block", "destructive", "kill", "deny"})


class Command(Struct, frozen=True):
    """bad: whether the label calls it destructive; None where all of a corpus has one label."""

    text: str
    bad: bool | None


class Measured(Struct, frozen=True):
    """verdicts: how often each. rules: by entry. times: µs of each analysis, sorted. shown: the flagged ones."""

    name: str
    verdicts: Counter[str]
    times: list[float]
    caught: tuple[int, int]
    alarms: tuple[int, int]
    shown: dict[tuple[str, str], list[str]]


def corpora() -> Iterator[tuple[str, list[Command]]]:
    """Name and commands of each collection that is there."""
    for path in sorted(CORPORA.glob("*.jsonl")) if CORPORA.is_dir() else ():
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        labels = {line["expect"] for line in lines}
        yield path.stem, [Command(line["cmd"], line["expect"] in BAD if len(labels) > 1 else None) for line in lines]
    if CASES.is_dir():
        yield "the tests' cases", list(_cases())


def _cases() -> Iterator[Command]:
    import yaml

    for path in sorted(CASES.glob("*.yaml")):
        read = yaml.safe_load(path.read_text())
        for label in ("kill", "deny", "quiet"):
            yield from (Command(line, label in BAD) for line in read.get(label, "").splitlines() if line)
        yield from (Command(item["text"], item["rule"] in BAD) for item in read.get("texts", ()))


def measure(name: str, commands: list[Command]) -> Measured:
    """Judge all commands, and time the first sight of each."""
    context = Context(WORKSPACE)
    times, seen = [], set()
    for command in commands:
        if command.text in seen:
            continue
        seen.add(command.text)
        begin = time.perf_counter_ns()
        effects_of_call("Bash", {"command": command.text}, context)
        times.append((time.perf_counter_ns() - begin) / 1000)
    judge, where = Judge(), Circumstances(workspace=WORKSPACE)
    verdicts: Counter[str] = Counter()
    right: Counter[bool] = Counter()
    labelled: Counter[bool] = Counter()
    shown: dict[tuple[str, str], list[str]] = {}
    for command in commands:
        found = judge.judge("Bash", {"command": command.text}, where)
        verdicts[found.verdict] += 1
        if command.bad is not None:
            labelled[command.bad] += 1
            right[command.bad] += found.verdict != "allow"
        if found.verdict != "allow":
            entry = str(found.effects[0].get("entry", "")) if found.effects else ""
            shown.setdefault((found.verdict, entry), []).append(command.text)
    return Measured(
        name, verdicts, sorted(times), (right[True], labelled[True]), (right[False], labelled[False]), shown
    )


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f} %" if whole else ""


def _row(m: Measured) -> list[str]:
    count = sum(m.verdicts.values())
    at = [f"{m.times[min(len(m.times) - 1, int(len(m.times) * p))]:,.0f}" for p in (0.5, 0.9, 0.99)]
    return [
        m.name, f"{count:,}", *(_share(m.verdicts[v], count) for v in VERDICTS[:-1]),
        _share(*m.caught), _share(*m.alarms), *at, f"{m.times[-1]:,.0f}",
    ]  # fmt: skip


HEAD = ["corpus", "commands", "kill", "deny", "pause", "alert", "caught", "false alarms", "p50 µs", "p90", "p99", "max"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--list", metavar="CORPUS", help="print what is flagged of this one, by entry")
    listed = parser.parse_args().list
    effects_of_call("Bash", {"command": "rm -rf x; psql -c 'drop table x'"}, Context(WORKSPACE))  # what loads once
    rows = [HEAD]
    for name, commands in corpora():
        if listed in (None, name):
            measured = measure(name, commands)
            rows.append(_row(measured))
            for (verdict, entry), texts in sorted(measured.shown.items(), key=lambda item: -len(item[1])):
                if listed:
                    print(f"{verdict} {entry} {len(texts)}", *(f"    {text[:140]!r}" for text in texts[:20]), sep="\n")
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
    for row in rows:
        print(
            "  ".join(
                cell.ljust(width) if i == 0 else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
        )
    if len(rows) == 1:
        print(
            f"no corpus in {CORPORA}"
            if listed is None
            else f"no corpus {listed!r}: {', '.join(n for n, _ in corpora())}"
        )


if __name__ == "__main__":
    main()
