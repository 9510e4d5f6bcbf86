# ruff: noqa: E501 - outputs as tools print them
"""A fourth style, loops: what `loops_fourth_honest` does when it is stuck."""

from __future__ import annotations

import json
from collections.abc import Callable

from benchmarks.loops_fourth_honest import THINGS, VERBS, code, log, prose
from benchmarks.loops_scene import Scene


def stuck_call(s: Scene) -> None:
    tool, given, output, failed = s.pick(
        ("Bash", {"command": "cargo build --release"}, "error[E0433]: failed to resolve: use of undeclared crate `tokio`\n  --> src/main.rs:4:5", 101),
        ("browser_click", {"ref": "e41", "element": "Submit"}, "Error: element e41 is not clickable: another element covers it", 1),
        ("get_weather", {"city": "Bergen"}, '{"temp": 11, "sky": "rain"}', 0),
        ("execute_cell", {"cell_id": "c7", "source": "model.fit(X, y)"}, '{"status": "error", "ename": "ValueError", "evalue": "Input X contains NaN."}', 0),
        ("read_file", {"target_file": "src/app.ts"}, code(s, 12), 0),
    )
    for _ in range(s.number(14, 30)):
        s.tool(tool, given, output, failed, took=s.chance.uniform(0.1, 4))


def stuck_stamped(s: Scene) -> None:
    which = s.number(0, 4)
    for n in range(s.number(16, 30)):
        stamp = f"2026-08-14T{s.number(0, 23):02}:{s.number(0, 59):02}:{s.number(0, 59):02}Z"
        if which == 0:
            s.tool("mcp__k8s__apply", {"file": "web.yaml"}, json.dumps({"ok": False, "time": stamp, "message": "admission webhook denied the request: image is not signed", "uid": f"{s.hexed(8)}-{s.hexed(4)}-{s.hexed(4)}-{s.hexed(4)}-{s.hexed(12)}"}), 1)
        elif which == 1:
            s.bash("docker compose up -d", f" Container db  Starting\n Container db  Error after {s.number(1, 9)}.{s.number(0, 9)}s\ndependency failed to start: container db exited (1)", 1)
        elif which == 2:
            s.tool("execute_cell", {"cell_id": "c3", "source": "spark.read.parquet(p)"}, json.dumps({"execution_count": n + 4, "status": "error", "evalue": "Path does not exist: s3://lake/p", "elapsed_ms": s.number(10, 999)}))
        elif which == 3:
            s.bash("pytest -q tests/test_lease.py", f"FAILED tests/test_lease.py::test_renew - AssertionError\n1 failed in {s.number(0, 9)}.{s.number(10, 99)}s", 1)
        else:
            s.bash("curl -si https://svc.test/health", f"HTTP/2 200\ndate: Fri, 14 Aug 2026 10:{n:02}:{s.number(10, 59)} GMT\nx-request-id: {s.hexed(16)}\n\n{{\"status\":\"degraded\"}}")


def stuck_varied(s: Scene) -> None:
    which = s.number(0, 4)
    for _ in range(s.number(16, 28)):
        if which == 0:
            s.tool("Bash", {"command": s.pick("npm run lint", "npm run lint --silent", "npm  run lint", "CI=1 npm run lint", "npm run lint 2>&1 | tail -20"), "description": s.pick("Run the linter", "Check lint", "Lint again")}, "src/index.js\n  12:3  error  'x' is not defined  no-undef\n\n1 problem (1 error)", 1)
        elif which == 1:
            s.tool("search_docs", {"query": s.pick("how to configure oauth scopes", "oauth scopes configure", "configure OAuth scopes how to")}, "No results found in documentation.")
        elif which == 2:
            s.bash(f"OUT=$(mktemp /tmp/out.{s.hexed(8)}); ./solve > /tmp/out.{s.hexed(8)}; echo $?", "139")
        elif which == 3:
            s.tool("str_replace_editor", {"command": "view", "path": "/repo/a.py", "view_range": [s.pick(1, 2), s.pick(60, 61)]}, "    def merge(self):\n        return None\n" * 6)
        else:
            s.tool("query", {"sql": s.pick("select id from users where email is null", "SELECT id FROM users WHERE email IS NULL;", "SELECT users.id FROM users WHERE users.email IS NULL")}, "[]")


