"""Honest work that reaches wide, eleventh style: screens, searches, sub-agents, tickets, deployments."""

from __future__ import annotations

from benchmarks.loops_eleventh import Eleventh


def click(s: Eleventh) -> None:
    which, _a = s.number(0, 3), s.noun()
    for n in range(s.number(15, 60)):
        if which == 0:
            s.do(
                "browser_click",
                f"Clicked. Page title: {s.prose(3)}",
                element=f"{s.noun()} {s.pick('link', 'button')}",
                ref=f"s{n}e{s.number(1, 99)}",
            )
        elif which == 1:
            s.do("mouse_click", "", x=s.number(1, 1400), y=s.number(1, 900), button="left")
            s.do("take_screenshot", f"screen.png {s.hexed(10)}")
        elif which == 2:
            s.do(
                "fill_field",
                "ok",
                field=s.pick("name", "street", "city", "zip", "phone"),
                value=f"{s.noun()} {s.number(1, 99)}",
            )
            if n % 5 == 4:
                s.do("press_button", f"Saved as #{1000 + n}", name="Save")
        else:
            s.do("swipe", "ok", direction=s.pick("left", "left", "up"))
            if s.chance.random() < 0.5:
                s.do("get_ui_tree", s.prose(s.number(8, 30)))


def search(s: Eleventh) -> None:
    which, a = s.number(0, 3), s.noun()
    for _ in range(s.number(12, 45)):
        hit = s.chance.random() < 0.45
        if which == 0:
            s.do(
                "search_code",
                {"matches": [f"{s.path()}:{s.number(1, 300)}"] if hit else [], "total": int(hit)},
                pattern=f"{s.noun()}{s.noun().title()}",
            )
        elif which == 1:
            s.do(
                "web_search",
                f"{s.prose(14)}\nhttps://{s.noun()}.test/{s.hexed(4)}" if hit else "No results found.",
                query=f"{a} {s.noun()} {s.noun()}",
            )
        elif which == 2:
            s.sh(
                f"ag {s.noun()}_{s.noun()} {s.pick('.', 'lib', 'src')}",
                f"{s.path()}\n12:{s.prose(4)}" if hit else "",
                0 if hit else 1,
            )
        else:
            s.do(
                "find_papers",
                [{"title": s.prose(6), "year": s.number(1990, 2026)}] if hit else [],
                topic=f"{a} {s.noun()}",
                year=s.number(1990, 2026),
            )
        if hit and s.chance.random() < 0.4:
            s.noise()


def fan_out(s: Eleventh) -> None:
    root, count, which = s.agent_id or "boss", s.number(4, 28), s.number(0, 1)
    kids = [f"{s.noun()}-{n}" for n in range(count)]
    for kid in kids:
        s.do(
            "spawn_agent",
            {"agentId": kid, "status": "running"},
            agent=root,
            name=kid,
            task=f"{s.verb()} {s.path()} and summarise",
            model="small",
        )
        s.settle()
        s.child(kid, root)
    for _ in range(s.number(1, 5)):
        for kid in kids:
            s.do("read_file", s.prose(s.number(10, 60)), agent=kid, path=s.path())
            if which:
                s.do("run_tests", {"passed": s.number(1, 50), "failed": s.number(0, 2)}, agent=kid, suite=kid)
    for kid in kids:
        s.do("get_agent_result", {"agentId": kid, "summary": s.prose(12)}, agent=root, agentId=kid)


def support(s: Eleventh) -> None:
    """Tickets one after the other: look up, read, answer, close."""
    for n in range(s.number(8, 35)):
        t = 9000 + n
        s.do("next_ticket", {"ticket": t, "subject": s.prose(4), "open": 60 - n})
        s.do("get_customer", {"name": f"{s.noun()} {s.noun()}", "plan": s.pick("free", "pro")}, ticket=t)
        if s.chance.random() < 0.6:
            s.do("search_kb", {"articles": [s.prose(4)] if s.chance.random() < 0.6 else []}, query=s.prose(2))
        s.do("reply", {"sent": True}, ticket=t, text=s.prose(20))
        s.do("close_ticket", {"closed": True}, ticket=t)


def deploys(s: Eleventh) -> None:
    """The same steps for each of many services."""
    for _n in range(s.number(6, 25)):
        name = f"{s.noun()}-{s.noun()}"
        s.sh(
            f"cd services/{name} && git pull",
            "Already up to date." if s.chance.random() < 0.5 else f"Updating {s.hexed(7)}..{s.hexed(7)}",
        )
        s.sh(f"docker build -t {name} .", f"Successfully built {s.hexed(12)}", took=20)
        s.sh(f"kubectl rollout restart deploy/{name}", f"deployment.apps/{name} restarted")
        s.sh(f"kubectl rollout status deploy/{name}", f'deployment "{name}" successfully rolled out', took=15)
        s.sh("kubectl get pods | grep -c Running", str(30 + s.number(0, 2)))
