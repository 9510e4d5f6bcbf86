# ruff: noqa: E501 - outputs as tools print them
"""A fourth style, honest work: other agents' tools, results in JSON, long logs, notebooks, browsers and shells of all
kinds. Written in one go before the detector saw it; docs/quality.md has its first run."""

from __future__ import annotations

import json
from collections.abc import Callable

from benchmarks.loops_scene import Scene

NAMES = (
    "Okafor", "Lindqvist", "Marchetti", "Tanaka", "Novak", "Haddad", "Brandt", "Osei", "Petrov", "Sanchez", "Dubois",
    "Kowalski", "Ferreira", "Nakamura", "Andersen", "Rossi", "Weber", "Yilmaz", "Costa", "Larsen",
)  # fmt: skip
THINGS = (
    "shipment", "tenant", "voucher", "sensor", "playlist", "recipe", "contract", "voyage", "beacon", "parcel", "patient",
    "module", "trailer", "harvest", "kernel", "turbine", "ledger", "quota", "dossier", "fixture", "pallet", "ticket",
)  # fmt: skip
VERBS = ("reserve", "merge", "dispatch", "settle", "reject", "parse", "refund", "archive", "rotate", "split", "enqueue")


def prose(s: Scene, sentences: int = 2) -> str:
    return " ".join(
        f"The {s.pick(*THINGS)} of {s.pick(*NAMES)} {s.pick('is', 'was', 'should be')} {s.pick(*VERBS)}ed {s.pick('before', 'after', 'with')} the {s.pick(*THINGS)}."
        for _ in range(sentences)
    )


def code(s: Scene, lines: int = 6) -> str:
    return "\n".join(
        s.pick(
            f"    if {s.pick(*THINGS)}.{s.pick(*VERBS)}ed:", f"        return self.{s.pick(*VERBS)}({s.pick(*THINGS)}_id)", f"    {s.pick(*THINGS)} = {s.pick(*VERBS)}({s.number(0, 99)})",
            f"    # {s.pick(*VERBS)} {s.pick(*THINGS)}", f"class {s.pick(*NAMES)}{s.pick(*THINGS).title()}:", "",
        )
        for _ in range(lines)
    )  # fmt: skip


def log(s: Scene, lines: int) -> str:
    return "\n".join(
        f"2026-08-{s.number(1, 28):02}T{s.number(0, 23):02}:{s.number(0, 59):02}:{s.number(0, 59):02}.{s.number(0, 999):03}Z {s.pick('INFO', 'INFO', 'DEBUG', 'WARN')} [{s.pick(*THINGS)}-{s.number(1, 9)}] {s.pick(*VERBS)} {s.pick(*THINGS)} id={s.hexed(6)}"
        for _ in range(lines)
    )


def label_rows(s: Scene) -> None:
    """Data labelling: texts come from a queue, the labels are few."""
    for n in range(s.number(25, 70)):
        s.tool("next_sample", {}, json.dumps({"sample_id": f"smp_{s.hexed(6)}", "text": prose(s, 1)}))
        s.tool("submit_label", {"sample_id": f"smp_{n:04}", "label": s.pick("positive", "negative", "neutral")}, '{"accepted": true}')


def label_only(s: Scene) -> None:
    """The same, by tools that confirm with the same words."""
    for _ in range(s.number(30, 90)):
        s.tool("mcp__annotator__tag", {"document": s.hexed(10), "tags": [s.pick("spam", "ham")]}, '{"status": "ok", "saved": 1}')


def thumbnails(s: Scene) -> None:
    for n in range(s.number(20, 80)):
        name = f"{s.pick(*THINGS)}_{n}"
        s.bash(f"convert raw/{name}.tif -resize 400x thumbs/{name}.png", "")
        if n % 10 == 9:
            s.bash("ls thumbs | wc -l", str(n + 1))


