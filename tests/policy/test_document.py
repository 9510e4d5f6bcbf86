"""YAML that no policy needs is refused with its line, and cannot cost more than a bounded time."""

from __future__ import annotations

import time

import pytest

from monitor.policy import Policy, PolicyError

BOMB = "a: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 10)}]\n" for n in range(8)
)

CASES = [  # content, line, part of the message, why
    (b"rules: []]", 1, "is not YAML", "a bracket too many"),
    (b"rules:\n\t- id: budget.run\n", 2, "is not YAML", "a tab as indentation"),
    (b"# ok\nrules: \xff\n", 2, "is not UTF-8", "another encoding"),
    (b"rules: []\n---\nrules: []\n", 2, "a second document", "two documents"),
    (b"rules: *unknown\n", 1, "refers to nothing above it", "an alias without its anchor"),
    (b"rules: &a\n  - *a\n", 2, "stands inside what it refers to", "an alias to itself"),
    (b"rules:\n  - !!python/object/apply:os.system [id]\n", 2, "a tag", "a Python tag"),
    (b"rules:\n  - id: !!str budget.run\n", 2, "a tag", "a harmless tag"),
    (b"[" * 5000, 1, "nested deeper than 12", "a nesting bomb"),
    (BOMB.encode(), 5, "more than 20000 values", "a billion laughs"),
    (b"# " + b"x" * (256 * 1024), 0, "larger than 262144 bytes", "too large"),
    (b"rules: \x00\n", 0, "is not YAML", "a control character"),
]


@pytest.mark.parametrize(("content", "line", "message", "why"), CASES, ids=[case[-1] for case in CASES])
def test_refused_with_its_line(content: bytes, line: int, message: str, why: str) -> None:
    began = time.monotonic()
    with pytest.raises(PolicyError) as caught:
        Policy.read(content, "p.yaml")
    assert time.monotonic() - began < 5
    [problem] = caught.value.problems
    assert (problem.file, problem.line) == ("p.yaml", line)
    assert message in problem.message
    assert problem.remedy


SILENT = [b"", b"# nothing yet\n", b"---\n...\n", b"{}", b"rules:\n", b"\xef\xbb\xbfrules: []"]


@pytest.mark.parametrize("content", SILENT)
def test_a_file_that_says_nothing_is_the_default(content: bytes) -> None:
    assert Policy.read(content, "p.yaml").digest == Policy.load(None).digest


def test_an_alias_stands_for_its_value() -> None:
    yaml = b"rules:\n  - {id: budget.run, scope: {team: &teams [a, b]}, mode: alert}\n" \
           b"  - {id: drift.cost, scope: {team: *teams}, mode: off}\n"  # fmt: skip
    policy = Policy.read(yaml, "p.yaml")
    assert policy.resolve(team="b").answer("budget.run").mode == "alert"
    assert policy.resolve(team="b").answer("drift.cost").mode == "off"
