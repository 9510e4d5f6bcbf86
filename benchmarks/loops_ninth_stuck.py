# ruff: noqa: E501 - outputs as tools print them
"""Runaway loops, ninth style."""

from __future__ import annotations

from benchmarks.loops_ninth import Ninth
from benchmarks.loops_ninth_far import endless_pages, flip_flop, spawning, talk, thrash
from benchmarks.loops_publishers import published_by


def exact(s: Ninth) -> None:
    tool, args, out, code = s.pick(
        ("get_weather", {"city": s.noun()}, '{"temp": 21, "sky": "clear"}', 0),
        ("lookup_customer", {"email": f"{s.noun()}@example.test"}, '{"error": {"code": "NOT_FOUND"}}', 1),
        ("open_file", {"file": s.path()}, "fn main() {\n    todo!()\n}\n", 0),
        ("vector_query", {"q": f"{s.noun()} {s.noun()}", "k": 5}, "[]", 0),
        (
            "",
            f"cargo build -p {s.noun()}",
            "error[E0433]: failed to resolve: use of undeclared crate\nerror: could not compile",
            101,
        ),
        ("", f"terraform plan -target={s.noun()}", "No changes. Your infrastructure matches the configuration.", 0),
        ("", f"dotnet test {s.noun()}.sln", "Failed!  - Failed: 2, Passed: 41", 1),
        ("", f"gradle :{s.noun()}:check", "", 0),
    )
    for _ in range(s.number(15, 50)):
        s.tool(tool, args, out, code) if tool else s.bash(args, out, code, took=s.pick(0.1, 3, 20))


def volatile(s: Ninth) -> None:
    n1, n2 = s.noun(), s.noun()
    which = s.number(0, 6)
    size = s.number(4, 40)
    for _n in range(s.number(18, 50)):
        if which == 0:
            s.bash(
                f"make {n1}",
                f"\x1b[32m[{s.clock()}]\x1b[0m compiling {n1}\n\x1b[31merror\x1b[0m: {n2} undefined\nBuild took {s.number(1, 30)}.{s.number(0, 9)} s",
                2,
            )
        elif which == 1:
            s.tool(
                "http_get",
                {"url": f"https://{n1}.test/v1/state"},
                f'{{"requestId":"{s.hexed(16)}","ts":"{s.stamp()}","data":{{"state":"draft","owner":"{n2}"}}}}',
            )
        elif which == 2:
            s.bash(
                f"pytest {n1} -q",
                f"E   {n2.title()}Error: bad value at 0x7f{s.hexed(10)}\n1 failed in {s.number(0, 9)}.{s.number(10, 99)}s",
                1,
            )
        elif which == 3:
            s.bash(
                f"npm install {n1}",
                f"npm ERR! code ERESOLVE\nnpm ERR! A complete log of this run can be found in: /root/.npm/_logs/{s.stamp()}-debug-0.log",
                1,
            )
        elif which == 4:
            s.bash(
                "ps aux | grep " + n1,
                f"u {s.number(1000, 90000)} 0.0 0.1 {s.number(10000, 99999)} pts/0 S+ {s.clock()[:5]} 0:00 grep {n1}",
            )
        elif which == 5:
            s.tool(
                "snapshot", {"page": n1}, f"button[ref=e{size}] Save\nsession {s.hexed(20)}\nLast refreshed {s.clock()}"
            )
        else:
            s.bash(
                f"./{n1}.sh",
                f"{'#' * s.number(2, 30)} {s.number(1, 99)}%\nfatal: {n2} locked by pid {s.number(300, 30000)}",
                1,
            )


