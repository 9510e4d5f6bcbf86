"""One message of each kind, for the AsyncAPI document: the story of one run that is stopped."""

from __future__ import annotations

from typing import Any

from detectors.event import (
    CommitPoint,
    Decision,
    Heartbeat,
    Message,
    Metric,
    ModelCall,
    RunFinished,
    RunStarted,
    ToolCall,
    ToolResult,
)  # fmt: skip
from detectors.rollup import Rollup
from monitor.messages import Ack, Alert, Command, Evidence, JournalEntry, Judged, OperatorDecision, WorkerHeartbeat

RUN, AT = "run-7f3a", 1_790_000_000.0
ALERT_ID, COMMAND_ID = "0b6e6ff24f1c1fd3c5c1a9d7f2a4b6c8", "5d41402abc4b2a76b9719d911017c592"
DIGEST = "a3f1c2d4e5b60718"
COMMON: dict[str, Any] = {
    "run_id": RUN, "agent_id": "main", "agent_name": "coder", "team": "payments", "environment": "production",
    "publisher": "sdk",
}  # fmt: skip

EVENTS = [
    RunStarted(id="e0", time=AT, seq=0, task="make the deployment quicker", workspace="/srv/app", **COMMON),
    ModelCall(
        id="e1", time=AT + 1, seq=1, provider="anthropic", model="claude", input_tokens=5200, output_tokens=310,
        cache_read_input_tokens=4100, cost_usd=0.021, duration_s=2.4, finish_reason="tool_use", **COMMON,
    ),
    Decision(id="e2", time=AT + 2, seq=2, name="how", chosen="rebuild", alternatives=["cache layers"], **COMMON),
    Message(id="e3", time=AT + 3, seq=3, role="assistant", text="Rebuilding is more efficient.", **COMMON),
    CommitPoint(id="e4", time=AT + 4, seq=4, name="before the rebuild", revert="git reset --hard 1f2e3d", **COMMON),
    ToolCall(
        id="e5", time=AT + 5, seq=5, tool="bash", call_id="c1",
        arguments={"command": "terraform destroy -auto-approve"}, **COMMON,
    ),
    ToolResult(
        id="e6", time=AT + 6, seq=6, call_id="c1", status="ok", exit_code=0, output="Destroy complete!",
        output_bytes=17, duration_s=0.8, **COMMON,
    ),
    Metric(id="e7", time=AT + 7, seq=7, name="queue.depth", value=12.0, unit="jobs", **COMMON),
    Heartbeat(id="e8", time=AT + 8, seq=8, **COMMON),
    RunFinished(id="e9", time=AT + 9, seq=9, outcome="success", claim="The deployment is quicker now.", **COMMON),
]  # fmt: skip

ALERT = Alert(
    id=ALERT_ID, revision=1, status="open", event_id="e5", time=AT + 5, run_id=RUN, agent_id="main",
    agent_name="coder", team="payments", environment="production", rule="destructive.wide", family="destructive",
    severity="critical", mode="kill", title="Wide, irreversible destruction",
    summary="terraform destroy would delete everything this configuration made. A kill was issued.", score=1.0,
    evidence=[Evidence(event_id="e5", topic="killcord.events", partition=5, offset=1041,
                       excerpt="bash: terraform destroy -auto-approve")],
    command_id=COMMAND_ID, policy=DIGEST,
)  # fmt: skip

COMMAND = Command(
    id=COMMAND_ID, action="kill", scope="run", target=RUN, run_id=RUN, event_id="e5", agent_id="main", seq=5,
    partition=5, reason="terraform destroy would delete everything this configuration made.", alert_id=ALERT_ID,
    issued_by="killcord", issued_at=AT + 5.01, expires_at=None, epoch=1,
)  # fmt: skip

ACK = Ack(
    command_id=COMMAND_ID, run_id=RUN, status="stopped", time=AT + 5.05, last_seq=5, actions_after=0,
    detail="cgroup2: 4 processes, none left", consumer="guard@build-3:4711",
)  # fmt: skip

DECISION = OperatorDecision(
    id="9c1185a5c5e9fc54612808977ee8f548", decision="raise_budget", scope="run", target=RUN, time=AT + 60,
    by="ann@example.org", reason="a big migration", limits={"usd": 20.0},
)  # fmt: skip

ROLLUP = Rollup(
    id="7d793037a0760186574b0282f2f435e7", scope="agent_name", target="coder", run_id=RUN, event_id="e9", time=AT + 9,
    partition=5, offset=1045, team="payments", environment="production", started=True, finished=True, steps=1,
    results=1, model_calls=1, input_tokens=5200, output_tokens=310, cost_usd=0.021, tool_seconds=0.8, timed_results=1,
    tools={"bash": 1}, run_steps=1, run_cost_usd=0.021, run_seconds=9.0,
)  # fmt: skip

JOURNAL = JournalEntry(kind="ack", partition=5, offset=1041, run_id=RUN, digest=DIGEST, ack=ACK)

WORKER_HEARTBEAT = WorkerHeartbeat(
    worker="build-3:4711:18d1f0a2", number=812, time=AT + 5, interval_s=1.0, ready=None,
    partitions=[Judged(partition=4, waiting=0, behind_s=0.0), Judged(partition=5, waiting=12, behind_s=0.04)], of=8,
)  # fmt: skip

DEAD_LETTER_HEADERS = {
    "topic": "killcord.events", "partition": "5", "offset": "1042",
    "reason": "non-finite number NaN - at `$.cost_usd`",
}  # fmt: skip
