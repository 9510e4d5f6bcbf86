# ruff: noqa: E501 - outputs as tools print them
"""Publishers of the eleventh style: JSON answers, long texts, results out of order, slow models, a user in between."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.loops_scene import Scene
from detectors.event import Message, ModelCall, ToolCall, ToolResult

N = (
    "account",
    "booking",
    "carrier",
    "device",
    "engine",
    "folder",
    "garage",
    "hangar",
    "island",
    "jacket",
    "kernel",
    "ladder",
    "magnet",
    "nozzle",
    "oyster",
    "parcel",
    "quarry",
    "rocket",
    "sensor",
    "ticket",
    "urn",
    "vessel",
    "wallet",
    "yacht",
    "zebra",
    "bridge",
    "candle",
)


class Eleventh(Scene):
    def __post_init__(self) -> None:
        super().__post_init__()
        c = self.chance
        self.names = c.choice(("camel", "snake", "mcp", "dotted"))
        self.cut = c.choice((None, None, 500, 150))
        self.ids = c.random() > 0.1
        self.durations = c.random() > 0.5
        self.how = c.choice(("code", "state", "both", "none"))
        self.shuffled = c.random() < 0.15
        self.user = c.random() < 0.15
        self.talks = c.random() < 0.3
        self.thinking = c.choice((0.5, 2.0, 8.0))
        self.shape = f"{self.names} {self.how} shuf{self.shuffled} user{self.user}"
        self.open: list[tuple[Any, ...]] = []

    def noun(self) -> str:
        return self.pick(*N)

    def verb(self) -> str:
        return self.pick("check", "build", "look at", "repair", "merge", "test")

    def path(self) -> str:
        return f"/{self.noun()}/{self.noun()}/{self.noun()}{self.number(1, 99)}.{self.pick('ts', 'py', 'go', 'yaml', 'tex')}"

    def prose(self, words: int) -> str:
        return " ".join(self.noun() + self.pick("", "s", "'s", "ing") for _ in range(words))

    def named(self, name: str) -> str:
        parts = name.split("_")
        return {
            "camel": parts[0] + "".join(p.title() for p in parts[1:]),
            "snake": name,
            "mcp": f"mcp__srv__{name}",
            "dotted": ".".join(parts),
        }[self.names]

    def do(
        self,
        name: str,
        out: Any = "",
        bad: bool = False,
        /,
        took: float = 0.3,
        agent: str | None = None,
        **arguments: Any,
    ) -> None:
        self.tool(
            self.named(name), arguments, out if isinstance(out, str) else json.dumps(out), int(bad), took, None, agent
        )

    def sh(self, command: str, out: str = "", code: int = 0, took: float = 0.2) -> None:
        self.tool(
            {
                "camel": "runCommand",
                "snake": "run_shell_command",
                "mcp": "mcp__desktop__start_process",
                "dotted": "shell.run",
            }[self.names],
            {"command": command, **({"timeout_ms": 30000} if self.names == "mcp" else {})},
            out,
            code,
            took,
        )

    def bash(
        self, command: str, output: str = "", code: int = 0, took: float = 0.2, thought: str | None = None, **more: Any
    ) -> None:
        self.sh(command, output, code, took)

    def tool(
        self,
        tool: str,
        arguments: dict[str, Any],
        output: str = "",
        code: int = 0,
        took: float = 0.2,
        thought: str | None = None,
        agent: str | None = None,
    ) -> None:
        think = self.thinking * self.chance.uniform(0.5, 1.8)
        self.now += think
        if self.user and self.chance.random() < 0.1:
            self._add(Message, agent=agent, role="user", text=self.pick("ok", "go on", "thanks", "please continue"))
        if self.talks:
            self._add(ModelCall, agent=agent, model="x", duration_s=round(think, 2), output_tokens=60)
            self._add(
                Message, agent=agent, role="assistant", text=f"I'll {self.verb()} the {self.noun()} {self.prose(4)}."
            )
        call_id = f"call_{self.hexed(12)}" if self.ids else None
        self._add(ToolCall, agent=agent, tool=tool, call_id=call_id, arguments=arguments)
        self.now += took
        whole = len(output.encode())
        if self.cut and len(output) > self.cut:
            output = output[: self.cut]
        self.open.append((agent, call_id, output, whole, code, took))
        if not (self.shuffled and self.ids) or len(self.open) > 2:
            self.settle()

    def settle(self) -> None:
        if self.shuffled:
            self.chance.shuffle(self.open)
        for agent, call_id, output, whole, code, took in self.open:
            self._add(
                ToolResult,
                agent=agent,
                call_id=call_id,
                output=output,
                output_bytes=whole,
                exit_code=code if self.how in ("code", "both") else None,
                status=("error" if code else "ok") if self.how in ("state", "both") else None,
                duration_s=took if self.durations else None,
            )
        self.open.clear()

    def prelude(self, most: int = 6) -> None:
        for _ in range(self.number(0, most)):
            self.noise()
        self.settle()

    def noise(self) -> None:
        self.do("read_file", self.prose(self.number(20, 120)), path=self.path())
