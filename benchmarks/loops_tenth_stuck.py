# ruff: noqa: E501 - outputs as tools print them
"""Runaway loops, tenth style."""

from __future__ import annotations

from benchmarks.loops_publishers import published_by
from benchmarks.loops_tenth import Tenth


def exact(s: Tenth) -> None:
    a = s.noun()
    tool, args, out, code = s.pick(
        ("Read", {"file_path": s.file()}, "1\timport os\n2\t", 0),
        ("click", {"x": 400, "y": 300}, "nothing changed: the button is disabled", 0),
        ("", "ls", "README.md\nsrc", 0),
        ("", f"cd {a}", f"cd: no such file or directory: {a}", 1),
        ("", "npm run build", "Build failed with 1 error: missing export", 1),
        (
            "Edit",
            {"file_path": s.file(), "old_string": a, "new_string": a + "2"},
            "String to replace not found in file.",
            1,
        ),
        ("memory_search", {"query": a}, "[]", 0),
        (
            "TodoWrite",
            {"todos": [{"content": f"{s.verb()} {a}", "status": "in_progress"}]},
            "Todos have been modified successfully.",
            0,
        ),
        ("Write", {"file_path": f"{a}.txt", "content": a * 5}, "ok", 0),
        ("send_message", {"to": a, "text": "are you there?"}, "delivered", 0),
    )
    for _ in range(s.number(12, 60)):
        s.tool(tool, args, out, code) if tool else s.bash(args, out, code)


def volatile(s: Tenth) -> None:
    a, b, which = s.noun(), s.noun(), s.number(0, 7)
    for n in range(s.number(15, 60)):
        t = f"2026-0{s.number(1, 9)}-{s.number(10, 28)} {s.number(10, 23)}:{s.number(10, 59)}:{s.number(10, 59)}"
        if which == 0:
            s.bash(f"./run_{a}", f"{t},{s.number(100, 999)} ERROR {a}: {b} is not set", 1)
        elif which == 1:
            s.bash(
                "make",
                f"[{s.number(1, 99):3}%] Building {a}\n{a}.c:12: error: '{b}' undeclared\nreal 0m{s.number(1, 50)}.{s.number(100, 999)}s",
                2,
            )
        elif which == 2:
            s.tool(
                "http_get",
                {"url": f"https://{a}.test"},
                f"HTTP/1.1 200 OK\ndate: {t}\nx-trace: {s.hexed(16)}\n\n<h1>{b}</h1>",
            )
        elif which == 3:
            s.bash(f"python {a}.py", f"<{b.title()} object at 0x{s.hexed(12)}>")
        elif which == 4:
            s.bash("docker run --rm x", f"{s.hexed(64)}\nexec /bin/{a}: no such file", 127)
        elif which == 5:
            s.bash(
                f"curl -s localhost:{s.pick(3000, 3000)}/{a}",
                f'{{"status":"stale","uptime":{100 + n * 7},"pid":{s.number(200, 900)},"owner":"{b}"}}',
            )
        elif which == 6:
            s.bash(
                "npm test",
                f"Tests: 1 failed, 9 passed\nTime: {s.number(1, 9)}.{s.number(100, 999)} s\nRan all test suites. (run {n + 1})",
                1,
            )
        else:
            s.bash(
                f"wget {a}.test/x",
                f"--{t}-- http://{a}.test/x\n{'=' * s.number(1, 30)}> {s.number(1, 99)}% {s.number(1, 900)}KB/s\nsaved x.{n}",
            )


