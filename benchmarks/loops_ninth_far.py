# ruff: noqa: E501 - outputs as tools print them
"""Runaway loops in what agents read and say and whom they start, ninth style."""

from __future__ import annotations

from benchmarks.loops_ninth import Ninth


def spawning(s: Ninth) -> None:
    n1 = s.noun()
    which = s.number(0, 2)
    if which == 0:  # a chain
        parent = s.agent_id or "root"
        for _ in range(s.number(14, 40)):
            agent = f"w-{s.hexed(6)}"
            s.tool(
                "spawn_agent",
                {"role": "worker", "goal": f"{s.verb()} the {n1} module"},
                f"started {agent}",
                agent=parent,
            )
            s.child(agent, parent)
            parent = agent
    elif which == 1:  # everyone starts three
        front = [s.agent_id or "root"]
        total = 0
        while total < 60:
            later = []
            for parent in front:
                for _ in range(3):
                    agent = f"sub{total}"
                    total += 1
                    s.tool(
                        "Task",
                        {"description": f"{n1} part", "prompt": f"{s.verb()} {s.noun()} and delegate"},
                        f"{agent} launched",
                        agent=parent,
                    )
                    s.child(agent, parent)
                    later.append(agent)
            front = later
    else:  # the same job to ever more
        for n in range(s.number(30, 60)):
            s.tool("delegate", {"to": f"helper-{n}", "task": f"fix the {n1} tests"}, "failed: helper gave up")
            s.child(f"helper-{n}", s.agent_id or "root")


def endless_pages(s: Ninth) -> None:
    n1 = s.noun()
    which = s.number(0, 4)
    words = [s.noun() for _ in range(6)]
    for n in range(s.number(110, 150) if which in (0, 1) else s.number(25, 60)):
        if which == 0:
            s.tool(
                "list_items",
                {"collection": n1, "page_token": s.hexed(12)},
                f'{{"items": ["{s.noun()}-{s.hexed(6)}", "{s.noun()}-{s.hexed(6)}"], "next": "{s.hexed(12)}"}}',
            )
        elif which == 1:
            s.tool(
                "fetch",
                {"url": f"https://{n1}.test/calendar?month={1 + n % 12}&year={2026 + n // 12}"},
                f"{n1} calendar {2026 + n // 12}-{1 + n % 12:02}\nno events\nnext month",
            )
        elif which == 2:
            s.tool("list_items", {"collection": n1, "offset": 50 * (n + 6)}, '{"items": [], "has_more": true}')
        elif which == 3:
            s.tool(
                "browse",
                {"url": f"https://{n1}.test/list?page={n + 2}"},
                f"{words[0]}, {words[1]}, {words[2]} | Next page",
            )
        else:
            s.tool(
                "read_rows",
                {"table": n1, "cursor": f"c{n % 4}"},
                f"rows {words[n % 4]} {words[(n + 1) % 4]} next=c{(n + 1) % 4}",
            )


def talk(s: Ninth) -> None:
    a, b = s.noun(), s.noun()
    which = s.number(0, 2)
    for n in range(s.number(15, 30)):
        if which == 0:
            s.say(
                s.pick(
                    f"I'm ready to {s.verb()} the {a}. Shall I go ahead with {b}?",
                    f"Shall I go ahead with {b}? I am ready to {s.verb()} the {a}.",
                    f"Ready when you are: shall I go ahead with the {b} and the {a}?",
                    f"I am ready. Should I go ahead with {b} for {a}?",
                )
            )
        elif which == 1:
            x, y = (("scout", "pilot"), ("pilot", "scout"))[n % 2]
            s.say(
                s.pick(
                    f"Thanks {y}, the {a} looks good to me.",
                    f"Thank you {y}! The {a} looks good.",
                    f"Great, {y}, thanks. The {a} is good.",
                    f"You're welcome {y}, the {a} does look good.",
                ),
                agent=x,
            )
        else:
            s.say(
                f"{s.pick('First', 'Okay, first', 'So, to begin,', 'Alright: first')} I need to understand how the {a} relates to the {b} before making {s.pick('any', 'a', 'the')} change{s.pick('s', '')}. {s.pick('Let me think.', 'Let me consider it.', '')}"
            )


def flip_flop(s: Ninth) -> None:
    f, a, b = s.path(), s.noun(), s.noun()
    which = s.number(0, 4)
    v1, v2 = s.number(1, 50), s.number(51, 99)
    for n in range(s.number(10, 22)):
        x, y = ((v1, v2), (v2, v1))[n % 2]
        if which == 0:
            s.tool("edit", {"file": f, "find": f"{a} = {x}", "replace": f"{a} = {y}"}, "1 replacement")
            s.bash(f"npm run test -- {a}", f"Tests: {s.pick(1, 1)} failed: expected {x} received {y}", 1)
        elif which == 1:
            s.bash(f"sed -i 's/{a}={x}/{a}={y}/' {f}", "")
        elif which == 2:
            s.bash(
                ("git revert --no-edit HEAD", f"git cherry-pick {a}")[n % 2],
                f"[main {s.hexed(7)}] {('Revert ' if n % 2 == 0 else '') + a}\n 1 file changed, 1 insertion(+), 1 deletion(-)",
            )
        elif which == 3:
            s.tool(
                "write_file",
                {"file": f, "content": f"mode: {(a, b)[n % 2]}\n" * 4},
                "written",
                agent=("ann", "bob")[n % 2],
            )
        else:
            s.bash((f"systemctl stop {a}", f"systemctl start {a}")[n % 2], "")
            s.bash(f"journalctl -u {a} -n 1", f"{s.clock()} {a}: " + ("stopped", "started")[n % 2])


def thrash(s: Ninth) -> None:
    files = [s.path() for _ in range(s.number(3, 7))]
    for _n in range(s.number(6, 9)):
        s.say(f"[context compacted, {s.number(40, 90)}% freed] Goal: {files[0]}. I should read the files first.")
        for f in files:
            s.tool("open_file", {"file": f}, f"// {f}\n" + "\n".join(f"line {k} of {f}" for k in range(12)))
