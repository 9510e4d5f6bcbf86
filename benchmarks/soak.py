"""``python -m benchmarks.soak [--minutes M] [--runs N]``: runs that come and go, and whether a worker grows by them."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import click
import msgspec
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from msgspec import Struct, field
from msgspec.structs import replace
from rich.console import Console
from rich.table import Table

from benchmarks import cluster, trend
from benchmarks.machine import machine
from benchmarks.show import WIDE, flat, say
from benchmarks.stage import Stage, StageError, told
from benchmarks.trend import Sample, Verdict
from benchmarks.watched_worker import GAUGE
from monitor.client.connection import quiet
from monitor.settings import Settings
from monitor.topics import TABLES, topics
from monitor.topics.spec import changelog

WARM = 0.4  # of the time: until as many runs are forgotten as come, and every cache is full
SWEEP_S = 60.0  # the worker's; a run is forgotten up to this long after its time
EVERY_S = 2.0
MIB = 2**20


class Watched(Struct, frozen=True):
    """One series. limit: what is tolerated, a share for an amount and a number for a count."""

    name: str
    unit: str
    judge: Callable[[list[Sample]], Verdict]


SERIES = (
    Watched("resident memory", "KiB", lambda samples: trend.amount(samples, 0.03)),
    Watched("runs known", "", lambda samples: trend.amount(samples, 0.05)),
    Watched("changelogs on the broker's disk", "KiB", lambda samples: trend.amount(samples, 0.25)),
    Watched("worker's own files", "KiB", lambda samples: trend.amount(samples, 0.25)),
    Watched("tasks", "", lambda samples: trend.least(samples, 5)),
    Watched("open file descriptors", "", lambda samples: trend.count(samples, 2)),
    Watched("label sets on /metrics", "", lambda samples: trend.count(samples, 0)),
)


class Soaked(Struct):
    """Samples by the name of their series; events sent, and seconds behind at the end."""

    samples: dict[str, list[Sample]] = field(default_factory=dict)
    sent: int = 0
    behind: float = 0.0
    evicted: bool = False


@click.command()
@click.option("--minutes", default=10.0, show_default=True, help="How long, the warm-up among it (the first 40 %).")
@click.option("--runs", default=50_000, show_default=True, help="That the worker knows at a time.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object with every sample, in place of the table.")
def main(minutes: float, runs: int, as_json: bool) -> None:
    """Let runs come and go, and tell whether the worker stays flat; the exit status is 1 where it does not.

    Flat, after the warm-up: an amount whose 95 % interval of its slope reaches down to zero, or that gained less than
    3 % of its mean (runs known: 5 %, files: 25 %); a count whose most in the last third is that of the first (open
    files: 2 more; tasks, which come and go with what is sent: whose least is at most 5 more).
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    quiet()
    try:
        with Stage() as stage:
            settings = _settings(stage, minutes)
            soaked = asyncio.run(_soak(stage, settings, minutes * 60, runs))
    except StageError as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        print("interrupted; everything that was started has ended", file=sys.stderr)
        sys.exit(130)
    verdicts = judge(soaked, minutes * 60)
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(_told(soaked, verdicts, settings))).decode())
    else:
        _show(soaked, verdicts, settings)
    if not all(verdict.flat for verdict in verdicts.values()):
        sys.exit(1)


def _settings(stage: Stage, minutes: float) -> Settings:
    policy = stage.directory / "policy.yaml"
    policy.write_text(cluster.UNGOVERNED)
    settings = replace(stage.settings(), policy=str(policy), run_ttl_s=min(60.0, minutes * 60 / 8))
    return cluster.with_directory(stage, settings, "worker")


def judge(soaked: Soaked, seconds: float) -> dict[str, Verdict]:
    """By series, on what was sampled after the warm-up."""
    found = {}
    for series in SERIES:
        samples = [(at, value) for at, value in soaked.samples.get(series.name, []) if at >= seconds * WARM]
        if samples:
            found[series.name] = series.judge(samples)
    return found


