"""What one event costs in process, without Kafka: decoding, engine, each detector; a run's state; the gate."""

from __future__ import annotations

import asyncio
import functools
import gc
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from benchmarks.figures import Result, percentile
from benchmarks.machine import ROOT
from benchmarks.runs import fleet, run
from benchmarks.show import say
from benchmarks.stage import Stage
from detectors import DETECTORS
from detectors.detector import Detector, Finding, RuleSet, Run
from detectors.event import Event, RunStarted, ToolCall, encode
from monitor.client.gate import Gate
from monitor.decode import Decoded, decode
from monitor.engine.engine import Engine
from monitor.engine.outcome import Position
from monitor.engine.state import RunState, new
from monitor.engine.state import encode as state_bytes
from monitor.policy import Policy
from monitor.replay.read import Batch, reader_for
from monitor.worker.collector import settle

NAME = "engine"
RECORDED = ROOT.parent / "shared" / "corpora" / "trajectories" / "mini_swe_agent.jsonl"
REMEMBERS = 256  # entries; caches at least as large hold what was parsed, smaller ones what was loaded
BEGIN = 1_750_000_000.0
IMPORT = "import time; t = time.perf_counter(); from monitor.client import KillSwitch, Publisher; " \
    "print(time.perf_counter() - t)"  # fmt: skip


class Cost(Struct, kw_only=True):
    """µs an event of one pass over the same events, and in detectors by name."""

    decode: float
    process: float
    detectors: dict[str, float]


async def measure(stage: Stage, quick: bool) -> Result:
    """On made-up runs, and on recorded ones where they lie beside the checkout."""
    return await asyncio.to_thread(_measure, quick)


def _measure(quick: bool) -> Result:
    result = Result()
    count, rounds = (2_000, 2) if quick else (30_000, 5)
    made = fleet(11, begin=BEGIN)
    sources = {"made-up runs": [encode(next(made)) for _ in range(count)]}
    if RECORDED.exists():
        recorded = [encode(event) for event in _recorded()]
        sources["mini-swe-agent"] = recorded[:count] if quick else recorded
    _engine()
    settle()
    for source, values in sources.items():
        say(f"engine: {len(values):,} events, {source}")
        _source(result, source, values, rounds)
    _client(result, 2 if quick else 7)
    _gate(result, list(sources.items())[-1], 300 if quick else 5_000)
    return result


def _source(result: Result, source: str, values: list[bytes], rounds: int) -> None:
    costs = [_cost(values) for _ in range(rounds)]
    runs = len({decoded.run_id for decoded in map(_decoded, values)})
    size = sum(map(len, values)) / len(values)
    note = f"{len(values):,} events, {runs} runs, {size:.0f} bytes an event"
    result.rounds(NAME, f"{source}: decode", [cost.decode for cost in costs], "µs/event", note=note)
    whole = result.rounds(NAME, f"{source}: Engine.process", [cost.process for cost in costs], "µs/event", aim=20.0)
    for name in costs[0].detectors:
        each = [cost.detectors[name] for cost in costs]
        share = percentile(each, 50) / whole
        result.rounds(NAME, f"{source}: {name}", each, "µs/event", note=f"{share:.0%} of the engine")
    sizes = _state_sizes(values)
    result.add(NAME, f"{source}: state of a run, p50", percentile(sizes, 50), "bytes", aim=2048)
    result.add(NAME, f"{source}: state of a run, max", max(sizes), "bytes", aim=8192)
    result.summary.append(
        f"The engine judges an event of {source} in {whole:.0f} µs, every detector on; a run's state takes "
        f"{percentile(sizes, 50):,.0f} bytes at the median, {max(sizes):,.0f} at most."
    )


def _cost(values: list[bytes]) -> Cost:
    decoding = _us(lambda: [decode(value) for value in values], len(values))
    events = [(decoded.run_id, decoded.events) for decoded in map(_decoded, values)]
    engine = _engine()
    process = _us(lambda: _judge(engine, events), len(values))
    spent: dict[str, float] = {}
    timing = _engine([_timed(detector, spent) for detector in DETECTORS])
    spent.update(dict.fromkeys(spent, 0.0))
    _judge(timing, events)
    return Cost(
        decode=decoding,
        process=process,
        detectors={name: seconds / len(values) * 1e6 for name, seconds in spent.items()},
    )


def _engine(detectors: Sequence[type[Detector[Any]]] = DETECTORS) -> Engine:
    """Warm, but with nothing remembered of the commands that an earlier pass parsed."""
    engine = Engine(Policy.load(), detectors=detectors)
    _judge(engine, [(event.run_id, [event]) for event in run(1, "warm", BEGIN)])
    for memory in _memories():
        memory.cache_clear()
    return engine


