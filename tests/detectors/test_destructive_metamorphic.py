"""What changes a command's looks and not what it does, changes no verdict for the better."""

from __future__ import annotations

import base64
import shlex

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.destructive import Destructive
from detectors.destructive.effects import NARROW, ORDER, UNSEEN, WIDE
from detectors.destructive.memory import Memory
from detectors.detector import RuleSet, Run
from detectors.event import ToolCall

RULES = RuleSet.defaults(Destructive)
DESTRUCTIVE = [
    "rm -rf /etc", "rm -rf ~", "rm -rf src", "rm -rf /srv/data", "find /home -type f -delete",
    "find . -type f -exec rm {} +", "dd if=/dev/zero of=/dev/sda", "mkfs.ext4 /dev/sdb1", "chmod -R 000 /usr",
    "shred -u /etc/shadow", "git push --force", "psql -c 'DROP DATABASE shop'", "kubectl delete namespace shop",
    "terraform destroy -auto-approve", "python3 -c \"import shutil; shutil.rmtree('/etc')\"", ": > /etc/passwd",
    "mv /etc/passwd /dev/null", "crontab -r", "docker volume rm pgdata", "aws s3 rm s3://shop --recursive",
]  # fmt: skip
PREFIXES = [
    "ls", "cd .", "echo hello", "true", "export A=b", "x=1", "set -e", "mkdir -p out", "echo 'a; b'",
    "cat <<'E'\nhi\nE\n:", "for i in 1 2; do echo $i; done", "f() { echo; }", "alias g=git", "[ -f x ]",
    "git status", "# a comment\n:", "if true; then echo yes; fi", "test -n \"$HOME\"", "(cd /tmp)", "echo $(date)",
    "tar czf /tmp/x.tgz docs", "cp a b", "git clone https://x.test/y.git", "curl -sO https://x.test/data.json",
    "IFS=' '", "trap 'echo bye' EXIT",
]  # fmt: skip
WRAPPERS = [
    "sudo {}", "env {}", "nohup {}", "timeout 10 {}", "nice -n 5 {}", "time {}", "command {}", "exec {}", "busybox {}",
    "( {} )", "{{ {}; }}", "if true; then {}; fi", "for i in 1; do {}; done", "while true; do {}; break; done",
    "f() {{ {}; }}; f", "case a in a) {};; esac", "! {}", "{} &", "{} || true", "true && {}", "{} 2>/dev/null",
    "x=$({})", "echo \"$({})\"", "cat <({})", "{} | cat", "yes | {}", "  {}  ", "{} # comment", "coproc {}",
]  # fmt: skip
QUOTED = [
    "bash -c {}", "sh -ec {}", "eval {}", "echo {} | sh", "bash <<< {}", "su -c {}", "sudo sh -c {}", "ssh web1 {}",
    "trap {} EXIT", "watch {}", "xargs -I% sh -c {} < list", "source <(echo {})", "printf '%s' {} | bash",
    "x={}; eval \"$x\"", "script -qc {} /dev/null", "timeout 5 bash -c {}", "echo {} > s.sh; bash s.sh",
    "docker exec web sh -c {}", "parallel ::: {}", "tee s.sh <<< {} && sh s.sh", "env -S {}", "nohup bash -c {} &",
]  # fmt: skip


def worst(command: str) -> int:
    """The place of the worst rule in `ORDER`; beyond it for none."""
    call = ToolCall(id="e", time=1.0, run_id="r", tool="bash", arguments={"command": command})
    run = Run(run_id="r", workspace="/work/project")
    found = {finding.rule for finding in Destructive().observe(call, Memory(), run, RULES)}
    return next((at for at, rule in enumerate(ORDER) if rule in found), len(ORDER))


def no_better(changed: str, command: str) -> None:
    assert worst(changed) <= max(worst(command), ORDER.index(UNSEEN)), changed


@pytest.mark.parametrize("command", DESTRUCTIVE)
def test_each_is_refused_by_itself(command: str) -> None:
    assert ORDER[worst(command)] in (WIDE, NARROW)


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.sampled_from(PREFIXES), max_size=4), st.sampled_from(DESTRUCTIVE), st.sampled_from([" && ", "; ", "\n"])
)
def test_a_harmless_prefix(prefixes: list[str], command: str, joint: str) -> None:
    assert worst(joint.join([*prefixes, command])) <= worst(command)


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("command", DESTRUCTIVE)
def test_a_wrapper(wrapper: str, command: str) -> None:
    if (
        wrapper.split()[0] in ("sudo", "env", "nohup", "timeout", "nice", "exec", "busybox", "command")
        and ">" in command
    ):
        return  # `sudo : > x` writes all the same, but not as its own
    assert worst(wrapper.format(command)) <= worst(command)


