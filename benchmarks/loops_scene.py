"""Builds the events of one made-up run with calls, results and times as agents make them: same seed, same events."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from detectors.event import Event, Message, ModelCall, RunFinished, RunStarted, ToolCall, ToolResult

BEGIN = 1_755_000_000.0


@dataclass
class Labelled:
    """One run, or for scheduled agents several, with what it is.

    begins: index in ``events`` of the first event of the loop (None: honest work).
    """

    name: str
    kind: str
    loop: bool
    events: list[Event]
    begins: int | None


@dataclass
class Scene:
    """Writes one run. What varies from one publisher to the next (argument names, exit codes, thoughts, latency,
    costs) is drawn once from the seed."""

    seed: str
    run_id: str = ""
    schedule_id: str | None = None
    now: float = BEGIN
    events: list[Event] = field(default_factory=list)
    begins: int | None = None

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.run_id = self.run_id or f"run-{self.seed}"
        self.now += self.chance.uniform(0, 1e6)
        self.shell = self.chance.choice((("bash", "command"), ("Bash", "command"), ("shell", "cmd"), ("run", "script")))
        self.thinks = self.chance.random() < 0.5
        self.codes = self.chance.random() < 0.8
        self.states = not self.codes or self.chance.random() < 0.6
        self.latency = self.chance.uniform(1.0, 6.0)
        self.price = self.chance.choice((None, 0.004, 0.03))
        self.agent_id = self.chance.choice(("", "main"))
        self._seq = 0

    def pick(self, *options: Any) -> Any:
        return self.chance.choice(options)

    def number(self, low: int, high: int) -> int:
        return self.chance.randint(low, high)

    def word(self) -> str:
        return self.pick(*WORDS)

    def hexed(self, length: int = 8) -> str:
        return "".join(self.chance.choices("0123456789abcdef", k=length))

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def start(self, task: str) -> None:
        self._add(RunStarted, task=task, workspace="/work", schedule_id=self.schedule_id)

    def loop_begins(self) -> None:
        if self.begins is None:
            self.begins = len(self.events)

    def think(self, thought: str | None = None, agent: str | None = None) -> None:
        """A model call, with its text if this agent publishes such."""
        took = self.latency * self.chance.uniform(0.6, 1.6)
        self.now += took
        self._add(ModelCall, agent=agent, model="model-1", cost_usd=self.price, input_tokens=self.number(3000, 60000),
                  output_tokens=self.number(40, 900), duration_s=round(took, 3), finish_reason="tool_use")  # fmt: skip
        if self.thinks and thought:
            self._add(Message, agent=agent, role="assistant", text=thought)

    def say(self, text: str, agent: str | None = None, role: str = "assistant") -> None:
        """A message with no call after it."""
        if role == "assistant":
            took = self.latency * self.chance.uniform(0.6, 1.6)
            self.now += took
            self._add(ModelCall, agent=agent, model="model-1", cost_usd=self.price, input_tokens=self.number(900, 9000),
                      output_tokens=len(text) // 4, duration_s=round(took, 3), finish_reason="stop")  # fmt: skip
        self._add(Message, agent=agent, role=role, text=text)

    def bash(
        self, command: str, output: str = "", code: int = 0, took: float = 0.2, thought: str | None = None, **more: Any
    ) -> None:
        """A shell step. took: seconds inside the tool."""
        tool, name = self.shell
        self.tool(tool, {name: command, **more}, output, code, took, thought)

    def tool(
        self, tool: str, arguments: dict[str, Any], output: str = "", code: int = 0, took: float = 0.2,
        thought: str | None = None, agent: str | None = None,
    ) -> None:  # fmt: skip
        self.think(thought or f"Now {self.pick('I', 'let me', 'next I')} {self.word()} the {self.word()}.", agent)
        call_id = f"c{self._seq}"
        self._add(ToolCall, agent=agent, tool=tool, call_id=call_id, arguments=arguments)
        took *= self.chance.uniform(0.8, 1.2)
        self.now += took
        self._add(ToolResult, agent=agent, call_id=call_id, output=output, output_bytes=len(output.encode()),
                  exit_code=code if self.codes else None, duration_s=round(took, 3),
                  status=("error" if code else "ok") if self.states else None)  # fmt: skip

    def prelude(self, most: int = 6) -> None:
        """Some honest steps before what the run is about."""
        for _ in range(self.number(0, most)):
            area, name = self.word(), self.word()
            self.pick(
                lambda a=area, n=name: self.bash(f"cat {a}/{n}.py", f"def {n}_{a}(x):\n    return {self.word()}(x)\n"),
                lambda a=area: self.bash(f"ls {a}", "\n".join(f"{self.word()}_{self.hexed(2)}.py" for _ in range(5))),
                lambda n=name: self.bash(f"grep -rn {n} .", f"./{self.word()}.py:{self.number(3, 90)}: {n}()"),
            )()

    def noise(self) -> None:
        """A step that has nothing to do with a loop, with news of its own."""
        self.bash(
            f"cat notes/{self.word()}_{self.hexed(3)}.md", f"{self.word()} {self.word()} {self.hexed(6)} {self.word()}"
        )

    def settle(self) -> None:
        """Publish what is held back, for publishers that do so."""

    def done(self, name: str, kind: str, loop: bool) -> Labelled:
        self._add(RunFinished, outcome="success")
        return Labelled(name, kind, loop, self.events, self.begins)

    def _add(self, kind: type[Event], agent: str | None = None, parent: str | None = None, **given: Any) -> None:
        self._seq += 1
        agent_id = self.agent_id if agent is None else agent
        self.events.append(kind(id=f"{self.run_id}/{self._seq}", time=round(self.now, 3), run_id=self.run_id,
                                agent_id=agent_id, agent_name="coder", publisher="sdk", seq=self._seq,
                                parent_agent_id=parent, **given))  # fmt: skip

    def child(self, agent: str, parent: str) -> None:
        """The first sign of a sub-agent."""
        self._add(Message, agent=agent, parent=parent, role="user", text=f"You are {agent}.")


WORDS = (
    "parser", "billing", "search", "ingest", "auth", "report", "cache", "router", "export", "schema", "token", "queue",
    "ledger", "invoice", "session", "widget", "planner", "matrix", "loader", "mapper", "sampler", "index", "commit",
)  # fmt: skip
