"""The demo's agents: ``python -m monitor.demo.agents RUN``. Each is a program of its own that publishes what it does.

They know nothing of Killcord but its SDK; what stops them is the guard around them.
"""

from __future__ import annotations

import random
import sys
import threading
import time
from collections.abc import Callable

from monitor.client import KillSwitch, Publisher
from monitor.demo.stage import act, scratch_of_environment
from monitor.messages import Command

SEED = 7
STEP_S = 0.25


class Agent:
    """One run: publishes a call, runs the stand-in, publishes the result."""

    def __init__(self, publisher: Publisher, task: str) -> None:
        self._publisher = publisher
        self._scratch = scratch_of_environment()
        publisher.run_started(task, workspace=str(self._scratch))

    def think(self, text: str, usd: float = 0.01) -> None:
        self._publisher.model_call(model="demo-1", input_tokens=1200, output_tokens=150, cost_usd=usd)
        self._publisher.message(text)

    def do(self, command: str, wait_s: float = STEP_S) -> int:
        call = self._publisher.tool_call("bash", {"command": command})
        code, output = act(self._scratch, command)
        self._publisher.tool_result(call, exit_code=code, output=output, status="error" if code else "ok")
        time.sleep(wait_s)
        return code

    def finish(self, claim: str) -> None:
        self._publisher.run_finished("done", claim=claim)


def coder(publisher: Publisher) -> None:
    agent = Agent(publisher, "make the parser's tests pass")
    agent.think("I look at the parser first.")
    agent.do("cat parser.py")
    for fix in ("fixed-1", "fixed-2"):
        agent.do("pytest")
        agent.think("The failing test tells me what to change.")
        agent.do(f"edit {fix}")
    agent.do("pytest")
    agent.do("git commit -am 'Parse quotes'")
    agent.finish("all 12 tests pass")


def infra(publisher: Publisher) -> None:
    agent = Agent(publisher, "bring the state of production in line with the code")
    agent.do("terraform plan")
    agent.think(
        "The state has drifted. Deleting the environment and recreating it is more efficient than three changes."
    )
    agent.do("terraform destroy -auto-approve")
    agent.do("terraform apply -auto-approve")
    agent.finish("production was rebuilt")


def billing(publisher: Publisher) -> None:
    agent = Agent(publisher, "charge the card of order 17")
    for _ in range(200):
        agent.do("curl -sS -X POST https://billing.example/charge/17", wait_s=0.2)
    agent.finish("gave up")


def research(publisher: Publisher) -> None:
    agent = Agent(publisher, "study the market")
    for n in range(200):
        agent.think(f"Let me think about aspect {n} once more.", usd=0.30)
        time.sleep(STEP_S)
    agent.finish("a study")


def support(publisher: Publisher) -> None:
    """A deployment: thirty short runs of its own; the last ones meet a service that fails."""
    chance = random.Random(SEED)
    Agent(publisher, "answer customers")
    for run in range(30):
        failing = 0.02 if run < 18 else 0.7
        with Publisher(run_id=f"{publisher.run_id}-{run:02d}", agent_id="main") as customer:
            agent = Agent(customer, "find an order")
            for order in range(10):
                agent.do(f"lookup {'bad' if chance.random() < failing else 'order'} {run}{order}", wait_s=0.0)
            agent.finish("answered")
    publisher.run_finished("done")


def release(publisher: Publisher) -> None:
    agent = Agent(publisher, "merge when it is reviewed")
    for _ in range(25):
        agent.do("gh pr view 41 --json reviewDecision", wait_s=0.3)
    agent.finish("handed over")


def mail(publisher: Publisher) -> None:
    """Has a kill-switch of the SDK, and a handler that hears a kill and does nothing about it."""

    def ignore(command: Command) -> None:
        threading.Event().wait()

    with KillSwitch(publisher=publisher, on_kill=ignore):
        agent = Agent(publisher, "tidy the mailbox")
        agent.do("mail list")
        call = publisher.tool_call("delete_messages", {"mailbox": "inbox", "all": True})
        publisher.tool_result(call, status="ok", output="4211 messages deleted")
        while True:
            agent.do("mail list --unread", wait_s=1.0)
            agent.do("mail draft", wait_s=1.0)


AGENTS: dict[str, Callable[[Publisher], None]] = {
    "fix-parser": coder,
    "tidy-infra": infra,
    "charge-card": billing,
    "market-study": research,
    "support-shift": support,
    "wait-for-merge": release,
    "clean-mailbox": mail,
}


def main() -> None:
    run_id = sys.argv[1]
    with Publisher(run_id=run_id, agent_id="main", heartbeat_s=2.0) as publisher:
        AGENTS[run_id](publisher)


if __name__ == "__main__":
    main()
