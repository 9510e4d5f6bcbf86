"""``python -m benchmarks [--quick] [--json] [--save] [NAME...]``: measures, prints, asserts nothing about times."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
import traceback
from collections.abc import Awaitable, Callable

import click
import msgspec

from benchmarks import drain, drift, engine, lane, latency, profile, recovery, scale, stop, takeover
from benchmarks.figures import Result
from benchmarks.machine import machine
from benchmarks.report import Measured, Report, save
from benchmarks.show import say, table
from benchmarks.stage import Stage, StageError
from monitor.client.connection import quiet

Measure = Callable[[Stage, bool], Awaitable[Result]]
BENCHMARKS: dict[str, Measure] = {
    engine.NAME: engine.measure,
    lane.NAME: lane.measure,
    drain.NAME: drain.measure,
    profile.NAME: profile.measure,
    latency.NAME: latency.measure,
    stop.NAME: stop.measure,
    scale.NAME: scale.measure,
    takeover.NAME: takeover.measure,
    recovery.NAME: recovery.measure,
    drift.NAME: drift.measure,
}
# Takes minutes, and no figure of it depends on how quick anything is.
BY_NAME_ONLY = (drift.NAME,)


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--quick", is_flag=True, help="Few events and one round: shows that it works, not how quick it is.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object in place of the table.")
@click.option("--save", "keep", is_flag=True, help="Keep the results, and write docs/performance.md anew from them.")
def main(names: tuple[str, ...], quick: bool, as_json: bool, keep: bool) -> None:
    """Measure Killcord on this machine; without a NAME, everything but drift.

    \b
    engine    µs an event of decoding, engine and each detector; state of a run; import and gate (no Kafka)
    lane      µs an event without the engine, beside stock Faust, bare aiokafka and quixstreams
    drain     events/s of one worker, beside bare aiokafka and stock Faust with the same engine
    profile   where the worker's time goes
    latency   from an event to the received kill, at 100 to 25,000 events/s offered, beside stock Faust
    stop      from an event to the proven stop of a guarded process
    scale     CPU an event of two workers beside that of one
    takeover  the first kill after a worker's SIGKILL
    recovery  a checkpoint of 80,000 runs, the recovery of 100,000, beside a Faust table
    drift     our drift detector beside river's: found, delay, false alarms (no Kafka)

    A real Kafka is started for it (Java 17 and Maven), or named by KILLCORD_TEST_BROKERS. Compare ratios: absolute
    times differ threefold between machines of the same name. A benchmark that fails is told at the end; the others'
    results stand, and the exit status is 1.
    """
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        raise click.ClickException(f"no benchmark {unknown[0]!r}: there are {', '.join(BENCHMARKS)}")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job would ignore it
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    quiet()
    report = Report(machine=machine(), quick=quick)
    try:
        with Stage() as stage:
            for name in names or (name for name in BENCHMARKS if name not in BY_NAME_ONLY):
                say(name)
                report.benchmarks[name] = _run(name, stage, quick)
            if stage.kafka is not None:
                report.machine["kafka"] = stage.kafka
    except KeyboardInterrupt:
        print("interrupted; everything that was started has ended", file=sys.stderr)
        sys.exit(130)
    if keep:
        save(report)
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(report.told())).decode())
    else:
        table(report)
    if failed := [f"{name}: {of.failed}" for name, of in report.benchmarks.items() if of.failed]:
        print("\n".join(failed), file=sys.stderr)
        sys.exit(1)


def _run(name: str, stage: Stage, quick: bool) -> Measured:
    began = time.monotonic()
    measured = Measured(at=time.strftime("%Y-%m-%d %H:%M", time.gmtime()))
    try:
        measured.result = asyncio.run(_of(BENCHMARKS[name], stage, quick))
    except StageError as error:
        measured.failed = str(error)
    except Exception as error:  # the results of the others must not be lost
        traceback.print_exc()
        measured.failed = f"{type(error).__name__}: {error}"
    measured.seconds = round(time.monotonic() - began, 1)
    if measured.failed:
        say(f"{name} failed: {measured.failed}")
    return measured


async def _of(measure: Measure, stage: Stage, quick: bool) -> Result:
    return await measure(stage, quick)


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
