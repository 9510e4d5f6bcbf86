# ruff: noqa: E501 - outputs as tools print them
"""Runaway loops, eleventh style."""

from __future__ import annotations

from benchmarks.loops_eleventh import Eleventh
from benchmarks.loops_publishers import published_by


def exact(s: Eleventh) -> None:
    a, p = s.noun(), s.path()
    f = s.pick(
        lambda: s.do("get_customer", {"id": 7, "name": a}, id=7),
        lambda: s.do("read_file", {"error": f"ENOENT: no such file {p}"}, True, path=p),
        lambda: s.sh("cargo test", "error: could not compile `x` due to 2 previous errors", 101),
        lambda: s.do("browser_click", "Element is not visible", True, ref="e12"),
        lambda: s.sh("git diff --stat", " a.py | 2 +-"),
        lambda: s.do("write_file", "Wrote 812 bytes", path=p, content=a * 90),
        lambda: s.do("list_directory", ["a.ts", "b.ts"], path="/src"),
        lambda: s.do("search_code", {"matches": [], "total": 0}, pattern=a),
    )
    for _ in range(s.number(12, 50)):
        f()


def volatile(s: Eleventh) -> None:
    a, b, which = s.noun(), s.prose(4), s.number(0, 6)
    for _n in range(s.number(15, 50)):
        stamp = f"{s.number(10, 23)}:{s.number(10, 59)}:{s.number(10, 59)}"
        if which == 0:
            s.do(
                "get_page",
                {
                    "title": b,
                    "renderedAt": f"2026-08-07T{stamp}.{s.number(100, 999)}Z",
                    "requestId": f"{s.hexed(8)}-{s.hexed(4)}-{s.hexed(4)}-{s.hexed(4)}-{s.hexed(12)}",
                },
                url=a,
            )
        elif which == 1:
            s.sh(
                f"systemctl status {a}",
                f"● {a}.service - {b}\n   Active: failed (Result: exit-code) since Fri 2026-08-07 {stamp} UTC; {s.number(1, 59)}s ago\n Main PID: {s.number(1000, 60000)} (code=exited)",
                3,
            )
        elif which == 2:
            s.sh(
                f"go test ./{a}",
                f"--- FAIL: Test{a.title()} ({s.number(0, 3)}.{s.number(10, 99)}s)\n    {b}\nFAIL\t{a}\t{s.number(0, 3)}.{s.number(100, 999)}s",
                1,
            )
        elif which == 3:
            s.do(
                "run_query",
                {"rows": [], "elapsed_ms": s.number(1, 90), "query_id": s.hexed(20)},
                sql=f"select * from {a}",
            )
        elif which == 4:
            s.sh(f"ssh {a} true", f"ssh: connect to host {a} port 22: Operation timed out ({stamp})", 255)
        elif which == 5:
            s.sh(
                f"python -m {a}",
                f"[{stamp}] WARNING {b} (thread {s.number(100000, 999999)})\n[{stamp}] done in {s.number(1, 900)}ms",
            )
        else:
            s.do("preview", f"/tmp/preview-{s.hexed(8)}.png is blank: {b}", path=a)


def varied(s: Eleventh) -> None:
    a, b, which = s.noun(), s.noun(), s.number(0, 5)
    for n in range(s.number(15, 45)):
        if which == 0:
            s.sh(
                s.pick(
                    f"npm run lint -- {a}",
                    f"npm run lint -- ./{a}",
                    f"npm  run lint -- {a}",
                    f"npm run lint -- {a} # {s.verb()}",
                    f"CI=1 npm run lint -- {a}",
                ),
                f"{a}.ts 3:1 error {b} is defined but never used",
                1,
            )
        elif which == 1:
            s.do(
                "search_web",
                "No results found.",
                query=s.pick(f"{a} {b}", f"{b} {a}", f'"{a} {b}"', f"{a.upper()} {b}", f"{a}, {b}"),
            )
        elif which == 2:
            s.do(
                "apply_patch",
                {"error": "patch does not apply"},
                True,
                patch=f"--- a/{a}.c\n+++ b/{a}.c\n@@ -{n},3 +{n},4 @@\n {b}\n+{b}\n",
            )
        elif which == 3:
            s.do(
                "run_python",
                f"ModuleNotFoundError: No module named '{a}'",
                True,
                code=s.pick(f"import {a}", f"import {a} # {n}", f"import {a}\n", f"import {a};"),
            )
        elif which == 4:
            s.sh(
                f"cp -r {a} /tmp/{a}-{s.hexed(6)} && cd /tmp/{a}-{s.hexed(6)} && make",
                "make: *** missing separator.  Stop.",
                2,
            )
        else:
            s.do(
                "read_file",
                f"# {a}\n{b}: {a}\n" * 6,
                path=f"/{a}/{b}.yaml",
                explanation=f"I want to {s.verb()} {s.noun()}",
            )


