# ruff: noqa: E501 - outputs as tools print them
"""A fifth style: other trades (support, data pipelines, games, trading, homes, writing, robots), runs
of several phases, calls in parallel, results by digest. Its first run is in docs/quality.md."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from benchmarks.loops_scene import Scene
from detectors.event import ToolCall, ToolResult

PLACES = ("Oslo", "Lagos", "Lima", "Pune", "Turin", "Osaka", "Quito", "Ghent", "Dakar", "Perth", "Minsk", "Cork")
GOODS = ("lamp", "kettle", "tent", "drill", "scarf", "globe", "flute", "crate", "mirror", "ladder", "rug", "vase")
MOODS = ("angry", "pleased", "puzzled", "in a hurry", "curious", "worried")
ACTS = ("ask", "wait", "ship", "cancel", "replace", "measure", "polish", "weigh", "return", "label")


def line(s: Scene) -> str:
    return f"{s.pick(*PLACES)}: the {s.pick(*GOODS)} {s.pick('arrived', 'broke', 'is late', 'was sold', 'needs care')}, customer {s.pick(*MOODS)}, ref {s.number(100, 99999)}"


def text(s: Scene, lines: int = 4) -> str:
    return "\n".join(line(s) for _ in range(lines))


def together(s: Scene, calls: list[tuple[str, dict[str, object], str, int]]) -> None:
    """Calls that are made at once; their results come in another order."""
    s.think(line(s))
    ids = [f"p{s.hexed(6)}" for _ in calls]
    for call_id, (tool, given, _, _) in zip(ids, calls, strict=True):
        s._add(ToolCall, tool=tool, call_id=call_id, arguments=given)
    for call_id, (_, _, output, code) in sorted(zip(ids, calls, strict=True), key=lambda pair: pair[0]):
        s.wait(0.2)
        s._add(ToolResult, call_id=call_id, output=output, exit_code=code if s.codes else None, status="error" if code else "ok")


def digest(s: Scene, tool: str, given: dict[str, object], output: str, code: int = 0) -> None:
    """A step whose output is published as its digest alone."""
    s.think()
    call_id = f"d{s.hexed(6)}"
    s._add(ToolCall, tool=tool, call_id=call_id, arguments=given)
    s.wait(0.5)
    s._add(ToolResult, call_id=call_id, output_sha256=hashlib.sha256(output.encode()).hexdigest(), output_bytes=len(output), exit_code=code, status="error" if code else "ok")


def support(s: Scene) -> None:
    for _ in range(s.number(4, 10)):
        number = s.number(1000, 9999)
        s.tool("zendesk.fetch", {"ticket": number}, text(s, 3))
        together(s, [("crm.lookup", {"customer": s.number(1, 999)}, line(s), 0), ("orders.history", {"ticket": number}, text(s, 2), 0), ("kb.search", {"q": f"{s.pick(*GOODS)} {s.pick(*ACTS)}"}, s.pick("[]", line(s)), 0)])
        s.tool("zendesk.reply", {"ticket": number, "body": text(s, 2)}, "queued")
        s.tool("zendesk.close", {"ticket": number}, "ok")


def pipeline(s: Scene) -> None:
    models = [f"stg_{s.pick(*GOODS)}_{n}" for n in range(s.number(3, 7))]
    for model in models:
        broken = s.number(0, 3)
        for n in range(broken + 1):
            s.bash(f"dbt run -s {model}", f"1 of 1 {'ERROR' if n < broken else 'OK'} creating model {model} in {s.number(1, 20)}.{s.number(0, 99)}s\n" + (f"Database Error in model {model}\n  column \"{s.pick(*GOODS)}_{s.pick(*ACTS)}\" does not exist" if n < broken else "Completed successfully"), int(n < broken), took=5)
            if n < broken:
                s.tool("edit_file", {"path": f"models/{model}.sql", "diff": line(s)}, "applied")
        s.bash(f"dbt test -s {model}", f"PASS={s.number(1, 9)} WARN=0 ERROR=0")


def backfill(s: Scene) -> None:
    for day in range(s.number(12, 30)):
        s.tool("airflow.trigger", {"dag": "load_sales", "date": f"2026-05-{day + 1:02}"}, "state: queued")
        for _ in range(s.number(1, 3)):
            s.wait(20)
            s.tool("airflow.state", {"dag": "load_sales", "date": f"2026-05-{day + 1:02}"}, s.pick("state: running", "state: running", "state: success"))


def game(s: Scene) -> None:
    x, y = 0, 0
    for _ in range(s.number(25, 60)):
        way = s.pick("north", "east", "south", "west")
        x, y = x + (way == "east") - (way == "west"), y + (way == "north") - (way == "south")
        s.tool("move", {"direction": way}, f"You are at ({x},{y}). {s.pick('A ' + s.pick(*GOODS) + ' lies here.', 'There is nothing here.', 'You see ' + s.pick(*PLACES) + ' far away.', 'A wall.')}")
        if s.chance.random() < 0.3:
            s.tool(s.pick("take", "look", "inventory"), {}, s.pick(line(s), "Nothing.", f"{s.number(1, 30)} {s.pick(*GOODS)}s"))


def trading(s: Scene) -> None:
    for _ in range(s.number(15, 40)):
        s.wait(s.number(20, 60))
        s.tool("get_quote", {"symbol": s.pick("ACME", "ACME", "GLOB")}, f"{s.chance.uniform(90, 110):.2f}")
        if s.chance.random() < 0.2:
            s.tool("place_order", {"symbol": "ACME", "side": s.pick("buy", "sell"), "qty": s.number(1, 9)}, f"filled, order {s.number(10**5, 10**6)}")


def home(s: Scene) -> None:
    for _ in range(s.number(10, 25)):
        s.wait(s.number(60, 900))
        s.tool("sensor.read", {"room": s.pick("hall", "attic")}, f"{s.chance.uniform(17, 24):.1f} C")
        if s.chance.random() < 0.3:
            s.tool("thermostat.set", {"room": s.pick("hall", "attic"), "celsius": s.number(18, 22)}, "ok")
        if s.chance.random() < 0.2:
            s.tool("light.set", {"room": "hall", "on": bool(s.number(0, 1))}, "ok")


def writing(s: Scene) -> None:
    for chapter in range(s.number(4, 9)):
        s.tool("draft", {"chapter": chapter, "notes": line(s)}, text(s, 6))
        for _ in range(s.number(1, 3)):
            s.tool("critique", {"chapter": chapter}, text(s, 3))
            s.tool("revise", {"chapter": chapter, "advice": line(s)}, text(s, 6))
        s.tool("save_document", {"path": f"book/{chapter}.md"}, "saved")
        s.tool("word_count", {"path": "book"}, str(900 * chapter + s.number(1, 800)))


def robot(s: Scene) -> None:
    for n in range(s.number(12, 30)):
        s.tool("arm.move_to", {"x": s.number(0, 90) / 10, "y": s.number(0, 90) / 10}, "reached")
        s.tool("gripper.close", {}, s.pick("holding", "holding", "empty"))
        s.tool("arm.move_to", {"x": 0.0, "y": 0.0}, "reached")
        s.tool("gripper.open", {}, "released")
        if n % 3 == 0:
            s.tool("camera.capture", {}, f"objects: {s.number(0, 30)} near {s.pick(*GOODS)}")


def translate(s: Scene) -> None:
    for _ in range(s.number(20, 60)):
        digest(s, "translate_segment", {"id": s.number(1, 10**6), "to": s.pick("nb", "fr")}, text(s, 2))


def crawl(s: Scene) -> None:
    for _ in range(s.number(20, 50)):
        digest(s, "fetch", {"url": f"https://{s.pick(*PLACES).lower()}.test/{s.pick(*GOODS)}/{s.number(1, 9999)}"}, s.pick(text(s), text(s), "404 Not Found, sorry: that page is not here"), 0)


def incident(s: Scene) -> None:
    """Looks at the same dashboards while things change, then mends it."""
    for n in range(s.number(5, 9)):
        s.tool("grafana.panel", {"panel": "errors"}, f"p99 {s.number(200, 4000)} ms, {s.number(0, 90)} errors")
        s.tool("loki.query", {"q": '{app="shop"} |= "error"', "last": "5m"}, text(s, 3))
        s.bash("kubectl -n shop get events | tail -5", text(s, 3))
        if n == 3:
            s.bash("kubectl -n shop rollout undo deploy/api", "deployment.apps/api rolled back")
        s.wait(s.number(5, 40))
    s.tool("pagerduty.resolve", {"incident": 77}, "resolved")


def puzzle(s: Scene) -> None:
    """Guesses and is told how good they were."""
    for n in range(s.number(12, 25)):
        s.tool("guess", {"code": " ".join(s.pick("red", "blue", "green", "white") for _ in range(4))}, f"{s.number(0, 4)} right, {s.number(0, 2)} in the wrong place")
        if n % 6 == 5:
            s.tool("notes.write", {"text": line(s)}, "ok")


def compile_fix(s: Scene) -> None:
    """Many errors, fixed one after another: the output begins the same each time."""
    left = s.number(6, 14)
    while left:
        s.tool("build", {"target": "app"}, "Compiling app v0.3\n" + "\n".join(f"error[E0{s.pick(308, 382, 502)}]: {s.pick(*ACTS)} of `{s.pick(*GOODS)}{k}` is wrong\n --> src/{s.pick(*GOODS)}.rs:{s.number(1, 400)}" for k in range(left)) + f"\nerror: could not compile `app` due to {left} previous errors", 101)
        s.tool("edit_file", {"path": f"src/{s.pick(*GOODS)}.rs", "diff": line(s)}, "applied")
        left -= s.pick(0, 1, 1, 1)
    s.tool("build", {"target": "app"}, "Finished dev profile")


def of(*phases: Callable[[Scene], None]) -> Callable[[Scene], None]:
    def story(s: Scene) -> None:
        for _ in range(s.number(1, 3)):
            s.pick(*phases)(s)

    return story


FIFTH_HONEST: dict[str, tuple[Callable[[Scene], None], ...]] = {
    "support": (of(support),), "data work": (of(pipeline, backfill),), "games": (game, puzzle), "waiting by trade": (trading, home),
    "writing": (writing,), "robots": (robot,), "by digest": (of(translate, crawl),), "incidents": (of(incident),),
    "many errors": (compile_fix,),
}  # fmt: skip


def before(s: Scene) -> None:
    of(support, pipeline, writing, crawl, incident)(s)
    s.begins = None
    s.loop_begins()


def same_wall(s: Scene) -> None:
    before(s)
    wall = s.pick("Access denied: role `agent` may not write to warehouse PROD", "No such column: discount_rate", "TimeoutException: element #pay was not found within 30 s", "Insufficient funds: balance 0.00")
    for _ in range(s.number(12, 20)):
        s.tool(s.pick("warehouse.run", "warehouse.query", "sql.exec", "dbt.run_operation", "notebook.run"), {"statement": f"{s.pick('insert into', 'merge into', 'update', 'select from')} {s.pick(*GOODS)} {s.pick(*ACTS)} {s.number(1, 99)}"}, wall, 1)
        if s.chance.random() < 0.2:
            s.tool("kb.search", {"q": line(s)}, text(s, 2))


def asks_again(s: Scene) -> None:
    before(s)
    tool, given, output = s.pick(("zendesk.fetch", {"ticket": 4711}, text(s, 3)), ("inventory", {}, "3 lamps, 1 rug"), ("sensor.read", {"room": "attic"}, "19.0 C"), ("guess", {"code": "red red blue blue"}, "2 right"))
    for n in range(s.number(14, 24)):
        s.tool(tool, {**given, "trace": s.hexed(8)} if n % 4 == 3 else given, output)


def by_digest(s: Scene) -> None:
    before(s)
    which = s.number(0, 1)
    for _ in range(20):
        if which:
            digest(s, "fetch", {"url": "https://lima.test/status"}, "degraded, we are working on it, please come back later")
        else:
            digest(s, s.pick("deploy", "publish", "release", "ship_it"), {"to": s.pick("prod", "stage", "canary"), "note": line(s)}, "Error: signing key is missing from the vault, ask an owner", 1)


def walks_round(s: Scene) -> None:
    before(s)
    ways = s.pick(("north", "east", "south", "west"), ("north", "south"), ("east", "north", "west", "west", "south", "east"))
    rooms = [f"You are in the {s.pick(*GOODS)} room {n}. Exits: {s.pick(*PLACES)}." for n in range(len(ways))]
    for _ in range(40 // len(ways)):
        for way, room in zip(ways, rooms, strict=True):
            s.tool("move", {"direction": way}, room)


def on_and_off(s: Scene) -> None:
    before(s)
    which = s.number(0, 1)
    for n in range(24):
        if which:
            s.tool("light.set", {"room": "hall", "on": bool(n % 2)}, "ok")
            s.tool("sensor.read", {"room": "hall"}, f"{s.pick(310, 311)} lux" if n % 2 else f"{s.pick(3, 4)} lux")
        else:
            s.tool("revise", {"chapter": 2, "advice": ("make it shorter", "make it longer")[n % 2]}, ("Short: the lamp was sold in Oslo, and nobody asked why." * 2, "Long: it was a dark evening when the lamp, at last, was sold." * 2)[n % 2])


def drops(s: Scene) -> None:
    """A robot that grips and loses."""
    before(s)
    for _ in range(10):
        s.tool("arm.move_to", {"x": 3.2, "y": 4.1}, "reached")
        s.tool("gripper.close", {}, "empty")
        s.tool("camera.capture", {}, "objects: 1 near vase at 3.2 4.1, arm above it, light is good")


def queue_full(s: Scene) -> None:
    before(s)
    for n in range(20):
        s.wait(s.chance.uniform(0, 1))
        s.tool("airflow.trigger", {"dag": "load_sales", "date": f"2026-05-{n % 9 + 1:02}"}, s.pick("Pool is full: too many queued runs, try again later", "Pool is full: too many queued runs, try again later (17 waiting)"), 1)


def courtesy(s: Scene) -> None:
    before(s)
    for n in range(24):
        s.say(s.pick("Shall I go ahead with the refund for the lamp?", "May I go ahead and refund the lamp?", "I can go ahead with the lamp's refund, shall I?"), agent=("desk", "floor")[n % 2])


FIFTH_STUCK: dict[str, tuple[Callable[[Scene], None], ...]] = {
    "exact repeats": (asks_again,), "one error, other commands": (same_wall,), "by digest": (by_digest,), "cycles": (walks_round, drops),
    "flip-flop edits": (on_and_off,), "retries without backoff": (queue_full,), "talk without action": (courtesy,),
}  # fmt: skip
