"""Honest work that reaches wide, tenth style: sessions, screens, searches, sub-agents, reviews."""

from __future__ import annotations

from benchmarks.loops_tenth import Tenth


def repl(s: Tenth) -> None:
    _a, which = s.noun(), s.number(0, 4)
    for n in range(s.number(20, 60)):
        x = s.noun()
        if which == 0:
            s.tool(
                "python",
                {
                    "code": s.pick(
                        f"print({x}.shape)", f"{x} = load('{s.noun()}')", f"{x}.head()", f"plot({x})", f"help({x})"
                    )
                },
                s.pick(
                    "",
                    f"({s.number(1, 999)}, {s.number(1, 20)})",
                    f"   {s.noun()}  {s.noun()}\n0  {s.number(1, 99)}  {s.number(1, 99)}",
                    f"NameError: name '{x}' is not defined",
                ),
            )
        elif which == 1:
            s.tool(
                "mongo",
                {
                    "eval": s.pick(
                        f"db.{x}.count()", f"db.{x}.findOne()", f"db.{x}.distinct('{s.noun()}')", "show collections"
                    )
                },
                s.pick(str(s.number(0, 999)), "null", f'{{"_id": {n}, "{s.noun()}": "{s.noun()}"}}'),
            )
        elif which == 2:
            s.tool(
                "send_keys",
                {"pane": 0, "keys": s.pick(f"cd {x}", "ls", f"vi {x}", ":wq", "git status", f"cat {x}")},
                f"$ {s.noun()} {s.noun()} {s.hexed(2)}",
            )
        elif which == 3:
            s.tool(
                "game",
                {"move": s.pick("north", "south", "east", "west", "take lamp", "look", "open door")},
                f"You are in the {s.noun()} {s.pick('hall', 'room', 'cave')}. There is a {s.noun()} here.",
            )
        else:
            s.tool(
                "calc", {"expr": f"{s.number(1, 99)} {s.pick('+', '*', '-')} {s.number(1, 99)}"}, str(s.number(1, 9000))
            )


def click(s: Tenth) -> None:
    which, _a = s.number(0, 4), s.noun()
    for n in range(s.number(15, 60)):
        if which == 0:
            s.tool("click", {"x": s.number(5, 1900), "y": s.number(5, 1000)}, "ok")
        elif which == 1:  # the same button through a wizard or a gallery
            s.tool("browser_click", {"selector": "button.next"}, f"Step {n + 1}: {s.noun()} {s.noun()}")
        elif which == 2:
            s.tool("tap", {"element": f"{s.noun()} {s.pick('tab', 'cell', 'button')}"}, "ok")
            s.tool("screenshot", {}, f"<image {s.hexed(8)}>")
        elif which == 3:
            s.tool("browser_type", {"ref": f"f{n % 6}", "text": f"{s.noun()} {s.number(1, 99)}"}, "typed")
            if n % 6 == 5:
                s.tool("browser_click", {"ref": "submit"}, "submitted")
        else:
            s.tool("press", {"keys": s.pick("Down", "Down", "Down", "Enter", "Esc", "Tab")}, "")
            if s.chance.random() < 0.3:
                s.tool("read_screen", {}, f"{s.noun()} {s.noun()} {s.noun()} {s.hexed(2)}")


def search(s: Tenth) -> None:
    which, a = s.number(0, 4), s.noun()
    for _ in range(s.number(15, 45)):
        hit = s.chance.random() < 0.4
        x, y = s.noun(), s.noun()
        if which == 0:
            s.bash(
                f"grep -rn {x}_{y} {s.noun()}", f"{s.file()}:{s.number(1, 300)}:{x}_{y}" if hit else "", 0 if hit else 1
            )
        elif which == 1:
            s.tool(
                "Grep",
                {"pattern": f"{x}.*{y}", "output_mode": "files_with_matches"},
                f"Found 1 file\n{s.file()}" if hit else "No files found",
            )
        elif which == 2:
            s.tool(
                "web_search",
                {"q": f"{a} {x} {y}"},
                f"{s.noun()} {s.noun()} | https://{s.noun()}.test/{s.hexed(3)}\n{s.noun()}"
                if hit
                else "Your search did not match any documents.",
            )
        elif which == 3:
            s.tool(
                "query_logs",
                {
                    "filter": f"service={x} level={s.pick('warn', 'error', 'info')} text~{y}",
                    "minutes": s.pick(15, 60, 240),
                },
                f"{s.number(1, 9)} entries: {s.noun()} {s.noun()}" if hit else "0 entries",
            )
        else:
            s.tool(
                "jira_search",
                {"jql": f"project = {x.upper()} AND text ~ {y}"},
                f'{{"total": 1, "issues": ["{x.upper()}-{s.number(1, 999)}"]}}'
                if hit
                else '{"total": 0, "issues": []}',
            )
        if hit and s.chance.random() < 0.5:
            s.noise()


def fan_out(s: Tenth) -> None:
    root, which = s.agent_id or "lead", s.number(0, 2)
    count = s.number(3, 30)
    kids = [f"a{n}" for n in range(count)]
    same = f"{s.verb()} one {s.noun()} and report"
    for _n, kid in enumerate(kids):
        prompt = same if which == 0 else f"{s.verb()} {s.file()}"
        s.tool("spawn_agent", {"name": kid, "prompt": prompt}, f'{{"agent_id": "{kid}"}}', agent=root)
        s.child(kid, root)
    s.settle()
    for _ in range(s.number(1, 5)):
        for kid in kids:
            if which == 2:
                s.tool("Shell", {"command": "git status --short"}, "", agent=kid)
            s.tool(
                "Read",
                {"file_path": s.pick("README.md", s.file())},
                f"{s.noun()} {s.noun()} {s.noun()} {s.hexed(2)}",
                agent=kid,
            )
    for kid in kids:
        s.tool(
            "wait_agent",
            {"agent_id": kid},
            f"finished: {s.noun()} {s.noun()} {s.noun()}",
            took=s.pick(0.1, 5),
            agent=root,
        )


def review(s: Tenth) -> None:
    """Items each taken through the same four stages, as a release manager or a support agent does."""
    s.noun()
    for n in range(s.number(10, 40)):
        item = s.pick(f"#{s.number(100, 999)}{n}", f"{s.noun()}-{n}")
        s.bash(f"gh pr view {item}", f"{s.verb()} {s.noun()} by {s.noun()} (+{s.number(1, 300)} -{s.number(0, 90)})")
        s.bash("git status", "nothing to commit, working tree clean")
        s.bash(f"gh pr checkout {item}", f"Switched to branch '{s.noun()}-{s.hexed(3)}'")
        ok = s.chance.random() < 0.6
        s.bash("make test", "ok" if ok else f"FAIL {s.noun()}", 0 if ok else 1)
        s.bash(f"gh pr {'merge' if ok else 'comment'} {item}", "")
        s.bash("git checkout main", "Switched to branch 'main'")