def varied(s: Tenth) -> None:
    a, b, which = s.noun(), s.noun(), s.number(0, 6)
    for _n in range(s.number(15, 50)):
        if which == 0:
            s.bash(
                s.pick(
                    f"pytest tests/{a}",
                    f"pytest   tests/{a}",
                    f"pytest tests/{a} -v",
                    f"python -m pytest tests/{a}",
                    f"pytest tests/{a} --tb=short",
                    f"pytest -vv tests/{a} 2>&1 | tail -{s.number(5, 50)}",
                ),
                f"E   AssertionError: {b} != {a}\nFAILED tests/{a}/test_{b}.py::test_{b}",
                s.pick(1, 1),
            )
        elif which == 1:
            s.bash(
                f"echo {s.pick(s.noun(), 'trying')}; cat /etc/{a}.conf",
                f"cat: /etc/{a}.conf: No such file or directory",
                1,
            )
        elif which == 2:
            s.tool(
                "Read", {"file_path": s.pick(f"/w/{a}.py", f"/w/./{a}.py", f"/w//{a}.py")}, f"1\t{a} = {b}\n2\t{b} = 1"
            )
        elif which == 3:
            s.bash(
                f"node -e {s.pick(chr(34), chr(39))}require({s.pick('`', '`')}{a}{'`'}){s.pick(';', '')}{chr(34)}".replace(
                    "'", '"'
                ),
                f"Error: Cannot find module '{a}'",
                1,
            )
        elif which == 4:
            s.bash(
                f"cat > /tmp/t{s.hexed(6)}.sh <<'E'\n{a} --{b}\nE\nbash /tmp/t{s.hexed(6)}.sh",
                f"{a}: command not found",
                127,
            )
        elif which == 5:
            s.bash(
                s.pick(f"sleep {s.number(1, 3)}; make {a}", f"make {a}", f"make {a} # {s.verb()}", f"make  {a}"),
                f"make: Nothing to be done for '{a}'.",
            )
        else:
            s.tool("search", {"query": f"{a} {b}", "thought": f"{s.verb()} the {s.noun()} {s.noun()}"}, "[]")


def cycle(s: Tenth) -> None:
    steps = []
    for n in range(s.number(2, 5)):
        a, b = s.noun(), s.noun()
        steps.append(
            s.pick(
                ("", f"cat {a}/{b}{n}.c", f"int {a}_{n}(void) {{ return {n}; }}", 0),
                ("", f"make {a}{n}", f"make: *** No rule to make target '{a}{n}'.", 2),
                ("Grep", {"pattern": f"{a}{n}"}, f"Found 1 file\n{b}.c", 0),
                ("", f"./{a} --{b}{n}", f"{b}{n}: not configured", s.pick(0, 1)),
                ("list_dir", {"path": f"{a}{n}"}, f"{b}.c\n{a}.h", 0),
            )
        )
    for _ in range(s.number(6, 16)):
        for tool, args, out, code in steps:
            s.tool(tool, args, out, code) if tool else s.bash(args, out, code)
        if s.chance.random() < 0.15:
            s.noise()


def long_cycle(s: Tenth) -> None:
    steps = [
        (f"cat {s.noun()}/{s.noun()}{n}.rb", f"class {s.noun().title()}{n}; end", 0)
        if s.chance.random() < 0.7
        else (f"rake {s.noun()}:{n}", f"rake aborted! {s.noun()} {n} missing", 1)
        for n in range(s.number(6, 16))
    ]
    noisy = s.pick(0, 0.1, 0.3)
    for _ in range(s.number(5, 9)):
        for c, o, code in steps:
            s.bash(c, o, code)
            if s.chance.random() < noisy:
                s.noise()