async def _soak(stage: Stage, settings: Settings, seconds: float, runs: int) -> Soaked:
    soaked = Soaked()
    # What comes in the time that a run is known: its life, its silence, and half a sweep on the average.
    rate = runs / (2.0 + settings.run_ttl_s + SWEEP_S / 2)
    say(f"soak: {rate:,.0f} new runs a second, each forgotten after {settings.run_ttl_s:g} s, for {seconds / 60:g} min")
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(cluster.topics_of(settings))
        await _compact_soon(client, settings)
        command = ("-m", "benchmarks.watched_worker")
        process, url = await stack.enter_async_context(cluster.worker(stage, settings, command))
        load = await stack.enter_async_context(
            stage.program("load", ["-m", "benchmarks.soak_load", f"{rate:g}"], settings)
        )
        reading = asyncio.create_task(_follow(load, soaked))
        began, said, most = time.monotonic(), 0.0, 0.0
        while (at := time.monotonic() - began) < seconds:
            cluster.check_runs(stage, process)
            metrics = await cluster.metrics(url)
            now = _look(stage, settings, process.pid, metrics)
            for name, value in now.items():
                soaked.samples.setdefault(name, []).append((at, value))
            most = max(most, now["runs known"])
            soaked.evicted = soaked.evicted or now["runs known"] < most
            soaked.behind = metrics.get("killcord_event_age_seconds", 0.0)
            if at >= said:
                said = at + 30
                say(
                    f"soak: {at / 60:.1f} of {seconds / 60:g} min: {now['resident memory'] / 1024:,.0f} MiB, "
                    f"{now['runs known']:,.0f} runs known, {soaked.sent:,} events, {soaked.behind:.1f} s behind"
                )
            await asyncio.sleep(min(EVERY_S, seconds / 60))
        if load.returncode is not None:
            raise StageError(f"the load ended with status {load.returncode}:\n{stage.last_words('load')}")
        reading.cancel()
    return soaked


def _look(stage: Stage, settings: Settings, pid: int, metrics: dict[str, float]) -> dict[str, float]:
    process = Path(f"/proc/{pid}")
    resident = int((process / "statm").read_bytes().split()[1]) * 4
    found = {
        "resident memory": float(resident),
        "runs known": metrics["killcord_runs"],
        "worker's own files": _size(Path(settings.data_dir)),
        "tasks": metrics[GAUGE],
        "open file descriptors": float(len(list((process / "fd").iterdir()))),
        "label sets on /metrics": float(len(metrics)),
    }
    logs = stage.directory / "kafka" / "broker-1"
    if logs.exists():
        names = [changelog(settings, table) for table in TABLES]
        found["changelogs on the broker's disk"] = sum(
            _size(place) for name in names for place in logs.glob(f"**/{name}-*") if place.is_dir()
        )
    return found


def _size(place: Path) -> float:
    """KiB of the files under it that are no index: those are made at full size."""
    total = 0
    for file in place.rglob("*") if place.exists() else ():
        try:
            total += file.stat().st_size if file.is_file() and "index" not in file.suffix else 0
        except FileNotFoundError:
            continue
    return total / 1024


async def _compact_soon(client: AIOKafkaAdminClient, settings: Settings) -> None:
    """Changelogs are compacted by the hour; a soak must see it happen."""
    quick = {
        "segment.ms": "15000", "min.cleanable.dirty.ratio": "0.01", "delete.retention.ms": "1000",
        "max.compaction.lag.ms": "15000",
    }  # fmt: skip
    wanted = {changelog(settings, table) for table in TABLES}
    # What is not named falls back to the broker's default.
    changed = {topic.name: topic.config() | quick for topic in topics(settings) if topic.name in wanted}
    answers = await client.alter_configs(
        [ConfigResource(ConfigResourceType.TOPIC, name, config) for name, config in changed.items()]
    )
    for answer in answers:
        for code, why, *_ in answer.resources:
            if code:
                raise StageError(f"the changelogs could not be made to compact soon: {why}")


async def _follow(load: asyncio.subprocess.Process, soaked: Soaked) -> None:
    assert load.stdout
    async for line in load.stdout:
        soaked.sent = msgspec.json.decode(line)["sent"]


def _told(soaked: Soaked, verdicts: dict[str, Verdict], settings: Settings) -> dict[str, Any]:
    return {
        "machine": machine(),
        "settings": told(settings),
        "sent": soaked.sent,
        "verdicts": verdicts,
        "samples": soaked.samples,
    }


def _show(soaked: Soaked, verdicts: dict[str, Verdict], settings: Settings) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=WIDE)
    for name, value in machine().items():
        console.print(f"[dim]{name.replace('_', ' '):14}[/] {flat(value)}")
    console.print(f"[dim]{'settings':14}[/] {' '.join(f'{name}={value}' for name, value in told(settings).items())}\n")
    shown = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in ("", "at the end", "", "flat", "after the warm-up"):
        shown.add_column(column, justify="right" if column == "at the end" else "left")
    for series in SERIES:
        if series.name in verdicts:
            verdict, last = verdicts[series.name], soaked.samples[series.name][-1][1]
            said = "yes" if verdict.flat else "[bold]no[/]"
            shown.add_row(series.name, f"{last:,.0f}", series.unit, said, verdict.why)
    console.print(shown)
    forgot = "" if soaked.evicted else "; none was forgotten, so this says little: give it more minutes"
    console.print(f"\n{soaked.sent:,} events sent, the worker {soaked.behind:.1f} s behind at the end{forgot}.")


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.soak")