def varied(s: Ninth) -> None:
    n1, n2 = s.noun(), s.noun()
    which = s.number(0, 6)
    for n in range(s.number(18, 45)):
        if which == 0:
            flags = ["--verbose", "--no-color", "-q"]
            s.chance.shuffle(flags)
            s.bash(
                f"mypy {' '.join(flags[: s.number(0, 3)])} {n1}.py".replace("  ", " "),
                f"{n1}.py:14: error: Incompatible types in assignment",
                1,
            )
        elif which == 1:
            s.bash(
                f"{s.pick('', 'time ', 'env ')}cat {s.pick('', './')}{n1}/{n2}.toml{s.pick('', ' # look again', ' 2>&1', ' | cat')}",
                f'[tool]\nname = "{n2}"',
            )
        elif which == 2:
            s.tool(
                "search_docs",
                {"query": s.pick(f"{n1} {n2}", f"{n2} {n1}", f'"{n1}" {n2}', f"{n1}  {n2} ", f"{n1.title()} {n2}?")},
                "No results.",
            )
        elif which == 3:
            s.tool(
                "ask_database",
                {
                    "sql": s.pick(
                        f"SELECT * FROM {n1} WHERE {n2}=1",
                        f"select * from {n1} where {n2} = 1;",
                        f"SELECT *\nFROM {n1}\nWHERE {n2} = 1 -- again",
                    )
                },
                "0 rows",
            )
        elif which == 4:
            s.bash(f"cp {n1}.cfg /tmp/{n1}.{s.hexed(6)} && ./validate {n1}.cfg", f"invalid: missing key {n2}", 1)
        elif which == 5:
            s.bash(
                f"python -c {s.pick(chr(39), chr(34))}import {n1}{s.pick('', ';')}{chr(39) if False else ''}".rstrip()
                if False
                else f"python -c 'import {n1}{s.pick('', ';', ' ')}'",
                f"ModuleNotFoundError: No module named '{n1}'",
                1,
            )
        else:
            s.tool(
                "edit",
                {"file": f"{n1}.go", "find": n2, "replace": n2.upper(), "note": f"{s.verb()} {s.noun()} {n}"},
                "error: text to find occurs 3 times, must be unique",
                1,
            )


def _steps(s: Ninth, count: int) -> list[tuple]:
    steps = []
    for n in range(count):
        a, b = s.noun(), f"{s.noun()}{n}"
        steps.append(
            s.pick(
                ("open_file", {"file": f"{a}/{b}.ts"}, f"export const {b} = {n};\nexport default {a};", 0),
                ("", f"rg {b} {a}", f"{a}/x.ts:{n + 3}: {b}()", 0),
                ("", f"npx tsc -p {b}", f"{a}.ts({n + 2},5): error TS2304: Cannot find name '{b}'.", 2),
                ("edit", {"file": f"{b}.ts", "find": f"{a} = 1", "replace": f"{a} = 2"}, "ok", 0),
                ("browser_open", {"url": f"https://{a}.test/{b}"}, f"{a.title()} {b}: page not ready", 0),
                ("", f"git checkout {b}", f"Already on '{b}'", 0),
            )
        )
    return steps


def cycle(s: Ninth) -> None:
    steps = _steps(s, s.number(2, 5))
    for _ in range(s.number(8, 16)):
        for tool, args, out, code in steps:
            s.tool(tool, args, out, code) if tool else s.bash(args, out, code)


def long_cycle(s: Ninth) -> None:
    steps = _steps(s, s.number(6, 16))
    noisy = s.pick(0, 0.1, 0.25)
    for _ in range(s.number(6, 9)):
        for tool, args, out, code in steps:
            s.tool(tool, args, out, code) if tool else s.bash(args, out, code)
            if s.chance.random() < noisy:
                s.noise()


