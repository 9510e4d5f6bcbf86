"""Honest work that reaches wide, ninth style: sessions, screens, searches, sub-agents."""

from __future__ import annotations

from benchmarks.loops_ninth import PATHS, Ninth


def repl(s: Ninth) -> None:
    n1, n2 = s.noun(), s.noun()
    which = s.number(0, 3)
    for n in range(s.number(20, 70)):
        if which == 0:
            code = s.pick(
                f"df['{s.noun()}'].mean()",
                f"df.{s.noun()}.value_counts().head()",
                f"len(df[df.{s.noun()} > {s.number(1, 99)}])",
                f"df.groupby('{s.noun()}').size()",
                f"x{n} = df.query('{s.noun()} == {n}')",
            )
            s.tool(
                "python",
                {"code": code},
                ""
                if code.startswith("x")
                else s.pick(
                    f"{s.number(1, 9999)}.{s.number(0, 999)}",
                    f"{s.noun()} {s.number(1, 99)}\n{s.noun()} {s.number(1, 99)}",
                    f"KeyError: '{s.noun()}'",
                ),
            )
        elif which == 1:
            s.tool(
                "sql",
                {
                    "q": s.pick(
                        f"select count(*) from {s.noun()}",
                        f"describe {s.noun()}",
                        f"select max({s.noun()}) from {s.noun()}",
                        f"select distinct {s.noun()} from {n1} limit 5",
                    )
                },
                s.pick(f"{s.number(0, 5000)}", f"{s.noun()} | int\n{s.noun()} | text", f"no such table: {s.noun()}"),
            )
        elif which == 2:
            s.tool(
                "repl_send",
                {
                    "session": 1,
                    "line": s.pick(
                        f"let v{n} = {s.noun()}.{s.noun()}()",
                        f"v{max(0, n - 1)}.{s.noun()}",
                        f"console.log({s.noun()}({n}))",
                        f"import {s.noun()} from '{n2}'",
                    ),
                },
                s.pick(
                    "undefined",
                    f"{s.number(0, 99)}",
                    f"'{s.noun()}'",
                    f"Uncaught ReferenceError: {s.noun()} is not defined",
                ),
            )
        else:
            s.tool(
                "gdb",
                {
                    "cmd": s.pick(
                        "next", "step", "next", f"print {s.noun()}", f"break {s.noun()}.c:{n}", "continue", "bt"
                    )
                },
                s.pick(
                    f"{s.number(10, 400)}\t{s.noun()} = {s.noun()}({s.number(0, 9)});",
                    f"${n} = {s.number(0, 99999)}",
                    f"Breakpoint {n}, {s.noun()} ()",
                ),
            )


def click(s: Ninth) -> None:
    n1 = s.noun()
    which = s.number(0, 3)
    for n in range(s.number(20, 70)):
        screen = f"screen {s.noun()} {s.noun()} {s.hexed(3)}"
        if which == 0:
            s.tool(
                "computer",
                {
                    "action": s.pick("left_click", "left_click", "type", "key"),
                    "coordinate": [s.number(10, 1200), s.number(10, 800)],
                    "text": s.noun(),
                },
                s.pick("", "ok"),
            )
            s.tool("computer", {"action": "screenshot"}, screen)
        elif which == 1:
            s.tool(
                "browser_click",
                {"ref": f"e{s.number(1, 90)}", "element": f"{s.noun()} {s.pick('button', 'link', 'row')}"},
                f"- Page URL: https://{n1}.test/{s.noun()}\n- {screen}",
            )
        elif which == 2:
            s.tool("click", {"selector": f"#{s.noun()}-{s.number(1, 30)}"}, "clicked")
            if s.chance.random() < 0.4:
                s.tool("fill", {"selector": f"input[name={s.noun()}]", "value": s.noun()}, "filled")
            if s.chance.random() < 0.4:
                s.tool("page_text", {}, screen)
        else:
            s.tool(
                "press_key",
                {"key": s.pick("Tab", "Tab", "Enter", "Down")},
                f"focus: {s.noun()} {s.pick('field', 'button')} {n}",
            )


def search(s: Ninth) -> None:
    n1 = s.noun()
    which = s.number(0, 3)
    for _n in range(s.number(15, 50)):
        none = s.chance.random() < 0.45
        if which == 0:
            s.bash(
                f"rg -n '{s.noun()}_{s.noun()}' {s.pick(*PATHS)}",
                "" if none else f"{s.path()}:{s.number(1, 500)}: {s.noun()}",
                int(none),
            )
        elif which == 1:
            s.tool(
                "web_search",
                {"query": f"{n1} {s.noun()} {s.noun()} {s.pick('error', 'how to', 'docs', '')}"},
                "no results"
                if none
                else f"1. {s.noun()} {s.noun()} - https://{s.noun()}.test\n2. {s.noun()} {s.hexed(3)}",
            )
        elif which == 2:
            s.bash(f"find . -name '*{s.noun()}*{s.pick('.py', '.h', '')}' | head", "" if none else f"./{s.path()}")
        else:
            s.tool(
                "find_symbol",
                {"name": f"{s.noun().title()}{s.noun().title()}"},
                "not found" if none else f"{s.path()}:{s.number(1, 400)}",
            )
        if s.chance.random() < 0.25:
            s.noise()


def fan_out(s: Ninth) -> None:
    s.noun()
    root = s.agent_id or "root"
    which = s.number(0, 2)
    count = s.number(4, 24)
    names = [f"worker-{n}" for n in range(count)]
    tasks = [f"{s.verb()} {s.path()}" for _ in names]
    for name, task in zip(names, tasks, strict=False):
        s.tool(
            "Task",
            {"description": task[:20], "prompt": f"{task} and report {s.noun()}"},
            f"{name} started" if which else f"Report: {s.noun()} {s.noun()} {s.hexed(3)}",
            agent=root,
        )
        if which:
            s.child(name, root)
    for _ in range(s.number(2, 6)):
        for name in names:
            if which == 1:
                s.tool("open_file", {"file": s.path()}, f"{s.noun()} {s.hexed(5)} {s.noun()}", agent=name)
            elif which == 2:
                s.tool(
                    "execute",
                    {"command": s.pick("git status --short", "ls", "git log -1 --oneline", f"cat {s.path()}")},
                    f"{s.noun()} {s.hexed(3)}",
                    agent=name,
                )
    for name in names:
        s.tool("collect", {"agent": name}, f"{s.verb()}ed {s.noun()} {s.noun()}", agent=root)
