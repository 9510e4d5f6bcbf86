"""Loops, eighth style: what the issue lists, as other agents publish it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.loops_eighth import AGAIN, SHELLS, Agent
from benchmarks.loops_scene import Scene

Class = dict[str, tuple[Callable[[Scene], None], ...]]
Step = Callable[[], None]


def _volatile(s: Scene, a: Agent) -> Callable[[], str]:
    """One text, of which only the times, ids, ports and counters change."""
    who, what = a.name(), a.prose(4)
    return s.pick(
        lambda: f"2026-08-{s.number(1, 28):02}T{s.number(0, 23):02}:{s.number(0, 59):02}:11Z {who}: {what} "
                f"pid={s.number(300, 60000)}",
        lambda: f"{who} {what} (request {s.hexed(8)}-{s.hexed(4)}-4{s.hexed(3)}-a{s.hexed(3)}-{s.hexed(12)})",
        lambda: f"\x1b[31m{what}\x1b[0m in {s.chance.uniform(0.1, 9):.2f}s\n/tmp/{who}-{s.hexed(8)}/out not written",
        lambda: f"1 failed, 12 passed in {s.chance.uniform(0.1, 9):.2f}s\n"
                f"FAILED tests/test_{who}.py::test_{who} - {what}",
        lambda: f"listening on 127.0.0.1:{s.number(30000, 60000)}\n{what}\nreq-{s.number(10000, 99999)} done",
    )  # fmt: skip


def exact_shell(s: Scene) -> None:
    a = Agent(s)
    command, told, code = s.pick(
        (f"cat {a.path()}", a.code(8), 0), (f"pytest tests/test_{a.name()}.py", f"1 failed: {a.prose(4)}", 1),
        ("git status", "nothing to commit, working tree clean", 0), (f"python {a.path()}", "", 0),
        (f"ls {a.name()}", f"ls: cannot access '{a.name()}': No such file or directory", 2))  # fmt: skip
    for _ in range(s.number(20, 120)):
        a.sh(command, told, code, thought=s.pick(None, *AGAIN))


def exact_tool(s: Scene) -> None:
    a = Agent(s)
    tool, arguments, told, code = s.pick(
        ("browser_click", {"element": "Submit", "ref": "e14"}, "Timeout 5000ms exceeded", 1),
        ("mcp__notion__search", {"query": a.name()}, '{"results":[]}', 0),
        ("str_replace_editor", {"command": "str_replace", "path": f"/work/{a.path()}", "old_str": a.code(1), "new_str":
         a.code(1)}, "No replacement was performed, old_str did not appear verbatim", 1),
        ("computer", {"action": "left_click", "coordinate": [s.number(1, 900), 320]}, "png same", 0),
        ("TodoWrite", {"todos": [{"content": a.prose(3), "status": "in_progress"}]}, "Todos updated", 0),
        ("Read", {"file_path": f"/work/{a.path()}"}, a.code(30), 0))  # fmt: skip
    how = s.pick(None, "digest", "state", "none")
    for _ in range(s.number(20, 150)):
        a.step(tool, arguments, told, code, publishes=how)


def exact_edit(s: Scene) -> None:
    """An edit that cannot apply, tried again and again."""
    a = Agent(s)
    path, old, new = a.path(), a.code(1), a.code(2)
    for _ in range(s.number(20, 60)):
        a.edit(path, old, new, s.pick("error: old text not found in file", "error: old text not found in file"), code=1)
        if s.chance.random() < 0.3:
            a.read(path, f"def {old[4:9]}():\n    pass")


def volatile_shell(s: Scene) -> None:
    a, how = Agent(s), 0
    told, command = (
        _volatile(s, a),
        s.pick("make run", f"pytest tests/test_{a.name()}.py", f"./{a.name()}.sh", "npm start"),
    )
    for _ in range(s.number(20, 100)):
        a.sh(command, told(), how, publishes="output", thought=s.pick(None, *AGAIN))


def volatile_tool(s: Scene) -> None:
    a = Agent(s)
    told, what = _volatile(s, a), a.name()
    tool, arguments = s.pick(("mcp__http__get", {"url": f"https://api.acme.io/{what}"}), ("run_query", {"sql":
                             f"select * from {what}"}), ("browser_snapshot", {}))  # fmt: skip
    for _ in range(s.number(20, 100)):
        a.step(tool, arguments, told(), publishes="output")


def varied_shell(s: Scene) -> None:
    """Spaces, comments, quoting, flag order, temporary names, sleeps."""
    a = Agent(s)
    x, y, told, code = a.name(), a.path(), a.prose(5), s.pick(0, 1)
    forms: list[Callable[[], str]] = s.pick(
        [lambda: f"grep -rn '{x}' {y}", lambda: f'grep -rn "{x}" {y}', lambda: f"grep -n -r {x} {y}",
         lambda: f"grep  -nr {x}  {y}  # look again", lambda: f"sleep {s.number(1, 4)}; grep -rn {x} {y}"],
        [lambda: f"python {y} > /tmp/out_{s.hexed(6)}.txt", lambda: f"python  {y} > /tmp/tmp.{s.hexed(8)}",
         lambda: f"python {y} >/tmp/o{s.number(1, 999)}.log # {s.word()}",
         lambda: f"sleep 1 && python '{y}' > /tmp/x{s.hexed(4)}"],
        [lambda: f"pytest -x -q {y}", lambda: f"pytest -q -x {y}", lambda: f"pytest -x -q {y}  # {a.prose(3)}",
         lambda: f"cd /work && pytest -q -x '{y}'", lambda: f"echo {s.word()}; pytest -x -q {y}"])  # fmt: skip
    for _ in range(s.number(20, 90)):
        a.sh(s.pick(*forms)(), told, code, publishes="output", thought=s.pick(None, *AGAIN))


def varied_tool(s: Scene) -> None:
    a = Agent(s)
    path, query = a.path(), f"{a.name()} {s.word()} setting"
    told = s.pick(a.code(12), "No results", "error: not permitted")
    which = s.number(0, 2)
    for n in range(s.number(20, 90)):
        arguments: dict[str, Any] = [
            {"path": s.pick(path, f"./{path}", f"/work/{path}"), "reason": a.prose(4)},
            {"query": s.pick(query, f"{query} ", query.title(), f'"{query}"'), "request_id": s.hexed(12)},
            {"code": s.pick(f"open('{path}').read()", f'open("{path}").read()', f"open('{path}').read()  # {n}")},
        ][which]
        a.step(("mcp__fs__read", "search_docs", "python")[which], arguments, told, int(told.startswith("error")))


def varied_python(s: Scene) -> None:
    """The same script is written under ever new temporary names and run."""
    a = Agent(s)
    body, told = f"import {a.name()}\n{a.name()}.{s.word()}()\n", f"ValueError: {a.prose(4)}"
    for _ in range(s.number(12, 40)):
        name = f"/tmp/{s.pick('try', 'test', 'check')}_{s.hexed(4)}.py"
        a.sh(f"cat > {name} <<'EOF'\n{body}EOF", "")
        a.sh(f"python {name}", f'File "{name}", line 2\n{told}', 1)


def _cycle(s: Scene, a: Agent, size: int) -> list[Step]:
    def make() -> Step:
        path, told, x = a.path(), a.code(s.number(2, 10)), a.name()
        volatile = _volatile(s, a)
        return s.pick(
            lambda: a.read(path, told), lambda: a.sh(f"grep -n {x} {path}", told),
            lambda: a.sh(f"pytest tests/test_{x}.py", volatile(), 1, publishes="output"),
            lambda: a.step("browser_navigate", {"url": f"https://{x}.io"}, told),
            lambda: a.step("mcp__memory__recall", {"key": x}, told), lambda: a.sh(f"ls -la {x}", told),
        )  # fmt: skip

    return [make() for _ in range(size)]


def cycle_short(s: Scene) -> None:
    a = Agent(s)
    steps = _cycle(s, a, s.number(2, 5))
    for _ in range(s.number(10, 40)):
        for step in steps:
            step()


def cycle_revert(s: Scene) -> None:
    """Edit, test, take back, test: always the same edit."""
    a = Agent(s)
    path, old, new = a.path(), a.code(1), a.code(1)
    for _ in range(s.number(8, 30)):
        a.edit(path, old, new)
        a.sh("pytest -q", f"2 failed, 40 passed in {s.chance.uniform(1, 9):.2f}s", 1)
        a.sh(f"git checkout {path}", "Updated 1 path from the index")
        if s.pick(True, False):
            a.read(path, old)


def cycle_browser(s: Scene) -> None:
    a = Agent(s)
    url, page = f"https://{a.name()}.io/login", f"- heading 'Login'\n- text: {a.prose(12)}"
    for _ in range(s.number(8, 40)):
        a.step("browser_navigate", {"url": url}, page)
        a.step("browser_type", {"ref": "e5", "text": "user@acme.io"}, "Typed")
        a.step("browser_click", {"ref": "e9", "element": "Sign in"}, "Clicked")
        a.step("browser_snapshot", {}, page)


def cycle_long(s: Scene) -> None:
    a = Agent(s)
    steps, noisy = _cycle(s, a, s.number(6, 16)), s.pick(0.0, 0.1, 0.25)
    for _ in range(s.number(6, 14)):
        for step in steps:
            step()
            if s.chance.random() < noisy:
                a.read(a.path(), a.code(5))


def cycle_skips(s: Scene) -> None:
    """A cycle of which now and then a step falls out or two change places."""
    a = Agent(s)
    steps = _cycle(s, a, s.number(5, 12))
    for _ in range(s.number(8, 16)):
        turn = [step for step in steps if s.chance.random() < 0.85]
        if len(turn) > 1 and s.pick(True, False):
            turn[0], turn[1] = turn[1], turn[0]
        for step in turn:
            step()
        if s.pick(True, False, False):
            a.sh(f"cat {a.path()}", a.code(4))


def one_error(s: Scene) -> None:
    """One obstacle, met by ever other commands."""
    a = Agent(s)
    x, host = a.name(), f"{a.name()}.internal"
    told, forms = s.pick(
        (f"ModuleNotFoundError: No module named '{x}'", [f"python -m {x}", f"python -c 'import {x}'",
         f"pytest tests/{x}", f"python3 app/{x}.py", f"PYTHONPATH=. python app/{x}.py",
         f"python -m pytest tests -k {x}", f"./run.sh {x}"]),
        (f"connect to {host} port 5432: Connection refused", [f"psql -h {host}", f"pg_isready -h {host}",
         f"nc -z {host} 5432", f"python migrate.py --db {host}", f"telnet {host} 5432", f"make migrate DB={host}",
         f"docker run --rm postgres psql -h {host}"]),
        (f"Permission denied: '/etc/{x}.conf'", [f"cat /etc/{x}.conf", f"cp /etc/{x}.conf .", f"head /etc/{x}.conf",
         f"python -c \"open('/etc/{x}.conf')\"", f"less /etc/{x}.conf", f"tee -a /etc/{x}.conf", f"vi /etc/{x}.conf"]),
        (f"error: could not compile `{x}` (lib): linker `cc` not found", ["cargo build", "cargo test", "cargo run",
         "cargo build --release", "cargo check --tests", f"cargo build -p {x}", "make",
         "rustc src/main.rs"]))  # fmt: skip
    prefix = s.pick("", "bash: ", "Error: ", "E   ")
    for _ in range(s.number(20, 60)):
        command = s.pick(*forms) + s.pick("", "", " -v", " 2>&1", " --debug", f" # {s.word()}", " || true")
        lead = f"{a.prose(s.number(0, 4))}\n" if s.chance.random() < 0.3 else ""
        a.sh(command, f"{lead}{prefix}{told}", s.pick(1, 1, 2, 127), publishes=s.pick("output"))


def one_error_tools(s: Scene) -> None:
    a = Agent(s)
    told = s.pick("403 Forbidden: token lacks scope repo:write", "Error: workspace is read-only",
                  "Browser is not installed. Run install first.", "SSL: CERTIFICATE_VERIFY_FAILED")  # fmt: skip
    for _ in range(s.number(20, 60)):
        tool, key = s.pick(("mcp__github__create_branch", "name"), ("mcp__github__push_files", "files"), ("web_fetch",
                           "url"), (SHELLS[a.dialect], "command"), ("write_file", "path"),
                           ("browser_open", "url"))  # fmt: skip
        a.step(tool, {key: f"{a.name()} {s.hexed(3)}"}, told, 1, publishes="output")


def poll_forever(s: Scene) -> None:
    """Looks with little or no wait, and nothing ever changes."""
    a = Agent(s)
    job, wait = s.hexed(), s.pick(0, 0, 1, 2)
    tool, arguments, told = s.pick(
        ("get_job_status", {"id": job}, '{"status":"pending"}'), ("mcp__ci__get_build", {"id": job}, "queued"),
        ("BashOutput", {"bash_id": "bash_2"}, ""), ("check_inbox", {}, "[]"))  # fmt: skip
    for _ in range(s.number(60, 300)):
        a.step(tool, arguments, told)
        s.wait(wait)


def poll_shell_forever(s: Scene) -> None:
    """Waits, but for hours on end, for what will not come."""
    a = Agent(s)
    wait = s.pick(2, 5, 30, 60)
    look, told = s.pick(("curl -s localhost:8080/health", '{"state":"starting"}'), ("kubectl get pod web-0",
                        "web-0   0/1   CrashLoopBackOff"), ("gh pr checks 17", "ci  pending"),
                        ("ls out/done", ""))  # fmt: skip
    for n in range(s.number(150, 300)):
        age = f"   {n * wait // 60}m" if "kubectl" in look else ""
        a.sh(f"sleep {wait}; {look}", told + age, took=wait)


def limit_shell(s: Scene) -> None:
    a = Agent(s)
    command = s.pick(
        "./push.sh", f"curl -sf https://api.acme.io/{a.name()}", f"gh api repos/acme/{a.name()}", "apt install jq"
    )
    for _ in range(s.number(20, 120)):
        why = {"apt": "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 811"}.get(
            command[:3], f"HTTP 429 Too Many Requests (retry-after: {s.number(10, 60)}, id {s.hexed(10)})")  # fmt: skip
        a.sh(command + s.pick("", "", " "), why, 1, publishes="output", thought=s.pick(None, *AGAIN))


def limit_tool(s: Scene) -> None:
    """One limit, met by other requests without a pause."""
    a = Agent(s)
    tool, key = s.pick(("web_fetch", "url"), ("mcp__llm__embed", "text"), ("mcp__sheets__append", "row"))
    why = s.pick("429 rate limit exceeded", "503 Service Unavailable", '{"error":{"code":"quota_exceeded"}}')
    same = s.pick(True, False)
    what = f"https://{a.name()}.io/{s.hexed(3)}"
    for _ in range(s.number(20, 120)):
        a.step(tool, {key: what if same else f"https://{a.name()}.io/{s.hexed(3)}"}, why, 1, publishes="output")


def spawn_same(s: Scene) -> None:
    a = Agent(s)
    tool, task = s.pick("Task", "spawn_agent", "delegate"), f"Find out why {a.name()} {s.word()} fails and fix it"
    for n in range(s.number(20, 80)):
        a.step(tool, {"prompt": task + s.pick("", ".", " please", " now")}, "started")
        a.child(f"sub-{n}", task)
        if s.pick(True, False):
            s.say("I could not find out.", agent=f"sub-{n}")


def spawn_chain(s: Scene) -> None:
    """Each sub-agent hands the task on to one of its own."""
    a = Agent(s)
    task, parent = f"Migrate {a.name()} to {a.name()}", s.agent_id
    for n in range(s.number(15, 60)):
        a.step("Task", {"prompt": f"{task} (attempt {n + 1})"}, "delegated", agent=parent)
        a.child(f"deep-{n}", task, parent=parent or "main")
        parent = f"deep-{n}"


def spawn_tree(s: Scene) -> None:
    a = Agent(s)
    task, waiting, n = f"Improve the {a.name()}", [s.agent_id], 0
    while n < 90:
        parent = waiting.pop(0)
        for _ in range(s.number(2, 3)):
            a.step("spawn_agent", {"task": f"{task}: {s.word()}"}, "ok", agent=parent)
            a.child(f"t{n}", f"{task}: {s.word()}", parent=parent or "main")
            waiting.append(f"t{n}")
            n += 1


def pages_behind(s: Scene) -> None:
    """Past the last page, on and on."""
    a = Agent(s)
    tool, last, key = s.pick("list_orders", "mcp__github__list_issues"), s.number(2, 8), s.pick("page", "offset")
    empty = s.pick("[]", '{"items":[]}', '{"items":[],"total":91}', "No more results")
    for n in range(s.number(30, 200)):
        rows = ",".join(f'{{"id":{s.number(1, 10**6)},"name":"{a.name()}"}}' for _ in range(4))
        a.step(tool, {key: (n + 1) * (50 if key == "offset" else 1)}, f'{{"items":[{rows}]}}' if n < last else empty,
               publishes="output")  # fmt: skip


def pages_round(s: Scene) -> None:
    """The parameter is ignored, or the cursor leads back: the same rows come again."""
    a = Agent(s)
    shown = [a.prose(20) for _ in range(s.pick(1, 1, 3))]
    shell = s.pick(True, False)
    for n in range(s.number(30, 200)):
        told = shown[n % len(shown)]
        if shell:
            a.sh(f"curl -s 'https://api.acme.io/list?page={n + 1}'", told)
        else:
            a.step("mcp__api__list", {"cursor": s.hexed(12)}, f'{{"rows":"{told}","next":"{s.hexed(12)}"}}',
                   publishes="output")  # fmt: skip


def talk_alone(s: Scene) -> None:
    a = Agent(s)
    x, y = a.name(), s.word()
    said = [f"I will now look at the {x} and fix the {y}.", f"Next I am going to fix the {y} by looking at {x}.",
            f"Let me look into {x} so that I can fix {y}.", f"I'm about to fix {y}; first a look at the {x}.",
            f"To fix the {y}, I will look at {x} now."]  # fmt: skip
    few = s.pick(1, 2, 5)
    for _ in range(s.number(20, 80)):
        s.say(s.pick(*said[:few]))


def talk_two(s: Scene) -> None:
    """Two agents thank each other for ever."""
    a = Agent(s)
    x = a.name()
    here = [f"Thanks, the {x} is ready. Anything else?", f"Great, {x} is ready then. Shall I do more?"]
    there = [f"Perfect, thank you! Let me know about {x}.", f"Wonderful. Tell me if {x} needs anything."]
    for _ in range(s.number(15, 60)):
        s.say(s.pick(*here), agent="planner")
        s.say(s.pick(*there), agent="worker")


def flip_edit(s: Scene) -> None:
    a = Agent(s)
    path, one, two = a.path(), a.code(1), a.code(1)
    check, noisy = s.pick(True, False), s.pick(0.0, 0.2)
    for n in range(s.number(16, 80)):
        a.edit(path, *((one, two) if n % 2 == 0 else (two, one)))
        if check:
            a.sh("make test", f"{'FAIL test_a' if n % 2 else 'FAIL test_b'} ({s.chance.uniform(1, 5):.2f}s)", 1)
        if s.chance.random() < noisy:
            a.read(a.path(), a.code(4))


def flip_write(s: Scene) -> None:
    """A file or setting is written to one state and the other; by two agents at times."""
    a = Agent(s)
    path, one, two = a.path("yaml"), a.code(3), a.code(3)
    both, how = s.pick(True, False), s.number(0, 2)
    for n in range(s.number(16, 80)):
        who = s.pick("fixer", "linter") if not both else ("fixer", "linter")[n % 2]
        text = one if n % 2 else two
        if how == 0:
            a.step("Write", {"file_path": f"/work/{path}", "content": text}, "File written", agent=who)
        elif how == 1:
            a.sh(f"kubectl scale deploy web --replicas={3 if n % 2 else 5}", "deployment.apps/web scaled", agent=who)
        else:
            a.step("mcp__config__set", {"key": "theme", "value": text[:12]}, "ok", agent=who)


EIGHTH_STUCK: Class = {
    "exact repeats": (exact_shell, exact_tool, exact_edit), "volatile output": (volatile_shell, volatile_tool),
    "varied arguments": (varied_shell, varied_tool, varied_python),
    "cycles of 2 to 5": (cycle_short, cycle_revert, cycle_browser),
    "cycles to 16, with noise": (cycle_long, cycle_skips),
    "one error, other commands": (one_error, one_error_tools),
    "polling without end": (poll_forever, poll_shell_forever), "retries without backoff": (limit_shell, limit_tool),
    "spawning": (spawn_same, spawn_chain, spawn_tree), "pages without end": (pages_behind, pages_round),
    "talk without action": (talk_alone, talk_two), "flip-flops": (flip_edit, flip_write),
}  # fmt: skip