def migrate_rows(s: Scene) -> None:
    for n in range(s.number(15, 50)):
        low = n * 5000
        s.tool("sql_execute", {"statement": f"UPDATE events SET region='eu' WHERE id >= {low} AND id < {low + 5000}"}, s.pick("UPDATE 5000", "UPDATE 5000", "UPDATE 4999"))
        if n % 6 == 5:
            s.tool("sql_execute", {"statement": "SELECT count(*) FROM events WHERE region IS NULL"}, str(300_000 - low))


def refactor(s: Scene) -> None:
    """Find uses, read, edit, type-check: looks at the same files again between edits."""
    files = [f"packages/{s.pick(*THINGS)}/{s.pick(*VERBS)}{n}.ts" for n in range(s.number(3, 6))]
    errors = s.number(9, 22)
    while errors > 0:
        target = s.pick(*files)
        if s.chance.random() < 0.7:
            s.tool("Read", {"file_path": target, **({"offset": s.number(1, 200), "limit": 60} if s.chance.random() < 0.4 else {})}, code(s, 8))
        if s.chance.random() < 0.3:
            s.tool("Grep", {"pattern": s.pick(*VERBS), "path": "packages", "output_mode": "files_with_matches"}, "\n".join(files))
        s.tool("Edit", {"file_path": target, "old_string": code(s, 1), "new_string": code(s, 1)}, f"The file {target} has been updated.")
        errors -= s.pick(0, 1, 1, 2, 3)
        failing = max(errors, 0)
        s.bash("npx tsc --noEmit", "\n".join(f"{s.pick(*files)}({s.number(3, 300)},{s.number(1, 40)}): error TS{s.pick(2322, 2345, 2339)}: Property '{s.pick(*VERBS)}' does not exist on type '{s.pick(*NAMES)}'." for _ in range(min(failing, 6))), 2 if failing else 0)
    s.bash("git add -A && git commit -m 'Refactor'", f"[main {s.hexed(7)}] Refactor\n {len(files)} files changed")


def hard_bug(s: Scene) -> None:
    """One failing test, looked at from many sides with prints, until it passes."""
    test = f"test_{s.pick(*VERBS)}_{s.pick(*THINGS)}"
    for _ in range(s.number(4, 8)):
        s.tool("str_replace_editor", {"command": "str_replace", "path": "/repo/core.py", "old_str": code(s, 1), "new_str": f"    print('{s.pick(*THINGS)}', {s.pick(*VERBS)})"}, "The file /repo/core.py has been edited.")
        s.bash(f"pytest -x -k {test}", f"{s.pick(*THINGS)} {s.hexed(4)}\nE       assert {s.number(2, 99)} == {s.number(100, 200)}\nFAILED tests/test_core.py::{test}\n1 failed, 12 deselected in 0.{s.number(10, 99)}s", 1)
        s.pick(
            lambda: s.bash(f"grep -n '{s.pick(*VERBS)}' core.py", f"{s.number(1, 400)}:    {s.pick(*VERBS)}({s.pick(*THINGS)})"),
            lambda: s.tool("str_replace_editor", {"command": "view", "path": "/repo/core.py", "view_range": [s.number(1, 50), s.number(60, 120)]}, code(s, 10)),
            lambda: s.bash(f"python -c 'import core; print(core.{s.pick(*VERBS)}({s.number(1, 50)}))'", str(s.number(1, 9999))),
        )()
    s.tool("str_replace_editor", {"command": "str_replace", "path": "/repo/core.py", "old_str": "a", "new_str": "b"}, "The file /repo/core.py has been edited.")
    s.bash(f"pytest -x -k {test}", "1 passed, 12 deselected in 0.4s")
    s.bash("pytest -q", "214 passed in 31.20s")


def flaky(s: Scene) -> None:
    """A flaky test is run a number of times to see how often it fails."""
    for n in range(s.number(5, 8)):
        bad = s.chance.random() < 0.4
        s.bash(f"go test -run TestLease -count=1 ./... -seed {s.number(1, 10**6)}", f"--- FAIL: TestLease ({s.number(1, 4)}.{s.number(10, 99)}s)\n    lease_test.go:88: expired after {s.number(10, 900)}ms\nFAIL" if bad else f"ok  \tapp/lease\t{s.number(1, 4)}.{s.number(100, 999)}s", int(bad), took=3)
        if n % 3 == 2:
            s.tool("Edit", {"file_path": "lease.go", "old_string": code(s, 1), "new_string": code(s, 1)}, "The file lease.go has been updated.")


