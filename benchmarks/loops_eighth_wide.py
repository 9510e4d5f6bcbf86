"""Honest work that reaches wide, eighth style: through a screen, through what is known, through sub-agents."""

from __future__ import annotations

from benchmarks.loops_eighth import Agent
from benchmarks.loops_scene import Scene


def ui_form(s: Scene) -> None:
    """Records put into a form: the same fields, other values, screenshots as digests."""
    a = Agent(s)
    shots = s.pick("digest", "output", "state")
    for n in range(s.number(6, 30)):
        for ref in ("e12", "e13", "e14"):
            a.step("browser_type", {"ref": ref, "text": f"{a.name()} {s.hexed(3)}"}, "Typed" if shots == "output" else
                   f"png-{n}-{ref}", publishes=shots)  # fmt: skip
        a.step("browser_click", {"element": "Save", "ref": "e20"}, f"Saved record {n + 1}" if shots == "output" else
               f"png-{n}-saved", publishes=shots)  # fmt: skip


def ui_walk(s: Scene) -> None:
    a = Agent(s)
    names = s.pick(("browser_click", "browser_snapshot"), ("mcp__playwright__browser_click",
                   "mcp__playwright__browser_snapshot"))  # fmt: skip
    for _ in range(s.number(15, 70)):
        ref, thing = f"e{s.number(2, 300)}", f"{s.word().title()} {a.name()}"
        a.step(names[0], {"element": thing, "ref": ref}, "Clicked")
        a.step(names[1], {}, f"- heading \"{thing}\"\n- text: {a.prose(s.number(3, 20))}",
               publishes=s.pick("output", "digest"))  # fmt: skip


def ui_computer(s: Scene) -> None:
    """A computer-use agent: coordinates, scrolls, keys; each screenshot is another picture."""
    a = Agent(s)
    for n in range(s.number(20, 120)):
        act = s.pick({"action": "left_click", "coordinate": [s.number(5, 1200), s.number(5, 800)]},
                     {"action": "scroll", "coordinate": [600, 400], "scroll_direction": "down", "scroll_amount": 5},
                     {"action": "key", "text": s.pick("Tab", "Return", "Down")}, {"action": "screenshot"},
                     {"action": "type", "text": a.prose(2)})  # fmt: skip
        a.step("computer", act, f"png {n} {s.hexed(20)}", publishes="digest", took=1.0)


def search_code(s: Scene) -> None:
    """Many searches, of which most find nothing."""
    a = Agent(s)
    none = s.pick("", "No matches found", "No files found")
    for _ in range(s.number(20, 80)):
        what = f"{s.word()}_{a.name()}"
        hit = s.chance.random() < 0.35
        told = "\n".join(f"{a.path()}:{s.number(1, 900)}: {a.code(1)}" for _ in range(3)) if hit else none
        if a.dialect in ("claude", "mcp"):
            a.step("Grep" if a.dialect == "claude" else "mcp__code__search", {"pattern": what, "path": "src"}, told)
        else:
            a.sh(f"grep -rn '{what}' {s.pick('.', 'src', 'lib')}", told, int(not hit))
        if hit and s.pick(True, False):
            a.read(a.path(), a.code(8))


def search_web(s: Scene) -> None:
    a = Agent(s)
    for _ in range(s.number(15, 60)):
        a.step("web_search", {"query": f"{a.name()} {s.word()} {a.name()} {s.pick('error', 'docs', 'fix', '')}"},
               "\n".join(f"{i}. {a.prose(8)} https://{a.name()}.io/{s.hexed(4)}" for i in range(3)))  # fmt: skip
        if s.chance.random() < 0.4:
            a.step("web_fetch", {"url": f"https://{a.name()}.io/{s.hexed(4)}"}, a.prose(s.number(30, 90)))


def fan_out(s: Scene) -> None:
    """One task cut in parts, a sub-agent for each; all do alike, each on its own part."""
    a = Agent(s)
    tool = s.pick("Task", "spawn_agent", "delegate")
    parts, waits = [a.path() for _ in range(s.number(6, 30))], s.pick(True, False)
    for n, part in enumerate(parts):
        prompt = f"Review {part} for missing error handling and report what you find."
        a.step(tool, {"description": f"review {n}", "prompt": prompt}, f"agent-{n} started")
        a.child(f"agent-{n}", prompt)
        for _ in range(s.number(1, 4) if waits else 0):
            a.read(part if s.pick(True, False) else a.path(), a.code(6), agent=f"agent-{n}")
    for n, part in enumerate(parts):
        a.step("sh" if a.dialect == "swe" else "read_report", {"path": part}, a.code(5), agent=f"agent-{n}")
        s.say(f"{part}: {a.prose(9)}", agent=f"agent-{n}")
    s.say("All reports are in.")


def fan_out_fix(s: Scene) -> None:
    a = Agent(s)
    for n in range(s.number(4, 14)):
        who, path = f"fixer-{n}", a.path()
        a.step("Task", {"prompt": f"Fix the type errors in {path}"}, "done", took=s.number(10, 60))
        a.child(who, f"Fix the type errors in {path}")
        for _ in range(s.number(1, 4)):
            a.edit(path, a.code(1), a.code(1), agent=who)
            a.sh(f"mypy {path}", s.pick(f"Found {s.number(1, 9)} errors", "Success: no issues found"), agent=who)