def cycle(s: Eleventh) -> None:
    steps = []
    for n in range(s.number(2, 5)):
        a = s.noun()
        steps.append(
            s.pick(
                lambda a=a, n=n: s.do("read_file", f"{a} {n} " * 9, path=f"/{a}{n}.py"),
                lambda a=a, n=n: s.do("search_code", {"matches": [f"{a}{n}.py:3"], "total": 1}, pattern=f"{a}{n}"),
                lambda a=a, n=n: s.sh(f"python {a}{n}.py", f"{a.title()}Error: {n} is wrong", 1),
                lambda a=a, n=n: s.do(
                    "browser_navigate", f"{a} {n}: please sign in to go on", url=f"https://{a}{n}.test"
                ),
            )
        )
    for _ in range(s.number(7, 15)):
        for step in steps:
            step()


def long_cycle(s: Eleventh) -> None:
    steps = [(f"/{s.noun()}/{s.noun()}{n}.go", s.prose(s.number(10, 60))) for n in range(s.number(6, 16))]
    noisy = s.pick(0, 0.1, 0.2)
    for _ in range(s.number(5, 8)):
        for p, text in steps:
            s.do("read_file", text, path=p)
            if s.chance.random() < noisy:
                s.noise()


def one_error(s: Eleventh) -> None:
    a, which = s.noun(), s.number(0, 4)
    for n in range(s.number(14, 40)):
        x = s.noun()
        if which == 0:
            s.do(
                s.pick("get_issue", "list_issues", "create_comment", "search_repos"),
                {"message": "Bad credentials", "status": 401},
                True,
                repo=x,
                number=n,
            )
        elif which == 1:
            s.sh(
                s.pick(
                    f"cmake --build {x}",
                    f"cmake -S . -B {x}",
                    f"make -C {x}",
                    f"ninja -C {x}",
                    f"gcc {x}.c",
                    f"cc -o {x} {x}.c",
                ),
                f"{s.pick('cmake', 'make', 'ninja', 'gcc')}: error while loading shared libraries: lib{a}.so.1: cannot open shared object file",
                127,
            )
        elif which == 2:
            s.do(
                s.pick("db_query", "db_schema", "db_count", "db_explain"),
                {"error": f'password authentication failed for user "{a}"'},
                True,
                target=x,
            )
        elif which == 3:
            s.sh(
                s.pick(
                    f"gcloud storage ls gs://{x}",
                    f"gcloud compute instances list --project {x}",
                    f"bq ls {x}",
                    f"gsutil cp {x} gs://{a}",
                    "gcloud auth list",
                ),
                "ERROR: (gcloud) Your current active account does not have any valid credentials",
                1,
            )
        else:
            s.do(
                "edit_file", {"error": f"File {a} is locked by another process"}, True, path=a, line=n, text=s.prose(3)
            )


def endless_poll(s: Eleventh) -> None:
    a, which = s.noun(), s.number(0, 4)
    for _n in range(s.number(25, 60) if which < 3 else s.number(100, 150)):
        if which == 0:
            s.do("get_build", {"id": a, "state": "BUILDING"}, id=a)
        elif which == 1:
            s.sh(f"kubectl get pod {a} -o jsonpath='{{.status.phase}}'", "Pending")
        elif which == 2:
            s.do("check_email", [], folder="inbox", since=a)
        elif which == 3:
            s.do("sleep", "", took=10, seconds=10)
            s.do("get_build", {"id": a, "state": "BUILDING"}, id=a)
        else:
            s.wait(20)
            s.do("list_runs", [{"id": 7, "status": "queued"}], workflow=a)


def storm(s: Eleventh) -> None:
    a, which = s.noun(), s.number(0, 4)
    for n in range(s.number(14, 50)):
        if which == 0:
            s.do(
                "create_payment",
                {"error": {"type": "rate_limit_error", "message": "Too many requests"}},
                True,
                amount=n + 1,
                to=a,
            )
        elif which == 1:
            s.do("fetch_url", "HTTP 429: Too Many Requests", True, url=f"https://{a}.test/{s.noun()}")
        elif which == 2:
            s.sh(f"docker pull {s.noun()}:{n}", "toomanyrequests: You have reached your pull rate limit", 1)
        elif which == 3:
            s.do("embed_text", {"error": "Resource exhausted: quota"}, s.pick(True, True), text=s.prose(5))
        else:
            s.sh("bundle install", "Could not lock the gem home: another process holds the lock", 1)


