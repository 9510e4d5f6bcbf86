# ruff: noqa: E501 - outputs as tools print them
"""Honest work that looks like a loop, eleventh style."""

from __future__ import annotations

from benchmarks.loops_eleventh import Eleventh
from benchmarks.loops_eleventh_wide import click, deploys, fan_out, search, support
from benchmarks.loops_publishers import published_by


def batch(s: Eleventh) -> None:
    which, a = s.number(0, 7), s.noun()
    for n in range(s.number(50, 250)):
        if which == 0:
            s.do("update_row", {"success": True}, table=a, id=n, values={"price": s.number(1, 99)})
        elif which == 1:
            s.do("write_file", f"Wrote {s.number(800, 5000)} bytes", path=s.path(), content=s.prose(s.number(100, 400)))
        elif which == 2:
            bad = s.chance.random() < 0.25
            s.do(
                "validate_document",
                {"valid": not bad, "errors": [f"missing {s.noun()}"] if bad else []},
                document=f"{s.noun()}-{n}.xml",
            )
        elif which == 3:
            s.do(
                "enrich_contact",
                {"email": f"{s.noun()}{n}@x.test", "company": s.noun(), "score": s.number(0, 100)}
                if s.chance.random() < 0.6
                else {"error": "not found"},
                contact=f"{s.noun()} {s.noun()}",
            )
        elif which == 4:
            s.sh(f"git mv src/{s.noun()}{n}.js src/{s.noun()}{n}.ts")
        elif which == 5:
            s.sh(f"pdftotext {s.noun()}_{n}.pdf - | head -3", s.prose(12))
            s.do("add_note", "saved", title=f"{s.noun()} {n}", body=s.prose(20))
        elif which == 6:
            s.do("assign_ticket", {"ok": True, "assignee": s.pick("ann", "bo", "cy")}, ticket=5000 + n)
        else:
            s.sh(f"kubectl delete pod {a}-{s.hexed(5)}", f'pod "{a}" deleted')


def edit_test(s: Eleventh) -> None:
    a, left, which = s.noun(), s.number(6, 22), s.number(0, 3)
    total = s.number(50, 400)
    path = s.path()
    while True:
        for _ in range(s.number(1, 3)):
            s.do(
                "replace_in_file",
                {"replaced": 1} if s.chance.random() < 0.9 else {"error": "old text not found"},
                path=path if s.chance.random() < 0.6 else s.path(),
                old=s.prose(5),
                new=s.prose(6),
            )
        names = "\n".join(f"  x {s.noun()} {s.verb()}s {s.noun()}" for _ in range(min(left, 6)))
        if which == 0:
            s.do("run_tests", {"passed": total - left, "failed": left, "ok": not left}, suite=a)
        elif which == 1:
            s.sh(
                "npx vitest run",
                f"{names}\n Tests  {left} failed | {total - left} passed ({total})\n Duration  {s.number(1, 9)}.{s.number(10, 99)}s",
                int(bool(left)),
            )
        elif which == 2:
            s.sh(
                "latexmk -pdf main.tex",
                f"LaTeX Warning: There were undefined references ({left}).\nOutput written on main.pdf ({s.number(10, 40)} pages)."
                if left
                else "All targets are up-to-date",
            )
        else:
            s.do(
                "get_diagnostics",
                [
                    {"line": s.number(1, 500), "message": f"{s.noun()} is not assignable to {s.noun()}"}
                    for _ in range(min(left, 5))
                ],
                path=path,
            )
        if not left:
            return
        left = max(0, left - s.pick(0, 0, 1, 1, 2, 3))