def ci_watch(s: Scene) -> None:
    jobs = s.number(4, 14)
    gap = s.pick(15, 30, 60)
    for n in range(jobs):
        s.bash(f"sleep {gap}", "", took=gap)
        done = n == jobs - 1
        s.bash("gh run view 90417 --json status,conclusion", json.dumps({"conclusion": "success" if done else "", "status": "completed" if done else s.pick("in_progress", "in_progress", "queued")}))
    s.bash("gh pr merge 77 --squash", "Squashed and merged pull request #77")


def rollout(s: Scene) -> None:
    for n in range(s.number(5, 12)):
        s.bash("kubectl get pods -n shop", "\n".join(f"web-{s.hexed(5)}   {int(k < n)}/1   {'Running' if k < n else 'ContainerCreating'}   0   {n * 20 + k}s" for k in range(8)), took=0.4)
        s.wait(s.number(8, 25))
    s.bash("kubectl rollout status deploy/web -n shop", "deployment \"web\" successfully rolled out")


def job_tool(s: Scene) -> None:
    """A long job that is asked for by a tool that waits itself."""
    times = s.number(6, 24)
    for n in range(times):
        s.tool("get_training_job", {"name": "ft-2231", "wait_seconds": 120}, json.dumps({"state": "SUCCEEDED" if n == times - 1 else "RUNNING", "name": "ft-2231"}), took=120)
    s.tool("download_model", {"job": "ft-2231"}, "saved to /models/ft-2231 (412 MB)")


def cursor_pages(s: Scene) -> None:
    cursor = ""
    for n in range(s.number(8, 60)):
        following = s.hexed(16)
        s.tool("mcp__crm__list_contacts", {"limit": 20, **({"cursor": cursor} if cursor else {})}, json.dumps({"items": [{"id": s.number(10**5, 10**6), "name": s.pick(*NAMES)} for _ in range(5)], "next_cursor": following, "total": 1200, "at": n}))
        cursor = following


def api_pages(s: Scene) -> None:
    count = s.number(10, 70)
    for page in range(1, count + 1):
        rows = [f"{s.hexed(7)} {prose(s, 1)}" for _ in range(4 if page < count else 1)]
        s.bash(f"curl -s 'https://git.test/api/v4/projects/9/commits?per_page=100&page={page}' | jq -r '.[].title'", "\n".join(rows))
    s.bash(f"curl -s 'https://git.test/api/v4/projects/9/commits?per_page=100&page={count + 1}' | jq -r '.[].title'", "")


def mail_pages(s: Scene) -> None:
    for _ in range(s.number(6, 25)):
        s.tool("gmail_list", {"query": "label:receipts", "pageToken": str(s.number(10**15, 10**16))}, "\n".join(f"{s.hexed(12)} {s.pick(*NAMES)}: {prose(s, 1)}" for _ in range(6)))
        if s.chance.random() < 0.6:
            s.tool("gmail_read", {"id": s.hexed(12)}, prose(s, 5))


def jitter(s: Scene) -> None:
    for _ in range(s.number(2, 5)):
        base = s.chance.uniform(0.8, 2)
        for attempt in range(s.number(2, 6)):
            s.tool("http_request", {"method": "POST", "url": "https://pay.test/v1/refunds", "body": {"id": s.hexed(6)} if s.chance.random() < 0.2 else {"id": "rf_1"}}, json.dumps({"status": 429, "error": {"code": "rate_limited", "retry_after": round(base * 2**attempt, 1)}}), 1)
            s.wait(base * 2**attempt * s.chance.uniform(0.75, 1.25) + 1)
        s.tool("http_request", {"method": "POST", "url": "https://pay.test/v1/refunds", "body": {"id": "rf_1"}}, json.dumps({"status": 200, "refund": s.hexed(10)}))
        for _ in range(s.number(2, 6)):
            s.tool("http_request", {"method": "GET", "url": f"https://pay.test/v1/orders/{s.number(1000, 9999)}"}, json.dumps({"status": 200, "order": {"customer": s.pick(*NAMES), "total": s.number(5, 900)}}))