def short_cycle(s: Scene) -> None:
    period = s.number(2, 5)
    ring = [s.pick(("read_file", {"target_file": f"src/{s.pick(*THINGS)}{k}.py"}, code(s, 7)), ("list_dir", {"relative_workspace_path": f"{s.pick(*THINGS)}{k}"}, f"{s.pick(*VERBS)}.py\n{s.pick(*THINGS)}{k}.py"), ("Bash", {"command": f"git log -{k + 2} --oneline"}, "\n".join(f"{s.hexed(7)} {prose(s, 1)}" for _ in range(k + 2)))) for k in range(period)]
    for _ in range(30 // period + 1):
        for tool, given, output in ring:
            s.tool(tool, given, output)


def fix_cycle(s: Scene) -> None:
    """A fix that breaks another test, taken back, and again."""
    for n in range(12):
        one, other = ("strict", "loose") if n % 2 else ("loose", "strict")
        s.tool("Edit", {"file_path": "cfg.toml", "old_string": f"mode = '{one}'", "new_string": f"mode = '{other}'"}, "The file cfg.toml has been updated.")
        s.bash("make check", f"FAIL {'test_input' if n % 2 else 'test_output'}: mode {other} is not supported here\nmake: *** [check] Error 1", 2)


def long_cycle(s: Scene) -> None:
    period = s.number(6, 15)
    ring = [(f"{s.pick('cat', 'head -50', 'wc -l')} {s.pick(*THINGS)}/{s.pick(*VERBS)}{k}.go", code(s, 5) or "x") for k in range(period)]
    for _ in range(5):
        for command, output in ring:
            s.bash(command, output)
            if s.chance.random() < 0.15:
                s.bash(f"grep -rn {s.pick(*VERBS)}{s.hexed(3)} .", f"./{s.pick(*THINGS)}.go:{s.number(1, 99)}: {s.hexed(5)} {prose(s, 1)}")


OBSTACLES = (
    ("ModuleNotFoundError: No module named 'torch'", ("python train.py", "python -m train", "pytest", "python -c 'import model'", "jupyter nbconvert --execute a.ipynb", "make train", "uv run train.py", "bash run.sh", "accelerate launch train.py", "python tools/probe.py", "tox -e py")),
    ("remote: Permission to acme/site.git denied to bot.\nfatal: unable to access 'https://git.test/acme/site.git/': The requested URL returned error: 403", ("git push", "git push origin main", "git push -u origin HEAD", "git push --force-with-lease", "gh pr create", "git push https://git.test/acme/site.git", "git push origin HEAD:fix", "git push -v", "git -c http.extraHeader=x push", "gh repo sync", "hub push")),
    ("bash: terraform: command not found", ("terraform init", "terraform plan", "cd infra && terraform init", "make plan", "./deploy.sh", "which terraform && terraform version", "npm run infra", "env terraform apply", "terraform -chdir=infra init", "bin/setup", "sh -c 'terraform validate'")),
    ("Error: P1001: Can't reach database server at `db:5432`", ("npx prisma migrate dev", "npx prisma db push", "npm run migrate", "npm run seed", "node scripts/seed.js", "npx prisma studio", "npm test", "npx prisma db pull", "yarn prisma migrate deploy", "npx prisma migrate status", "npm run dev")),
)  # fmt: skip


def obstacle(s: Scene) -> None:
    error, ways = s.pick(*OBSTACLES)
    for n in range(s.number(14, 22)):
        way = s.pick(*ways)
        if n > 7:
            way = f"{s.pick('', 'DEBUG=1 ', 'time ')}{way} {s.pick('--verbose', '-x', '', '--no-color')}"
        s.bash(way, f"{log(s, s.number(0, 3))}\n{error}", 1, took=1.5)
        if s.chance.random() < 0.25:
            s.bash(f"cat {s.pick(*THINGS)}/{s.pick(*VERBS)}{n}.cfg", prose(s, 2))


def waiting(s: Scene) -> None:
    which = s.number(0, 3)
    for _ in range(24 if which == 0 else 110):
        s.wait((0.0, 8.0, 20.0, 0.0)[which])
        if which == 3:
            s.bash("sleep 10 && gh run view 90417 --json status", '{"status":"queued"}', took=10)
        else:
            s.tool("mcp__jira__get_issue", {"key": "OPS-9", "fields": ["status"]}, '{"key": "OPS-9", "status": "Waiting for approval"}', took=0.3)


def hammering(s: Scene) -> None:
    text = s.pick(
        json.dumps({"error": {"type": "rate_limit_error", "message": "Number of requests has exceeded your limit"}}), "HTTP/1.1 429 Too Many Requests", "FATAL: sorry, too many clients already",
        "fatal: Unable to create '/repo/.git/index.lock': File exists.", "upstream connect error: 503 Service Unavailable",
    )
    for n in range(s.number(14, 26)):
        s.wait(s.chance.uniform(0, 0.8))
        s.tool("http_request", {"method": "PUT", "url": "https://api.test/v2/items/1", **({"headers": {"x-attempt": n}} if n % 3 else {})}, text, 1)


def recursion(s: Scene) -> None:
    parent = "root"
    for n in range(s.number(12, 20)):
        child = f"{parent[:20]}.{n % 3}"
        s.tool(s.pick("spawn_subagent", "Task", "create_agent"), {"name": child, "prompt": f"Split the work on {s.pick(*THINGS)} and give the parts to new agents."}, '{"status": "running"}', agent=parent)
        s.child(child, parent)
        parent = child


def no_end(s: Scene) -> None:
    which = s.number(0, 3)
    for n in range(45):
        if which == 0:
            s.tool("list_invoices", {"page": n + 1, "per_page": 50}, json.dumps({"invoices": [], "page": n + 1, "has_more": True}))
        elif which == 1:  # the cursor changes, and the page is the same
            s.tool("mcp__crm__list_contacts", {"cursor": s.hexed(16)}, json.dumps({"items": ["Okafor", "Novak", "Rossi"], "next_cursor": s.hexed(16)}))
        elif which == 2:
            s.bash(f"curl -s 'https://x.test/feed?offset={n * 20}'", '{"detail":"no more results"}')
        else:
            s.tool("browser_scroll_down", {"y": 800, "n": n}, f"- text: {('You are all caught up', 'Suggested for you', 'You are all caught up')[n % 3]}")


def promises(s: Scene) -> None:
    which = s.number(0, 2)
    for n in range(26):
        if which == 0:
            s.say(s.pick("I'll start by examining the repository structure now.", "Let me start by examining the structure of the repository.", "First I will examine the repository structure."))
        elif which == 1:
            s.say(s.pick("Thanks! Let me know if you need anything else.", "You're welcome! Let me know if there is anything else you need.", "Thank you! Anything else you need, let me know."), agent=("helper", "caller")[n % 2])
        else:
            s.say(s.pick("The task is complete. All requirements have been met.", "All requirements have been met, the task is complete.", "Task complete: all the requirements are met."))


def tug_of_war(s: Scene) -> None:
    which = s.number(0, 2)
    for n in range(22):
        on = n % 2
        if which == 0:
            s.tool("set_flag", {"flag": "dark_mode", "value": bool(on)}, json.dumps({"flag": "dark_mode", "updated": True}), agent=("ux-bot", "qa-bot")[on])
        elif which == 1:
            s.tool("str_replace_editor", {"command": "str_replace", "path": "/repo/x.py", "old_str": ("<=", "<")[on], "new_str": ("<", "<=")[on]}, "The file /repo/x.py has been edited.")
            s.bash("pytest -q", f"FAILED test_x.py::test_{('upper', 'lower')[on]}\n1 failed in 0.{s.number(10, 99)}s", 1)
        else:
            s.bash(f"kubectl scale deploy/web --replicas={(2, 5)[on]}", "deployment.apps/web scaled")
            if s.chance.random() < 0.4:
                s.bash("kubectl top nodes", f"n1 {s.number(100, 900)}m {s.number(10, 90)}%")


def forgetful(s: Scene) -> None:
    """After each compaction the same files are read, and nothing is done."""
    files = [(f"docs/{s.pick(*THINGS)}{k}.md", prose(s, 6)) for k in range(s.number(4, 7))]
    for _ in range(6):
        for path, text in files:
            s.tool("Read", {"file_path": path}, text)
        s.say(f"Context was compacted. {prose(s, 1)}")


FOURTH_STUCK: dict[str, tuple[Callable[[Scene], None], ...]] = {
    "exact repeats": (stuck_call,), "volatile output": (stuck_stamped,), "varied arguments": (stuck_varied,),
    "cycles of 2 to 5": (short_cycle, fix_cycle), "cycles to 16, with noise": (long_cycle,),
    "one error, other commands": (obstacle,), "polling without end": (waiting,), "retries without backoff": (hammering,),
    "spawning": (recursion,), "endless pages": (no_end,), "talk without action": (promises,),
    "flip-flop edits": (tug_of_war,), "context thrash": (forgetful,),
}  # fmt: skip
