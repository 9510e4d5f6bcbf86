# ruff: noqa: E501 - outputs as tools print them
"""Honest work that looks like a loop, tenth style."""

from __future__ import annotations

from benchmarks.loops_publishers import published_by
from benchmarks.loops_tenth import Tenth
from benchmarks.loops_tenth_wide import click, fan_out, repl, review, search


def batch(s: Tenth) -> None:
    which = s.number(0, 9)
    a = s.noun()
    for n in range(s.number(80, 300)):
        if which == 0:  # a word for each
            s.tool("tag_photo", {"photo": f"IMG_{4000 + n}.jpg"}, s.pick("cat", "dog", "bird"))
        elif which == 1:  # nothing but ok
            s.tool("close_ticket", {"ticket": f"{a.upper()}-{100 + n}"}, "ok")
        elif which == 2:
            s.bash(f"ffmpeg -i {s.noun()}{n}.mov {s.noun()}{n}.mp4 2>/dev/null")
        elif which == 3:  # three steps for each
            s.tool(
                "get_order",
                {"order_id": 7000 + n},
                f'{{"id": {7000 + n}, "total": {s.number(5, 500)}.{s.number(10, 99)}, "state": "paid"}}',
            )
            s.tool("create_invoice", {"order_id": 7000 + n}, f'{{"invoice": "INV-{n}"}}')
            s.tool("send_mail", {"template": "invoice", "order_id": 7000 + n}, "sent")
        elif which == 4:  # some fail, each alone
            ok = s.chance.random() < 0.8
            s.bash(
                f"gpg --verify {s.noun()}-{n}.sig",
                "gpg: Good signature" if ok else "gpg: BAD signature",
                0 if ok else 1,
            )
        elif which == 5:
            s.bash(f"sed -i 's/{a}_old/{a}_new/g' {s.file()}")
        elif which == 6:
            s.tool(
                "Write",
                {"file_path": f"docs/{s.noun()}_{n}.md", "content": f"# {s.noun()}\n\n{s.noun()} {s.noun()}"},
                "File created successfully",
            )
        elif which == 7:
            s.tool(
                "geocode",
                {"address": f"{n} {s.noun()} street, {s.noun()}"},
                f"{s.number(40, 60)}.{s.number(1000, 9999)}, {s.number(1, 20)}.{s.number(1000, 9999)}"
                if s.chance.random() < 0.7
                else "ZERO_RESULTS",
            )
        elif which == 8:  # next from a queue
            left = 400 - n
            s.tool("next_item", {"queue": a}, f'{{"item": "{s.noun()}-{s.hexed(4)}", "left": {left}}}')
            s.tool("ack", {"queue": a}, "ok")
        else:
            s.bash(
                f"docker push registry.test/{a}:{n}",
                f"latest: digest: sha256:{s.hexed(32)} size: {s.number(500, 3000)}",
            )


def edit_test(s: Tenth) -> None:
    which, a = s.number(0, 4), s.noun()
    left = s.number(5, 20)
    stuck = 0
    while left:
        f = s.file() if which % 2 else f"{a}/main.py"
        s.tool(
            "Edit",
            {
                "file_path": f,
                "old_string": f"{s.noun()}({s.noun()})",
                "new_string": f"{s.noun()}({s.noun()}, {s.number(0, 99)})",
            },
            "The file has been updated.",
        )
        if which == 0:
            s.bash("make check", f"{left} error{'s' if left > 1 else ''} generated.\nmake: *** [check] Error 1", 2)
        elif which == 1:
            s.bash(
                "pytest -x -q",
                f"FAILED tests/test_{s.noun()}.py::test_{s.noun()}_{left} - assert {s.number(0, 9)} == {s.number(10, 19)}\n1 failed, {60 - left} passed",
                1,
            )
        elif which == 2:
            s.bash("npx eslint . | tail -2", f"✖ {left} problems ({left} errors, 0 warnings)", 1)
        elif which == 3:
            s.bash(
                "bundle exec rspec",
                f"{120} examples, {left} failures\n"
                + "\n".join(f"rspec ./spec/{s.noun()}_spec.rb:{s.number(1, 99)}" for _ in range(min(3, left))),
                1,
            )
        else:
            s.tool("lint", {}, f"{left}")
        # Up to two tries in a row don't help.
        if stuck < 2 and s.chance.random() < 0.3:
            stuck += 1
        else:
            stuck = 0
            left = max(0, left - s.number(1, 3))
        if s.chance.random() < 0.2:
            s.noise()
    s.bash("make check", "all good")


