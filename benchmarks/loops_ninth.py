"""Publishers of the ninth style: a shell's command under many names, arguments nested or as JSON, fields left out."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.loops_scene import Scene
from detectors.event import Event, ModelCall, ToolCall, ToolResult

NOUNS = (
    "harbor",
    "orchid",
    "pylon",
    "granite",
    "teapot",
    "lantern",
    "meadow",
    "copper",
    "violin",
    "saddle",
    "ribbon",
    "canyon",
    "pepper",
    "walnut",
    "glacier",
    "puddle",
    "turbine",
    "falcon",
    "cobalt",
    "marble",
    "thicket",
    "anchor",
    "bishop",
    "cinder",
    "dynamo",
    "ember",
    "fjord",
    "gadget",
    "hazel",
    "ivory",
    "jigsaw",
    "kettle",
    "lagoon",
)
VERBS = ("inspect", "refresh", "assemble", "trim", "confirm", "measure", "compare", "outline", "revise", "collect")
PATHS = ("src", "lib", "pkg", "internal", "core", "web", "server", "api", "cmd", "modules")
EXT = ("py", "ts", "go", "rs", "java", "rb", "tf", "yml", "vue", "kt")


class Ninth(Scene):
    def __post_init__(self) -> None:
        super().__post_init__()
        c = self.chance
        self.shell = c.choice(
            (
                ("execute_command", "command_line"),
                ("terminal", "input"),
                ("Bash", "command"),
                ("run_shell", "cmd"),
                ("functions.exec", "code"),
                ("powershell", "script"),
                ("mcp__box__sh", "command"),
            )
        )
        self.cut = c.choice((None, None, None, None, 80, 300, 1500))
        self.ids = c.random() > 0.15
        self.durations = c.random() > 0.3
        self.models = c.random() > 0.3
        self.coarse = c.random() < 0.2
        self.shape = c.choice(("plain", "plain", "plain", "plain", "nested", "text", "extra", "list"))
        self.thinks = c.random() < 0.4

    def noun(self) -> str:
        return self.pick(*NOUNS)

    def verb(self) -> str:
        return self.pick(*VERBS)

    def path(self) -> str:
        return f"{self.pick(*PATHS)}/{self.noun()}_{self.noun()}.{self.pick(*EXT)}"

    def clock(self) -> str:
        return f"{self.number(0, 23):02}:{self.number(0, 59):02}:{self.number(0, 59):02}"

    def stamp(self) -> str:
        import datetime

        return (
            datetime.datetime.fromtimestamp(self.now, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S")
            + f".{self.number(100, 999)}Z"
        )

    def think(self, thought: str | None = None, agent: str | None = None) -> None:
        before = len(self.events)
        super().think(thought, agent)
        if not self.models:
            self.events[before:] = [e for e in self.events[before:] if not isinstance(e, ModelCall)]

    def bash(
        self, command: str, output: str = "", code: int = 0, took: float = 0.2, thought: str | None = None, **more: Any
    ) -> None:
        tool, name = self.shell
        value: Any = command
        if self.shape == "list":
            value = ["bash", "-lc", command]
        self.tool(tool, {name: value, **more}, output, code, took, thought)

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
        self.think(
            thought
            or self.pick(
                f"I will {self.verb()} the {self.noun()} next.",
                f"Let's {self.verb()} {self.noun()}.",
                f"Time to {self.verb()} things around {self.noun()}.",
                None,
            ),
            agent,
        )
        given: Any = arguments
        if self.shape == "nested":
            given = {"input": arguments, "kind": "call"}
        elif self.shape == "text":
            given = json.dumps(arguments)
        elif self.shape == "extra":
            given = {**arguments, "request_id": self.hexed(12), "explanation": f"{self.verb()} the {self.noun()}"}
        call_id = f"toolu_{self.hexed(10)}" if self.ids else None
        self._add(ToolCall, agent=agent, tool=tool, call_id=call_id, arguments=given)
        took *= self.chance.uniform(0.85, 1.2)
        self.now += took
        whole = len(output.encode())
        if self.cut is not None and len(output) > self.cut:
            output = output[: self.cut]
        self._add(
            ToolResult,
            agent=agent,
            call_id=call_id,
            output=output,
            output_bytes=whole,
            exit_code=code if self.codes else None,
            duration_s=round(took, 3) if self.durations else None,
            status=("error" if code else "ok") if self.states else None,
        )

    def prelude(self, most: int = 5) -> None:
        for _ in range(self.number(0, most)):
            p = self.path()
            self.pick(
                lambda p=p: self.tool(
                    "open_file",
                    {"file": p, "line": 1},
                    "\n".join(f"{n} {self.noun()} = {self.noun()}({self.hexed(3)})" for n in range(self.number(3, 30))),
                ),
                lambda p=p: self.bash(
                    f"ls -la {p.split('/')[0]}",
                    "\n".join(
                        f"-rw-r--r-- 1 u u {self.number(100, 9000)} {self.noun()}.{self.pick(*EXT)}" for _ in range(6)
                    ),
                ),
                lambda p=p: self.bash(
                    f"rg -n {self.noun()} {p.split('/')[0]}", f"{p}:{self.number(1, 400)}: {self.noun()}({self.noun()})"
                ),
            )()

    def noise(self) -> None:
        self.tool(
            "open_file", {"file": self.path()}, " ".join(self.noun() + self.hexed(2) for _ in range(self.number(4, 20)))
        )

    def _add(self, kind: type[Event], agent: str | None = None, parent: str | None = None, **given: Any) -> None:
        super()._add(kind, agent, parent, **given)
        if self.coarse:
            self.events[-1].time = float(int(self.now))