def lock_wait(s: Scene) -> None:
    for n in range(s.number(3, 7)):
        s.bash("sudo apt-get install -y ffmpeg", f"E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process {s.number(900, 9000)} (unattended-upgr)", 100)
        s.bash(f"sleep {10 + 10 * n}", "", took=10 + 10 * n)
    s.bash("sudo apt-get install -y ffmpeg", "Setting up ffmpeg (7:6.1) ...")


def file_watch(s: Scene) -> None:
    for n in range(s.number(12, 45)):
        s.tool("wait_for_file_change", {"paths": ["src/**/*.scss"], "timeout_s": 300}, s.pick('{"changed": []}', json.dumps({"changed": [f"src/{s.pick(*THINGS)}.scss"]})), took=300)
        if n % 4 == 3:
            s.bash("npm run build:css", f"Compiled {s.number(3, 40)} files in {s.number(100, 900)}ms")


def queue_worker(s: Scene) -> None:
    """An agent that waits for work, and does it."""
    for _ in range(s.number(15, 50)):
        if s.chance.random() < 0.6:
            s.tool("receive_message", {"queue": "inbox", "wait_seconds": 20}, '{"messages": []}', took=20)
        else:
            s.tool("receive_message", {"queue": "inbox", "wait_seconds": 20}, json.dumps({"messages": [{"id": s.hexed(8), "body": prose(s, 1)}]}), took=4)
            s.tool("handle_message", {"action": s.pick(*VERBS), "subject": s.pick(*NAMES)}, '{"ok": true}')
            s.tool("delete_message", {"queue": "inbox", "receipt": s.hexed(12)}, '{"ok": true}')


def grid(s: Scene) -> None:
    for rate in (0.1, 0.03, 0.01, 0.003, 0.001):
        for depth in (4, 6, 8, s.number(9, 14)):
            s.bash(f"python train.py --lr {rate} --depth {depth} --epochs 3", f"epoch 3/3\nval_loss={s.chance.uniform(0.2, 0.9):.4f} acc={s.chance.uniform(0.5, 0.9):.3f}", took=40)


def availability(s: Scene) -> None:
    """Which of many names are free: most answers are the same."""
    for n in range(s.number(20, 50)):
        s.tool("check_domain", {"domain": f"{s.pick(*VERBS)}{s.pick(*THINGS)}{s.pick('', 'hq', 'app')}{n}.com"}, s.pick('{"available": false}', '{"available": false}', '{"available": true, "price": 12}'))


def ports(s: Scene) -> None:
    for n in range(s.number(15, 40)):
        s.bash(f"docker run --rm app:{s.number(1, 9)}.{n} /check.sh", s.pick("PASS", "PASS", f"FAIL: {s.pick(*THINGS)} {s.hexed(3)}"), 0)


def chunks(s: Scene) -> None:
    for n in range(s.number(12, 50)):
        s.tool("read_file", {"target_file": "docs/spec.md", "start_line_one_indexed": 1 + 200 * n, "end_line_one_indexed": 200 + 200 * n}, prose(s, 9))


def log_chunks(s: Scene) -> None:
    for n in range(s.number(10, 40)):
        s.bash(s.pick(f"sed -n '{n * 500},{n * 500 + 499}p' /var/log/app.log", f"awk 'NR>={n * 500} && NR<{n * 500 + 500}' /var/log/app.log"), log(s, 12))
        if n % 7 == 6:
            s.bash(f"grep -c '{s.pick(*VERBS)} {s.pick(*THINGS)}' /var/log/app.log", str(s.number(0, 90)))


