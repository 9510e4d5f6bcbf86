# ruff: noqa: E501 - outputs as tools print them
"""A third style, written when the detector was done: shorter loops, other trades, other habits.

Its first run is in docs/quality.md; what that showed was mended, so it is no unseen data any more.
"""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.loops_scene import Scene

STEPS = 26


def same_reply(s: Scene) -> None:
    tool, arguments, output, code = s.pick(
        ("lookup_customer", {"email": "a@b.test"}, "customer not found", 0),
        ("run_notebook_cell", {"cell": 4}, "ValueError: could not convert string to float: 'n/a'", 1),
        ("gradle", {"task": "assembleDebug"}, "FAILURE: Build failed with an exception.\n* What went wrong:\nSDK location not found.", 1),
        ("calendar_search", {"day": "2026-09-01"}, "2 events: stand-up 9:00, review 14:00", 0),
    )
    for _ in range(STEPS):
        s.tool(tool, arguments, output, code, took=s.chance.uniform(0.1, 2))


def moving_parts(s: Scene) -> None:
    which = s.number(0, 3)
    for n in range(STEPS):
        if which == 0:
            s.bash("rsync -av src/ host:/srv", f"sent {s.number(900, 999)} bytes  received 12 bytes  {s.chance.uniform(100, 900):.2f} bytes/sec\nrsync error: permission denied (13)", 23)
        elif which == 1:
            s.tool("invoke_lambda", {"name": "resize"}, f'{{"errorType": "OOM", "requestId": "{s.hexed(8)}-{s.hexed(4)}-{s.hexed(4)}-{s.hexed(4)}-{s.hexed(12)}"}}', 1)
        elif which == 2:
            s.bash("ansible-playbook site.yml", f"Wednesday 12 August 2026  10:{n:02}:{s.number(10, 59)} +0000 (0:00:0{s.number(1, 9)}.{s.number(100, 999)})\nfatal: [web1]: UNREACHABLE!", 4)
        else:
            s.bash("./gradlew test", f"> Task :test FAILED\nBUILD FAILED in {s.number(3, 40)}s\n{s.number(3, 9)} actionable tasks: 1 executed", 1)


def other_words(s: Scene) -> None:
    which = s.number(0, 3)
    for n in range(STEPS):
        if which == 0:
            s.bash(s.pick('curl -sS -H "Accept: json" http://svc/v1', "curl -H 'Accept: json' -sS http://svc/v1", "curl  -sS  http://svc/v1  -H Accept:json"), "upstream connect error", 1)
        elif which == 1:
            s.tool("ask_database", {"question": s.pick("orders of last week?", "Orders of last week?", "last week orders of?"), "reasoning": f"{s.word()} {n}"}, "I can not find a table for that question.")
        elif which == 2:
            s.bash(f"export RUN={s.hexed(8)}; terraform plan -out /tmp/plan_{s.hexed(8)}.bin", "Error: Unsupported argument \"acl\"", 1)
        else:
            s.bash(f"sleep {s.pick(1, 2)}; mvn -q verify   # {s.word()} {s.word()}", "[ERROR] Failed to execute goal: Could not resolve dependencies", 1)


