# ruff: noqa: E501 - outputs as tools print them
"""The same classes of loops in other surface forms: other domains, tools, wordings and clocks.

The detector was checked with these while it was made, and what failed was looked at: so they are no unseen data.
"""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.loops_scene import Scene

LONG = 36


def uuid(s: Scene) -> str:
    return f"{s.hexed(8)}-{s.hexed(4)}-4{s.hexed(3)}-a{s.hexed(3)}-{s.hexed(12)}"


def exact_tool(s: Scene) -> None:
    tool, arguments, output, code = s.pick(
        ("get_weather", {"city": "Oslo"}, '{"temp_c": 4, "sky": "overcast"}', 0),
        ("browser_navigate", {"url": "https://intranet.example.test/login"}, "Page title: Sign in", 0),
        ("mcp__jira__get_issue", {"key": "OPS-17"}, '{"status": "Open", "assignee": null}', 0),
        ("cargo", {"args": ["test", "--all"]}, "error[E0432]: unresolved import `crate::net`", 101),
        (
            "Edit",
            {"file_path": "/src/a.go", "old_string": "foo()", "new_string": "bar()"},
            "String to replace not found in file.",
            1,
        ),
        ("execute_sql", {"sql": "select count(*) from orders"}, "count\n-----\n0", 0),
    )
    for _ in range(LONG):
        s.tool(tool, dict(arguments), output, code)


def exact_raw(s: Scene) -> None:
    for _ in range(LONG):
        s.bash("go vet ./... && go build ./cmd/server", "cmd/server/main.go:14:2: undefined: newHandler", 1)


def volatile_log(s: Scene) -> None:
    which = s.number(0, 3)
    for n in range(LONG):
        clock = f"{9 + n // 60:02}:{n % 60:02}:{s.number(10, 59)}"
        if which == 0:
            lines = [f"Aug  9 {clock} node7 kubelet[{s.number(900, 30000)}]: Back-off restarting failed container"] * 3
            s.bash("journalctl -u kubelet -n 3", "\n".join(lines))
        elif which == 1:
            s.bash("terraform apply -auto-approve", f"aws_instance.a: Still creating... [{n}0s elapsed]\nError: creating EC2 Instance: "
                   f"UnauthorizedOperation\n\tstatus code: 403, request id: {uuid(s)}", 1)  # fmt: skip
        elif which == 2:
            s.tool(
                "run_tests",
                {"suite": "unit"},
                f"Ran 14 tests in {s.chance.uniform(0.1, 4):.3f}s\n\nFAILED (errors=1)\nKeyError: 'token'",
                1,
            )
        else:
            s.tool(
                "query_api",
                {"path": "/v2/status"},
                f'{{"ok": false, "request_id": "{uuid(s)}", "ts": {1755000000 + n * 7}}}',
            )


def varied_words(s: Scene) -> None:
    which = s.number(0, 4)
    for n in range(LONG):
        if which == 0:
            s.tool("web_search", {"query": s.pick("reset kubernetes token", "kubernetes  token reset", "Reset Kubernetes Token", "token reset kubernetes")},
                   "1. How to rotate service account tokens\n2. Token rotation, an overview\n3. kubectl create token")  # fmt: skip
        elif which == 1:
            s.bash(
                f"node build.js {s.pick('--prod --minify', '--minify --prod')} {s.pick('', '2>&1', '| cat')}",
                "SyntaxError: Unexpected token '}' in src/app.js",
                1,
            )
        elif which == 2:
            s.bash(
                f"TMP=$(mktemp -d /tmp/tmp.{s.hexed(5)}Zq9) && cp -r src $TMP && cd $TMP && make",
                "make: cc: No such file or directory",
                127,
            )
        elif which == 3:
            s.tool("think_and_run", {"thought": f"{s.word()} {s.word()} {s.word()} {n}", "command": "dotnet restore"},
                   "error NU1101: Unable to find package Acme.Core", 1)  # fmt: skip
        else:
            s.bash(
                f"# {s.word()} {n}\nphp artisan migrate   {s.pick('--force', '--force --no-interaction')}",
                "SQLSTATE[42S01]: Base table or view already exists: users",
                1,
            )


