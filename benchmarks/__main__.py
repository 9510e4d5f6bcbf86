"""``python -m benchmarks [--quick] [--json] [NAME...]``: measures, prints, asserts nothing about times."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import click
import msgspec

from benchmarks import drain, drift, engine, profile, stop
from benchmarks.figures import Result
from benchmarks.machine import machine
from benchmarks.show import say, table
from benchmarks.stage import Stage, StageError
from monitor.client.connection import quiet

Measure = Callable[[Stage, bool], Awaitable[Result]]
BENCHMARKS: dict[str, Measure] = {
    engine.NAME: engine.measure,
    drift.NAME: drift.measure,
    drain.NAME: drain.measure,
    profile.NAME: profile.measure,
    stop.NAME: stop.measure,
}


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--quick", is_flag=True, help="Few events and one round: shows that it works, not how quick it is.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object in place of the table.")
def main(names: tuple[str, ...], quick: bool, as_json: bool) -> None:
    """Measure Killcord on this machine; without a NAME, everything.

    \b
    engine   µs an event of decoding, engine and each detector; state of a run; import and gate (no Kafka)
    drift    our drift detector beside river's: found, delay, false alarms (no Kafka)
    drain    events/s of one worker beside bare aiokafka loops
    profile  where the worker's time goes
    stop     from an event to the proven stop of a guarded process, at 100 and 1,000 events/s offered

    A real Kafka is started for it (Java 17 and Maven), or named by KILLCORD_TEST_BROKERS. Compare ratios: absolute
    times differ threefold between machines of the same name.
    """
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        raise click.ClickException(f"no benchmark {unknown[0]!r}: there are {', '.join(BENCHMARKS)}")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job would ignore it
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    quiet()
    found = machine()
    total = Result()
    try:
        with Stage() as stage:
            for name in names or BENCHMARKS:
                say(name)
                result = asyncio.run(_of(BENCHMARKS[name], stage, quick))
                total.figures += result.figures
                total.summary += result.summary
            if stage.kafka is not None:
                found["kafka"] = stage.kafka
    except StageError as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        print("interrupted; everything that was started has ended", file=sys.stderr)
        sys.exit(130)
    found["quick"] = quick
    if as_json:
        told: dict[str, Any] = {"machine": found, "figures": total.figures, "summary": total.summary}
        print(msgspec.json.format(msgspec.json.encode(told)).decode())
    else:
        table(found, total.figures, total.summary)


async def _of(measure: Measure, stage: Stage, quick: bool) -> Result:
    return await measure(stage, quick)


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