def round_trip(s: Scene) -> None:
    period = s.number(2, 5)
    steps = [(s.pick("Read", "Grep", "Glob"), {"path": f"app/{s.word()}{n}.rb"}, f"class {s.word().title()}{n}\n  def {s.word()}; end\nend") for n in range(period)]
    for _ in range(STEPS // period + 2):
        for tool, arguments, output in steps:
            s.tool(tool, arguments, output)


def long_trip(s: Scene) -> None:
    period = s.number(6, 14)
    steps = [(f"{s.pick('helm get values', 'kubectl describe', 'aws ecs describe')} {s.word()}-{n}", f"Name: {s.word()}-{n}\nReplicas: {n % 4}\nImage: {s.word()}:{n}") for n in range(period)]
    for _ in range(5):
        for command, output in steps:
            s.bash(command, output)
            if s.chance.random() < 0.2:
                s.bash(f"date; echo {s.word()}", f"{s.word()} {s.hexed(8)} {s.word()} {s.hexed(8)} {s.word()}")


WALLS = (
    ("Permission denied (publickey).", ("ssh deploy@web1", "scp a deploy@web1:", "rsync a deploy@web1:/srv", "git push prod main", "ssh -i key deploy@web1", "ssh -v deploy@web1 uptime", "ansible web1 -m ping", "sftp deploy@web1", "ssh -o IdentitiesOnly=yes deploy@web1")),
    ("Error: Cannot find module 'sharp'", ("node resize.js", "npm start", "npm run build", "npx next build", "node -e \"require('sharp')\"", "yarn build", "jest resize", "node --trace-uncaught resize.js", "pm2 start resize.js")),
    ("could not connect to server: No route to host", ("psql -h 10.3.0.9", "pg_dump -h 10.3.0.9 shop", "python load.py", "rails db:migrate", "flyway migrate", "node seed.js", "java -jar app.jar", "pgcli -h 10.3.0.9", "dbt run")),
)  # fmt: skip


def wall(s: Scene) -> None:
    error, ways = s.pick(*WALLS)
    for n in range(20):
        way = s.pick(*ways)
        if n > 6:
            way = f"{way} {s.pick('--verbose', '-q', '--force', '--no-cache', '')} {s.pick('', '2>&1 | head -20')}"
        lead = s.pick("", f"{s.word()}...\n", f"attempt {n}\n")
        s.bash(way, f"{lead}{error}", s.pick(1, 255, 1))
        if s.chance.random() < 0.2:
            s.bash(f"cat {s.word()}/{s.hexed(4)}.conf", f"{s.word()} = {s.hexed(6)}\n{s.word()} = {s.word()} {s.word()}")


def no_answer(s: Scene) -> None:
    which = s.number(0, 2)
    for _ in range(90 if which else 20):
        s.wait((0.0, 6.0, 15.0)[which])
        s.tool("get_order_status", {"order": "A-1"}, "status: processing", took=0.3)


def storming(s: Scene) -> None:
    text = s.pick("HTTP 503: backend unavailable", "Rate limit exceeded. Retry in 60 seconds.", "Error 1040: Too many connections", "EAGAIN: resource temporarily unavailable")
    for n in range(20):
        s.wait(s.chance.uniform(0, 1))
        if s.chance.random() < 0.5:
            s.tool("send_sms", {"to": "+1555", "text": "hi"}, text, 1)
        else:
            s.tool("send_sms", {"to": "+1555", "text": "hi", "retry": n}, text, 1)


def handing_on(s: Scene) -> None:
    parent = "ceo"
    for n in range(20):
        child = f"{s.pick('manager', 'lead', 'assistant')}{n}"
        s.tool(s.pick("delegate_task", "delegate_task", "spawn_agent"), {"to": child, "task": f"Take over: {s.word()} {s.word()}"}, "accepted", agent=parent)
        s.child(child, parent)
        parent = child


def paging(s: Scene) -> None:
    which = s.number(0, 2)
    for n in range(40):
        if which == 0:
            s.tool("search_flights", {"page": n + 1, "from": "OSL"}, '{"flights": [], "page": ' + str(n + 1) + "}")
        elif which == 1:
            s.bash(f"curl -s 'https://f.test/feed?cursor={s.hexed(10)}'", f'{{"entries": ["p{n % 4}", "q{n % 4}"], "cursor": "{s.hexed(10)}"}}')
        else:
            s.tool("browser_open", {"url": f"https://blog.test/archive?page={n + 2}"}, "Nothing here. Older posts")


def words_only(s: Scene) -> None:
    which = s.number(0, 1)
    for n in range(24):
        if which:
            s.say(s.pick("Let me now create the migration file.", "I will create the migration file now.", "Creating the migration file now.", "Now I create the migration file."))
        else:
            s.say(s.pick("Agreed, sounds good to me. What do you think?", "Sounds good to me too, what do you think?", "I agree, sounds good. What do you think?"), agent=("buyer", "seller")[n % 2])


def back_and_forth(s: Scene) -> None:
    which = s.number(0, 2)
    for n in range(20):
        a, b = ("left", "right")[n % 2], ("right", "left")[n % 2]
        if which == 0:
            s.tool("apply_patch", {"path": "ui.css", "patch": f"-align: {a}\n+align: {b}"}, "patch applied")
        elif which == 1:
            s.bash(f"git revert --no-edit HEAD  # {n}", f"[main {s.hexed(7)}] Revert \"{'Revert ' if n % 2 else ''}align\"")
        else:
            s.tool("update_ticket", {"id": 7, "assignee": ("ann", "bob")[n % 2]}, "ok", agent=("bot-a", "bot-b")[n % 2])
        if s.chance.random() < 0.5:
            s.tool("screenshot_test", {"page": "home"}, f"differs from baseline: the box is {b}", 1)


THIRD_STUCK: dict[str, tuple[Callable[[Scene], None], ...]] = {
    "exact repeats": (same_reply,), "volatile output": (moving_parts,), "varied arguments": (other_words,),
    "cycles of 2 to 5": (round_trip,), "cycles to 16, with noise": (long_trip,), "one error, other commands": (wall,),
    "polling without end": (no_answer,), "retries without backoff": (storming,), "spawning": (handing_on,),
    "endless pages": (paging,), "talk without action": (words_only,), "flip-flop edits": (back_and_forth,),
}  # fmt: skip


def piecework(s: Scene) -> None:
    which = s.number(0, 4)
    for n in range(s.number(30, 120)):
        word = f"{s.word()}-{s.word()}"
        if which == 0:  # three steps an item, each saying the same
            s.bash(f"wget -q https://x.test/{word}{n}.zip")
            s.bash(f"unzip -q {word}{n}.zip -d out/{word}{n}")
            s.bash(f"rm {word}{n}.zip")
        elif which == 1:
            s.tool("label_image", {"image": f"s3://bucket/{word}/{s.hexed(6)}.png"}, s.pick("cat", "dog", "cat", "none"))
        elif which == 2:
            s.tool("create_issue", {"title": f"Rename {word} {n}", "labels": ["chore"]}, f"created #{700 + n}")
        elif which == 3:
            s.bash(f"black {word.replace('-', '/')}_{n}.py", "All done!\n1 file left unchanged.")
        else:
            s.tool("db_upsert", {"table": s.word(), "row": {"id": s.hexed(6), "n": n}}, "1 row affected")


def craft(s: Scene) -> None:
    """A coding session of every kind of step, with looks at the same things again."""
    files = [f"src/{s.word()}_{n}.go" for n in range(5)]
    left = s.number(3, 9)
    n = 0
    while left:
        n += 1
        file = s.pick(*files)
        s.pick(
            lambda f=file: s.bash(f"sed -n '{s.number(1, 90)},{s.number(91, 200)}p' {f}", f"func {s.word()}_{s.hexed(3)}() error {{ return {s.word()} }}"),
            lambda f=file: s.bash(f"grep -n {s.word()} {f}", f"{s.number(1, 300)}: {s.word()} {s.hexed(3)}"),
            lambda n=n: s.bash("git status --short", " M " + "\n M ".join(files[: 1 + n % 3])),
            lambda: s.bash("ls src", "\n".join(files)),
        )()
        s.tool("Edit", {"file_path": file, "old_string": f"{s.word()}{n}", "new_string": f"{s.word()}{n}{s.hexed(2)}"}, "The file has been updated.")
        left = max(0, left - s.pick(0, 0, 1, 1, 2))
        s.bash("go test ./...", f"--- FAIL: Test{left}\n    x_test.go:{30 + n}: got {s.word()}\nFAIL\n{left} tests failed" if left else "ok  app 0.41s", 1 if left else 0)
    s.bash("go vet ./...", "")
    s.bash("git diff --stat", f"{n} files changed")


def patience(s: Scene) -> None:
    gap = s.pick(5, 10, 30, 120)
    times = s.number(3, 18)
    for n in range(times):
        s.bash(f"sleep {gap}", took=gap) if s.chance.random() < 0.5 else s.wait(gap + 1)
        s.tool("deployment_status", {"id": "d-9"}, "LIVE" if n == times - 1 else s.pick("BUILDING", "BUILDING", "BUILDING", "DEPLOYING"))


def wizard(s: Scene) -> None:
    for n in range(s.number(15, 35)):
        s.tool("browser_fill", {"field": f"{s.word()}_{n}", "value": s.word()}, "filled")
        if n % 2:
            s.tool("browser_click", {"selector": "button.next"}, "clicked")
        if n % 5 == 4:
            s.tool("browser_screenshot", {}, f"png {s.hexed(24)}")


def gentle(s: Scene) -> None:
    text = s.pick("HTTP 503: backend unavailable", "deadlock detected", "Rate limit exceeded", "connection reset by peer")
    for _ in range(s.number(2, 4)):
        delay = s.pick(1.5, 2.0, 4.0)
        for _ in range(s.number(1, 5)):
            s.tool("upload", {"file": "a.bin"}, text, 1)
            s.wait(delay)
            delay *= 2
        s.tool("upload", {"file": "a.bin"}, f"uploaded, etag {s.hexed(8)}")
        for _ in range(3):
            s.noise()


def matrix(s: Scene) -> None:
    which = s.number(0, 2)
    for n in range(s.number(20, 50)):
        if which == 0:
            s.tool("simulate", {"alpha": n / 10, "beta": n % 5}, f"energy {s.chance.uniform(-9, 9):.5f}")
        elif which == 1:
            s.bash(f"ping -c1 -W1 192.168.7.{n + 2}", f"1 packets transmitted, 0 received, 100% packet loss\nfrom 192.168.7.{n + 2}", 1)
        else:
            s.bash(f"curl -s -o /dev/null -w '%{{http_code}}' https://x.test/{s.word()}/{s.hexed(5)}", s.pick("200", "301", "404"))


def research(s: Scene) -> None:
    for n in range(s.number(15, 40)):
        if s.chance.random() < 0.6:
            s.tool("web_search", {"query": f"{s.word()} {s.word()} {s.pick('benchmark', 'history', 'license')}"}, s.pick("No results.", f"{s.word()} - {s.word()} {s.hexed(4)}", f"{s.word()} | {s.hexed(5)} {s.word()}"))
        else:
            s.tool("fetch_page", {"url": f"https://{s.word()}.test/{s.word()}/{n}"}, f"{s.word()} {s.word()} {s.hexed(6)} " * 6)


def team(s: Scene) -> None:
    names = [f"reviewer_{n}" for n in range(s.number(3, 12))]
    for name in names:
        s.tool("Task", {"description": f"Review {s.word()}", "prompt": f"Read src/{s.word()} and list bugs in {s.word()}"}, f"{name} started", agent="main")
        s.child(name, "main")
    for _ in range(s.number(3, 6)):
        for name in names:  # all look at the same things first
            s.tool("Read", {"file_path": s.pick("README.md", "go.mod", f"src/{s.word()}.go")}, f"# {s.word()}\n{s.word()} {s.hexed(5)}", agent=name)
    for name in names:
        s.say(f"I found {s.number(1, 9)} problems: {s.word()} leaks, {s.word()} is never closed, {s.hexed(3)}.", agent=name)


def tailing(s: Scene) -> None:
    for n in range(s.number(12, 40)):
        s.tool("tail_log", {"follow": True, "seconds": 45}, s.pick("", "", "", f"{s.word()} {s.hexed(6)}"), took=45)
        if n % 10 == 9:
            s.tool("post_message", {"channel": "ops", "text": f"{s.word()} {n}"}, "sent")


def reader(s: Scene) -> None:
    for n in range(s.number(12, 45)):
        s.tool("pdf_page", {"file": "thesis.pdf", "page": n + 1}, f"{s.word()} {s.word()} {s.hexed(4)} {s.word()} " * 5)


def shell(s: Scene) -> None:
    for n in range(s.number(20, 40)):
        code, output = s.pick(
            (f"SELECT count(*) FROM {s.word()}_{n}", str(s.number(0, 9999))), ("SHOW TABLES", "orders\nusers"), (f"SET @x = {n}", ""),
            (f"SELECT * FROM users WHERE id = {n}", f"{n} | {s.word()}"), (f"EXPLAIN SELECT {s.word()}", f"cost {s.number(1, 99)}"),
        )  # fmt: skip
        s.tool("mysql", {"statement": code}, output)


THIRD_HONEST: dict[str, tuple[Callable[[Scene], None], ...]] = {
    "batches": (piecework,), "edit and test": (craft,), "polling that ends": (patience,), "pages that end": (reader,),
    "retries with backoff": (gentle,), "watch mode": (tailing,), "sweeps": (matrix,), "REPL": (shell,),
    "clicking": (wizard,), "searching": (research,), "fan-out": (team,),
}  # fmt: skip
