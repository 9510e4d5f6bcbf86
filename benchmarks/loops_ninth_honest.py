# ruff: noqa: E501 - outputs as tools print them
"""Honest work that looks like a loop, ninth style."""

from __future__ import annotations

from benchmarks.loops_ninth import Ninth
from benchmarks.loops_ninth_wide import click, fan_out, repl, search
from benchmarks.loops_publishers import published_by


def batch(s: Ninth) -> None:
    n1 = s.noun()
    which = s.number(0, 8)
    ext = s.pick("png", "csv", "md", "wav")
    for n in range(s.number(60, 320)):
        item = f"{s.noun()}-{n:03}"
        if which == 0:
            s.bash(f"convert in/{item}.{ext} -resize 50% out/{item}.{ext}")
        elif which == 1:
            s.tool(
                "translate",
                {"key": f"{s.noun()}.{n}", "text": f"the {s.noun()} of {s.noun()}", "to": "de"},
                f"Der {s.noun().title()} von {s.noun().title()}",
            )
        elif which == 2:
            s.tool("set_label", {"issue": 1000 + n, "label": s.pick("bug", "feature", "question")}, "ok")
        elif which == 3:
            s.tool("open_file", {"file": f"in/{item}.md"}, f"# {s.noun()}\n{s.noun()} {s.noun()} {s.hexed(3)}")
            s.tool("write_file", {"file": f"out/{item}.md", "content": f"{s.noun()} {s.noun()}"}, "written")
        elif which == 4:
            s.bash(f"aws s3 cp s3://{n1}/{item} ./{item}", f"download: s3://{n1}/{item} to ./{item}")
        elif which == 5:
            s.tool(
                "classify",
                {"row": n, "text": f"{s.noun()} {s.noun()} {s.noun()}"},
                s.pick("positive", "negative", "neutral"),
            )
        elif which == 6:
            s.bash(
                f"head -c 200 logs/{item}.log", f"{s.stamp()} {s.noun()} {s.pick('ok', 'ok', 'failed: ' + s.noun())}"
            )
            if s.chance.random() < 0.5:
                s.bash(f"mv logs/{item}.log done/")
        elif which == 7:
            s.tool("update_record", {"id": s.hexed(24), "fields": {"status": "archived"}}, '{"updated": 1}')
        else:
            bad = s.chance.random() < 0.15
            s.bash(
                f"python check_{n1}.py {item}.{ext}", f"{item}: {'MISSING ' + s.noun() if bad else 'PASS'}", int(bad)
            )


def edit_test(s: Ninth) -> None:
    left, total = s.number(8, 24), s.number(40, 300)
    which = s.number(0, 4)
    n1 = s.noun()
    files = [s.path() for _ in range(s.number(1, 5))]
    while True:
        for _ in range(s.pick(1, 1, 1, 2, 3)):
            f = s.pick(*files)
            s.tool(
                s.pick("edit", "edit", "write_file"),
                {"file": f, "find": f"{s.noun()}.{s.noun()}({s.number(0, 99)})", "replace": f"{s.noun()}.{s.noun()}()"},
                s.pick("ok", "1 replacement"),
            )
            if s.chance.random() < 0.2:
                s.tool("open_file", {"file": f}, f"{s.noun()} {s.noun()} {s.hexed(4)} {s.noun()}")
        if which == 0:
            s.bash(
                f"go test ./{n1}/...",
                "\n".join(f"--- FAIL: Test{s.noun().title()} (0.0{k}s)" for k in range(min(left, 8)))
                + ("\nFAIL" if left else f"ok  \t{n1}\t{s.number(0, 9)}.{s.number(100, 999)}s"),
                1 if left else 0,
            )
        elif which == 1:
            s.bash(
                "npx tsc --noEmit | tail -1",
                f"Found {left} errors in {1 + left // 4} files." if left else "",
                2 if left else 0,
            )
        elif which == 2:
            s.tool("run_tests", {"suite": n1}, f'{{"passed": {total - left}, "failed": {left}}}')
        elif which == 3:
            s.bash(
                "cargo test",
                f"running {total} tests\n"
                + "\n".join(f"test {s.noun()}::{s.noun()} ... FAILED" for _ in range(min(left, 5)))
                + f"\ntest result: {'FAILED' if left else 'ok'}. {total - left} passed; {left} failed; finished in {s.number(1, 9)}.{s.number(10, 99)}s",
                101 if left else 0,
            )
        else:
            s.bash(
                f"ruff check {n1}",
                f"{n1}/{s.noun()}.py:{s.number(1, 300)}:1: {s.pick('E501', 'F401', 'B006')} {s.noun()}\nFound {left} errors."
                if left
                else "All checks passed!",
                int(bool(left)),
            )
        if not left:
            break
        left = max(0, left - s.pick(0, 1, 1, 2, 2, 4))