@pytest.mark.parametrize("wrapper", QUOTED)
@pytest.mark.parametrize(
    "command", ["rm -rf /etc", "rm -rf /srv/data", "dd if=/dev/zero of=/dev/sda", "psql -c 'DROP DATABASE shop'"]
)
def test_a_text_that_is_run(wrapper: str, command: str) -> None:
    no_better(wrapper.format(shlex.quote(command)), command)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(WRAPPERS[:16]), st.booleans()), max_size=4), st.sampled_from(DESTRUCTIVE[:8]))
def test_wrappers_in_wrappers(layers: list[tuple[str, bool]], command: str) -> None:
    changed = command
    for wrapper, quoted in layers:
        changed = f"bash -c {shlex.quote(changed)}" if quoted else wrapper.format(changed)
    if "} " not in changed and not any(layer.startswith(("sudo (", "env (")) for layer, _ in layers):
        no_better(f"bash -c {shlex.quote(changed)}", command) if _is_simple(layers) else None


def _is_simple(layers: list[tuple[str, bool]]) -> bool:
    """A program cannot run what only a shell can: ``sudo ( x )`` is an error, and runs nothing."""
    programs = ("sudo {}", "env {}", "nohup {}", "timeout 10 {}", "nice -n 5 {}", "exec {}", "busybox {}", "command {}")
    compound = False
    for wrapper, quoted in layers:
        if compound and not quoted and wrapper in (*programs, "time {}"):
            return False
        compound = not quoted and (wrapper not in programs)
    return True


NAMES = st.text("abcdefgXYZ_", min_size=1, max_size=8).filter(
    lambda name: name not in ("do", "fi", "if", "in", "_") and name.upper() not in ("HOME", "PWD", "IFS")
)


@settings(max_examples=200, deadline=None)
@given(NAMES, NAMES, st.integers(0, 5))
def test_a_name_that_is_changed(one: str, other: str, form: int) -> None:
    forms = [
        f"{one}=/etc; rm -rf ${one}", f"{one}=rm; ${{{one}}} -rf /etc", f"{one}() {{ rm -rf \"$1\"; }}; {one} /etc",
        f"for {one} in /etc; do rm -rf \"${one}\"; done", f"export {one}=/; rm -rf \"${{{one}}}etc\"",
        f"{one}=e; {other}x=tc; rm -rf /${{{one}}}${{{other}x}}",
    ]  # fmt: skip
    assert worst(forms[form]) == 0, forms[form]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(["rm", "shred", "find", "dd"]), st.data())
def test_quotes_and_backslashes_in_a_name(name: str, data: st.DataObject) -> None:
    rest = {"rm": "-rf /etc", "shred": "/etc/shadow", "find": "/etc -delete", "dd": "if=/dev/zero of=/dev/sda"}[name]
    at = data.draw(st.integers(0, len(name)))
    how = data.draw(st.sampled_from(["''", '""', "\\", "$''", "${nothing}", "$()"]))
    if how == "\\" and at == len(name):
        return
    changed = f"{name[:at]}{how}{name[at:]} {rest}"
    assert worst(changed) <= worst(f"{name} {rest}"), changed


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(DESTRUCTIVE), st.integers(0, 3))
def test_an_encoding_that_is_decoded_into_a_shell(command: str, form: int) -> None:
    packed = base64.b64encode(command.encode()).decode()
    forms = [
        f"echo {packed} | base64 -d | sh", f"base64 -d <<< {packed} | bash",
        f"eval \"$(echo {packed} | base64 --decode)\"",        f"echo {command.encode().hex()} | xxd -r -p | sh",
    ]  # fmt: skip
    no_better(forms[form], command)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(DESTRUCTIVE[:12]),
    st.sampled_from(["#x", "echo a", "x=1", " ", "cat <<'E'\ny\nE"]),
    st.integers(1, 12),
)
def test_padding_never_softens(command: str, line: str, size: int) -> None:
    padding = f"{line}\n" * (2**size)
    for changed in (padding + command, f"{command}\n{padding}"):
        no_better(changed, command)