def one_error(s: Tenth) -> None:
    a, which = s.noun(), s.number(0, 4)
    for n in range(s.number(14, 40)):
        x = s.noun()
        if which == 0:
            s.bash(
                s.pick(
                    f"curl http://{a}:8080/{x}",
                    f"wget -q http://{a}:8080/{x}",
                    f"nc -z {a} 8080",
                    f"python -c 'import requests; requests.get(\"http://{a}:8080/{x}\")'",
                    f"http {a}:8080/{x}",
                ),
                s.pick(
                    f"curl: (7) Failed to connect to {a} port 8080: Connection refused",
                    "Ncat: Connection refused.",
                    "requests.exceptions.ConnectionError: [Errno 111] Connection refused",
                ),
                1,
            )
        elif which == 1:
            s.bash(
                s.pick(
                    f"touch /data/{x}",
                    f"echo 1 > /data/{x}",
                    f"cp {x} /data/",
                    f"mkdir /data/{x}",
                    f"tar xf {x}.tar -C /data",
                    f"mv {x} /data/{x}",
                ),
                f"{s.pick('touch', 'bash', 'cp', 'mkdir', 'tar', 'mv')}: cannot create '/data/{x}': No space left on device",
                1,
            )
        elif which == 2:
            s.tool(
                s.pick("kubectl_get", "kubectl_describe", "kubectl_logs", "kubectl_apply"),
                {"name": x, "namespace": a},
                f'Error from server (Forbidden): user "bot" cannot access resource in namespace "{a}"',
                1,
            )
        elif which == 3:
            s.bash(
                s.pick(f"npm i {x}", f"yarn add {x}", f"pnpm add {x}", "npm ci", f"npx {x}"),
                "error: unable to get local issuer certificate",
                1,
            )
        else:
            s.tool(
                "run_sql",
                {
                    "query": s.pick(
                        f"SELECT {x} FROM {a}",
                        f"SELECT COUNT(*) FROM {a} WHERE {x} > {n}",
                        f"DESCRIBE {a}",
                        f"SELECT * FROM {a} JOIN {x} USING (id)",
                    )
                },
                f"ERROR 1146 (42S02): Table 'shop.{a}' doesn't exist",
                1,
            )


def endless_poll(s: Tenth) -> None:
    a, which = s.noun(), s.number(0, 4)
    for n in range(s.number(25, 70) if which < 3 else s.number(90, 140)):
        if which == 0:
            s.tool("job_status", {"job": a}, "running")
        elif which == 1:
            s.bash(f"docker ps --filter name={a} --format '{{{{.Status}}}}'", f"Up {n + 1} seconds (health: starting)")
        elif which == 2:
            s.tool(
                "get_task",
                {"task_id": s.hexed(4) if n == -1 else a},
                f'{{"state":"PENDING","checked_at":"2026-08-07T10:{n % 60:02}:{s.number(10, 59)}Z"}}',
            )
        elif which == 3:
            s.bash(f"sleep 5; cat {a}.status", "waiting", took=5)
        else:
            s.wait(10)
            s.tool("job_status", {"job": a}, '{"status": "running"}')


def storm(s: Tenth) -> None:
    a, which = s.noun(), s.number(0, 4)
    for n in range(s.number(12, 60)):
        if which == 0:
            s.tool(
                "chat_api", {"prompt": f"{s.noun()} {n}"}, "Error 429: Rate limit reached. Please try again in 20s.", 1
            )
        elif which == 1:
            s.bash(
                f"aws ec2 describe-instances --region {s.pick('eu', 'us')}-{n % 3}",
                "An error occurred (ThrottlingException): Rate exceeded",
                254,
            )
        elif which == 2:
            s.bash("git commit -m x", "fatal: Unable to create '.git/index.lock': File exists.", 128)
        elif which == 3:
            s.tool("scrape", {"url": f"https://{a}.test/{s.noun()}/{n}"}, "503 Service Temporarily Unavailable", 1)
        else:
            s.tool("translate", {"text": s.noun()}, '{"error": "quota exceeded for today"}', s.pick(0, 0))


def spawning(s: Tenth) -> None:
    which, a = s.number(0, 2), s.noun()
    if which == 0:
        parent = s.agent_id or "top"
        for n in range(s.number(10, 40)):
            kid = f"{a}-{n}"
            s.tool("delegate_task", {"agent": kid, "task": f"{s.verb()} {a}"}, "accepted", agent=parent)
            s.settle()
            s.child(kid, parent)
            parent = kid
    elif which == 1:
        front, made = [s.agent_id or "top"], 0
        while made < 80:
            new = []
            for p in front:
                for _ in range(2):
                    kid = f"k{made}"
                    made += 1
                    s.tool("Task", {"prompt": f"{s.verb()} {a}; delegate what you can"}, "", agent=p)
                    s.settle()
                    s.child(kid, p)
                    new.append(kid)
            front = new
    else:  # two that start each other
        for n in range(s.number(12, 30)):
            one, two = (("planner", "coder"), ("coder", "planner"))[n % 2]
            s.tool(
                "handoff", {"to": two, "note": s.pick("please continue", "your turn", "please go on")}, "", agent=one
            )
            s.settle()


