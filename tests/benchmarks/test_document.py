"""docs/performance.md and its plots are what the generator makes of the kept results, and nobody's prose."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks import document
from benchmarks.figures import Result
from benchmarks.report import KEPT, Measured, Report, load, save


def report() -> Report:
    result = Result(settings={"KILLCORD_LOG_LEVEL": "warning"})
    result.rounds("drain", "worker CPU", [29.0, 30.0, 33.0], "µs/event", aim=25.0)
    result.add("drain", "worker / bare with engine", 0.85, "", aim=0.8, least=True)
    result.add("drain", "size of an event", 600.0, "bytes")
    result.add("drain", "broker CPU beside the worker", 1.0, "µs/event")
    result.add("drain", "broker CPU while filled", 2.0, "µs/event")
    result.missing("lane", "quixstreams", "not installed: make bench installs it")
    result.series = {
        "lanes": [{"way": "killcord, batch lane", "rate": 80_000.0}, {"way": "stock Faust agent", "rate": 4_000.0}],
        "latency": [
            {"way": "killcord", "rate": 100, "saturated": False, "p50": 4.0, "p99": 9.0, "p99.9": 12.0},
            {"way": "killcord", "rate": 10_000, "saturated": False, "p50": 8.0, "p99": 21.0, "p99.9": 44.0},
            {"way": "stock Faust agent", "rate": 10_000, "saturated": True},
        ],
    }
    machine = {"cpu": "a <cpu>", "commit": "abc", "libraries": {"aiokafka": "1"}, "load_average": [0.1, 0.2, 0.3]}
    return Report(machine=machine, benchmarks={"drain": Measured(seconds=12.0, result=result)})


@pytest.mark.skipif(not KEPT.exists(), reason="no results are kept yet: make bench")
@pytest.mark.parametrize("name", [document.PAGE, document.LATENCY, document.LANES])
def test_the_kept_page_is_what_the_kept_results_make(name: str) -> None:
    kept = KEPT.parent / name
    assert kept.read_text() == document.files(load())[name], f"{kept} is not: python -m benchmarks.document"


@pytest.mark.parametrize(
    "line",
    [
        "| drain | worker CPU | 30 µs/event | 29-33 | ≤ 25 | **no** |",
        "| drain | worker / bare with engine | 0.85 |  | ≥ 0.8 | yes |",
        "1 of 2 reached.",
        "| lane | quixstreams | - |  | not installed: make bench installs it |",
        "| workers, of one core each | 10,000,000 × 30.0 µs / 0.6 | 500 |",
        "| partitions | 500 × 1.5, so that workers can join | 750 |",
        "- drain: `KILLCORD_LOG_LEVEL=warning`",
        "| libraries | aiokafka 1 |",
    ],
)
def test_a_page_tells(line: str) -> None:
    assert line in document.files(report())[document.PAGE].splitlines()


def test_a_quick_run_and_a_failure_are_called_so() -> None:
    quick = report()
    quick.quick = True
    quick.benchmarks["lane"] = Measured(failed="the worker ended with status 1:\nTraceback")
    page = document.files(quick)[document.PAGE]
    assert "no figure in it means anything" in page
    assert "- `lane` failed and has no figures: the worker ended with status 1:" in page


@pytest.mark.parametrize("of", [report(), Report(machine={"cpu": "x"})], ids=["measured", "nothing measured"])
def test_plots_are_well_formed(of: Report) -> None:
    for name, text in document.files(of).items():
        if name.endswith(".svg"):
            assert ElementTree.fromstring(text).tag.endswith("svg")


def test_a_saturated_app_has_no_line_where_it_is_saturated() -> None:
    plot = document.files(report())[document.LATENCY]
    assert "killcord, p99" in plot
    assert "stock Faust agent" not in plot


def test_results_of_other_benchmarks_stay_with_their_commit(tmp_path: Path) -> None:
    path = tmp_path / "performance.json"
    save(report(), path)
    later = Report(machine={"commit": "def"}, benchmarks={"lane": Measured(), "drain": Measured(failed="no Kafka")})
    save(later, path)
    kept = load(path)
    assert kept.benchmarks["drain"].commit == "abc"
    assert kept.benchmarks["drain"].result.figures
    assert "- `drain` is from an earlier run, at commit abc." in (tmp_path / "performance.md").read_text()