def poll(s: Tenth) -> None:
    a, which = s.noun(), s.number(0, 5)
    seconds = s.pick(10, 15, 30, 45, 60, 90)
    times = s.number(4, 25)
    for n in range(times):
        last = n == times - 1
        if which == 0:  # the gap is only to be seen in the times of events
            s.wait(seconds)
            s.tool("job_status", {"job": a}, "succeeded" if last else "running")
        elif which == 1:
            s.bash(
                f"sleep {seconds}; squeue -j {s.number(1, 1) + 880}",
                "" if last else f"880 gpu {a} R 0:{n:02}:{s.number(10, 59)}",
                took=seconds,
            )
        elif which == 2:
            s.bash(
                f"timeout {seconds} tail -f /dev/null; ls out/{a}.bin",
                f"out/{a}.bin" if last else f"ls: cannot access 'out/{a}.bin': No such file or directory",
                0 if last else 2,
                took=seconds,
            )
        elif which == 3:
            s.wait(seconds)
            s.bash(
                "gh run list --limit 1",
                f"{'completed  success' if last else 'in_progress'}  {s.verb()} {a}  main  push  99{a}  {n}m{s.number(1, 59)}s",
            )
        elif which == 4:
            s.tool("sleep", {"ms": seconds * 1000}, "", took=seconds)
            s.tool(
                "http_request",
                {"url": f"http://{a}.test/ready"},
                "200 ready" if last else "503 starting",
                0 if last else 1,
            )
        else:  # each time longer
            s.bash(
                f"sleep {seconds * (n + 1)} && pg_isready -h {a}",
                f"{a}:5432 - accepting connections" if last else f"{a}:5432 - no response",
                0 if last else 2,
                took=seconds * (n + 1),
            )
    s.noise()


def pages(s: Tenth) -> None:
    a, which = s.noun(), s.number(0, 5)
    count = s.number(5, 60)
    for n in range(1, count + 1):
        rows = "\n".join(f"{s.noun()} {s.noun()} {s.hexed(3)}" for _ in range(s.number(2, 9)))
        if which == 0:
            s.bash(f"curl -s https://{a}.test/items?page={n} | jq -r '.[].name'", rows if n < count else "")
        elif which == 1:
            s.tool("list_messages", {"channel": a, "before": s.hexed(10)}, rows)
        elif which == 2:
            s.tool(
                "browser_navigate",
                {"url": f"https://{a}.test/results?q=x&start={n * 10}"},
                f"Results {n * 10}-{n * 10 + 9} of about {count * 10}\n{rows}",
            )
            if s.chance.random() < 0.3:
                s.noise()
        elif which == 3:
            s.tool("query", {"sql": f"SELECT * FROM {a} WHERE id > {n * 100} ORDER BY id LIMIT 100"}, rows)
        elif which == 4:  # saved, each page to its file
            s.bash(
                f"curl -s 'https://{a}.test/export?cursor={s.hexed(8)}' >> {a}.jsonl && wc -l < {a}.jsonl", str(n * 100)
            )
        else:
            s.tool(
                "next",
                {"cursor_id": "k1"},
                f'{{"docs": ["{s.noun()}{s.hexed(3)}", "{s.noun()}{s.hexed(3)}"], "done": {"false" if n < count else "true"}}}',
            )