def turns(s: Scene) -> None:
    period = s.number(2, 5)
    tools = [
        (
            "browser_click",
            {"selector": f"#{s.word()}-{n}"},
            f"Dialog {s.word()} opened, then closed: the session has expired.",
        )
        for n in range(period)
    ]
    tools[0] = (
        "browser_navigate",
        {"url": "https://app.example.test/login"},
        "Sign in to continue. Your session has expired.",
    )
    for _ in range(LONG // period + 2):
        for tool, arguments, output in tools:
            s.tool(tool, arguments, output)


def long_turns(s: Scene) -> None:
    period = s.number(6, 16)
    rows = [
        (f"SELECT {s.word()} FROM {s.word()}_{n} LIMIT 5", f"{s.word()}\n{s.number(100, 999)}\n{s.hexed()}")
        for n in range(period)
    ]
    for _ in range(6):
        for query, output in rows:
            s.tool("execute_sql", {"sql": query}, output)
            if s.chance.random() < 0.25:
                s.tool("note", {"text": f"{s.word()} {s.word()} {s.hexed()}"}, f"saved as note {s.number(1, 9999)}")


def one_wall(s: Scene) -> None:
    error, forms = s.pick(
        ("x509: certificate signed by unknown authority", (
            "curl https://reg.test/v2/", "docker pull reg.test/app", "helm repo add x https://reg.test/charts", "wget https://reg.test/v2/",
            "python -c 'import requests; requests.get(\"https://reg.test\")'", "skopeo copy docker://reg.test/app dir:x", "git clone https://reg.test/x",
            "npm config set registry https://reg.test && npm i", "openssl s_client -connect reg.test:443", "crane pull reg.test/app x.tar")),
        ("No space left on device", (
            "npm ci", "docker build .", "pip install torch", "git clone big", "tar xf a.tar", "dd if=/dev/zero of=x count=9", "apt-get install gcc",
            "cargo build", "echo a > b", "cp a b", "go build ./...")),
        ("HTTP 403 Forbidden: token lacks scope 'repo:write'", (
            "gh api -X PUT /repos/x/y/contents/a", "git push https", "curl -X PUT api/contents", "hub push", "gh pr create", "gh release create v1",
            "curl -X POST api/git/refs", "gh workflow run ci", "gh repo edit", "curl -X PATCH api/git/refs/heads/x")),
    )  # fmt: skip
    for n in range(24):
        command = s.pick(*forms)
        if n > 9:
            command = f"{s.pick('sudo', 'env A=1', 'timeout 20', 'strace -f', 'nice')} {command} {s.pick('', '-v', '--debug')}"
        tail = s.chance.random() < 0.3
        noise = s.pick("", f"{s.word()}: starting\n", f"[{s.number(1, 99)}/{n}] {s.word()}\n")
        s.bash(command + (" || true" if tail else ""), f"{noise}error: {error}", 0 if tail else s.pick(1, 1, 128))
        if s.chance.random() < 0.15:
            s.noise()


def reworded_scripts(s: Scene) -> None:
    """Writes yet another script against the same wall."""
    for n in range(20):
        body = "\n".join(f"    {s.word()}_{s.word()} = {s.word()}({n})" for _ in range(s.number(3, 12)))
        name = f"{s.pick('try', 'attempt', 'fix', 'probe')}_{s.word()}{n}.py"
        s.bash(f"cat > {name} <<'EOF'\nimport db\n\ndef main():\n{body}\nEOF")
        s.bash(f"python {name}", f'Traceback (most recent call last):\n  File "{name}", line {s.number(2, 40)}, in <module>\n'
               "sqlalchemy.exc.OperationalError: could not translate host name \"pg\" to address", 1)  # fmt: skip


def waiting_for_ever(s: Scene) -> None:
    which = s.number(0, 2)
    for _ in range(140 if which else LONG):
        if which == 0:  # without waiting
            s.tool("get_job", {"job_id": "j-81"}, '{"state": "PENDING", "queue_position": null}', took=0.1)
        elif which == 1:
            s.tool("sleep", {"seconds": 10}, "slept", took=10)
            s.tool("get_job", {"job_id": "j-81"}, '{"state": "PENDING", "queue_position": null}', took=0.1)
        else:
            s.wait(12)
            s.bash("helm status web -o json | jq .info.status", '"pending-upgrade"', took=1.0)


def hammering(s: Scene) -> None:
    text = s.pick("429 Client Error: Too Many Requests for url: https://api.test/search", "openai.RateLimitError: Rate limit reached for requests",
                  "ThrottlingException: Rate exceeded", "ERROR 1205 (HY000): Lock wait timeout exceeded; try restarting transaction",
                  "fatal: Unable to create '/r/.git/index.lock': File exists.")  # fmt: skip
    for n in range(LONG):
        query = s.pick("red shoes", "blue shoes", "shoes sale") if s.chance.random() < 0.3 else "red shoes"
        s.tool("search_products", {"q": query, "attempt": n}, text, 1, took=0.3)


def families(s: Scene) -> None:
    which = s.number(0, 2)
    parent = "root"
    for n in range(LONG):
        child = f"{s.pick('planner', 'worker', 'critic')}-{s.hexed(4)}"
        if which == 0:
            s.tool(
                "create_agent",
                {"role": s.word(), "objective": f"Plan how to {s.word()} and create an agent that does it"},
                f"id {child}",
                agent=parent,
            )
            s.child(child, parent)
            parent = child
        elif which == 1:
            s.child(child, parent)  # no calls are published: only that they appear
            s.think(agent=child)
            parent = child
        else:
            s.tool(
                "handoff",
                {"to": s.pick("researcher", "writer"), "context": "please check and hand back"},
                "handed over",
                agent=parent,
            )
            s.child(child, parent)
            parent = child if n % 2 else parent


def scrolling_for_ever(s: Scene) -> None:
    which = s.number(0, 2)
    for n in range(100):
        if which == 0:
            s.tool(
                "list_messages",
                {"folder": "inbox", "page_token": s.hexed(12)},
                '{"messages": [], "nextPageToken": "' + s.hexed(12) + '"}',
            )
        elif which == 1:
            s.bash(f"curl -s 'https://api.test/events?skip={n * 50}&take=50'", "[]")
        else:
            s.tool(
                "browser_navigate",
                {"url": f"https://cal.example.test/?offset={n}"},
                "No events in this period. Next period >",
            )


def chatter(s: Scene) -> None:
    which = s.number(0, 2)
    plans = ("First I need to look at the logs and then decide on a fix.", "I need to look at the logs first, then decide on a fix.",
             "Let me look at the logs first and decide on a fix then.", "The plan: look at the logs, then decide on a fix.",
             "To decide on a fix I first need to look at the logs.")  # fmt: skip
    for n in range(LONG):
        if which == 0:
            s.say(s.pick(*plans))
        elif which == 1:
            s.say(
                s.pick("Great work! Over to you.", "Great, over to you then!", "Over to you, great work."),
                agent=("writer", "editor")[n % 2],
            )
        else:
            s.say("I apologize for the confusion. You are right, I will correct it.", agent="a")
            s.say("Please correct it.", agent="b", role="user")


def see_saw(s: Scene) -> None:
    which = s.number(0, 3)
    key = s.word()
    for n in range(24):
        on = n % 2 == 0
        if which == 0:
            s.tool("set_config", {"key": f"feature.{key}", "value": on}, "updated", agent=("ops", "dev")[n % 2])
        elif which == 1:
            s.bash(f"git {'apply fix.patch' if on else 'checkout -- src'}")
        elif which == 2:
            s.bash(f"cat > {key}.yaml <<'EOF'\nreplicas: {3 if on else 5}\nimage: web\nEOF")
        else:
            s.tool("Edit", {"file_path": f"/src/{key}.ts", "old_string": "await load()" if on else "load()", "new_string": "load()" if on else "await load()"},
                   "The file has been updated.")  # fmt: skip
        if s.chance.random() < 0.7:
            s.bash(
                "npx tsc --noEmit",
                ("src/a.ts(3,1): error TS1308: await", "src/a.ts(9,2): error TS2801: missing await")[n % 2],
                2,
            )


def rereading(s: Scene) -> None:
    files = [f"docs/{s.word()}-{s.word()}-{n}.md" for n in range(s.number(3, 8))]
    for _ in range(8):
        order = list(files)
        s.chance.shuffle(order)
        for file in order:
            s.tool("Read", {"file_path": file}, f"# {file}\n" + f"All about {file[5:12]}.\n" * 8)
        s.say(f"I have an overview of the docs now: {', '.join(order[:2])}.")


OTHER_STUCK: dict[str, tuple[Callable[[Scene], None], ...]] = {
    "exact repeats": (exact_tool, exact_raw),
    "volatile output": (volatile_log,),
    "varied arguments": (varied_words,),
    "cycles of 2 to 5": (turns,),
    "cycles to 16, with noise": (long_turns,),
    "one error, other commands": (one_wall, reworded_scripts),
    "polling without end": (waiting_for_ever,),
    "retries without backoff": (hammering,),
    "spawning": (families,),
    "endless pages": (scrolling_for_ever,),
    "talk without action": (chatter,),
    "flip-flop edits": (see_saw,),
    "context thrash": (rereading,),
}