def bytes_read(s: Scene) -> None:
    """A binary in slices, much of which is zeros."""
    for n in range(s.number(12, 30)):
        zeros = s.chance.random() < 0.4
        s.bash(f"xxd -s {n * 64} -l 64 firmware.bin", "\n".join(f"{n * 64 + k * 16:08x}: " + ("0000 " * 8 if zeros else " ".join(s.hexed(4) for _ in range(8))) for k in range(4)))


def notebook(s: Scene) -> None:
    for n in range(s.number(18, 40)):
        source, output = s.pick(
            ("df.head()", prose(s, 3)), (f"df['{s.pick(*THINGS)}'].describe()", f"count {s.number(100, 9999)}\nmean {s.chance.uniform(0, 99):.3f}"),
            (f"df = df[df.{s.pick(*THINGS)} > {s.number(0, 99)}]", ""), ("df.shape", f"({s.number(10, 9999)}, {s.number(4, 30)})"),
            (f"sns.histplot(df.{s.pick(*THINGS)})", f"<Axes: xlabel='{s.pick(*THINGS)}'>"), ("import seaborn as sns", ""),
            (f"model.fit(X[['{s.pick(*THINGS)}', '{s.pick(*THINGS)}']], y)", "RandomForestRegressor()"),
        )  # fmt: skip
        s.tool("execute_cell", {"cell_id": f"c{n}", "source": source}, json.dumps({"status": "ok", "outputs": [output]}))


