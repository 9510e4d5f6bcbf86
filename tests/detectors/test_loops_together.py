"""What agents say without acting, and whom they start."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

import pytest

from detectors.detector import Finding
from detectors.event import Event
from detectors.loops import Loops
from detectors.testing import Stream, watch

REWORDED = [
    "I will now go on and fix the parser as discussed.", "As discussed, I will fix the parser now.",
    "Now I will go on to fix the parser, as discussed.", "Next I fix the parser as discussed.",
]  # fmt: skip
ANIMALS = ("fox", "hare", "owl", "newt", "bat", "elk", "emu", "cow", "pig")
PRAISE = ["Great work! Over to you.", "Great, over to you then!", "Over to you, great work."]


def told(events: Iterable[Event]) -> dict[str, str]:
    return {finding.rule: finding.cap or "pause" for finding in found(events)}


def found(events: Iterable[Event]) -> list[Finding]:
    return watch(Loops(), events)


def says(*texts: str, agents: tuple[str, ...] = ("",), role: str = "assistant", times: int = 1) -> list[Event]:
    story = Stream()
    return [story.says(text, role, agent_id=agents[n % len(agents)]) for n, text in enumerate(list(texts) * times)]


def family(count: int, parent_of: str = "chain", task: str = "find out, and delegate") -> list[Event]:
    """Agents that start agents: each the next (chain), two each (tree), or the first all (fan)."""
    story, events = Stream(), list[Event]()
    parent = {"chain": lambda n: n - 1, "tree": lambda n: (n - 1) // 2, "fan": lambda n: -1}[parent_of]
    for n in range(count):
        who = "main" if parent(n) < 0 else f"agent-{parent(n)}"
        events.append(story.call(tool="spawn_agent", arguments={"task": task.format(n=n)}, agent_id=who))
        events.append(story.result(f"agent-{n}", agent_id=who))
        events.append(story.says("You are a helper.", "system", agent_id=f"agent-{n}", parent_agent_id=who))
    return events


LOOPS = [
    ("one that announces the same in other words", says(*REWORDED, times=5), {"loops.talk": "pause"}),
    ("two that praise each other", says(*PRAISE, agents=("writer", "editor"), times=5), {"loops.talk": "pause"}),
    ("one that apologizes for ever", [
        event for story in [Stream()] for _ in range(15)
        for event in (story.says("Please correct it.", "user"), story.says("I am sorry, I will correct it at once."))
    ], {"loops.talk": "pause"}),
    ("agents that start agents", family(12), {"loops.spawn": "pause"}),
    ("a tree of agents", family(40, "tree"), {"loops.spawn": "pause"}),
    ("the same task for ever more agents", family(60, "fan"), {"loops.spawn": "pause"}),
]  # fmt: skip

HONEST = [
    ("a thought before each call", list(chain.from_iterable(
        (story.says(REWORDED[n % 4]), *story.steps((f"cat {n}", f"{n} is news, and there is more of it")))
        for story in [Stream()] for n in range(30)
    ))),
    ("two thoughts before each call", list(chain.from_iterable(
        (story.says(REWORDED[0]), story.says(REWORDED[1]), *story.steps((f"cat {n}", f"{n} is news, and more of it")))
        for story in [Stream()] for n in range(30)
    ))),
    ("a talk between a person and an agent", [
        event for story in [Stream()] for n, word in enumerate(ANIMALS)
        for event in (
            story.says(f"And what about {word}?", "user"),
            story.says(f"The {word} is {n} years old and lives in {word}shire."),
        )
    ]),
    ("a report in parts", says(*[f"Part {n}: " + " ".join(f"w{n}{k}" for k in range(20)) for n in range(12)])),
    ("a fan-out of twenty", family(20, "fan", "review module m{n}, and say what is wrong")),
    ("sub-agents of sub-agents that work", [
        *family(6, "tree", "review module m{n}"),
        *(event for n in range(6) for event in Stream(f"w{n}", agent_id=f"agent-{n}").steps(
            *((f"cat {n}-{k}", f"{n} {k} is news, and there is more of it") for k in range(5))
        )),
    ]),
    ("best of five", family(5, "fan", "solve it")),
]  # fmt: skip


@pytest.mark.parametrize(("events", "expected"), [case[1:] for case in LOOPS], ids=[case[0] for case in LOOPS])
def test_a_loop_is_seen(events: list[Event], expected: dict[str, str]) -> None:
    assert told(events) == expected


@pytest.mark.parametrize("events", [case[1] for case in HONEST], ids=[case[0] for case in HONEST])
def test_honest_work_is_left_alone(events: list[Event]) -> None:
    assert found(events) == []


def test_a_call_that_brings_news_ends_the_talk() -> None:
    story = Stream()
    events: list[Event] = []
    for n in range(10):
        events += [story.says(text) for text in REWORDED]
        events += story.steps((f"cat {n}", f"{n} is news, and there is more of it"))
    assert found(events) == []


def test_a_generation_that_breaks_off_at_its_longest_again_and_again() -> None:
    story = Stream()
    events = [story.model(usd=0.5, finish_reason="length") for _ in range(12)]
    finding = found(events)[-1]
    assert finding.rule == "loops.talk" and "break off at their longest" in finding.summary
    assert found(story.model(usd=0.5, finish_reason="stop") for _ in range(50)) == []


def test_the_summary_says_how_deep_they_are() -> None:
    assert "11 agents that start each other, 11 deep" in found(family(12))[-1].summary


def test_what_one_agent_changed_and_another_changed_back_counts_for_both() -> None:
    story = Stream()
    events: list[Event] = []
    for n in range(12):
        who, value = (("ops", "on"), ("dev", "off"))[n % 2]
        events.append(story.call(tool="set_flag", arguments={"name": "x", "value": value}, agent_id=who))
        events.append(story.result("updated", agent_id=who))
    assert told(events) == {"loops.cycle": "pause"}
    assert "back and forth" in found(events)[-1].summary