@functools.cache
def _memories() -> list[functools._lru_cache_wrapper[Any]]:
    """What remembers, found once: what the collector was told to leave alone it does not list."""
    found = [thing for thing in gc.get_objects() if isinstance(thing, functools._lru_cache_wrapper)]
    return [memory for memory in found if (memory.cache_parameters()["maxsize"] or 0) >= REMEMBERS]


def _judge(engine: Engine, events: list[tuple[str, list[Event]]]) -> dict[str, RunState]:
    states: dict[str, RunState] = {}
    for n, (run_id, batch) in enumerate(events):
        state = states.get(run_id)
        if state is None:
            state = states[run_id] = new(run_id)
        engine.take(state, batch, Position("events", 0, n, batch[0].time))
    return states


def _timed(detector: type[Detector[Any]], spent: dict[str, float]) -> type[Detector[Any]]:
    """The same detector, which adds up its seconds in ``spent``, without those of the clock itself."""
    clock = time.perf_counter
    idle = min(_clock_s() for _ in range(20))
    spent[detector.name] = 0.0

    def observe(self: Detector[Any], event: Event, state: Any, run: Run, rules: RuleSet) -> Iterable[Finding]:
        started = clock()
        found = detector.observe(self, event, state, run, rules)
        found = found if isinstance(found, (list, tuple)) else list(found)
        spent[detector.name] += clock() - started - idle
        return found

    return type(detector.__name__, (detector,), {"observe": observe})


def _clock_s() -> float:
    started = time.perf_counter()
    return time.perf_counter() - started


def _state_sizes(values: list[bytes]) -> list[float]:
    """Of each run the most that its state took, looked at at every 20th event and at the end."""
    engine = _engine()
    states: dict[str, RunState] = {}
    seen: dict[str, int] = {}
    most: dict[str, float] = {}
    for n, value in enumerate(values):
        decoded = _decoded(value)
        run_id = decoded.run_id
        state = states.setdefault(run_id, new(run_id))
        engine.take(state, decoded.events, Position("events", 0, n, decoded.events[0].time))
        seen[run_id] = seen.get(run_id, 0) + 1
        if seen[run_id] % 20 == 0:
            most[run_id] = max(most.get(run_id, 0.0), len(state_bytes(state)))
    return [max(most.get(run_id, 0.0), len(state_bytes(state))) for run_id, state in states.items()]


def _client(result: Result, rounds: int) -> None:
    say("engine: import of the client")
    command = [sys.executable, "-c", IMPORT]
    times = [
        float(subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout)
        for _ in range(rounds)
    ]
    result.rounds(NAME, "import of monitor.client", [seconds * 1000 for seconds in times], "ms",
                  note="Publisher and KillSwitch, interpreter started")  # fmt: skip


def _gate(result: Result, source: tuple[str, list[bytes]], count: int) -> None:
    """Verdicts on the tool calls of the events, each run by a gate of its own."""
    name, values = source
    _engine()
    gates: dict[str, Gate] = {}
    times: list[float] = []
    policy = Policy.load()
    for value in values:
        for event in _decoded(value).events:
            if event.run_id not in gates:
                workspace = event.workspace if isinstance(event, RunStarted) else None
                gates[event.run_id] = Gate(event.run_id, workspace=workspace)
                gates[event.run_id]._engine.use(policy)  # one policy, as one agent's process has
            if isinstance(event, ToolCall):
                started = time.perf_counter()
                gates[event.run_id].check(event.tool, event.arguments, call_id=event.call_id)
                times.append((time.perf_counter() - started) * 1e6)
        if len(times) >= count:
            break
    result.add(NAME, "gate verdict, p50", percentile(times, 50), "µs", aim=50.0, note=f"{len(times):,} calls, {name}")
    result.add(NAME, "gate verdict, p99", percentile(times, 99), "µs")
    result.summary.append(
        f"The gate judges a tool call in {percentile(times, 50):.0f} µs at the median, {percentile(times, 99):,.0f} µs "
        "at p99, in the agent's own process."
    )


def _recorded() -> Iterable[Event]:
    with Path(RECORDED).open("rb") as lines:
        reader = reader_for(lines.readline())
        lines.seek(0)
        for batch in reader.read(lines):
            if isinstance(batch, Batch):
                yield from batch.events


def _decoded(value: bytes) -> Decoded:
    decoded = decode(value)
    if not isinstance(decoded, Decoded):
        raise TypeError(f"{value[:200]!r}: {decoded.reason}")
    return decoded


def _us(work: Callable[[], object], events: int) -> float:
    """µs an event, the collector of garbage on, with a worker's settings."""
    gc.collect()
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) / events * 1e6
