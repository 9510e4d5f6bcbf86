"""What is wrong in a policy is said all at once, each with file, line, value and remedy."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.policy import Policy, PolicyError

MODES = "one of alert, deny, kill, notice, off, pause, shadow"
PAIRS = "Write `key: value`, one a line and indented below it."

CASES = [  # yaml, [line: value: message. remedy]
    ("rules:\n  - id: budget.runs\n", ["2: budget.runs: no such rule. Did you mean budget.run?"]),
    ("rule: []\n", ["1: rule: a policy has no such key. Did you mean rules?"]),
    ("- id: budget.run\n", ["1: […]: a policy takes keys and values, not a list. " + PAIRS]),
    ("rules: budget.run\n",
     ["1: budget.run: rules takes a list of entries. Write `- id: RULE` for each rule below it."]),
    ("rules:\n  - budget.run\n", ["2: budget.run: an entry of rules takes keys and values, not text. " + PAIRS]),
    ("rules:\n  - mode: kill\n", ["2: an entry without id. Write `- id: RULE`; `killcord policy show` lists them."]),
    ("rules:\n  - id: budget.run\n    mode: kil\n",
     [f"3: kil: budget.run mode takes {MODES}, not 'kil'. Did you mean kill?"]),
    ("rules:\n  - id: budget.run\n    mode:\n",
     [f"3: budget.run mode takes {MODES}, not nothing. Write {MODES}."]),
    ("rules:\n  - id: budget.run\n    severity: high\n",
     ["3: high: budget.run severity takes one of critical, info, warning or null, not 'high'. "
      "Known: critical, info, warning."]),
    ("rules:\n  - id: budget.run\n    limits: {usd: 5, usd: 6}\n",
     ["3: usd: budget.run limits has this key already, in line 3. Leave one of them out."]),
    ("rules:\n  - id: budget.run\n    id: drift.cost\n",
     ["3: id: an entry of rules has this key already, in line 2. Leave one of them out."]),
    ("rules:\n  - id: budget.run\n    limit: {usd: 5}\n",
     ["3: limit: budget.run has no such key. Did you mean limits?"]),
    ("rules:\n  - id: budget.run\n    usd: 5\n", ["3: usd: budget.run has no such key. It belongs below limits."]),
    ("rules:\n  - id: budget.run\n    limits:\n      usdd: 5\n",
     ["4: usdd: budget.run limits has no such key. Did you mean usd?"]),
    ("rules:\n  - id: budget.run\n    limits: 5\n",
     ["3: 5: budget.run limits takes keys and values, not a number. " + PAIRS]),
    ('rules:\n  - id: budget.run\n    limits: {usd: "5"}\n',
     ['3: "5": budget.run limits.usd takes a number from 0 up or null, not text in quotes. Take the quotes away.']),
    ("rules:\n  - id: budget.run\n    limits: {usd: five}\n",
     ["3: five: budget.run limits.usd takes a number from 0 up or null, not text. Write a number from 0 up or null."]),
    ("rules:\n  - id: budget.run\n    limits:\n      usd: -1\n      tokens: .nan\n      wall_time_s: .inf\n",
     ["4: -1: budget.run limits.usd takes a number from 0 up or null, not a negative number. "
      "Write a number from 0 up or null.",
      "5: .nan: budget.run limits.tokens takes a whole number from 0 up or null, not what is not finite. "
      "Write a finite number; to have no limit, write null where it is taken.",
      "6: .inf: budget.run limits.wall_time_s takes a number from 0 up or null, not what is not finite. "
      "Write a finite number; to have no limit, write null where it is taken."]),
    ("rules:\n  - id: budget.run\n    limits: {wall_time_s: 1e999}\n",
     ["3: 1e999: budget.run limits.wall_time_s takes a number from 0 up or null, not what is not finite. "
      "Write a finite number; to have no limit, write null where it is taken."]),
    ("rules:\n  - id: budget.run\n    limits: {wall_time_s: 1:30:00}\n",
     ["3: 1:30:00: budget.run limits.wall_time_s takes a number from 0 up or null, not text. "
      "Write a number from 0 up or null."]),
    ("rules:\n  - id: budget.run\n    limits: {tool_calls: 1.5}\n",
     ["3: 1.5: budget.run limits.tool_calls takes a whole number from 0 up or null, not a fraction. "
      "Write a whole number from 0 up or null."]),
    ("rules:\n  - id: budget.run\n    limits: {tokens: 99999999999999999999}\n",
     ["3: 99999999999999999999: budget.run limits.tokens takes a whole number from 0 up or null, "
      "not more than 9007199254740992. Write a whole number from 0 up or null."]),
    ("rules:\n  - id: budget.run\n    warn_at: 1.5\n",
     ["3: 1.5: budget.run warn_at takes a number above 0 to 1 or null, not this. "
      "Write a number above 0 to 1 or null."]),
    ("rules:\n  - id: budget.run\n    scope: {teams: a}\n",
     ["3: teams: budget.run scope has no such key. Did you mean team?"]),
    ("rules:\n  - id: budget.run\n    scope: {team: [a, {b: c}], environment: }\n",
     ['3: {…}: budget.run scope.team takes a name or a list of names, not keys and values. '
      'Write a name or a glob, such as payments or "infra-*".',
      '3: budget.run scope.environment takes a name or a list of names, not nothing. '
      'Write a name or a glob, such as payments or "infra-*".']),
    ("rules:\n  - id: budget.run\n    scope: {team: []}\n",
     ["3: []: budget.run scope.team names nothing, so the entry never holds. Name one, or leave team out."]),
    ("governor: {kills_per_minutes: 3}\n",
     ["1: kills_per_minutes: governor has no such key. Did you mean kills_per_minute?"]),
    ("governor: {share_of_runs: 25}\n",
     ["1: 25: governor share_of_runs takes a number from 0 to 1, not this. Write a number from 0 to 1."]),
    ("governor: null\n", ["1: null: governor takes keys and values, not nothing. " + PAIRS]),
]  # fmt: skip


@pytest.mark.parametrize(("yaml", "expected"), CASES, ids=[case[0].strip().splitlines()[-1] for case in CASES])
def test_says_what_came_what_was_expected_and_what_to_do(yaml: str, expected: list[str]) -> None:
    with pytest.raises(PolicyError) as caught:
        Policy.read(yaml.encode(), "p.yaml")
    assert str(caught.value).splitlines() == [f"p.yaml:{line}" for line in expected]


def test_all_problems_at_once_in_the_order_of_the_file() -> None:
    yaml = b"rules:\n  - id: nosuch.rule\n    mode: nosuch\n  - id: budget.run\n    limits: {usd: -1}\nnosuch: 1\n"
    with pytest.raises(PolicyError) as caught:
        Policy.read(yaml, "p.yaml")
    assert [problem.line for problem in caught.value.problems] == [2, 3, 5, 6]


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path) -> None:
    for path, reason in ((tmp_path / "absent.yaml", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(PolicyError, match=reason):
            Policy.load(path)


FRAGMENTS = st.sampled_from(
    ["rules", "id", "budget.run", "limits", "usd", "scope", "team", "mode", "off", "governor", ": ", "\n", "\n  ", "- ",
     "{", "}", "[", "]", ",", '"', "'", "&a", "*a", "!!x", "!", "|", ">", "?", "%YAML", "---", "...", "<<", "0x1",
     "1e9", "-.inf", "null", "~", "\t", "#", '"\\UFFFFFFFF"', "%YAML 9999999999999999999999.1\n---\n", "\x00", "é"]
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(FRAGMENTS, max_size=30).map("".join))
def test_garbage_raises_nothing_but_policy_errors(text: str) -> None:
    _refused_or_read(text.encode())


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_bytes_raise_nothing_but_policy_errors(data: bytes) -> None:
    _refused_or_read(data)


WORDS = st.sampled_from(["budget.run", "kill", "destructive.wide", "2027-01-31"])
KEYS = st.sampled_from(["id", "mode", "scope", "limits", "usd", "team", "severity", "rule", "target", "until", "x"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(
    st.fixed_dictionaries(
        {"rules": st.lists(JSON, max_size=3)}, optional={"governor": JSON, "allow": st.lists(JSON, max_size=3)}
    )
)
def test_values_of_any_shape_raise_nothing_but_policy_errors(value: object) -> None:
    try:
        policy = Policy.from_effective(value)
    except PolicyError as error:
        assert error.problems
        return
    policy.resolve("a", "b", "c")
    assert msgspec.json.decode(msgspec.json.encode(policy.effective())) == policy.effective()


def _refused_or_read(data: bytes) -> None:
    try:
        Policy.read(data, "p.yaml").resolve("a", "b", "c")
    except PolicyError as error:
        assert error.problems