def repl_session(s: Scene) -> None:
    """A REPL in which the same is asked between changes."""
    for n in range(s.number(14, 30)):
        s.tool("python_repl", {"code": f"x.{s.pick(*VERBS)}({s.number(0, 99)})"}, s.pick("", "None", f"<{s.pick(*THINGS)} {s.hexed(3)}>"))
        if n % 2:
            s.tool("python_repl", {"code": s.pick("len(x)", "x.state", "list(x)[:3]")}, s.pick(str(n // 2), f"'{s.pick(*VERBS)}ed'", f"[{s.number(1, 9)}, {n}]"))


def sql_shell(s: Scene) -> None:
    for _ in range(s.number(16, 36)):
        query, answer = s.pick(
            ("\\d " + s.pick(*THINGS) + "s", f" id | integer\n {s.pick(*THINGS)} | text"), ("BEGIN", "BEGIN"), ("ROLLBACK", "ROLLBACK"), ("\\dt", " public | shipments\n public | tenants"),
            (f"SELECT {s.pick(*THINGS)}, count(*) FROM {s.pick(*THINGS)}s GROUP BY 1", f" {s.pick(*NAMES)} | {s.number(1, 99)}\n {s.pick(*NAMES)} | {s.number(1, 99)}\n(2 rows)"),
            (f"SELECT * FROM tenants WHERE name = '{s.pick(*NAMES)}'", s.pick("(0 rows)", f" {s.number(1, 99)} | {s.hexed(4)}\n(1 row)")),
            (f"UPDATE tenants SET plan = '{s.pick(*VERBS)}' WHERE id = {s.number(1, 999)}", "UPDATE 1"),
        )  # fmt: skip
        s.tool("psql", {"input": query}, answer)


def booking(s: Scene) -> None:
    """A browser agent: fills a form, looks at the page, goes on."""
    for n in range(s.number(10, 25)):
        s.pick(
            lambda n=n: s.tool("browser_type", {"ref": f"e{s.number(10, 99)}", "text": s.pick(*NAMES)}, "### Ran\nawait page.getByRole('textbox').fill()"),
            lambda: s.tool("browser_click", {"ref": f"e{s.number(10, 99)}", "element": s.pick("Next", "Add", "Continue")}, "### Ran\nawait page.getByRole('button').click()"),
            lambda: s.tool("browser_select_option", {"ref": f"e{s.number(10, 99)}", "values": [s.pick(*THINGS)]}, "### Ran\nawait page.getByRole('combobox').selectOption()"),
        )()
        s.tool("browser_snapshot", {}, f"- heading: {prose(s, 1)}\n- textbox [ref=e{s.number(10, 99)}]\n- button 'Next' [ref=e{s.number(10, 99)}]")


def computer(s: Scene) -> None:
    for _ in range(s.number(15, 40)):
        s.tool("computer", s.pick({"action": "left_click", "coordinate": [s.number(0, 1200), s.number(0, 800)]}, {"action": "type", "text": s.pick(*NAMES)}, {"action": "key", "text": s.pick("Tab", "Return", "Down")}, {"action": "scroll", "scroll_direction": "down"}), s.pick("", "", "ok"))
        s.tool("computer", {"action": "screenshot"}, f"<image {s.hexed(32)}>" if s.pick(1, 0) else "<image>")


def literature(s: Scene) -> None:
    for _ in range(s.number(12, 30)):
        s.tool("search_papers", {"q": f"{s.pick(*THINGS)} {s.pick(*VERBS)} {s.pick('survey', 'benchmark', 'method', '2026')}"}, json.dumps({"hits": [{"title": prose(s, 1), "id": s.hexed(6)} for _ in range(s.number(0, 3))]}))
        if s.chance.random() < 0.5:
            s.tool("open_paper", {"id": s.hexed(6), "section": s.pick("abstract", "method", "results")}, s.pick(prose(s, 4), prose(s, 4), "404: paper is not available in this index"))


def code_search(s: Scene) -> None:
    for _ in range(s.number(12, 30)):
        s.tool("Grep", {"pattern": f"{s.pick(*VERBS)}_{s.pick(*THINGS)}{s.pick('', 's', '_id', '[a-z]+')}"}, s.pick("No files found", "No files found", f"src/{s.pick(*THINGS)}.rs:{s.number(1, 900)}: {code(s, 1)}"))
        if s.chance.random() < 0.4:
            s.tool("Glob", {"pattern": f"**/*{s.pick(*THINGS)}*"}, s.pick("No files found", f"src/{s.pick(*THINGS)}/{s.pick(*VERBS)}.rs"))


def reviewers(s: Scene) -> None:
    crew = [f"sub-{s.hexed(4)}" for _ in range(s.number(3, 9))]
    for name in crew:
        s.tool("Task", {"subagent_type": "general-purpose", "description": f"Audit {s.pick(*THINGS)}", "prompt": prose(s, 2)}, f"Started {name}", agent="main")
        s.child(name, "main")
    for _ in range(s.number(4, 9)):
        for name in crew:
            if s.chance.random() < 0.3:
                s.tool("Read", {"file_path": "CLAUDE.md"}, "# House rules\nWrite tests first. Keep functions short.", agent=name)
            else:
                s.tool("Grep", {"pattern": s.pick(*VERBS), "path": f"src/{s.pick(*THINGS)}"}, code(s, 3), agent=name)
    for name in crew:
        s.say(prose(s, 3), agent=name)
    s.say(f"All {len(crew)} audits are in. {prose(s, 2)}", agent="main")


def debate(s: Scene) -> None:
    """Two agents that talk, and say something new."""
    for n in range(s.number(8, 14)):
        s.say(prose(s, 3), agent=("planner", "critic")[n % 2])
        if n % 4 == 3:
            s.tool("write_note", {"title": prose(s, 1), "body": prose(s, 3)}, "saved", agent="planner")


FOURTH_HONEST: dict[str, tuple[Callable[[Scene], None], ...]] = {
    "batches": (label_rows, label_only, thumbnails, migrate_rows), "edit and test": (refactor, hard_bug, flaky),
    "polling that ends": (ci_watch, rollout, job_tool), "pages that end": (cursor_pages, api_pages, mail_pages),
    "retries with backoff": (jitter, lock_wait), "watch mode": (file_watch, queue_worker), "sweeps": (grid, availability, ports),
    "reading in chunks": (chunks, log_chunks, bytes_read), "REPL": (notebook, repl_session, sql_shell),
    "clicking": (booking, computer), "searching": (literature, code_search), "fan-out": (reviewers, debate),
}  # fmt: skip
