# ruff: noqa: E501 - outputs as tools print them
"""Honest work in other surface forms than `loops_honest`; what failed of it was looked at too."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.loops_scene import Scene


def bulk(s: Scene) -> None:
    which = s.number(0, 6)
    for n in range(s.number(40, 160)):
        if which == 0:
            s.tool("mcp__crm__update_contact", {"id": s.number(10**5, 10**6), "tag": "2026"}, '{"updated": true}')
        elif which == 1:
            s.bash(
                f"ffmpeg -i clips/{s.word()}_{n}.mov out/{n}.mp4",
                f"frame={s.number(100, 9000)} fps=30 speed=2x",
                took=5,
            )
        elif which == 2:
            s.bash(f"kubectl -n tenant-{s.hexed(6)} rollout restart deploy/web", "deployment.apps/web restarted")
        elif which == 3:
            s.tool(
                "translate", {"text": f"{s.word()} {s.word()} {s.word()} {n}"}, f"{s.word()} {s.word()} {s.hexed(3)}"
            )
        elif which == 4:
            s.bash(f"prettier --write src/{s.word()}/{s.word()}{n}.tsx", f"src/{n}.tsx 34ms (unchanged)")
        elif which == 5:
            s.tool(
                "queue_pop",
                {"queue": "jobs"},
                f'{{"job": "{s.hexed(8)}-{s.hexed(4)}-{s.hexed(4)}-{s.hexed(4)}-{s.hexed(12)}"}}',
            )
        else:
            s.bash(f"git cherry-pick {s.hexed(9)}", f"[main {s.hexed(7)}] {s.word()} {s.word()}\n 1 file changed")


def compile_fix(s: Scene) -> None:
    errors = [
        f"src/{s.word()}.rs:{s.number(2, 300)}:{s.number(1, 40)}: error[E{s.number(1, 700):04}]: {s.word()} {s.word()}"
        for _ in range(s.number(5, 14))
    ]
    while errors:
        s.bash("cargo build 2>&1 | tail -30" if s.chance.random() < 0.3 else "cargo build",
               "\n".join(errors) + f"\nerror: could not compile `app` due to {len(errors)} previous errors", 101)  # fmt: skip
        file = errors[0].split(":")[0]
        s.bash(f"sed -n {s.number(1, 200)},{s.number(201, 300)}p {file}", f"fn {s.word()}_{s.hexed(2)}() {{}}")
        s.tool(
            "Edit",
            {"file_path": file, "old_string": f"{s.word()}({s.number(1, 99)})", "new_string": f"{s.word()}()?"},
            "The file has been updated.",
        )
        if s.chance.random() < 0.85:
            errors.pop(0)
    s.bash("cargo build", "Finished dev [unoptimized] target(s)")
    for _ in range(s.number(2, 5)):
        s.tool(
            "Edit",
            {"file_path": f"src/{s.word()}.rs", "old_string": s.word(), "new_string": s.hexed(5)},
            "The file has been updated.",
        )
        s.bash("cargo test", "test result: ok. 31 passed; 0 failed")


def await_build(s: Scene) -> None:
    every = s.pick(10, 20, 45, 90)
    times = s.number(4, 20)
    for n in range(times):
        last = n == times - 1
        if s.chance.random() < 0.5:
            s.tool("wait_for", {"seconds": every}, "", took=every)
        else:
            s.wait(every)
        s.tool(
            "get_pipeline", {"id": 991}, '{"status": "success"}' if last else '{"status": "running", "stage": "build"}'
        )
    s.bash("git log -1", f"commit {s.hexed(12)}")


def listing(s: Scene) -> None:
    last = s.number(6, 45)
    for n in range(1, last + 1):
        rows = "\n".join(f"{s.number(1000, 99999)} {s.word()} {s.word()}" for _ in range(4))
        if s.chance.random() < 0.5:
            s.bash(f"gh issue list --page {n} --limit 30", rows)
        else:
            s.tool("list_issues", {"page": n, "per_page": 30}, f"page {n} of {last}\n{rows}")


def patient_retries(s: Scene) -> None:
    text = s.pick(
        "429 Too Many Requests",
        "ThrottlingException: Rate exceeded",
        "database is locked",
        "503 Service Unavailable",
        "ECONNREFUSED 127.0.0.1:8080",
    )
    for _ in range(s.number(1, 3)):
        delay = s.pick(2.0, 3.0, 4.0)
        for _ in range(s.number(2, 6)):
            s.tool("call_api", {"endpoint": "/sync"}, f"error: {text}", 1)
            s.tool("sleep", {"seconds": round(delay)}, "", took=delay) if s.chance.random() < 0.6 else s.wait(delay)
            delay *= s.chance.uniform(1.6, 2.4)
        s.tool("call_api", {"endpoint": "/sync"}, f'{{"synced": {s.number(1, 900)}}}')
        for _ in range(s.number(1, 4)):
            s.noise()


def on_guard(s: Scene) -> None:
    quiet = s.number(15, 45)
    for n in range(quiet):
        which = s.pick(0, 0, 0, 1)
        took = s.number(25, 120)
        if n % 12 == 11:
            s.tool("watch_logs", {"service": "web", "timeout_s": 60}, f"ERROR {s.word()} {s.hexed(5)}", took=took)
            s.bash(f"kubectl logs web --since=1m | grep {s.word()}", f"{s.word()} {s.hexed(6)}")
        elif which:
            s.tool("wait_for_event", {"timeout_s": 60}, "timeout: no event", took=took)
        else:
            s.tool("watch_logs", {"service": "web", "timeout_s": 60}, "no new lines", took=took)


def grid(s: Scene) -> None:
    which = s.number(0, 3)
    for n in range(s.number(20, 60)):
        if which == 0:
            s.bash(
                f"python bench.py --batch {2 ** (n % 10)} --dim {64 * (1 + n // 10)}",
                f"throughput {s.chance.uniform(100, 9000):.1f}/s",
                took=20,
            )
        elif which == 1:
            s.tool(
                "http_probe",
                {"host": f"10.1.{n // 8}.{n * 3 % 250}"},
                f"10.1.{n // 8}.{n * 3 % 250}: no route to host",
                1,
            )
        elif which == 2:
            s.tool("check_domain", {"name": f"{s.word()}{s.word()}.example"}, s.pick("taken", "taken", "taken", "free"))
        else:
            s.bash(f"aws s3 ls s3://bucket-{n:02}/", s.pick("An error occurred (AccessDenied) when calling ListObjectsV2: Access Denied", f"{s.hexed(6)} 12 kB"),
                   0)  # fmt: skip


def long_read(s: Scene) -> None:
    for n in range(s.number(15, 50)):
        s.tool("Read", {"file_path": "/data/book.txt", "offset": 1 + n * 400, "limit": 400},
               "\n".join(f"{n * 400 + k}\t{s.word()} {s.word()} {s.word()}" for k in range(8)))  # fmt: skip


def notebook(s: Scene) -> None:
    for n in range(s.number(20, 45)):
        code, output = s.pick(
            (f"df.groupby('{s.word()}').size().head({s.number(3, 9)})", f"{s.word()} {s.number(1, 99)}\n{s.word()} {s.number(1, 99)}"),
            (f"plt.plot(df['{s.word()}']); plt.savefig('f{n}.png')", ""), ("df.shape", f"({5000 - 7 * n}, 12)"),
            (f"df['{s.word()}_{n}'] = df['{s.word()}'].fillna(0)", ""), ("df.head(3)", f"0 {s.hexed(4)}\n1 {s.hexed(4)}\n2 {s.hexed(4)}"),
            (f"model_{n}.score(X, y)", f"0.{s.number(500, 999)}"),
        )  # fmt: skip
        if s.chance.random() < 0.1:
            output = f"KeyError: '{s.word()}'"
        s.tool("jupyter_execute", {"code": code}, output)


def browsing(s: Scene) -> None:
    for n in range(s.number(25, 60)):
        pick = s.chance.random()
        if pick < 0.3:
            s.tool("browser_click", {"ref": f"e{s.number(1, 400)}"}, "Clicked")
        elif pick < 0.5:
            s.tool("browser_press_key", {"key": s.pick("Tab", "Enter", "ArrowDown")}, "Pressed")
        elif pick < 0.65:
            s.tool("browser_scroll", {"dy": 600}, "Scrolled")
        elif pick < 0.9:
            s.tool("browser_snapshot", {}, f"- heading {s.word()} [ref=e{s.number(1, 400)}]\n- link {s.word()} {n}")
        else:
            s.tool("browser_type", {"ref": f"e{s.number(1, 90)}", "text": f"{s.word()} {s.word()}"}, "Typed")


def hunting(s: Scene) -> None:
    for _ in range(s.number(15, 35)):
        term = s.pick(s.word(), f"{s.word()} {s.word()}", f"{s.word()}.*{s.word()}")
        found = s.chance.random() < 0.4
        if s.chance.random() < 0.5:
            s.tool(
                "Grep",
                {"pattern": term, "path": f"src/{s.word()}"},
                f"src/{s.word()}.ts:{s.number(1, 900)}: {term}" if found else "No matches found",
            )
        else:
            s.tool(
                "web_search",
                {"query": f"{term} {s.word()} error"},
                f"1. {s.word()} {s.word()} {s.hexed(3)}\n2. {s.word()} {s.word()}",
            )


def crew(s: Scene) -> None:
    names = [f"researcher-{s.hexed(4)}" for _ in range(s.number(5, 20))]
    for n, name in enumerate(names):
        s.tool(
            "spawn_subagent",
            {"task": f"Collect sources on {s.word()} and {s.word()} ({n + 1} of {len(names)})"},
            f"spawned {name}",
            agent="lead",
        )
        s.child(name, "lead")
    for _ in range(s.number(3, 7)):
        for name in names:
            s.tool(
                "web_search",
                {"query": f"{s.word()} {s.word()} {name[-2:]}"},
                f"{s.word()} {s.hexed(5)} {s.word()}",
                agent=name,
            )
    for name in names:
        s.say(
            f"Findings on {s.word()}: {s.word()} grew by {s.number(2, 90)} % after the {s.word()} changed.", agent=name
        )
    s.bash("cat report.md", f"# Report\n{s.word()} {s.hexed(4)}")


def conversation(s: Scene) -> None:
    """A chat with a person, without tools for long."""
    for n in range(s.number(8, 20)):
        s.wait(40)
        s.say(
            f"How do I {s.word()} the {s.word()} when the {s.word()} is {s.pick('empty', 'full', 'locked')}?",
            role="user",
        )
        s.say(
            f"You {s.pick('open', 'close', 'check')} the {s.word()} and {s.word()} it with {s.hexed(4)}, then the {s.word()} number {n} follows."
        )


OTHER_HONEST: dict[str, tuple[Callable[[Scene], None], ...]] = {
    "batches": (bulk,),
    "edit and test": (compile_fix,),
    "polling that ends": (await_build,),
    "pages that end": (listing,),
    "retries with backoff": (patient_retries,),
    "watch mode": (on_guard,),
    "sweeps": (grid,),
    "a file in chunks": (long_read,),
    "REPL": (notebook,),
    "clicking": (browsing,),
    "searching": (hunting,),
    "fan-out": (crew,),
    "conversation": (conversation,),
}