def one_error(s: Ninth) -> None:
    n1, n2 = s.noun(), s.noun()
    which = s.number(0, 4)
    for n in range(s.number(16, 40)):
        v = s.noun() + s.pick("", str(n))
        if which == 0:
            s.bash(
                s.pick(
                    f"docker run {n1}",
                    f"docker build -t {v} .",
                    "docker ps -a",
                    f"docker pull {v}",
                    f"docker compose up {v}",
                    f"docker images | grep {v}",
                ),
                "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
                1,
            )
        elif which == 1:
            s.bash(
                s.pick(
                    f"pip install {n1}",
                    f"pip3 install --user {n1}",
                    f"python -m pip install {n1}=={n % 7}.0",
                    f"uv pip install {n1}",
                    f"pip download {n1}",
                    f"conda install {n1}",
                    f"poetry add {n1}",
                ),
                f"ERROR: Could not find a version that satisfies the requirement {n1}\nERROR: No matching distribution found for {n1}",
                1,
            )
        elif which == 2:
            s.bash(
                s.pick(
                    f"psql -c 'select * from {v}'",
                    f"psql -d {n1} -c '\\dt'",
                    f"pg_dump {v}",
                    f"createdb {v}",
                    f"python manage.py migrate {v}",
                ),
                f'psql: error: connection to server at "localhost" (127.0.0.1), port 5432 failed: FATAL: role "{n2}" does not exist',
                2,
            )
        elif which == 3:
            s.tool(
                s.pick("write_file", "edit", "create_file", "append_file"),
                {"file": f"{n1}/{v}.md", "content": f"{s.noun()} {s.noun()} {n}"},
                f"EROFS: read-only file system, open '/{n1}/{v}.md'",
                1,
            )
        else:
            s.bash(
                s.pick(
                    f"git push origin {v}",
                    f"git push -u origin {n1}",
                    f"git fetch {v}",
                    "git pull --rebase",
                    "git ls-remote",
                    f"git clone git@host.test:{n1}/{v}.git",
                ),
                "git@host.test: Permission denied (publickey).\nfatal: Could not read from remote repository.",
                128,
            )


def endless_poll(s: Ninth) -> None:
    n1 = s.noun()
    form, seconds = s.pick((0, 0), (0, 0), (1, 3), (1, 8), (2, 15), (2, 30))
    call = s.pick(
        ("get_job", {"id": n1}, f'{{"id": "{n1}", "status": "QUEUED"}}'),
        ("check_build", {"number": s.number(10, 99)}, "build is running"),
        ("", f"az vm show -n {n1} --query provisioningState", '"Updating"'),
        ("", f"systemctl is-active {n1}", "activating"),
        ("", f"curl -s localhost:8080/{n1}/health", '{"ready": false}'),
    )
    tool, args, out = call
    volatile = s.chance.random() < 0.4
    for _n in range(s.number(20, 60) if form == 0 else s.number(70, 140)):
        text = out + (f" (checked {s.clock()})" if volatile else "")
        if form == 1 and s.chance.random() < 2 and seconds == 8:
            s.wait(seconds)
        elif form == 1:
            s.bash(f"sleep {seconds}", "", took=seconds)
        elif form == 2:
            s.tool("wait", {"seconds": seconds}, "", took=seconds)
        s.tool(tool, args, text) if tool else s.bash(args, text)


def storm(s: Ninth) -> None:
    n1 = s.noun()
    which = s.number(0, 4)
    for n in range(s.number(15, 50)):
        if which == 0:
            s.tool(
                "call_api",
                {"method": "POST", "path": f"/{n1}", "body": {"n": s.pick(1, n)}},
                f'{{"status":429,"error":"rate_limit_exceeded","retry_after":{s.number(5, 60)}}}',
                1,
            )
        elif which == 1:
            s.bash(
                f"curl -sS https://{n1}.test/api -d @{s.noun()}.json",
                f"HTTP/1.1 503 Service Unavailable\nx-request-id: {s.hexed(12)}",
                22,
            )
        elif which == 2:
            s.bash(
                s.pick("apt-get update", "apt-get install -y jq", f"apt-get install -y {n1}"),
                f"E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process {s.number(100, 9000)} (apt)",
                100,
            )
        elif which == 3:
            s.tool(
                "generate_image",
                {"prompt": f"a {n1} with {s.noun()}"},
                "Quota exceeded for quota metric 'requests per minute'",
                1,
            )
        else:
            s.tool("insert_row", {"table": n1, "row": {"id": n}}, "database is locked", 1)


NINTH_STUCK = published_by(
    Ninth,
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
