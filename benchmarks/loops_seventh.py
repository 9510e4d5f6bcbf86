# ruff: noqa: E501 - outputs as tools print them
"""A seventh, small style: written last, run once, and nothing was mended by what it showed. Kitchens, libraries, ships."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.loops_scene import Scene

DISHES = ("ramen", "pierogi", "injera", "paella", "dal", "mole", "pho", "borscht", "gumbo", "kibbeh", "ceviche", "spätzle")
TITLES = ("Dune", "Emma", "Ulysses", "Beloved", "Stoner", "Kim", "Walden", "Middlemarch", "Solaris", "Persuasion")


def receipt(s: Scene) -> str:
    return f"{s.pick(*DISHES)} x{s.number(1, 9)} for table {s.number(1, 40)}: {s.number(5, 90)}.{s.number(10, 99)} EUR, paid by {s.pick('card', 'cash')}"


def orders(s: Scene) -> None:
    for _ in range(s.number(6, 25)):
        number = s.number(1000, 9999)
        s.tool("kitchen_take", {"order": number}, receipt(s))
        s.tool("kitchen_light_stove", {"ring": s.number(1, 3)}, "on")
        s.tool("kitchen_cook", {"minutes": s.pick(5, 10)}, "cooked", took=30)
        s.tool("kitchen_put_out_stove", {}, "off")
        s.tool("kitchen_serve", {"order": number}, "served")
        s.tool("kitchen_wipe", {}, "clean")


def lending(s: Scene) -> None:
    for _ in range(s.number(10, 40)):
        s.tool("library", {"op": "find", "title": s.pick(*TITLES), "copy": s.number(1, 60)}, s.pick("on shelf", "lent until Friday", "lost"))
        if s.chance.random() < 0.5:
            s.tool("library", {"op": "lend", "copy": s.number(1, 600), "to": s.number(1, 5000)}, "done")
        if s.chance.random() < 0.2:
            s.tool("library", {"op": "overview"}, f"{s.number(100, 999)} lent, {s.number(1, 60)} late, next {s.pick(*TITLES)}")


def ship_watch(s: Scene) -> None:
    for hour in range(s.number(10, 30)):
        s.wait(s.number(300, 1200))
        s.tool("position", {}, f"{59 + hour / 50:.3f} N {10 + hour / 40:.3f} E")
        s.tool("engine", {}, s.pick("normal", "normal", "normal", "oil low"))
        s.tool("write_log", {"hour": hour, "text": receipt(s)}, "noted")


def release(s: Scene) -> None:
    for package in DISHES[: s.number(4, 10)]:
        s.bash(f"cd {package} && npm version patch", f"v{s.number(0, 3)}.{s.number(0, 30)}.{s.number(0, 30)}")
        s.bash("npm run build", "> build\n> tsc -p .")
        s.bash("npm test", "Tests: 31 passed, 31 total")
        s.bash("npm publish", f"+ @food/{package}@{s.number(0, 3)}.{s.number(0, 30)}.{s.number(0, 30)}")
        s.bash("git push --tags", f" * [new tag] {package}-{s.number(1, 99)}")
        s.bash("cd ..")


def hunting(s: Scene) -> None:
    """Looks for the cause of a crash with prints and a debugger, over the same program."""
    for n in range(s.number(5, 10)):
        s.tool("debugger", {"command": f"break {s.pick(*DISHES)}.c:{s.number(1, 900)}"}, f"Breakpoint {n + 1} at 0x{s.hexed(8)}")
        s.tool("debugger", {"command": "run"}, f"Breakpoint {n + 1}, {s.pick(*DISHES)} ({s.pick('a', 'n')}={s.number(0, 999)}) at {s.pick(*DISHES)}.c:{s.number(1, 900)}")
        s.tool("debugger", {"command": "backtrace"}, "\n".join(f"#{k} {s.pick(*DISHES)} ()" for k in range(s.number(2, 6))))
        s.tool("debugger", {"command": f"print {s.pick('a', 'n', 'p')}"}, f"${n} = {s.number(0, 9999)}")
        s.tool("debugger", {"command": "continue"}, "Program received signal SIGSEGV, Segmentation fault.")


def inbox(s: Scene) -> None:
    for _ in range(s.number(8, 30)):
        s.tool("mail_next", {}, f"From: {s.pick(*TITLES).lower()}@x.test\nSubject: {receipt(s)}" if s.chance.random() < 0.8 else "no mail")
        s.tool("mail_move", {"folder": s.pick("orders", "spam", "orders")}, "moved")


def mirror(s: Scene) -> None:
    for n in range(s.number(10, 40)):
        s.bash(f"rsync -a src/{s.pick(*DISHES)}{n}/ dst/", "", took=2)
        if s.chance.random() < 0.15:
            s.bash("df -h dst | tail -1", f"/dev/sdb1 1.8T {s.number(100, 999)}G {s.number(10, 90)}% /dst")


SEVENTH_HONEST: dict[str, tuple[Callable[[Scene], None], ...]] = {
    "kitchen": (orders,), "library": (lending,), "watch at sea": (ship_watch,), "releases": (release,), "debugging": (hunting,),
    "inbox": (inbox,), "copies": (mirror,),
}  # fmt: skip


def cold_stove(s: Scene) -> None:
    for _ in range(12):
        s.tool("kitchen_light_stove", {"ring": 2}, "on")
        s.tool("kitchen_cook", {"minutes": 5}, "still raw: the ring is cold")


def same_book(s: Scene) -> None:
    for n in range(20):
        s.tool("library", {"op": "find", "title": s.pick("Solaris", "solaris", "SOLARIS "), "request_id": s.hexed(8), "query": "copy"}, "lent until Friday" if n % 5 else "lent until Friday.")


def no_disk(s: Scene) -> None:
    for n in range(18):
        s.bash(s.pick(f"rsync -a src/{s.pick(*DISHES)}/ dst/", f"cp {s.pick(*DISHES)}.tar dst/", "tar xf all.tar -C dst", f"dd if=/dev/zero of=dst/{n} bs=1M", f"git clone https://x.test/{s.pick(*DISHES)} dst/c"), f"{s.pick('rsync: write failed', 'cp: error writing', 'tar: cannot write', 'fatal: write error')}: No space left on device (28)", 1)


def debugger_round(s: Scene) -> None:
    for _ in range(8):
        for command, output in (("run", "Program received signal SIGSEGV, Segmentation fault."), ("backtrace", "#0 gumbo ()\n#1 mole ()\n#2 main ()"), ("print n", "$1 = 0"), ("kill", "[Inferior 1 killed]")):
            s.tool("debugger", {"command": command}, output)


SEVENTH_STUCK: dict[str, tuple[Callable[[Scene], None], ...]] = {
    "cycles": (cold_stove, debugger_round), "varied arguments": (same_book,), "one error, other commands": (no_disk,),
}  # fmt: skip