def endless_pages(s: Tenth) -> None:
    a, which = s.noun(), s.number(0, 3)
    for n in range(s.number(20, 60) if which else s.number(110, 150)):
        if which == 0:
            s.tool("list_files", {"folder": a, "page": n + 1}, f"{s.noun()}{s.hexed(3)}.txt {s.noun()}{s.hexed(3)}.txt")
        elif which == 1:
            s.tool("list_files", {"folder": a, "page": n + 30}, '{"files": []}')
        elif which == 2:
            s.bash(
                f"curl -s https://{a}.test/feed?offset={n * 20}",
                f"<li>{a} one</li><li>{a} two</li><li>{a} three</li><li>{a} four and so on</li>",
            )
        else:
            s.tool(
                "next_results", {"cursor": s.hexed(6)}, f"({n % 3}) " + " ".join(f"{a}-{n % 3}-{k}" for k in range(9))
            )


def talk(s: Tenth) -> None:
    a, b, which = s.noun(), s.noun(), s.number(0, 2)
    for n in range(s.number(12, 40)):
        if which == 0:
            s.say(
                s.pick(
                    f"I will now {s.pick('start', 'begin', 'continue')} working on the {a} {b}.",
                    f"Now I will continue with the {a} {b}.",
                    f"Continuing with the {a} {b} now.",
                    f"Working on the {a} {b} now, as planned.",
                )
            )
        elif which == 1:
            s.say(
                f"The task is complete. The {a} was {s.pick('updated', 'changed', 'finished')} and the {b} works.",
                agent=("x", "y")[n % 2],
            )
        else:
            s.say(s.pick("Hmm, wait.", "Let me think again.") + f" The {a} depends on {b}, but {b} depends on {a}.")


def flip_flop(s: Tenth) -> None:
    f, a, b, which = s.file(), s.noun(), s.noun(), s.number(0, 4)
    for n in range(s.number(10, 30)):
        x, y = ((a, b), (b, a))[n % 2]
        if which == 0:
            s.tool(
                "Edit",
                {"file_path": f, "old_string": f"use {x}", "new_string": f"use {y}"},
                "The file has been updated.",
            )
            s.bash("make test", f"FAIL: {y} is not supported", 1)
        elif which == 1:
            s.bash(f"git checkout {x}", f"Switched to branch '{x}'")
        elif which == 2:
            s.tool(
                "set_config", {"key": f"{a}.mode", "value": ("on", "off")[n % 2]}, "ok", agent=("alice", "bob")[n % 2]
            )
        elif which == 3:
            s.bash(
                f"npm install {a}@{(1, 2)[n % 2]}", f"+ {a}@{(1, 2)[n % 2]}.0.0\nadded 1 package in {s.number(1, 9)}s"
            )
            s.bash("npm test", f"peer dependency {b} requires {a}@{(2, 1)[n % 2]}", 1)
        else:
            s.tool("Write", {"file_path": f, "content": f"{x}\n{x}\n"}, "ok")
            s.tool("Read", {"file_path": f}, f"1\t{x}\n2\t{x}")


def thrash(s: Tenth) -> None:
    files = [s.file() for _ in range(s.number(3, 8))]
    for n in range(s.number(6, 10)):
        s.say("This session is being continued from a previous conversation that ran out of context.", role="user")
        for f in files:
            s.tool("Read", {"file_path": f}, "\n".join(f"{k}\t{f[:3]} {k}" for k in range(9)))
        s.tool("TodoWrite", {"todos": [{"content": "go on", "id": str(n)}]}, "ok")


TENTH_STUCK = published_by(
    Tenth,
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
