"""Honest work that looks like loops, eighth style: what the issue lists, as other agents publish it."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.loops_eighth import Agent
from benchmarks.loops_eighth_wide import fan_out, fan_out_fix, search_code, search_web, ui_computer, ui_form, ui_walk
from benchmarks.loops_scene import Scene

Class = dict[str, tuple[Callable[[Scene], None], ...]]


def batch_shell(s: Scene) -> None:
    """One command for each file, and every answer is the same."""
    a = Agent(s)
    told = s.pick("", "ok", "1 file changed", "done", "0 errors")
    form = s.pick("convert {0} -resize 800x {0}.out", "black -q {0}", "dos2unix {0}", "git mv {0} new/{0}",
                  "sed -i 's/Copyright 2023/Copyright 2026/' {0}", "python tools/migrate.py --file {0} --in-place",
                  "aws s3 cp {0} s3://archive/{0}")  # fmt: skip
    for _ in range(s.number(30, 280)):
        a.sh(form.format(a.path(s.pick("py", "png", "ts"))), told, took=s.pick(0.1, 2.0))


def batch_edits(s: Scene) -> None:
    a = Agent(s)
    old, new = f"import {a.name()}_v1", f"import {a.name()}_v2"
    same = s.pick(None, "1 file changed", "ok")
    for _ in range(s.number(20, 150)):
        path = a.path()
        if same is None:
            a.read(path, a.code(6))
        a.edit(path, old, new, same)


def batch_api(s: Scene) -> None:
    a = Agent(s)
    tool = s.pick("mcp__crm__update_contact", "mcp__jira__transition_issue", "set_label")
    first, gap = s.number(1000, 80000), s.pick(1, 1, 7)
    for n in range(s.number(30, 250)):
        which = f"PRJ-{first + n * gap}" if "jira" in tool else first + n * gap
        a.step(tool, {"id": which, "to": "done"}, s.pick('{"ok":true}', '{"ok":true}', '{"ok":true,"warn":null}'))


def batch_sql(s: Scene) -> None:
    a = Agent(s)
    for _ in range(s.number(25, 120)):
        key = s.number(1, 10**6)
        a.sh(f'psql -c "update accounts set tier=2 where id={key}"', "UPDATE 1")
        if s.chance.random() < 0.3:
            a.sh(f'psql -tc "select tier from accounts where id={key}"', " 2")


def batch_each(s: Scene) -> None:
    """The same few steps for each package, nearly all pass."""
    a = Agent(s)
    for _ in range(s.number(10, 50)):
        package = f"{a.name()}-{s.hexed(3)}"
        a.sh(f"cd packages/{package} && npm install --silent", "", took=s.number(3, 20))
        a.sh(f"cd packages/{package} && npm test", f"Tests: {s.number(1, 40)} passed\nTime: {s.number(1, 9)} s")
        a.sh(f"cd packages/{package} && npm version patch", f"v1.{s.number(0, 9)}.{s.number(0, 9)}")


def tests_fall(s: Scene) -> None:
    a = Agent(s)
    failing, passed = s.number(8, 30), s.number(40, 300)
    command = s.pick("pytest -q", "npm test -- --silent", "go test ./... 2>&1 | tail -3", "make check")
    files = [a.path() for _ in range(4)]
    while failing:
        for _ in range(s.number(1, 3)):
            a.edit(s.pick(*files), a.code(1), a.code(2))
        if s.chance.random() < 0.7:
            fixed = min(failing, s.number(1, 3))
            failing, passed = failing - fixed, passed + fixed
        a.sh(command, f"{failing} failed, {passed} passed in {s.number(2, 40)}.{s.number(0, 99):02}s", int(failing > 0),
             took=s.number(2, 40))  # fmt: skip
    a.sh("git commit -qam fixes")


def types_fall(s: Scene) -> None:
    a = Agent(s)
    errors = [(a.path("ts"), s.number(1, 400), s.number(2300, 2799)) for _ in range(s.number(10, 25))]
    while errors:
        listing = "\n".join(f"{p}({line},7): error TS{c}: Type mismatch" for p, line, c in errors[:8])
        a.sh("npx tsc --noEmit", f"{listing}\nFound {len(errors)} errors.", 2, took=s.number(4, 20))
        path, line, _ = errors.pop(0)
        a.read(path, a.code(5), offset=line, limit=5)
        a.edit(path, a.code(1), a.code(1))
    a.sh("npx tsc --noEmit", "")


def one_stubborn_test(s: Scene) -> None:
    """One test fails for a while with other assertions; each edit differs, the end is green."""
    a = Agent(s)
    path, name = a.path(), a.name()
    for _ in range(s.number(8, 20)):
        if s.chance.random() < 0.4:
            a.read(path, a.code(8))
        a.edit(path, a.code(1), a.code(s.number(1, 4)))
        got = s.number(0, 500)
        a.sh(f"pytest tests/test_{name}.py -q",
             f"E  assert {got} == 42\n1 failed, 11 passed in 0.{s.number(10, 99)}s", 1)  # fmt: skip
    a.edit(path, a.code(1), a.code(2))
    a.sh(f"pytest tests/test_{name}.py -q", "12 passed in 0.41s")


def lint_falls(s: Scene) -> None:
    a = Agent(s)
    left = s.number(20, 90)
    while left > 0:
        a.edit(a.path(), a.code(1), a.code(1))
        left -= s.number(1, 6)
        a.sh("ruff check . --statistics | tail -1", f"Found {max(left, 0)} errors.", int(left > 0))


def tuning(s: Scene) -> None:
    a = Agent(s)
    ms = 900.0
    path = a.path("rs")
    for _ in range(s.number(10, 30)):
        a.edit(path, a.code(1), a.code(3))
        ms *= s.chance.uniform(0.85, 1.03)
        a.sh("cargo bench --bench hot", f"hot_path  time: [{ms:.1f} ms]", took=20)


def poll_shell(s: Scene) -> None:
    """Looks with a wait in the command, all the same until the end."""
    a = Agent(s)
    wait = s.pick(5, 10, 30, 60, 120, 300)
    look, busy, done = s.pick(
        ("gh run view 771234", "in_progress", "completed success"),
        ("kubectl get job etl -o jsonpath='{.status.active}'", "1", ""),
        ("curl -s localhost:8080/jobs/17", '{"state":"running"}', '{"state":"done","rows":91211}'),
        ("squeue -j 5512 -h", "5512 gpu train R 1 n03", ""), ("docker inspect -f '{{.State.Status}}' build",
                                                               "running", "exited"))  # fmt: skip
    a.sh(s.pick("gh workflow run ci", "make submit", "sbatch train.sh"), "submitted")
    for _ in range(s.number(5, 60)):
        a.sh(f"sleep {wait} && {look}" if wait <= 120 else f"sleep {wait}; {look}", busy, took=wait + 0.5)
    a.sh(f"sleep {wait}; {look}", done, took=wait + 0.5)
    a.sh("make collect", a.prose(8))


def poll_tool(s: Scene) -> None:
    """A look, and a wait as a step or a pause of its own."""
    a = Agent(s)
    wait, job = s.pick(5, 15, 45, 120, 300), s.hexed()
    how = s.pick("step", "pause", "argument")
    tool = s.pick("mcp__ci__get_build", "get_job_status", "mcp__k8s__rollout_status", "check_deployment")
    percent = s.pick(True, False)
    count = s.number(5, 60)
    for n in range(count):
        state = f'{{"id":"{job}","status":"running"' + (f',"progress":{100 * n // count}' if percent else "") + "}"
        arguments = {"id": job, **({"wait_seconds": wait} if how == "argument" else {})}
        a.step(tool, arguments, state, took=wait if how == "argument" else 0.3)
        if how == "step":
            a.step(s.pick("wait", "sleep"), {"seconds": wait}, f"Waited {wait} seconds", took=wait)
        elif how == "pause":
            s.wait(wait)
    a.step(tool, {"id": job}, f'{{"id":"{job}","status":"succeeded"}}')
    a.sh("echo done >> CHANGES && git add CHANGES", "")


def poll_process(s: Scene) -> None:
    """A long command in the background, of which the last lines are read now and then."""
    a = Agent(s)
    tool, arguments = s.pick(("BashOutput", {"bash_id": "bash_1"}), ("write_stdin", {"session_id": 3, "chars": ""}),
                             ("get_terminal_output", {"id": "t1"}))  # fmt: skip
    wait = s.pick(10, 30, 60)
    for n in range(s.number(8, 40)):
        news = s.chance.random() < 0.6
        a.step(tool, arguments, f"[{n * 31}/2210] CXX {a.path('o')}" if news else "", took=0.1)
        s.wait(wait)
    a.step(tool, arguments, "build finished\nexit 0")


def pages_tool(s: Scene) -> None:
    a = Agent(s)
    tool, total = s.pick("mcp__github__list_issues", "list_orders", "mcp__db__query"), s.number(15, 120)
    how, shows_total = s.pick("page", "offset", "cursor"), s.pick(True, False)
    cursor = None
    for n in range(total):
        rows = ", ".join(f'{{"id":{s.number(1, 10**6)},"name":"{a.name()} {s.word()}"}}' for _ in range(s.number(2, 8)))
        key = {"page": {"page": n + 1}, "offset": {"offset": n * 50, "limit": 50}, "cursor": {"cursor": cursor}}[how]
        cursor = s.hexed(16)
        more = f',"total":{total * 50}' if shows_total else ""
        if how == "cursor":
            more += f',"next":"{cursor}"' if n + 1 < total else ',"next":null'
        a.step(tool, {"repo": "acme/shop", **key}, f'{{"items":[{rows}]{more}}}')
    if how != "cursor":
        a.step(tool, {"repo": "acme/shop", "page": total + 1}, '{"items":[]}')


def pages_shell(s: Scene) -> None:
    a = Agent(s)
    total = s.number(12, 80)
    for n in range(1, total + 1):
        if s.pick(True, False):
            a.sh(f"curl -s 'https://api.acme.io/v1/users?page={n}&per=100' -o p{n}.json && jq length p{n}.json",
                 "100" if n < total else "37")  # fmt: skip
        else:
            a.sh(f"curl -s 'https://api.acme.io/v1/users?page={n}&per=100' | jq -r '.[].name' | head -3",
                 "\n".join(a.prose(2) for _ in range(3)))  # fmt: skip


def backoff_shell(s: Scene) -> None:
    """A limit is met, heeded with ever longer waits, and passes; several times in the run."""
    a = Agent(s)
    why = s.pick("HTTP 429 Too Many Requests", "503 Service Unavailable", "error: database is locked",
                 "E: Could not get lock /var/lib/dpkg/lock", "quota exceeded, retry later")  # fmt: skip
    for _ in range(s.number(3, 10)):
        command, wait = f"./push.sh {a.name()}-{s.hexed(3)}", s.pick(2, 5, 10)
        a.sh(command, why, 1)
        for _ in range(s.number(1, 5)):
            a.sh(f"sleep {wait} && {command}", why, 1, took=wait)
            wait *= 2
        a.sh(f"sleep {wait} && {command}", f"pushed {s.number(10, 900)} rows", took=wait)
        for _ in range(s.number(0, 4)):
            a.read(a.path(), a.code(4))


def backoff_tool(s: Scene) -> None:
    a = Agent(s)
    tool = s.pick("mcp__slack__post_message", "web_fetch", "mcp__llm__embed")
    for n in range(s.number(6, 25)):
        arguments = {"url" if tool == "web_fetch" else "text": f"https://docs.acme.io/{a.name()}/{s.hexed(4)}"}
        wait = s.pick(3.0, 8.0, 20.0)
        for _ in range(s.number(0, 5) if n % 3 == 0 else 0):
            a.step(tool, arguments, s.pick('{"error":"rate_limited"}', "429: slow down"), 1)
            s.wait(wait)
            wait *= s.pick(1.5, 2, 3)
        a.step(tool, arguments, a.prose(s.number(4, 40)))


def watch_files(s: Scene) -> None:
    """A watcher wakes the agent; what it finds differs, what it does is of one kind."""
    a = Agent(s)
    for _ in range(s.number(15, 60)):
        path = a.path("md")
        a.step("wait_for_change", {"dir": "docs", "timeout": 600}, f"changed: {path}", took=s.number(20, 600))
        a.sh("make docs", f"built {s.number(40, 60)} pages", took=4)


def watch_build(s: Scene) -> None:
    a = Agent(s)
    path, failing = a.path("ts"), s.number(5, 15)
    for _ in range(s.number(10, 30)):
        a.edit(path, a.code(1), a.code(2))
        failing = max(0, failing - s.pick(0, 1, 1))
        a.step("get_terminal_output", {"id": "watch"}, f"[watch] rebuilt in {s.number(90, 400)} ms, {failing} errors")


def watch_inbox(s: Scene) -> None:
    """Mostly nothing, at long intervals; now and then a piece of work."""
    a = Agent(s)
    every = s.pick(60, 300, 900)
    tool, box = s.pick(("mcp__mail__list_unread", {"folder": "support"}), ("check_queue", {"name": "in"}))
    for _ in range(s.number(20, 90)):
        s.wait(every)
        if s.chance.random() < 0.75:
            a.step(tool, box, s.pick("[]", "[]", "[] "))
            continue
        who = f"{a.name()}-{s.hexed(4)}"
        a.step(tool, box, f'[{{"id":"{who}","subject":"{a.prose(4)}"}}]')
        a.step("mcp__mail__read", {"id": who}, a.prose(25))
        a.step("mcp__mail__reply", {"id": who, "text": a.prose(15)}, "sent")


def sweep_train(s: Scene) -> None:
    a = Agent(s)
    terse = s.pick(True, False)
    for rate in s.chance.sample([0.1, 0.03, 0.01, 0.003, 0.001, 0.0003], s.number(3, 6)):
        for depth in range(2, s.number(5, 12)):
            got = f"acc {s.chance.uniform(0.5, 0.95):.3f}"
            a.sh(f"python train.py --lr {rate} --depth {depth} --seed 1", got if terse else f"{a.prose(10)}\n{got}",
                 took=s.number(5, 300))  # fmt: skip


def sweep_same(s: Scene) -> None:
    """Each value gives the same verdict: that is the answer."""
    a = Agent(s)
    form, told = s.pick(("./stress --threads {}", "PASS"), ("pytest tests/test_race.py -q --seed {}", "1 passed"),
                        ("nc -zv db.internal {}", "refused"), ("./fuzz --case {}", "no crash"))  # fmt: skip
    first = s.number(1, 4000)
    for n in range(s.number(20, 120)):
        a.sh(form.format(first + n), told, int(told == "refused"), took=s.number(1, 20))


def bisect(s: Scene) -> None:
    a = Agent(s)
    for n in range(s.number(8, 14), 0, -1):
        bad = s.pick(True, False)
        a.sh("make -s && ./repro.sh", "crash" if bad else "fine", int(bad), took=30)
        a.sh(f"git bisect {'bad' if bad else 'good'}",
             f"Bisecting: {2**n} revisions left\n[{s.hexed(40)}] {a.prose(4)}")  # fmt: skip


def chunks(s: Scene) -> None:
    a = Agent(s)
    path, size = a.path(s.pick("py", "log", "csv", "md")), s.pick(50, 200, 500)
    shape = s.pick("code", "log", "prose")
    for n in range(s.number(15, 70)):
        text = {"code": lambda: a.code(8), "prose": lambda: "\n".join(a.prose(9) for _ in range(5)),
                "log": lambda: "\n".join(f"10:{s.number(0, 59):02}:{s.number(0, 59):02} INFO GET /{a.name()} 200"
                                         for _ in range(8))}[shape]()  # fmt: skip
        a.read(path, text, offset=1 + n * size, limit=size)


def chunks_shell(s: Scene) -> None:
    a = Agent(s)
    path, size = a.path("bin"), s.pick(256, 4096)
    for n in range(s.number(15, 60)):
        dump = "\n".join(f"{n * size + 16 * i:08x}  " + " ".join(s.hexed(2) for _ in range(16)) for i in range(6))
        a.sh(f"xxd -s {n * size} -l {size} {path}", dump)


def repl_python(s: Scene) -> None:
    a = Agent(s)
    tool, key = s.pick(("python", "code"), ("mcp__ipython__run_cell", "source"), ("execute_ipython_cell", "code"))
    for _ in range(s.number(20, 120)):
        code, told = s.pick(
            (f"{s.word()} = {a.name()}.{s.word()}({s.number(0, 99)})", ""),
            (f"df[df.{s.word()} > {s.number(0, 900)}].shape", f"({s.number(0, 9000)}, 12)"),
            (f"print({a.name()}.{s.word()})", s.pick("None", str(s.number(0, 999)), "True", "[]")),
            (f"{a.name()}_{s.hexed(2)}.head()", a.prose(12)),
            (f"{s.word()}.{a.name()}()", f"NameError: name '{s.word()}' is not defined"))  # fmt: skip
        a.step(tool, {key: code}, told, int("Error" in told))


def repl_prompt(s: Scene) -> None:
    """A debugger or a database prompt: short inputs, many return to the bare prompt."""
    a = Agent(s)
    prompt = s.pick("(gdb) ", "(Pdb) ", "shop=# ")
    for n in range(s.number(20, 90)):
        table, count = f"{a.name()}_{s.hexed(2)}", str(s.number(0, 10**5))
        line, told = s.pick(("n", f"{n + 30}\t{a.code(1).strip()}"), (f"p {s.word()}", str(s.number(0, 9999))),
                            (f"b {a.name()}.c:{s.number(1, 900)}", ""), (f"select count(*) from {table};", count),
                            (f"set {s.word()}={s.number(0, 99)}", ""))  # fmt: skip
        a.step("terminal_send", {"session": "main", "input": line + "\n"}, f"{told}\n{prompt}".lstrip())


EIGHTH_HONEST: Class = {
    "batches": (batch_shell, batch_edits, batch_api, batch_sql, batch_each),
    "edit-test cycles": (tests_fall, types_fall, one_stubborn_test, lint_falls, tuning),
    "polling that ends": (poll_shell, poll_tool, poll_process), "pagination that ends": (pages_tool, pages_shell),
    "retries with backoff": (backoff_shell, backoff_tool), "watch mode": (watch_files, watch_build, watch_inbox),
    "sweeps": (sweep_train, sweep_same, bisect), "a file in chunks": (chunks, chunks_shell),
    "REPL sessions": (repl_python, repl_prompt), "clicking": (ui_form, ui_walk, ui_computer),
    "searching": (search_code, search_web), "fan-out": (fan_out, fan_out_fix),
}  # fmt: skip
