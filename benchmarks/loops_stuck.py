# ruff: noqa: E501 - outputs as tools print them
"""Runaway loops of every class, made up: each function writes one run of its class, varied by the scene's chance."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.loops_scene import Labelled, Scene

LONG = 40  # steps that a loop goes on for


def exact(s: Scene) -> None:
    command, output, code = s.pick(
        ("make", "cc: error: no such file or directory: main.c\nmake: *** [all] Error 1", 2),
        ("ls -la src", "total 8\n-rw-r--r-- 1 me me 120 parser.py", 0),
        ("npm test", "Tests: 3 failed, 12 passed", 1),
        ("git status --short", " M app.py", 0),
        ("cat config.yaml", "debug: true\nport: 8080", 0),
        ("python app.py", "Traceback (most recent call last):\n  File \"app.py\", line 3\nKeyError: 'x'", 1),
    )
    for _ in range(LONG):
        s.bash(command, output, code)


def volatile(s: Scene) -> None:
    which = s.number(0, 5)
    for n in range(LONG):
        stamp = f"2026-08-{7 + n // 20:02}T{s.number(0, 23):02}:{s.number(0, 59):02}:{s.number(0, 59):02}Z"
        uuid = f"{s.hexed()}-{s.hexed(4)}-{s.hexed(4)}-{s.hexed(4)}-{s.hexed(12)}"
        if which == 0:
            s.bash(
                "make build", f"[{stamp}] build failed after {s.number(1, 9)}.{s.number(10, 99)}s (pid {n + 400})", 2
            )
        elif which == 1:
            s.bash("./deploy.sh", f"request {uuid} rejected by policy, see /tmp/tmp{s.hexed(8)}", 1)
        elif which == 2:
            s.bash(
                "docker compose up -d db", f"Container {s.hexed(12)} exited, port 127.0.0.1:{s.number(33000, 60000)}"
            )
        elif which == 3:
            s.bash("pip download big", f"\x1b[3{n % 7}m {n} %\r{n * 2} %\r100 %\x1b[0m\nno space left, {n}.{n} kB/s", 1)
        elif which == 4:
            s.tool("http_get", {"url": "https://api.example.test/jobs"}, f'{{"jobs": [], "trace_id": "{uuid}"}}')
        else:
            s.bash(
                "systemctl restart web", f"{stamp} host web[{s.number(100, 99999)}]: cannot bind, uptime {n * 3}s", 1
            )


def varied(s: Scene) -> None:
    which = s.number(0, 6)
    for n in range(LONG):
        gap = " " * s.number(1, 4)
        if which == 0:
            s.bash(f"make{gap}all{gap}# attempt: {s.word()} {s.word()}", "make: *** No rule to make target 'all'.", 2)
        elif which == 1:
            flags = ["-v", "--tb=short", "-x", "tests/unit"]
            s.chance.shuffle(flags)
            s.bash(f"pytest {' '.join(flags)}", "E   ImportError: no module named web\n1 error in 0.12s", 1)
        elif which == 2:
            quote = s.pick('"', "'", "")
            s.bash(f"grep -rn {quote}login_handler{quote} src", "src/auth.py:12:def login_handler(request):")
        elif which == 3:
            name = f"/tmp/{s.pick('out', 'run', 'tmp')}_{s.hexed(6)}.json"
            s.bash(f"python eval.py --out {name} && tail -1 {name}", "accuracy 0.412")
        elif which == 4:
            s.bash(f"sleep {s.number(1, 3)}; python migrate.py", "relation users already exists", 1)
        elif which == 5:
            s.tool("search_code", {"query": "where is the token refreshed", "explanation": f"{s.word()} {s.word()} {n}"},
                   "auth/session.py:88: refresh_token()", thought=f"Maybe {s.word()} {s.word()} helps.")  # fmt: skip
        else:
            s.bash(s.pick("cd /work && ./run.sh", "cd /work; ./run.sh", "cd /work && bash ./run.sh", "cd /work &&  ./run.sh 2>&1"),
                   "run.sh: line 4: config: unbound variable", 1)  # fmt: skip


def cycle(s: Scene) -> None:
    period = s.number(2, 5)
    steps = [(f"cat {s.word()}/{n}_{s.word()}.py", f"def {s.word()}(): return {n}", 0) for n in range(period)]
    steps[-1] = s.pick(("pytest -q", "2 failed, 9 passed in 1.2s", 1), ("git diff", "-a\n+b", 0), steps[-1])
    for _ in range(LONG // period + 1):
        for command, output, code in steps:
            s.bash(command, output, code)


def long_cycle(s: Scene) -> None:
    period = s.number(6, 16)
    steps = [
        (f"{s.pick('cat', 'head', 'wc')} {s.word()}/{n}_{s.word()}.ts", f"export const {s.word()} = {n};")
        for n in range(period)
    ]
    for _ in range(6):
        for command, output in steps:
            s.bash(command, output)
            if s.chance.random() < 0.2:
                s.noise()


def noisy_cycle(s: Scene) -> None:
    period = s.number(2, 4)
    steps = [(f"cat {s.word()}_{n}.py", f"class {s.word().title()}{n}: pass", 0) for n in range(period - 1)]
    steps.append(("python check.py", "AssertionError: expected 3 got 4", 1))
    for _ in range(LONG // period):
        for command, output, code in steps:
            s.bash(command, output, code)
            if s.chance.random() < 0.35:
                s.noise()


OBSTACLES = (
    ("db:5432: Connection refused", (
        "psql -h db -c 'select 1'", "nc -zv db 5432", "python -c \"import psycopg2; psycopg2.connect(host='db')\"",
        "pg_isready -h db", "docker exec web ping-db db", "telnet db 5432", "curl -v telnet://db:5432",
        "PGPASSWORD=x psql -U postgres -h db", "python manage.py dbshell", "node check-db.js", "./scripts/wait-for.sh db",
    )),
    ("ModuleNotFoundError: No module named 'fasttext'", (
        "python -c 'import fasttext'", "python3 train.py", "pytest tests/test_train.py", "python -m fasttext",
        "python train.py --help", "cd src && python -c 'import train'", "PYTHONPATH=. python train.py", "make train",
        "python3.11 -c 'import fasttext; print(1)'", "ipython -c 'import fasttext'", "tox -e py311",
    )),
    ("fatal: could not read Username for 'https://git.example.test': No such device or address", (
        "git push", "git push origin main", "git push -u origin HEAD", "git -c credential.helper= push", "gh pr create",
        "GIT_ASKPASS=true git push", "git remote set-url origin https://git.example.test/x && git push", "git fetch",
        "git ls-remote", "git push --force-with-lease", "git push --verbose",
    )),
    ("PermissionError: [Errno 13] Permission denied: '/etc/app/config.toml'", (
        "python set.py", "tee /etc/app/config.toml < new", "cp new /etc/app/config.toml", "python -c 'open(\"/etc/app/config.toml\",\"w\")'",
        "sed -i s/a/b/ /etc/app/config.toml", "mv new /etc/app/config.toml", "install -m 644 new /etc/app/config.toml",
        "dd if=new of=/etc/app/config.toml", "truncate -s0 /etc/app/config.toml", "ed /etc/app/config.toml", "perl -pi -e 1 /etc/app/config.toml",
    )),
)  # fmt: skip


def one_error(s: Scene) -> None:
    error, commands = s.pick(*OBSTACLES)
    order = list(commands)
    s.chance.shuffle(order)
    hidden = s.chance.random() < 0.4
    for n in range(24):
        command = order[n % len(order)] + ("" if n < len(order) else f" --retry-{n}")
        before = s.pick(
            "", "", f"line {n}: ", 'Traceback (most recent call last):\n  File "x.py", line 3, in <module>\n'
        )
        if hidden:
            s.bash(f"{command} 2>&1 | {s.pick('tail -5', 'head -20', 'grep -v warn')}", f"{before}{error}", 0)
        else:
            s.bash(command, f"{before}{error}", s.pick(1, 1, 2))
        if s.chance.random() < 0.15:
            s.noise()


def sql_guessing(s: Scene) -> None:
    """Ever new queries on two tables that are not there."""
    tables = [f"{s.word()}_{s.word()}" for _ in range(s.number(1, 3))]
    for n in range(20):
        table = s.pick(*tables)
        clause = " AND ".join(f"{s.word()} = '{s.word()}'" for _ in range(1 + n // 4))
        error = f"Error executing query: Table 'shop.{table}' doesn't exist"
        s.tool("sql", {"query": f"SELECT {s.word()} FROM {table} WHERE {clause} LIMIT {n + 1}"}, error, 1)


def endless_poll(s: Scene) -> None:
    waits = s.chance.random() < 0.5
    command, output = s.pick(
        ("kubectl get pod web-0", "NAME   READY  STATUS\nweb-0  0/1    Pending"), ("gh run view 77 --json status", '{"status":"queued"}'),
        ("curl -s http://ci.test/job/9", '{"state": "running"}'), ("docker inspect -f '{{.State.Health.Status}}' db", "starting"),
    )  # fmt: skip
    inside = s.chance.random() < 0.5
    for _ in range(150 if waits else LONG):
        seconds = s.chance.uniform(4, 20) if waits else 0.0
        if inside and waits:
            s.bash(f"sleep {seconds:.0f} && {command}", output, took=seconds)
        else:
            s.wait(seconds)
            s.bash(command, output)


def storm(s: Scene) -> None:
    error = s.pick("HTTP/1.1 429 Too Many Requests\nretry-after: 60", '{"error": {"code": 503, "message": "overloaded"}}',
                   "error: quota exceeded for project x", "Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 412",
                   "rate limit exceeded, try again later")  # fmt: skip
    same = s.chance.random() < 0.6
    for n in range(LONG):
        s.wait(s.chance.uniform(0, 1.5))
        url = "https://api.example.test/v1/items" + ("" if same else f"?try={n}")
        if s.chance.random() < 0.5 and not same:
            s.bash(f"python fetch.py --seed {n}", error, 1)
        else:
            s.tool("http_request", {"method": "GET", "url": url}, error, 1)


def spawning(s: Scene) -> None:
    parent = "main"
    which = s.number(0, 2)
    for n in range(LONG):
        child = f"agent-{n + 1}"
        task = f"Find out why the {s.word()} fails and delegate what is left."
        if which == 0:  # each starts the next
            s.tool("spawn_agent", {"task": task, "name": child}, f"started {child}", agent=parent)
            s.child(child, parent)
            parent = child
        elif which == 1:  # two in turn
            task = "Review the plan and hand over to the other."
            s.tool(
                "Task", {"prompt": task, "subagent_type": s.pick("planner", "critic")}, f"started {child}", agent=parent
            )
            s.child(child, parent)
            parent = child
        else:  # a tree
            parent = f"agent-{n // 2}" if n else "main"
            s.tool("delegate", {"goal": task}, f"ok {child}", agent=parent)
            s.child(child, parent)


def endless_pages(s: Scene) -> None:
    which = s.number(0, 3)
    name = s.pick("page", "offset", "cursor")
    for n in range(120 if which == 0 else 60):
        value = n if name == "page" else 20 * n if name == "offset" else f"c{s.hexed(6)}"
        if which == 0:  # nothing new ever comes, and it goes on
            body = '{"items": [], "next": true}'
        elif which == 1:  # the last page again and again
            body = f'{{"items": ["{s.run_id}-last", "x"], "{name}": "end"}}'
        elif which == 2:  # wraps round
            body = f'{{"items": ["a{n % 7}", "b{n % 7}"], "has_more": true}}'
        else:
            body = "No results on this page. Next page >"
        s.tool("fetch", {"url": f"https://shop.example.test/list?{name}={value}"}, body)


TALK = (
    "I will now proceed to fix the {a} as discussed.", "Let me proceed with fixing the {a} now.", "Proceeding to fix the {a} as planned.",
    "I am going to fix the {a} now, as discussed.", "As discussed, I will go on and fix the {a}.", "Next I will fix the {a} as planned.",
)  # fmt: skip


def talk(s: Scene) -> None:
    area = s.word()
    two = s.chance.random() < 0.5
    thanks = ("Thank you! Is there anything else?", "No, thank you! Anything else from you?", "Thanks again, all good. Anything else?",
              "Thank you too! Nothing else here.")  # fmt: skip
    for n in range(LONG):
        if two:
            s.say(s.pick(*thanks), agent=s.pick("planner", "coder") if n % 7 == 6 else ("planner", "coder")[n % 2])
        else:
            s.say(s.pick(*TALK).format(a=area))


def flip_flop(s: Scene) -> None:
    which = s.number(0, 3)
    file = f"{s.word()}.py"
    old, new = f"timeout = {s.number(1, 9)}", f"timeout = {s.number(10, 99)}"
    for n in range(24):
        a, b = (old, new) if n % 2 == 0 else (new, old)
        if which == 0:
            s.tool("str_replace", {"path": file, "old_str": a, "new_str": b}, "The file was edited.")
        elif which == 1:
            s.bash(f"sed -i 's/{a}/{b}/' {file}", "")
        elif which == 2:
            s.tool("write_file", {"path": file, "content": f"import os\n\n{a}\n\ndef main():\n    run(timeout)\n"}, "ok",
                   agent=("a", "b")[n % 2])  # fmt: skip
        else:
            s.bash(f"kubectl scale deploy/web --replicas={2 + n % 2}", "deployment.apps/web scaled")
        if s.chance.random() < 0.6:
            failed = (f"FAILED test_{s.pick('fast')}\n1 failed", f"FAILED test_{s.pick('slow')}\n1 failed")[n % 2]
            s.bash("pytest -q", failed, 1)
        if s.chance.random() < 0.15:
            s.noise()


def thrash(s: Scene) -> None:
    """Reads the same files again after each compaction of its context, and gets nowhere."""
    files = [f"{s.word()}/{s.word()}_{n}.py" for n in range(s.number(4, 9))]
    for n in range(8):
        s.say(f"Context was compacted. Summary so far: working on the {files[0]} ({n}).")
        for file in files:
            if s.chance.random() < 0.85:
                s.tool("read_file", {"path": file}, f"# {file}\ndef {file[:4]}(): ...\n" * 5)


STUCK: dict[str, tuple[Callable[[Scene], None], ...]] = {
    "exact repeats": (exact,),
    "volatile output": (volatile,),
    "varied arguments": (varied,),
    "cycles of 2 to 5": (cycle,),
    "cycles to 16, with noise": (long_cycle, noisy_cycle),
    "one error, other commands": (one_error, sql_guessing),
    "polling without end": (endless_poll,),
    "retries without backoff": (storm,),
    "spawning": (spawning,),
    "endless pages": (endless_pages,),
    "talk without action": (talk,),
    "flip-flop edits": (flip_flop,),
    "context thrash": (thrash,),
}


def write(kind: str, seed: str, classes: dict[str, tuple[Callable[[Scene], None], ...]]) -> Labelled:
    """One run of a class."""
    s = Scene(f"{kind}-{seed}".replace(" ", "-"))
    s.start(f"{s.word()} the {s.word()}")
    s.prelude()
    s.loop_begins()
    s.pick(*classes[kind])(s)
    return s.done(s.run_id, kind, loop=True)
