"""docs/performance.md and its plots, written from the results that were kept: nothing in them is typed by hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from benchmarks import plot
from benchmarks.capacity import Assumptions, Measured, Needed, needed
from benchmarks.figures import Figure
from benchmarks.report import KEPT, Report, load
from benchmarks.show import flat, number, settings_of, span, target

PAGE, LATENCY, LANES = "performance.md", "performance-latency.svg", "performance-lanes.svg"


def files(report: Report) -> dict[str, str]:
    """The page and its plots, by file name."""
    return {
        PAGE: "\n".join(_page(report)) + "\n",
        LATENCY: latency_plot(_series(report, "latency")),
        LANES: plot.bars(
            "Without the engine: events a second of one process",
            [(point["way"], point["rate"]) for point in _series(report, "lanes")],
            "events/s",
        ),
    }


def write(report: Report, directory: Path) -> None:
    for name, text in files(report).items():
        (directory / name).write_text(text)


def _page(report: Report) -> Iterator[str]:
    yield "# Performance"
    yield ""
    yield (
        "Written by `make bench` from its last run; do not edit (`python -m benchmarks.document` writes it anew). "
        "Everything was measured side by side on one machine and one real Kafka. Compare ratios: absolute times differ "
        "threefold between machines of the same name."
    )
    if report.quick:
        yield ""
        yield "**This was a `--quick` run: it shows that the benchmark works, and no figure in it means anything.**"
    yield ""
    yield from (f"- {line}" for line in report.summary)
    for name, measured in report.benchmarks.items():
        if measured.failed:
            yield f"- `{name}` failed and has no figures: {measured.failed.splitlines()[0]}"
        elif measured.commit and measured.commit != report.machine.get("commit"):
            yield f"- `{name}` is from an earlier run, at commit {measured.commit}."
    yield ""
    yield f"![Latency against load]({LATENCY})"
    yield ""
    yield f"![Events a second by lane]({LANES})"
    yield ""
    yield "## Targets"
    yield ""
    aimed = [figure for figure in report.figures if figure.aim is not None]
    yield from _table(
        ("benchmark", "figure", "measured", "range", "target", "reached"),
        (
            (f.benchmark, f.name, _value(f), span(f), target(f), "yes" if f.reached else "**no**")
            for f in aimed
        ),
    )  # fmt: skip
    yield ""
    yield f"{sum(bool(f.reached) for f in aimed)} of {len(aimed)} reached."
    yield ""
    yield from _capacity(report)
    yield "## All figures"
    yield ""
    yield "The median of the rounds, with their range."
    yield ""
    yield from _table(
        ("benchmark", "figure", "value", "range", "note"),
        ((f.benchmark, f.name, _value(f), span(f), f.note) for f in report.figures),
    )
    yield ""
    yield "## Measured on"
    yield ""
    yield from _table(("", ""), ((name.replace("_", " "), flat(value)) for name, value in report.machine.items()))
    yield ""
    yield "Workers' settings beside the defaults:"
    yield ""
    for settings, names in settings_of(report).items():
        yield f"- {', '.join(names)}: `{settings}`"
    yield ""
    yield "Benchmarks took " + ", ".join(f"{name} {of.seconds:.0f} s" for name, of in report.benchmarks.items()) + "."


def latency_plot(points: list[dict[str, Any]]) -> str:
    """p50, p99 and p99.9 of each app over the load; where it is saturated its line ends."""
    drawn = []
    ways = list(dict.fromkeys(point["way"] for point in points))
    for colour, way in enumerate(ways):
        for percent, dashed in (("p50", False), ("p99", True)):
            found = [(p["rate"], p[percent]) for p in points if p["way"] == way and percent in p and p[percent] > 0]
            if found:
                drawn.append(plot.Line(f"{way}, {percent}", found, colour, dashed))
    return plot.lines("Event to kill received, acks=all", "events/s offered", "ms", drawn)


def _capacity(report: Report) -> Iterator[str]:
    yield "## Ten million events a second"
    yield ""
    found = {figure.name: figure.value for figure in report.figures if figure.benchmark == "drain"}
    worker, size = found.get("worker CPU"), found.get("size of an event")
    fetch, filled = found.get("broker CPU beside the worker"), found.get("broker CPU while filled")
    if worker is None or size is None or fetch is None or filled is None:
        yield "Not told: it needs the figures of `drain` with a broker that the benchmark started itself."
        yield ""
        return
    measured = Measured(worker_us=worker, fill_us=filled, fetch_us=fetch, event_bytes=size)
    assumed = Assumptions()
    need = needed(measured, assumed)
    yield (
        f"By what an event costs above: {worker:.1f} µs of CPU in a worker with every detector and checkpoints, "
        f"{filled:.1f} µs in the broker to take it in and {fetch:.1f} µs to give it out with the worker's own writes, "
        f"{size:.0f} bytes. A core of another machine may do three times as much."
    )
    yield ""
    yield from _table(("what", "arithmetic", "needed"), _arithmetic(measured, assumed, need))
    yield ""
    yield (
        f"Assumed, not measured: {assumed.busy:.0%} of a core used; {assumed.replicas} replicas, a follower as dear as "
        f"its leader's intake; {assumed.compression:g} times smaller by compression (the benchmark sends none); "
        f"brokers of {assumed.broker_cores} cores with {assumed.network_gbit:g} Gbit/s each way, "
        f"{assumed.network_busy:.0%} of it used; {assumed.retention_days:g} days kept; "
        f"${assumed.core_hour_usd:g} a core and hour, ${assumed.disk_gb_month_usd:g} a GB and month of disk, "
        f"${assumed.network_gb_usd:g} a GB between zones. "
        "Nothing between workers is shared but Kafka, so workers add up as far as `scale` shows; a single cluster of "
        "this size is an assumption too, and several with a share of the runs each do the same."
    )
    yield ""


def _arithmetic(measured: Measured, assumed: Assumptions, need: Needed) -> Iterator[tuple[str, str, str]]:
    rate, busy = f"{assumed.events:,.0f}", f"{assumed.busy:g}"
    yield (
        "workers, of one core each",
        f"{rate} × {measured.worker_us:.1f} µs / {busy}",
        f"{need.worker_cores:,}",
    )  # fmt: skip
    yield (
        "partitions", f"{need.worker_cores:,} × {assumed.spare_partitions:g}, so that workers can join",
        f"{need.partitions:,}",
    )  # fmt: skip
    yield (
        "brokers' cores",
        f"{rate} × ({measured.fill_us:.1f} µs × {assumed.replicas} replicas + {measured.fetch_us:.1f} µs) / {busy}",
        f"{need.broker_cores:,}",
    )
    yield (
        "network into brokers",
        f"{rate} × {measured.event_bytes:.0f} bytes / {assumed.compression:g}, and {assumed.replicas - 1} copies",
        f"{need.in_gb_s:.1f} + {need.replication_gb_s:.1f} GB/s",
    )
    yield "network out to workers", "each event once", f"{need.out_gb_s:.1f} GB/s"
    yield (
        "brokers",
        f"the more of {need.brokers_by_cpu} by CPU and {need.brokers_by_network} by network",
        f"{need.brokers:,}",
    )  # fmt: skip
    yield (
        "disk", f"{assumed.retention_days:g} days, {assumed.replicas} replicas", f"{need.disk_tb:,.0f} TB"
    )  # fmt: skip
    yield "cost of cores", f"workers and {assumed.broker_cores} cores a broker", f"${need.cores_usd:,.0f} an hour"
    yield "cost of disk", "", f"${need.disk_usd:,.0f} an hour"
    yield "cost of network between zones", "copies, and two thirds of the rest", f"${need.network_usd:,.0f} an hour"
    total = need.cores_usd + need.disk_usd + need.network_usd
    yield "cost", "", f"${total:,.0f} an hour, ${total / assumed.events / 3600 * 1e9:,.2f} a billion events"


def _series(report: Report, name: str) -> list[dict[str, Any]]:
    return [point for of in report.benchmarks.values() for point in of.result.series.get(name, [])]


def _value(figure: Figure) -> str:
    return f"{number(figure.value)} {figure.unit}".strip()


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    columns = list(head)
    yield f"| {' | '.join(columns)} |"
    yield f"|{' --- |' * len(columns)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', '/') for cell in row)} |"


def main() -> None:
    """``python -m benchmarks.document``: writes the page anew from the kept results, without measuring."""
    write(load(), KEPT.parent)


if __name__ == "__main__":
    main()