def poll(s: Eleventh) -> None:
    a, which, seconds = s.noun(), s.number(0, 5), s.pick(6, 10, 20, 30, 60)
    times = s.number(3, 26)
    for n in range(times):
        last = n + 1 == times
        if which == 0:
            s.do("wait_seconds", "", took=seconds, seconds=seconds)
            s.do(
                "get_build",
                {"id": a, "state": "FINISHED" if last else "BUILDING", "result": "SUCCESS" if last else None},
                id=a,
            )
        elif which == 1:
            s.sh(
                f"sleep {seconds} && aws rds describe-db-instances --db-instance-identifier {a} --query 'DBInstances[0].DBInstanceStatus'",
                '"available"' if last else '"creating"',
                took=seconds,
            )
        elif which == 2:
            s.wait(seconds)
            s.do(
                "check_order",
                {
                    "order": a,
                    "status": "delivered" if last else s.pick("shipped", "shipped", "in transit"),
                    "checked_at": f"2026-08-07T{8 + n % 12:02}:{s.number(10, 59)}:00Z",
                },
                order=a,
            )
        elif which == 3:
            s.sh(
                f"until curl -sf localhost:9000/{a}; do sleep 1; done & sleep {seconds}; tail -1 {a}.log",
                "started" if last else "waiting for database",
                took=seconds,
            )
        elif which == 4:
            s.do(
                "await_job", {"done": last, "progress": round((n + 1) / times, 2)}, took=seconds, job=a, timeout=seconds
            )
        else:
            s.wait(seconds)
            s.do("list_runs", [{"id": 7, "status": "completed" if last else "queued"}], workflow=a)
    s.noise()


def pages(s: Eleventh) -> None:
    a, which, count = s.noun(), s.number(0, 4), s.number(6, 80)
    for n in range(count):
        last = n + 1 == count
        rows = [{"id": n * 20 + k, "name": f"{s.noun()} {s.noun()}"} for k in range(s.number(3, 8))]
        if which == 0:
            s.do(
                "search_issues",
                {"items": rows, "nextPageToken": None if last else s.hexed(16)},
                query=a,
                pageToken=s.hexed(16) if n else "",
            )
        elif which == 1:
            s.do(
                "graphql_query",
                {"data": {"nodes": rows, "pageInfo": {"hasNextPage": not last, "endCursor": s.hexed(8)}}},
                query="query($after: String) { nodes }",
                variables={"after": s.hexed(8)},
            )
        elif which == 2:
            s.do("list_orders", {"orders": rows, "total": count * 5}, limit=5, offset=n * 5)
        elif which == 3:
            s.do("browser_scroll", s.prose(s.number(6, 30)), direction="down", amount=600)
        else:
            s.sh(
                f"psql -c 'select * from {a} order by id limit 50 offset {n * 50}'",
                "\n".join(f"{r['id']} | {r['name']}" for r in rows) + "\n(50 rows)",
            )


def retries(s: Eleventh) -> None:
    a, which = s.noun(), s.number(0, 4)
    for _ in range(s.number(1, 4)):
        wait, tries = s.pick(1, 2, 5), s.number(2, 7)
        for n in range(tries):
            last = n + 1 == tries
            if which == 0:
                s.do(
                    "create_payment",
                    {"id": s.hexed(8)}
                    if last
                    else {"error": {"type": "rate_limit_error", "message": "Too many requests"}},
                    not last,
                    amount=10,
                    to=a,
                )
            elif which == 1:
                s.do("upload_part", "uploaded" if last else "HTTP 503: slow down", not last, part=3, file=a)
            elif which == 2:
                s.sh(
                    f"npm publish --tag {a}",
                    "+ pkg@1.0.0" if last else "npm ERR! 503 Service Unavailable - PUT https://registry.test",
                    0 if last else 1,
                )
            elif which == 3:
                s.sh(f"sqlite3 {a}.db 'vacuum'", "" if last else "Error: database is locked", 0 if last else 5)
            else:
                s.do(
                    "send_sms",
                    {"sid": s.hexed(10)} if last else {"error": "upstream timeout"},
                    not last,
                    to="+100",
                    text=a,
                )
            if not last:
                s.do("sleep", "", took=wait, seconds=wait) if which in (0, 2) else s.wait(wait)
                wait *= 2
        for _ in range(s.number(1, 4)):
            s.noise()


def watch(s: Eleventh) -> None:
    a, which, seconds = s.noun(), s.number(0, 3), s.pick(15, 30, 60, 300)
    for n in range(s.number(15, 70)):
        s.wait(seconds)
        news = s.chance.random() < 0.15
        if which == 0:
            s.do("poll_events", {"events": [{"type": s.noun(), "id": s.hexed(6)}] if news else []}, stream=a)
        elif which == 1:
            s.do("read_gauge", {"name": a, "value": s.number(100, 999) / 10}, name=a)
        elif which == 2:
            s.sh(f"tail -n 20 /var/log/{a}/app.log", "\n".join(f"{n * 5 + k} INFO {s.prose(5)}" for k in range(6)))
        else:
            s.do(
                "list_pull_requests",
                [{"number": s.number(1, 999), "title": s.prose(4)}] if news else [],
                repo=a,
                state="open",
            )
            if news:
                s.noise()


