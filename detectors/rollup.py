"""Small sums over a run's recent events: what the second stage (drift, deployment budgets) sees.

A rollup is cut from a run's events after a fixed number of steps and at the run's end, so the same events give the
same rollups in the stream and in replay. It carries where it was cut (source partition and offset): the second stage
keeps the highest offset per source partition, so a rollup that comes twice counts once.
"""

from __future__ import annotations

from msgspec import Struct

STEPS_PER_ROLLUP = 10


class Rollup(Struct, kw_only=True, omit_defaults=True):
    """Sums since the run's previous rollup. ``scope`` and ``target`` are the key: ``agent_name:coder``.

    Durations in seconds, cost in US dollars. ``tools`` counts calls by tool. ``finished`` is set on the run's last one,
    which also carries the run's totals (``run_steps``, ``run_cost_usd``, ``run_seconds``). Of a run that a timer
    started, it says too what the run did and what came of it (``run_did``, ``run_came``: sets of 48 bits). A run that
    another one started has one at its start too, and all of its rollups name both (``parent_run_id``, ``agent_name``).
    """

    id: str
    scope: str
    target: str
    run_id: str
    event_id: str
    time: float
    partition: int
    offset: int
    agent_version: str | None = None
    team: str | None = None
    environment: str | None = None
    started: bool = False
    finished: bool = False
    steps: int = 0
    results: int = 0
    errors: int = 0
    model_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    tool_seconds: float = 0.0
    timed_results: int = 0
    tools: dict[str, int] = {}
    run_steps: int = 0
    run_errors: int = 0
    run_cost_usd: float = 0.0
    run_seconds: float = 0.0
    schedule_id: str | None = None
    run_did: int = 0
    run_came: int = 0
    run_changes: int = 0
    parent_run_id: str | None = None
    agent_name: str | None = None

    @property
    def key(self) -> str:
        return f"{self.scope}:{self.target}"