def retries(s: Tenth) -> None:
    a, which = s.noun(), s.number(0, 4)
    for _ in range(s.number(1, 5)):
        wait, tries = s.pick(1, 2, 4), s.number(2, 8)
        for n in range(tries):
            last = n == tries - 1
            if which == 0:
                s.bash(
                    f"curl -fsS https://{a}.test/v2/blob",
                    "ok" if last else "curl: (22) The requested URL returned error: 429",
                    0 if last else 22,
                )
            elif which == 1:
                s.tool(
                    "embed",
                    {"batch": s.noun() if n == 0 else a},
                    "[0.1, 0.2]" if last else "RateLimitError: please retry",
                    0 if last else 1,
                )
            elif which == 2:
                s.bash(
                    "terraform apply -auto-approve",
                    "Apply complete!"
                    if last
                    else f"Error: Error acquiring the state lock\nLock Info: ID: {s.hexed(8)}",
                    0 if last else 1,
                )
            elif which == 3:
                s.bash(
                    "git pull",
                    "Already up to date." if last else "fatal: unable to access: Could not resolve host",
                    0 if last else 128,
                )
            else:
                s.tool(
                    "post_message",
                    {"channel": a, "text": "hi"},
                    '{"ok": true}' if last else '{"ok": false, "error": "ratelimited"}',
                    0,
                )
            if not last:
                if which % 2:
                    s.wait(wait * s.chance.uniform(1, 1.3))
                else:
                    s.bash(f"sleep {wait}", "", took=wait)
                wait *= 2
        for _ in range(s.number(0, 4)):
            s.noise()


def watch(s: Tenth) -> None:
    a, which = s.noun(), s.number(0, 4)
    for n in range(s.number(20, 80)):
        s.wait(s.pick(30, 30, 60) if which else 120)
        news = s.chance.random() < 0.1
        if which == 0:
            s.tool("check_inbox", {}, f"1 new: {s.noun()} about {s.noun()}" if news else "0 new")
        elif which == 1:
            s.bash(f"kubectl top pod {a}", f"{a} {s.number(10, 900)}m {s.number(100, 900)}Mi")
        elif which == 2:
            s.bash("df -h / | tail -1", f"/dev/sda1 100G {40 + n // 9}G {60 - n // 9}G {40 + n // 9}% /")
        elif which == 3:
            s.tool("get_price", {"symbol": a.upper()}, f"{s.number(90, 110)}.{s.number(10, 99)}")
        else:
            s.tool("watch_dir", {"path": f"/srv/{a}"}, f"added {s.noun()}.csv" if news else "no changes")
            if news:
                s.noise()


def sweeps(s: Tenth) -> None:
    a, which = s.noun(), s.number(0, 4)
    for n in range(s.number(15, 70)):
        if which == 0:
            s.bash(
                f"./bench --threads {n + 1} --size {s.pick(64, 128, 256)}", f"{s.number(1, 99)}.{s.number(0, 9)} MB/s"
            )
        elif which == 1:
            s.bash(f"ping -c1 -W1 10.0.{n // 250}.{n % 250}", "1 packets transmitted, 0 received, 100% packet loss", 1)
        elif which == 2:
            s.bash(
                f"LR={s.pick(1, 3, 5)}e-{s.number(2, 6)} SEED={n} python sweep.py",
                f"val_loss={s.number(1, 3)}.{s.number(100, 999)}",
                took=30,
            )
        elif which == 3:
            s.bash(f"dig +short {a}{n}.test", "" if s.chance.random() < 0.7 else f"10.1.2.{n}")
        else:
            s.tool("solve", {"grid": f"{n}x{n}", "method": s.pick("greedy", "exact")}, f"cost {s.number(10, 999)}")


def chunks(s: Tenth) -> None:
    f, which = s.file(), s.number(0, 4)
    size = s.pick(40, 100, 250)
    for n in range(s.number(10, 60)):
        text = "\n".join(f"{n * size + k}: {s.noun()} {s.noun()} {s.pick('', '{', '}')}" for k in range(12))
        if which == 0:
            s.tool("Read", {"file_path": f, "offset": n * size, "limit": size}, text)
        elif which == 1:
            s.bash(f"head -n {(n + 1) * size} {f} | tail -n {size}", text)
        elif which == 2:
            s.bash(f"awk 'NR>{n * size} && NR<={(n + 1) * size}' {f}", text)
        elif which == 3:
            s.tool("view_range", {"file": f, "from": n * size, "to": (n + 1) * size}, text)
        else:
            s.tool("read_pdf", {"doc": f, "pages": f"{n * 3 + 1}-{n * 3 + 3}"}, text)


TENTH_HONEST = published_by(
    Tenth,
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
        "review": (review,),
    },
)
