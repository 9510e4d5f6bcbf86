"""How the agents of the eighth style publish: tool names and argument shapes of known agents, long and terse answers,
answers of which only a digest or a state is published, thoughts or none, quick and slow."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from benchmarks.loops_scene import Scene
from detectors.event import Message, ToolCall, ToolResult

THOUGHTS = (
    "Let me look at {}.", "I should check {} next.", "OK, moving on to {}.", "The {} part needs attention.",
    "Next: {}.", "I think {} is what matters here; trying it.", "Continuing with {}.", "Now for {}.",
)  # fmt: skip
AGAIN = (
    "Let me try that again.", "I'll retry, perhaps it works this time.", "Maybe one more attempt will do.",
    "That did not work as hoped; once more.", "Running it again to make sure.", "Hmm, trying the same thing anew.",
    "It should be fine now, another go.", "I will execute this once again and see.",
)  # fmt: skip
NAMES = (
    "orders", "users", "payments", "mailer", "graph", "layout", "metrics", "config", "docker", "tests", "render",
    "socket", "locale", "theme", "upload", "thumbs", "ratelimit", "crypto", "migrate", "seed", "tokens", "views",
    "forms", "signals", "tasks", "routes", "pdf", "xlsx", "geo", "calendar", "billing", "audit", "oauth", "cart",
)  # fmt: skip
DIALECTS = ("claude", "cursor", "swe", "hands", "mcp", "codex")
SHELLS = {"claude": "Bash", "cursor": "run_terminal_cmd", "swe": "bash", "hands": "execute_bash",
          "mcp": "mcp__shell__execute", "codex": "shell"}  # fmt: skip


@dataclass
class Agent:
    """One agent of the eighth style, drawn from the scene's seed."""

    s: Scene
    paths: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        s = self.s
        self.dialect = s.pick(*DIALECTS)
        self.publishes = s.pick(*["output"] * 15, *["digest"] * 3, *["state"] * 2)
        self.thinking = s.pick("none", "terse", "long")
        s.thinks = self.thinking != "none"
        s.latency = s.pick(0.4, 1.5, 4.0, 12.0, 25.0)

    def name(self) -> str:
        return self.s.pick(*NAMES)

    def path(self, ending: str = "py") -> str:
        s = self.s
        return f"{s.pick('src', 'app', 'lib', 'pkg/core', 'web')}/{self.name()}/{self.name()}_{s.hexed(2)}.{ending}"

    def prose(self, words: int) -> str:
        return " ".join(self.s.pick(*NAMES, self.s.word(), self.s.hexed(3)) for _ in range(words))

    def code(self, lines: int) -> str:
        return "\n".join(
            f"    {self.s.word()}_{self.name()} = {self.name()}.{self.s.word()}({self.s.number(0, 999)})"
            for _ in range(lines)
        )

    def step(
        self, tool: str, arguments: Any, output: str | None = "", code: int = 0, took: float = 0.3,
        thought: str | None = None, agent: str | None = None, publishes: str | None = None,
    ) -> None:  # fmt: skip
        """A call and what is published of its result. publishes: output, digest, state, or none at all."""
        s = self.s
        said = thought or s.pick(*THOUGHTS).format(self.name())
        if self.thinking == "long":
            said += " " + self.prose(s.number(5, 30))
        s.think(said, agent)
        call_id = f"e{s._seq}"
        s._add(ToolCall, agent=agent, tool=tool, call_id=call_id, arguments=arguments)
        s.now += took
        how = publishes or self.publishes
        if how == "none":
            return
        text, size = (output, len(output.encode())) if output is not None else (None, None)
        digest = sha256(text.encode()).hexdigest() if how == "digest" and text is not None else None
        s._add(ToolResult, agent=agent, call_id=call_id, output=text if how == "output" else None, output_sha256=digest,
               output_bytes=size if how != "state" else None, exit_code=code if s.codes else None,
               status=("error" if code else "ok") if s.states else None, duration_s=round(took, 3))  # fmt: skip

    def sh(self, command: str, output: str = "", code: int = 0, took: float = 0.3, **more: Any) -> None:
        arguments: Any = {"command": command}
        if self.dialect == "claude" and self.thinking != "none":
            arguments["description"] = self.s.pick("Run", "Execute", "Check") + " " + command.split()[0]
        elif self.dialect == "cursor":
            arguments |= {"is_background": False, "explanation": f"{self.s.pick('Running', 'Trying')} the command"}
        elif self.dialect == "codex":
            arguments = {"command": ["bash", "-lc", command], "workdir": "/work"}
        self.step(SHELLS[self.dialect], arguments, output, code, took, **more)

    def read(self, path: str, output: str, offset: int | None = None, limit: int = 200, **more: Any) -> None:
        if self.dialect == "codex":
            at = offset or 1
            self.sh(f"sed -n '{at},{at + limit - 1}p' {path}", output, **more)
            return
        tool, arguments = {
            "claude": ("Read", {"file_path": f"/work/{path}"}),
            "cursor": ("read_file", {"target_file": path, "should_read_entire_file": offset is None}),
            "mcp": ("mcp__filesystem__read_text_file", {"path": path}),
        }.get(self.dialect, ("str_replace_editor", {"command": "view", "path": f"/work/{path}"}))
        if offset is not None:
            arguments |= {
                "cursor": {"start_line_one_indexed": offset, "end_line_one_indexed_inclusive": offset + limit - 1},
                "swe": {"view_range": [offset, offset + limit - 1]},
                "hands": {"view_range": [offset, offset + limit - 1]},
                "mcp": {"head": limit, "offset": offset},
            }.get(self.dialect, {"offset": offset, "limit": limit})
        self.step(tool, arguments, output, took=0.05, **more)

    def edit(self, path: str, old: str, new: str, output: str | None = None, **more: Any) -> None:
        told = output if output is not None else {
            "claude": f"The file /work/{path} has been updated.", "cursor": "Applied.", "codex": "Success. Updated: 1",
            "mcp": f"```diff\n-{old}\n+{new}\n```",
        }.get(self.dialect, f"The file /work/{path} has been edited. Here's the result:\n{new}")  # fmt: skip
        if self.dialect == "codex":
            patch = f"*** Begin Patch\n*** Update File: {path}\n@@\n-{old}\n+{new}\n*** End Patch"
            self.step("apply_patch", patch if self.s.codes else {"input": patch}, told, **more)
            return
        tool, arguments = {
            "claude": ("Edit", {"file_path": f"/work/{path}", "old_string": old, "new_string": new}),
            "cursor": ("edit_file", {"target_file": path, "instructions": "edit", "code_edit": new}),
            "mcp": ("mcp__filesystem__edit_file", {"path": path, "edits": [{"oldText": old, "newText": new}]}),
        }.get(self.dialect, ("str_replace_editor", {"command": "str_replace", "path": f"/work/{path}", "old_str": old,
                                                    "new_str": new}))  # fmt: skip
        self.step(tool, arguments, told, took=0.05, **more)

    def child(self, agent: str, prompt: str, parent: str | None = None) -> None:
        s = self.s
        s._add(Message, agent=agent, parent=s.agent_id if parent is None else parent, role="user", text=prompt)