def poll(s: Ninth) -> None:
    n1 = s.noun()
    seconds = s.pick(5, 10, 20, 30, 60, 120)
    form = s.number(0, 4)
    tool, args, waiting, ready = s.pick(
        ("get_job", {"id": n1}, '{"status": "RUNNING"}', '{"status": "SUCCEEDED"}'),
        ("deployment_status", {"name": n1}, "in progress", "live"),
        (
            "",
            f"kubectl rollout status deploy/{n1} --timeout=1s",
            f'Waiting for deployment "{n1}" rollout to finish: 1 of 3 updated',
            f'deployment "{n1}" successfully rolled out',
        ),
        (
            "",
            f"gh pr checks {s.number(10, 999)}",
            f"build\tpending\t0\nlint\tpass\t{s.number(10, 50)}s",
            "build\tpass\t3m\nlint\tpass\t31s",
        ),
        (
            "",
            f"ssh {n1} uptime",
            f"ssh: connect to host {n1} port 22: Connection refused",
            " 10:02:11 up 0 min, load average: 0.2",
        ),
        (
            "read_email",
            {"folder": "inbox", "filter": f"code from {n1}"},
            "no messages",
            f"Your code is {s.number(100000, 999999)}",
        ),
    )
    grows = s.chance.random() < 0.3
    times = s.number(3, 28)
    for n in range(times):
        last = n == times - 1
        out = ready if last else waiting
        if grows and not last:
            out += f" {min(99, n * 100 // times)}%"
        code = 255 if "refused" in out else 0
        if form == 0:
            s.tool("wait", {"seconds": seconds}, s.pick("", "done"), took=seconds)
            s.tool(tool, args, out, code) if tool else s.bash(args, out, code)
        elif form == 1:
            s.wait(seconds)
            s.tool(tool, args, out, code) if tool else s.bash(args, out, code)
        elif form == 2 and not tool:
            s.bash(f"sleep {seconds}; {args}", out, code, took=seconds)
        elif form == 3:
            s.bash(f"sleep {seconds}", "", took=seconds)
            s.tool(tool, args, out, code) if tool else s.bash(args, out, code)
        else:
            s.tool("wait_for", {"what": n1, "timeout_s": seconds}, "timed out", took=seconds)
            s.tool(tool, args, out, code) if tool else s.bash(args, out, code)
    for _ in range(s.number(1, 5)):
        s.noise()


def pages(s: Ninth) -> None:
    n1 = s.noun()
    which = s.number(0, 5)
    count = s.number(8, 70)
    for n in range(count):
        last = n == count - 1
        rows = [f"{s.noun()}-{s.hexed(5)}" for _ in range(s.number(3, 12))]
        if which == 0:
            s.tool(
                "list_items",
                {"collection": n1, "page_token": s.hexed(12)},
                f'{{"items": {rows}, "next": {"null" if last else chr(34) + s.hexed(12) + chr(34)}}}'.replace("'", '"'),
            )
        elif which == 1:
            s.bash(
                f"curl -s 'https://{n1}.test/api?page={n + 1}'",
                f'{{"page": {n + 1}, "pages": {count}, "rows": {rows}}}',
            )
        elif which == 2:
            s.tool(
                "sql",
                {"q": f"select id, name from {n1} order by id limit 10 offset {n * 10}"},
                "\n".join(f"{n * 10 + k} | {r}" for k, r in enumerate(rows)),
            )
        elif which == 3:
            s.tool("scroll", {"direction": "down"}, f"{' / '.join(rows)}" + (" (end)" if last else ""))
        elif which == 4:
            s.bash(
                f"gh api repos/{n1}/x/issues?page={n + 1} > p{n + 1}.json && jq length p{n + 1}.json",
                str(s.number(1, 29) if last else 30),
            )
        else:
            s.tool("next_page", {}, f"Showing {n * 10 + 1}-{n * 10 + len(rows)}: " + ", ".join(rows))


