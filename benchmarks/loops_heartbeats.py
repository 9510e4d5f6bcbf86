"""Scheduled runs, made up: those that repeat each other without effect, and those that a timer starts for a reason."""

from __future__ import annotations

from benchmarks.loops_scene import Labelled, Scene

EVERY_S = 300.0


def schedule(seed: str, loop: bool) -> Labelled:
    """The events of some twenty runs of one schedule, one after the other. ``begins``: where the second one does."""
    first = Scene(f"heartbeat-{seed}", schedule_id=f"schedule-{seed}")
    which, count = first.number(0, 2), first.number(14, 26)
    words = [first.word() for _ in range(4)]
    now, events, begins = first.now, [], None
    for n in range(count):
        s = Scene(f"heartbeat-{seed}", run_id=f"beat-{seed}-{n}", schedule_id=f"schedule-{seed}")
        s.now, s.chance = now + EVERY_S * n, first.chance
        s.start("heartbeat")
        (_repeats if loop else _works)(s, which, n, words)
        if n == 1:
            begins = len(events)
        events += s.done(s.run_id, "", loop).events
    return Labelled(first.run_id, "heartbeat runs", loop, events, begins if loop else None)


def _repeats(s: Scene, which: int, n: int, words: list[str]) -> None:
    a, b, c, _ = words
    if which == 0:  # tries to send the same again, and fails
        s.tool("list_mails", {"folder": a}, f'{{"unread": 2, "at": "2026-08-07T10:{n:02}:00Z"}}')
        s.tool("read_mail", {"id": b}, f"Please answer about the {c}.")
        s.tool("send_mail", {"to": b, "text": f"About the {c}."}, "error: mailbox is full", 1)
    elif which == 1:  # rewrites the same file
        s.bash(f"cat {a}/state.md", f"todo: {b}")
        s.bash(f"echo 'todo: {b}' > {a}/state.md")
        s.bash(f"cat {a}/state.md", f"todo: {b}")
        s.bash("git status --short", "")
    else:  # only looks, at length
        for word in words:
            s.bash(f"cat notes/{word}.md", f"{word} is as it was: nothing to do here.")
        s.say("HEARTBEAT_OK")


def _works(s: Scene, which: int, n: int, words: list[str]) -> None:
    a, b, _, _ = words
    if which == 0:  # there is something new each time
        s.tool("list_mails", {"folder": a}, f'{{"unread": {s.number(1, 9)}, "from": "{s.word()} {s.word()}"}}')
        s.tool("read_mail", {"id": s.hexed()}, f"Please {s.word()} the {s.word()} before {s.word()}.")
        s.tool("send_mail", {"to": s.word(), "text": f"Done: {s.word()}"}, f"sent to {s.word()} as {s.word()}")
    elif which == 1:  # one look, and nothing to do
        s.tool("check_queue", {"queue": a}, "empty")
    else:
        s.bash(f"df -h /{a}", f"{40 + n} % of {b} in use, {s.word()} grows")
        s.bash(f"tail -5 /var/log/{a}.log", f"{s.word()} {s.word()}\n{s.word()} {s.hexed(5)} {s.word()}")
        s.bash(f"grep -c error /var/log/{a}.log", f"{s.number(0, 99)} {s.word()}")