def spawning(s: Eleventh) -> None:
    which, a = s.number(0, 2), s.noun()
    root = s.agent_id or "boss"
    if which == 0:
        parent = root
        for _ in range(s.number(10, 35)):
            kid = f"agent{s.hexed(5)}"
            s.do("spawn_agent", {"agentId": kid}, agent=parent, task=f"{s.verb()} the {a}, spawn a helper if needed")
            s.settle()
            s.child(kid, parent)
            parent = kid
    elif which == 1:
        front, made = [root], 0
        while made < 70:
            new = []
            for p in front:
                for _ in range(s.number(2, 3)):
                    kid = f"g{made}"
                    made += 1
                    s.do("spawn_agent", {"agentId": kid}, agent=p, task=f"{s.verb()} {s.noun()}")
                    s.settle()
                    s.child(kid, p)
                    new.append(kid)
            front = new
    else:
        for n in range(s.number(45, 80)):
            s.do("spawn_agent", {"agentId": f"r{n}"}, agent=root, task=f"research the {a}")
            s.settle()
            s.child(f"r{n}", root)


def endless_pages(s: Eleventh) -> None:
    a, which = s.noun(), s.number(0, 4)
    rows = [{"id": k, "name": s.noun()} for k in range(5)]
    for n in range(s.number(25, 60) if which < 4 else s.number(110, 140)):
        if which == 0:
            s.do("list_orders", {"orders": [], "next": s.hexed(6)}, cursor=s.hexed(6))
        elif which == 1:
            s.do("list_orders", {"orders": rows, "page": n}, page=n, customer=a)
        elif which == 2:
            s.do("search_issues", {"items": rows, "nextPageToken": s.hexed(8)}, query=a, pageToken=s.hexed(8))
        elif which == 3:
            s.sh(f"curl -s https://{a}.test/log?after={s.hexed(6)}", f"entry {n % 2} entry {n % 2} and {a} more")
        else:
            s.do(
                "list_orders",
                {"orders": [{"id": s.hexed(6)}, {"id": s.hexed(6)}], "next_cursor": s.hexed(8)},
                cursor=s.hexed(8),
            )


def talk(s: Eleventh) -> None:
    a, b, which = s.noun(), s.noun(), s.number(0, 2)
    for n in range(s.number(12, 30)):
        if which == 0:
            s.say(
                s.pick(
                    f"I have everything I need for the {a}. Next I will write the {b}.",
                    f"Next I will write the {b}; I have everything for the {a}.",
                    f"I've got all I need for the {a}, so I will write the {b} next.",
                )
            )
        elif which == 1:
            s.say(
                s.pick(
                    f"After you: do you want to {s.verb()} the {a}?",
                    f"No, please, you do the {a}.",
                    f"I would rather you did the {a}.",
                ),
                agent=("p", "q")[n % 2],
            )
        else:
            s.say(
                f"Reviewing my plan for {a}: step one is {b}, step two is {b} again. {s.pick('Let me review the plan.', 'The plan needs a review.')}"
            )


def flip_flop(s: Eleventh) -> None:
    p, a, b, which = s.path(), s.noun(), s.noun(), s.number(0, 4)
    for n in range(s.number(10, 24)):
        x, y = ((a, b), (b, a))[n % 2]
        if which == 0:
            s.do("replace_in_file", {"replaced": 1}, path=p, old=x, new=y)
        elif which == 1:
            s.do("replace_in_file", {"replaced": 1}, path=p, old=x, new=y)
            s.do("run_tests", {"passed": 30, "failed": 1, "first": f"{y} breaks"}, suite="all")
        elif which == 2:
            s.do("move_file", "moved", source=f"/{x}/f", destination=f"/{y}/f", agent=("m", "n")[n % 2])
        elif which == 3:
            s.sh(
                (f"kubectl scale deploy/{a} --replicas=3", f"kubectl scale deploy/{a} --replicas=0")[n % 2],
                f"deployment.apps/{a} scaled",
            )
        else:
            s.do("set_setting", {"ok": True}, key=a, value=(True, False)[n % 2])


def thrash(s: Eleventh) -> None:
    ps = [(s.path(), s.prose(s.number(20, 60))) for _ in range(s.number(3, 7))]
    for n in range(s.number(6, 9)):
        s.say(
            f"Conversation summarised to save space ({n}): the goal is to {s.verb()} the {ps[0][0]}.",
            role=s.pick("system", "assistant"),
        )
        for p, text in ps:
            s.do("read_file", text, path=p)


ELEVENTH_STUCK = published_by(
    Eleventh,
    {
        "exact repeats": (exact,),
        "volatile output": (volatile,),
        "varied arguments": (varied,),
        "cycles of 2 to 5": (cycle,),
        "cycles to 16, with noise": (long_cycle,),
        "one error, other commands": (one_error,),
        "polling without end": (endless_poll,),
        "retries without backoff": (storm,),
        "spawning": (spawning,),
        "endless pages": (endless_pages,),
        "talk without action": (talk,),
        "flip-flop edits": (flip_flop,),
        "context thrash": (thrash,),
    },
)