def retries(s: Ninth) -> None:
    n1 = s.noun()
    which = s.number(0, 4)
    for _ in range(s.number(1, 4)):
        wait = s.pick(1, 2, 5)
        item = s.noun()
        form = s.number(0, 2)
        for _n in range(s.number(2, 7)):
            if which == 0:
                args, out, code = (
                    {"method": "PUT", "path": f"/{n1}/{item}"},
                    '{"status":429,"error":"too many requests"}',
                    1,
                )
            elif which == 1:
                args, out, code = (
                    {"method": "GET", "path": f"/{n1}/{item}"},
                    f"503 Service Unavailable (req {s.hexed(8)})",
                    1,
                )
            else:
                args, out, code = (
                    {"method": "POST", "path": f"/{n1}", "body": {"x": item}},
                    s.pick("connection reset by peer", "upstream timed out"),
                    1,
                )
            s.tool("call_api", args, out, code)
            if form == 0:
                s.bash(f"sleep {wait}", "", took=wait)
            elif form == 1:
                s.wait(wait)
            else:
                s.tool("wait", {"seconds": wait}, "", took=wait)
            wait *= 2
        s.tool("call_api", args, f'{{"status": 200, "id": "{s.hexed(6)}"}}')
        for _ in range(s.number(0, 5)):
            s.noise()


def watch(s: Ninth) -> None:
    n1 = s.noun()
    which = s.number(0, 3)
    seconds = s.pick(20, 60, 300)
    for _n in range(s.number(20, 90)):
        s.wait(seconds)
        odd = s.chance.random() < 0.12
        if which == 0:
            s.tool(
                "watch_events",
                {"source": n1, "timeout_s": seconds},
                f"event: {s.noun()} changed" if odd else "no events",
                took=seconds,
            )
            if odd:
                s.noise()
        elif which == 1:
            s.bash(f"tail -n 3 /var/log/{n1}.log", f"{s.stamp()} {s.noun()} {s.noun()}\n{s.stamp()} {s.noun()}")
        elif which == 2:
            s.tool(
                "get_metrics",
                {"service": n1},
                f'{{"cpu": {s.number(10, 90)}, "mem_mb": {s.number(200, 900)}, "errors": {s.number(0, 3)}}}',
            )
        else:
            s.tool("read_sensor", {"name": n1}, f"{s.number(15, 30)}.{s.number(0, 9)} C")


def sweeps(s: Ninth) -> None:
    n1 = s.noun()
    which = s.number(0, 4)
    for n in range(s.number(15, 60)):
        lr, depth = s.pick(0.1, 0.03, 0.01, 0.003, 0.001), s.number(2, 12)
        if which == 0:
            s.bash(
                f"python train.py --lr {lr} --depth {depth} --seed {n}",
                f"epoch 5 loss 0.{s.number(100, 900)} acc 0.{s.number(500, 990)}",
                took=40,
            )
        elif which == 1:
            s.tool(
                "simulate",
                {"alpha": round(n * 0.05, 2), "runs": 100},
                f'{{"mean": {s.number(10, 99)}.{s.number(0, 99)}, "sd": 0.{s.number(10, 99)}}}',
            )
        elif which == 2:
            s.bash(
                f"wrk -t{depth} -c{depth * n + 1} http://{n1}.test",
                f"Requests/sec: {s.number(1000, 9000)}.{s.number(10, 99)}",
                took=10,
            )
        elif which == 3:
            s.bash(
                f"nc -zv {n1} {8000 + n}", f"{n1} [{8000 + n}] " + s.pick("refused", "refused", "open"), s.pick(1, 0)
            )
        else:
            s.tool(
                "evaluate_prompt",
                {"variant": n, "text": f"{s.verb()} the {s.noun()} with {s.noun()}"},
                f"score: {s.number(40, 95)}/100",
            )


def chunks(s: Ninth) -> None:
    f = s.path()
    size = s.pick(50, 100, 200)
    which = s.number(0, 3)
    for n in range(s.number(10, 80)):
        text = "\n".join(f"{s.noun()} {s.noun()} {s.hexed(2)}" for _ in range(s.number(5, 20)))
        if which == 0:
            s.tool("open_file", {"file": f, "line": n * size + 1, "count": size}, text)
        elif which == 1:
            s.bash(f"sed -n '{n * size + 1},{(n + 1) * size}p' {f}", text)
        elif which == 2:
            s.tool("scroll_down", {}, f"[File: {f} ({4000} lines total)]\n({n * size} lines above)\n{text}")
        else:
            s.bash(
                f"dd if={f} bs=1 skip={n * 512} count=512 2>/dev/null | xxd | head -4",
                "\n".join(f"{n * 512 + 16 * k:08x}: {s.hexed(4)} {s.hexed(4)} {s.hexed(4)}" for k in range(4)),
            )


NINTH_HONEST = published_by(
    Ninth,
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
    },
)