def sweeps(s: Eleventh) -> None:
    a, which = s.noun(), s.number(0, 3)
    for n in range(s.number(12, 50)):
        if which == 0:
            s.do(
                "run_experiment",
                {"accuracy": s.number(500, 990) / 1000, "loss": s.number(100, 900) / 1000},
                params={"lr": s.pick(0.1, 0.01, 0.001), "layers": s.number(1, 12), "seed": n},
            )
        elif which == 1:
            s.sh(
                f"curl -s -o /dev/null -w '%{{http_code}}' https://{a}.test/{s.noun()}/{s.noun()}",
                s.pick("200", "404", "404", "403"),
            )
        elif which == 2:
            s.do("predict", {"y": s.number(0, 1000) / 100}, x=[n, s.number(0, 9), s.number(0, 9)])
        else:
            s.sh(
                f"nmap -p {20 + n} {a}.test",
                f"{20 + n}/tcp {s.pick('closed', 'closed', 'open', 'filtered')}\nNmap done: 1 IP address (1 host up) scanned in 0.{s.number(10, 99)} seconds",
            )


def chunks(s: Eleventh) -> None:
    path, which, size = s.path(), s.number(0, 3), s.pick(1000, 4000, 8000)
    for n in range(s.number(8, 50)):
        text = s.prose(s.number(40, 200))
        if which == 0:
            s.do("read_file", text, path=path, start_line=n * 100 + 1, end_line=n * 100 + 100)
        elif which == 1:
            s.do("read_bytes", text, path=path, offset=n * size, length=size)
        elif which == 2:
            s.sh(f"cut -c{n * size + 1}-{(n + 1) * size} {path}", text)
        else:
            s.do("get_transcript", text, video=path, part=n + 1)


def repl(s: Eleventh) -> None:
    which = s.number(0, 3)
    for n in range(s.number(15, 60)):
        x = s.noun()
        if which == 0:
            s.do(
                "execute_cell",
                s.pick(
                    "",
                    f"array([{s.number(0, 9)}, {s.number(0, 9)}])",
                    f"<Figure {s.number(1, 9)}>",
                    f"{s.number(0, 999)}",
                ),
                code=s.pick(
                    f"{x}_{n} = {s.noun()}[{n}]",
                    f"{x}.describe()",
                    f"np.mean({x})",
                    f"{x}.plot()",
                    f"del {x}",
                    f"print(len({x}))",
                ),
            )
        elif which == 1:
            s.do(
                "debugger",
                f"{s.path()}:{s.number(1, 300)} {s.noun()}()",
                command=s.pick("next", "step", "continue", "next"),
            )
        elif which == 2:
            s.do(
                "redis_command",
                s.pick("OK", "(nil)", "(integer) 1", f'"{s.noun()}"'),
                command=s.pick(
                    f"GET {x}:{n}", f"SET {x}:{n} {s.noun()}", f"HGETALL {x}", f"TTL {x}", f"EXPIRE {x}:{n} 60"
                ),
            )
        else:
            s.do(
                "chess_move",
                f"{s.pick('e', 'd', 'c')}{s.number(2, 7)} {s.pick('N', 'B', 'Q', 'R')}{s.pick('a', 'f', 'h')}{s.number(1, 8)}",
                move=f"{s.pick('N', 'B', '', 'R')}{s.pick('a', 'b', 'c', 'g')}{s.number(1, 8)}",
            )


ELEVENTH_HONEST = published_by(
    Eleventh,
    {
        "batches": (batch,),
        "edit and test": (edit_test,),
        "polling that ends": (poll,),
        "pages that end": (pages,),
        "retries with backoff": (retries,),
        "watch mode": (watch,),
        "sweeps": (sweeps,),
        "a file in chunks": (chunks,),
        "REPL": (repl,),
        "clicking": (click,),
        "searching": (search,),
        "fan-out": (fan_out,),
        "support": (support,),
        "deploys": (deploys,),
    },
)
