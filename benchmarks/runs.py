"""Made-up runs of coding agents, the same for the same seed: what they read, edit, run and pay; about 700 bytes each.

Healthy work: nothing in it should be stopped. Real recordings are measured too where they are at hand (`engine`).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from detectors.event import Event, Message, ModelCall, RunFinished, RunStarted, ToolCall, ToolResult

AGENTS = ("coder", "reviewer", "migrator", "doc-writer", "bug-fixer")
AREAS = ("parser", "billing", "search", "ingest", "auth", "report", "cache", "router", "export", "schema")
_PROSE = (
    "the test fails since value order of keys is not kept when config has two entries with same name so look where "
    "it is read and written first then change only that part and run again to see whether other callers rely on it"
)
WORDS = tuple(_PROSE.split())
COMMANDS = (
    "ls -la src/{a}",
    "cat src/{a}/{b}.py",
    "sed -n '{n},{m}p' src/{a}/{b}.py",
    "grep -rn '{w}_{b}' src tests --include='*.py' | head -{n}",
    "python -m pytest tests/{a}/test_{b}.py -q -x 2>&1 | tail -{n}",
    "git diff --stat HEAD~{k} -- src/{a}",
    "git log --oneline -n {n} -- src/{a}/{b}.py",
    'cd src/{a} && python -c "import {b}; print({b}.{w}({n}))"',
    "find . -name '{b}*.py' -newer setup.py -not -path './.venv/*'",
    "mkdir -p build/{a}{n} && cp src/{a}/*.py build/{a}{n}/",
    'psql -c "SELECT {w}, count(*) FROM {a}_{b} WHERE id > {n} GROUP BY 1 LIMIT {m}"',
)


def fleet(seed: int, *, begin: float, concurrent: int = 200, prefix: str = "run") -> Iterator[Event]:
    """Events of ``concurrent`` runs at a time, mixed, without end. ``begin``: Unix seconds of the first.

    >>> [event.kind for event in run(1, "r", 0.0)][:4]
    ['run.started', 'model.call', 'message', 'tool.call']
    """
    chance = random.Random(seed)
    started = 0
    active: list[Iterator[Event]] = []
    while True:
        while len(active) < concurrent:
            active.append(run(seed * 1_000_003 + started, f"{prefix}-{seed}-{started}", begin))
            started += 1
        place = chance.randrange(len(active))
        event = next(active[place], None)
        if event is None:
            del active[place]
        else:
            yield event


def run(seed: int, run_id: str, begin: float) -> Iterator[Event]:
    """One run of 5 to 40 steps, each a model call, a thought, a tool call and its result."""
    chance = random.Random(seed)
    agent = chance.choice(AGENTS)
    now, seq = begin, 0

    def common() -> dict[str, Any]:
        nonlocal seq
        seq += 1
        return {
            "id": f"{run_id}-{seq}", "time": now, "run_id": run_id, "agent_id": "main", "agent_name": agent,
            "agent_version": "2.4.1", "team": "platform", "environment": "staging", "publisher": "sdk", "seq": seq,
        }  # fmt: skip

    yield RunStarted(**common(), task=_text(chance, 40), workspace=f"/workspace/{run_id}")
    context = chance.randrange(4_000, 12_000)
    for step in range(chance.randrange(5, 41)):
        now += chance.uniform(0.5, 4.0)
        context += chance.randrange(200, 2_500)
        yield ModelCall(
            **common(), provider="anthropic", model="claude-sonnet", input_tokens=context,
            output_tokens=chance.randrange(60, 900), cache_read_input_tokens=context * 9 // 10,
            cost_usd=round(context * 6e-7 + 0.004, 6), duration_s=round(chance.uniform(0.8, 6.0), 3),
            finish_reason="tool_use",
        )  # fmt: skip
        yield Message(**common(), role="assistant", text=_text(chance, chance.randrange(30, 110)))
        call = f"call-{step}"
        if chance.random() < 0.25:
            path = f"src/{chance.choice(AREAS)}/{chance.choice(AREAS)}.py"
            arguments = {"path": path, "old": _text(chance, 30), "new": _text(chance, 50)}
            yield ToolCall(**common(), tool="edit_file", call_id=call, arguments=arguments)
        else:
            yield ToolCall(**common(), tool="bash", call_id=call, arguments={"command": _command(chance)})
        failed = chance.random() < 0.12
        output = "\n".join(_text(chance, chance.randrange(6, 14)) for _ in range(chance.randrange(2, 36)))
        yield ToolResult(
            **common(), call_id=call, status="error" if failed else "ok", exit_code=int(failed), output=output,
            output_bytes=len(output), duration_s=round(chance.uniform(0.01, 3.0), 3),
        )  # fmt: skip
    yield RunFinished(**common(), outcome="success", claim=_text(chance, 20))


def _text(chance: random.Random, words: int) -> str:
    return " ".join(chance.choices(WORDS, k=words))


def _command(chance: random.Random) -> str:
    n = chance.randrange(3, 300)
    return chance.choice(COMMANDS).format(
        a=chance.choice(AREAS), b=chance.choice(AREAS), w=chance.choice(WORDS), n=n, m=n + 60, k=chance.randrange(1, 9)
    )
