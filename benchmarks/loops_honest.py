# ruff: noqa: E501 - outputs as tools print them
"""Honest work that looks like a loop, made up: each function writes one run that nobody should hold."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.loops_scene import Labelled, Scene


def batch(s: Scene) -> None:
    many = s.number(40, 200)
    which = s.number(0, 6)
    for n in range(many):
        if which == 0:
            s.bash(f"gzip data/part-{n:04}.csv")
        elif which == 1:
            s.bash(f"python convert.py img_{n:03}.png", "ok")
        elif which == 2:
            s.tool("read_file", {"path": f"src/{s.word()}/{n}_{s.word()}.py"}, f"# {s.word()} {s.hexed()}\n")
        elif which == 3:
            s.tool("http_request", {"method": "DELETE", "url": f"https://x.test/items/{s.hexed()}-{s.hexed(4)}"}, "204")
        elif which == 4:
            s.bash(f"eslint src/{s.word()}_{n}.ts", "0 problems")
        elif which == 5:
            s.tool("send_email", {"to": f"user{n}@example.test", "subject": "Your invoice"}, "queued")
        else:
            found = s.pick("valid", "valid", "invalid: missing field")
            s.bash(f"jsonlint conf/{n}.json", found, int(found != "valid"))


def edit_test(s: Scene) -> None:
    left = s.number(6, 25)
    hidden = s.chance.random() < 0.4
    n = 0
    while left >= 0:
        n += 1
        if s.chance.random() < 0.5:
            s.tool("str_replace", {"path": f"{s.pick('app', 'core', 'io')}.py", "old_str": f"x{n} = {s.word()}()",
                                   "new_str": f"x{n} = {s.word()}(y)"}, "edited")  # fmt: skip
        else:
            s.bash(f"cat > {s.pick('a', 'b')}.py <<'EOF'\ndef f{n}(): return {s.word()}({n})\nEOF")
        summary = (
            f"{left} failed, {30 - left} passed in {s.number(1, 9)}.{s.number(10, 99)}s"
            if left
            else "30 passed in 1.31s"
        )
        listed = "\n".join(f"FAILED tests/test_{k}.py::t - AssertionError" for k in range(min(left, 6)))
        s.bash(
            "pytest -q 2>&1 | tail -20" if hidden else "pytest -q",
            f"{listed}\n{summary}",
            0 if hidden or not left else 1,
        )
        if left == 0:
            break
        left = max(0, left - s.pick(0, 1, 1, 2, 3, -1))
        if s.chance.random() < 0.3:
            s.noise()


def poll(s: Scene) -> None:
    command, waiting, ready = s.pick(
        ("kubectl get pod web-0", "web-0  0/1    Pending", "web-0  1/1    Running"),
        ("gh run view 77 --json status", '{"status":"in_progress"}', '{"status":"completed"}'),
        ("aws cloudformation describe-stacks --stack-name x", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"),
        ("curl -s http://ci.test/job/9", '{"state": "running"}', '{"state": "done"}'),
    )
    seconds = s.pick(8, 15, 30, 60)
    form = s.number(0, 3)
    for n in range(times := s.number(4, 22)):
        output = waiting if n < times - 1 else ready
        if form == 0:
            s.bash(f"sleep {seconds} && {command}", output, took=seconds)
        elif form == 1:
            s.bash(f"sleep {seconds}", "", took=seconds)
            s.bash(command, output)
        elif form == 2:
            s.wait(seconds)
            s.bash(command, output)
        else:
            s.tool("wait", {"seconds": seconds}, "waited", took=seconds)
            s.bash(command, output)


def pages(s: Scene) -> None:
    last = s.number(8, 60)
    name = s.pick("page", "offset", "cursor")
    for n in range(last):
        value = n if name == "page" else 20 * n if name == "offset" else f"c{s.hexed(6)}"
        more = "true" if n < last - 1 else "false"
        which = s.chance.random()
        items = ", ".join(f'"{s.word()}-{n * 5 + k}"' for k in range(5))
        if which < 0.02:
            items = ""
        s.tool(
            "fetch",
            {"url": f"https://shop.example.test/list?{name}={value}"},
            f'{{"items": [{items}], "has_more": {more}}}',
        )


def backoff(s: Scene) -> None:
    error = s.pick("HTTP/1.1 429 Too Many Requests", '{"error": {"code": 503, "message": "overloaded"}}', "connect: Connection refused",
                   "Could not get lock /var/lib/dpkg/lock-frontend")  # fmt: skip
    for _ in range(s.number(1, 3)):
        base = s.pick(1.0, 2.0, 5.0)
        for n in range(s.number(3, 7)):
            if s.chance.random() < 0.5:
                s.bash(
                    f"sleep {base * 2**n:.0f}; curl -sf https://api.example.test/v1/items", error, 22, took=base * 2**n
                )
            else:
                s.wait(base * 2**n)
                s.bash("curl -sf https://api.example.test/v1/items", error, 22)
        s.bash("curl -sf https://api.example.test/v1/items", f'{{"items": ["{s.hexed()}"]}}')
        s.prelude(4)


def watch_mode(s: Scene) -> None:
    idle = s.number(10, 40)
    command, output = s.pick(("tail -n 3 watch.log", "9 passed in 1s\nwaiting for changes"), ("wait_for_changes", "no changes"),
                             ("inotifywait -t 60 -r src", ""))  # fmt: skip
    for n in range(idle):
        if command == "wait_for_changes":
            s.tool(command, {"timeout": 60}, output if n % 9 else f"changed: {s.word()}.py", took=60)
        else:
            s.bash(f"{s.pick('sleep 30; ')}{command}" if "tail" in command else command, output, took=s.number(30, 60))
        if n % 11 == 10:
            s.bash(f"sed -i 's/{s.word()}/{s.word()}/' {s.word()}.py")


def sweep(s: Scene) -> None:
    which = s.number(0, 4)
    for n in range(s.number(20, 60)):
        if which == 0:
            s.bash(
                f"python train.py --lr {n / 1000:.3f} --seed 1", f"val_loss={s.chance.uniform(0.1, 0.9):.4f}", took=40
            )
        elif which == 1:
            s.bash(
                f"nc -zv -w1 10.0.0.5 {8000 + n}",
                f"nc: connect to 10.0.0.5 port {8000 + n} (tcp) failed: Connection refused",
                1,
            )
        elif which == 2:
            s.bash(f"curl -s -o /dev/null -w '%{{http_code}}' https://x.test/api/v{n}", s.pick("404", "404", "200"))
        elif which == 3:
            s.tool("lookup", {"order": 1000 + n}, f"order {1000 + n}: not found", 1)
        else:
            s.bash(f"dig +short {s.word()}{n}.example.test", s.pick("", f"10.0.{n}.1"))


def chunks(s: Scene) -> None:
    size = s.pick(50, 100, 200)
    for n in range(s.number(15, 60)):
        text = "\n".join(f"{s.word()} {s.word()} {s.hexed(4)}" for _ in range(6))
        if s.chance.random() < 0.5:
            s.bash(f"sed -n {n * size + 1},{(n + 1) * size}p big.log", text)
        else:
            s.tool("read_file", {"path": "big.log", "offset": n * size, "limit": size}, text)


def repl(s: Scene) -> None:
    for n in range(s.number(20, 50)):
        code, output = s.pick(
            (f"x{n} = load('{s.word()}')", ""), (f"x{n}.shape", f"({s.number(1, 999)}, {s.number(1, 9)})"),
            ("df.head()", f"{s.word()} {s.number(1, 99)}"), (f"df = df[df.{s.word()} > {n}]", ""), (f"len(df) + {n}", str(s.number(1, 5000))),
        )  # fmt: skip
        if s.chance.random() < 0.12:
            output = f"NameError: name '{s.word()}{n}' is not defined"
        s.tool("python", {"code": code}, output)


def clicking(s: Scene) -> None:
    for n in range(s.number(25, 70)):
        which = s.chance.random()
        if which < 0.35:
            s.tool(
                "computer",
                {"action": "left_click", "coordinate": [s.number(10, 1200), s.number(10, 700)]},
                s.pick("ok", "clicked"),
            )
        elif which < 0.55:
            s.tool(
                "computer",
                {"action": "scroll", "coordinate": [600, 400], "scroll_direction": "down", "scroll_amount": 5},
                "ok",
            )
        elif which < 0.75:
            s.tool("computer", {"action": "screenshot"}, f"image {s.hexed(16)}")
        elif which < 0.9:
            s.tool("computer", {"action": "type", "text": f"{s.word()} {n}"}, "ok")
        else:
            s.tool("computer", {"action": "key", "text": s.pick("Tab", "Return", "Down")}, "ok")


def searching(s: Scene) -> None:
    for n in range(s.number(15, 40)):
        term = f"{s.word()}_{s.word()}" if n % 2 else s.word()
        found = s.chance.random() < 0.35
        command = s.pick(
            f"grep -rn {term} src", f"rg {term}", f"find . -name '*{term}*'", f"git log -S{term} --oneline"
        )
        s.bash(command, f"./{s.word()}/{s.word()}.py:{s.number(1, 500)}:{term}" if found else "", 0 if found else 1)


def fan_out(s: Scene) -> None:
    children = [f"worker-{n}" for n in range(s.number(4, 16))]
    for child in children:
        s.tool(
            "Task",
            {"prompt": f"Review the module {s.word()}/{child} and say what is wrong.", "name": child},
            f"started {child}",
            agent="main",
        )
        s.child(child, "main")
    for _ in range(s.number(3, 8)):
        for child in children:
            s.tool(
                "read_file", {"path": f"src/{child}/{s.word()}_{s.hexed(2)}.py"}, f"{s.word()} {s.hexed()}", agent=child
            )
    for child in children:
        s.say(f"{child}: the {s.word()} does not check {s.word()} before {s.word()} {s.hexed(3)}.", agent=child)


def debugging(s: Scene) -> None:
    """Runs the same program with other faults each time, and looks again at what it changed."""
    for n in range(s.number(8, 16)):
        error = s.pick("TypeError", "ValueError", "KeyError", "AttributeError")
        s.bash(
            "python app.py",
            f'Traceback (most recent call last):\n  File "app.py", line {n * 7 + 3}\n{error}: {s.word()} {s.word()}',
            1,
        )
        if s.chance.random() < 0.6:
            s.bash(f"sed -n {n * 7},{n * 7 + 9}p app.py", f"{s.word()} = {s.word()}({s.hexed(3)})")
        s.tool(
            "str_replace",
            {"path": "app.py", "old_str": f"{s.word()}({n})", "new_str": f"{s.word()}(int({n}))"},
            "edited",
        )
        if s.chance.random() < 0.3:
            s.bash("git diff --stat", f"app.py | {n + 2} ++--")
        if s.chance.random() < 0.15:
            s.bash("git status", "On branch main\nmodified: app.py")
    s.bash("python app.py", "done")


HONEST: dict[str, tuple[Callable[[Scene], None], ...]] = {
    "batches": (batch,),
    "edit and test": (edit_test, debugging),
    "polling that ends": (poll,),
    "pages that end": (pages,),
    "retries with backoff": (backoff,),
    "watch mode": (watch_mode,),
    "sweeps": (sweep,),
    "a file in chunks": (chunks,),
    "REPL": (repl,),
    "clicking": (clicking,),
    "searching": (searching,),
    "fan-out": (fan_out,),
}


def write(kind: str, seed: str, classes: dict[str, tuple[Callable[[Scene], None], ...]]) -> Labelled:
    """One run of a class."""
    s = Scene(f"{kind}-{seed}".replace(" ", "-"))
    s.start(f"{s.word()} the {s.word()}")
    s.prelude()
    s.pick(*classes[kind])(s)
    return s.done(s.run_id, kind, loop=False)
