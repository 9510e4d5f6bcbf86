# ruff: noqa: E501 - outputs as tools print them
"""A sixth, small style: procedures of many steps, tables in Markdown, XML, steps that answer nothing, agents that wait
for people, and loops that are slow to show. Its first run is in docs/quality.md."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.loops_scene import Scene

BIRDS = ("wren", "heron", "finch", "plover", "magpie", "osprey", "swift", "linnet", "gull", "crake", "dunlin", "teal")
JOBS = ("count", "ring", "photograph", "release", "map", "compare", "sort", "draw", "catalogue", "listen to")


def table(s: Scene, rows: int) -> str:
    return "| bird | seen |\n| --- | --- |\n" + "\n".join(f"| {s.pick(*BIRDS)} | {s.number(0, 400)} |" for _ in range(rows))


def xml(s: Scene) -> str:
    return f"<record id='{s.number(1, 10**6)}'><bird>{s.pick(*BIRDS)}</bird><note>{s.pick(*JOBS)} it near the {s.pick(*BIRDS)}s</note></record>"


def records(s: Scene) -> None:
    """Open, look, change, save, close: the same five tools for each record."""
    for _ in range(s.number(8, 30)):
        s.tool("OpenRecord", {"Id": s.number(1, 10**6)}, "<ok/>")
        s.tool("ReadFields", {}, xml(s))
        s.tool("SetField", {"Name": "status", "Value": s.pick("checked", "checked", "doubtful")}, "<ok/>")
        s.tool("Save", {}, "<ok/>")
        s.tool("Close", {}, "<ok/>")


def commits(s: Scene) -> None:
    for _ in range(s.number(6, 16)):
        s.tool("ApplyDiff", {"File": f"{s.pick(*BIRDS)}.jl", "Diff": f"- {s.pick(*JOBS)}\n+ {s.pick(*JOBS)} {s.number(1, 99)}"}, "<applied/>")
        s.bash("julia --project test/runtests.jl", f"Test Summary: | Pass  Total  Time\nall           |  {s.number(40, 44)}    44  {s.number(3, 9)}.{s.number(0, 9)}s")
        s.bash("git add -A")
        s.bash(f"git commit -qm '{s.pick(*JOBS)} the {s.pick(*BIRDS)}'")
        s.bash("git push", "Everything up-to-date" if s.chance.random() < 0.1 else f"   {s.hexed(7)}..{s.hexed(7)}  main -> main")


def asks_people(s: Scene) -> None:
    for _ in range(s.number(5, 12)):
        s.tool("AskHuman", {"Question": f"Shall I {s.pick(*JOBS)} the {s.pick(*BIRDS)}?"}, s.pick("yes", "yes", "no", "later please"), took=s.number(20, 600))
        s.tool("Proceed", {"Step": s.pick(*JOBS), "With": s.pick(*BIRDS)}, "")


def surveys(s: Scene) -> None:
    for site in range(s.number(6, 20)):
        for bird in BIRDS[: s.number(2, 5)]:
            s.tool("Count", {"Site": site, "Bird": bird}, str(s.pick(0, 0, 0, 1, 2, s.number(3, 40))))
        s.tool("Totals", {}, table(s, 3))


def spreadsheet(s: Scene) -> None:
    for n in range(s.number(15, 45)):
        s.tool("WriteCell", {"Sheet": "A", "Cell": f"{s.pick('B', 'C', 'D')}{n + 2}", "Value": s.number(0, 50)}, "")
        if n % 5 == 4:
            s.tool("Recalculate", {}, "")
            s.tool("ReadRange", {"Range": "A1:D4"}, table(s, 3))


def waits_for_build(s: Scene) -> None:
    wait = s.pick(10, 25, 40)
    for n in range(s.number(6, 20)):
        s.tool("Sleep", {"Seconds": wait}, "", took=wait)
        s.tool("BuildState", {"Build": 8812}, f"<build state='{s.pick('running', 'running', 'uploading')}' />" if n else "<build state='queued' />")
    s.tool("BuildState", {"Build": 8812}, "<build state='done' />")


def bisect(s: Scene) -> None:
    for left in (2048, 1024, 512, 256, 128, 64, 32, 16, 8, 4, 2, 1):
        s.bash(f"git bisect {s.pick('good', 'bad')}", f"Bisecting: {left} revisions left to test after this (roughly {left.bit_length()} steps)\n[{s.hexed(40)}] {s.pick(*JOBS)} {s.pick(*BIRDS)}")
        s.bash("make -s check", f"FAIL: {s.pick('osprey', 'osprey', 'teal')}_test\n1 of 44 tests failed", 2) if s.chance.random() < 0.5 else s.bash("make -s check", "44 tests passed")


def slow_server(s: Scene) -> None:
    for _ in range(s.number(4, 9)):
        for _ in range(s.number(0, 3)):
            s.tool("Upload", {"File": f"{s.pick(*BIRDS)}-{s.number(1, 99)}.wav"}, "<error>504 Gateway Time-out</error>", 1)
            s.wait(s.chance.uniform(3, 15))
        s.tool("Upload", {"File": f"{s.pick(*BIRDS)}-{s.number(100, 999)}.wav"}, "<stored/>")


def talks_it_over(s: Scene) -> None:
    for n in range(s.number(6, 12)):
        s.say(f"{s.pick('I would', 'We should', 'Let us')} {s.pick(*JOBS)} the {s.pick(*BIRDS)}s {s.pick('first', 'at dawn', 'by site')}, because {s.number(3, 90)} {s.pick(*BIRDS)}s were missed near the {s.pick(*BIRDS)} pond.", agent=("warden", "student", "editor")[n % 3])
        if n % 3 == 2:
            s.tool("Minutes", {"Text": f"{s.pick(*JOBS)} {s.pick(*BIRDS)} {n}"}, "<ok/>", agent="editor")


SIXTH_HONEST: dict[str, tuple[Callable[[Scene], None], ...]] = {
    "records": (records,), "commits": (commits,), "people": (asks_people,), "surveys": (surveys,), "spreadsheets": (spreadsheet,),
    "builds": (waits_for_build,), "bisecting": (bisect,), "slow servers": (slow_server,), "meetings": (talks_it_over,),
}  # fmt: skip


def same_record(s: Scene) -> None:
    """The five tools, for one record over and over."""
    for _ in range(9):
        s.tool("OpenRecord", {"Id": 4021}, "<ok/>")
        s.tool("ReadFields", {}, "<record id='4021'><bird>teal</bird><note>compare it near the gulls</note></record>")
        s.tool("SetField", {"Name": "status", "Value": "checked"}, "<ok/>")
        s.tool("Save", {}, "<ok/>")


def same_table(s: Scene) -> None:
    seen = table(s, 6)
    for _ in range(s.number(12, 20)):
        s.tool("Query", {"Text": s.pick("birds by number", "number by birds", "Birds, by number"), "Explain": f"I {s.pick(*JOBS)} now"}, seen)


def no_signature(s: Scene) -> None:
    for _ in range(16):
        s.tool(s.pick("Publish", "Sign", "Submit", "Upload", "Send"), {"What": f"{s.pick(*BIRDS)} report {s.number(1, 99)}", "How": s.pick(*JOBS)}, "<fault><code>SIG-14</code><reason>The certificate of the station has expired</reason></fault>", 1)
        if s.chance.random() < 0.25:
            s.tool("ReadHelp", {"Topic": f"{s.pick(*JOBS)} {s.pick(*BIRDS)} {s.number(1, 99)}"}, f"{xml(s)}{xml(s)}")


def up_and_down(s: Scene) -> None:
    for n in range(22):
        s.tool("SetField", {"Name": "status", "Value": ("checked", "doubtful")[n % 2]}, "<ok/>")
        if n % 2:
            s.tool("Save", {}, "<ok/>")


def waits_for_ever(s: Scene) -> None:
    for _ in range(90):
        s.tool("Sleep", {"Seconds": 15}, "", took=15)
        s.tool("BuildState", {"Build": 8812}, "<build state='queued' />")


def round_the_pond(s: Scene) -> None:
    stops = [(bird, xml(s)) for bird in BIRDS[: s.number(3, 7)]]
    for _ in range(6):
        for bird, seen in stops:
            s.tool("Visit", {"Stop": bird}, seen)


SIXTH_STUCK: dict[str, tuple[Callable[[Scene], None], ...]] = {
    "one record": (same_record,), "varied arguments": (same_table,), "one error, other commands": (no_signature,),
    "flip-flop edits": (up_and_down,), "polling without end": (waits_for_ever,), "cycles": (round_the_pond,),
}  # fmt: skip
