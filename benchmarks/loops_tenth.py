# ruff: noqa: E501 - outputs as tools print them
"""Publishers of the tenth style: terse, calls in parallel, results lost, a clock that little moves."""

from __future__ import annotations

from typing import Any

from benchmarks.loops_scene import Scene
from detectors.event import Message, ModelCall, ToolCall, ToolResult

THINGS = (
    "acorn",
    "basil",
    "comet",
    "delta",
    "elm",
    "fern",
    "grove",
    "heron",
    "indigo",
    "jade",
    "kelp",
    "lotus",
    "moss",
    "nova",
    "onyx",
    "pearl",
    "quartz",
    "reef",
    "sage",
    "topaz",
    "umber",
    "vale",
    "willow",
    "xenon",
    "yarrow",
    "zinc",
    "amber",
    "birch",
)
DOES = ("fix", "port", "clean up", "document", "rework", "benchmark", "audit", "split")


class Tenth(Scene):
    def __post_init__(self) -> None:
        super().__post_init__()
        c = self.chance
        self.step_s = c.choice((0.0, 1.0, 2.0, 5.0, None))  # None: drawn each time
        self.sh = c.choice(
            (
                ("Bash", "command"),
                ("shell", "command"),
                ("run_terminal_cmd", "command"),
                ("execute_bash", "command"),
                ("exec_command", "cmd"),
                ("container.exec", "cmd"),
                ("bash_tool", "bash_command"),
                ("Shell", "args"),
            )
        )
        self.cut = c.choice((None, None, None, 64, 200, 1000))
        self.ids = c.random() > 0.2
        self.durations = c.random() > 0.4
        self.models = c.random() > 0.4
        self.says = c.random() < 0.3
        self.lost = c.choice((0, 0, 0, 0, 0.05))
        self.parallel = c.choice((1, 1, 1, 1, 3))
        self.shape = f"par{self.parallel} lost{self.lost} step{self.step_s}"
        self.queue: list[tuple[Any, ...]] = []

    def noun(self) -> str:
        return self.pick(*THINGS)

    def verb(self) -> str:
        return self.pick(*DOES)

    def file(self) -> str:
        return f"{self.noun()}/{self.noun()}{self.pick('', '_' + self.noun(), str(self.number(1, 9)))}.{self.pick('py', 'js', 'c', 'md', 'sql', 'html')}"

    def gap(self) -> None:
        self.now += self.chance.uniform(0.8, 9.0) if self.step_s is None else self.step_s

    def bash(
        self, command: str, output: str = "", code: int = 0, took: float = 0.1, thought: str | None = None, **more: Any
    ) -> None:
        tool, name = self.sh
        value: Any = [command] if name == "args" else command
        if tool == "container.exec":
            value = ["bash", "-lc", command]
        self.tool(tool, {name: value, **more}, output, code, took, thought)

    def tool(
        self,
        tool: str,
        arguments: dict[str, Any],
        output: str = "",
        code: int = 0,
        took: float = 0.1,
        thought: str | None = None,
        agent: str | None = None,
    ) -> None:
        if not self.queue:
            self.gap()
            if self.models:
                self._add(
                    ModelCall,
                    agent=agent,
                    model="m",
                    input_tokens=self.number(900, 9000),
                    output_tokens=self.number(10, 300),
                )
            if self.says and thought:
                self._add(Message, agent=agent, role="assistant", text=thought)
        call_id = f"{self._seq}-{self.hexed(4)}" if self.ids else None
        self._add(ToolCall, agent=agent, tool=tool, call_id=call_id, arguments=arguments)
        self.queue.append((agent, call_id, output, code, took))
        if len(self.queue) >= (self.parallel if took < 1 else 1):
            self.settle()

    def settle(self) -> None:
        for agent, call_id, output, code, took in self.queue:
            self.now += took
            if self.chance.random() < self.lost:
                continue
            whole = len(output.encode())
            cut = output[: self.cut] if self.cut else output
            self._add(
                ToolResult,
                agent=agent,
                call_id=call_id,
                output=cut,
                output_bytes=whole if self.durations else None,
                exit_code=code if self.codes else None,
                duration_s=took if self.durations else None,
                status=("error" if code else "ok") if self.states else None,
            )
        self.queue.clear()

    def prelude(self, most: int = 4) -> None:
        for _ in range(self.number(0, most)):
            f = self.file()
            self.pick(
                lambda f=f: self.bash(
                    f"cat {f}", "\n".join(f"{self.noun()} = {self.noun()}" for _ in range(self.number(1, 12)))
                ),
                lambda f=f: self.bash(
                    "git log --oneline -5", "\n".join(f"{self.hexed(7)} {self.verb()} {self.noun()}" for _ in range(5))
                ),
                lambda f=f: self.tool("Read", {"file_path": f}, f"1\tdef {self.noun()}():\n2\t  pass"),
            )()
        self.settle()

    def noise(self) -> None:
        self.tool(
            "Read",
            {"file_path": self.file()},
            "\n".join(f"{n}\t{self.noun()} {self.noun()}" for n in range(self.number(2, 9))),
        )
