"""The warden: a small process between the guard and what it runs. Standard library only, started with ``python -I -S``.

It puts the program into the containment before the program's first instruction, becomes the parent of all orphans,
tells the guard what happens to the program, ends when none is left, and kills all when the guard dies. In a PID
namespace its child, the namespace's init, does the telling, and dies with the warden.
"""

from __future__ import annotations

import errno
import os
import select
import signal
import sys
from collections.abc import Callable, Sequence

from monitor.counted import counted
from monitor.guard import kernel

SHIELDED = (
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGTERM,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGTSTP,
    signal.SIGTTIN,
    signal.SIGTTOU,
)
# Python ignores these for itself; a program expects the default.
PYTHONS_OWN = (signal.SIGPIPE, signal.SIGXFSZ)

Tell = Callable[[str], None]


def main(words: Sequence[str]) -> None:
    """``words``: report descriptor, the guard's pid, method, handle, group, and the command."""
    descriptor, guard, method, handle, group, *argv = words
    reports = int(descriptor)
    os.set_inheritable(reports, False)
    ignored = {number for number in SHIELDED if signal.getsignal(number) is signal.SIG_IGN}
    for number in SHIELDED:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    kernel.set_subreaper(True)

    def tell(text: str) -> None:
        try:
            os.write(reports, text.encode(errors="replace") + b"\n")
        except BrokenPipeError:
            pass  # the guard is dead: the loop below sees that too, and acts

    def start() -> int | None:
        enter = f"{handle}/cgroup.procs" if handle else None
        return _start(argv, enter, group, ignored, tell)

    if method == "pidns":
        agent, root = None, _start_namespace(start, tell)
    else:
        agent, root = start(), os.getpid()
        if agent is None:
            return
    if root is None:
        return
    _collect(agent, tell, _watch(reports, int(guard)), lambda: _guard_is_gone(method, handle, root, guard))


def _start(argv: Sequence[str], enter: str | None, group: str, ignored: set[signal.Signals], tell: Tell) -> int | None:
    """Fork and exec; None, and told, when that failed."""
    failed, failing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(failed)
        _become(argv, enter, group, ignored, failing)
    os.close(failing)
    with os.fdopen(failed, "rb") as answer:
        error = answer.read()
    if error:
        os.waitpid(pid, 0)
        tell(f"error {error.decode()}")
        return None
    tell(f"started {pid}")
    return pid


def _become(argv: Sequence[str], enter: str | None, group: str, ignored: set[signal.Signals], failing: int) -> None:
    stage = "enter"
    try:
        if enter is not None:
            with open(enter, "w") as procs:  # noqa: PTH123 (pathlib costs the start 5 ms)
                procs.write("0")
        os.setpgid(0, 0)
        if group == "foreground":
            # Still ignoring SIGTTOU, or this would stop us.
            terminal = os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC)
            os.tcsetpgrp(terminal, os.getpgrp())
            os.close(terminal)
        for number in (*SHIELDED, *PYTHONS_OWN):
            signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)
        stage = "exec"
        os.execvp(argv[0], list(argv))
    except OSError as error:
        where = f" ({enter})" if stage == "enter" and enter else ""
        os.write(failing, f"{stage} {error.errno or 0} {error.strerror}{where}".encode(errors="replace"))
    finally:
        os._exit(127)


def _start_namespace(start: Callable[[], int | None], tell: Tell) -> int | None:
    """The outer id of the new namespace's init; None, and told, when there is none."""
    try:
        _unshare()
        init = os.fork()
    except OSError as error:
        tell(f"error enter {error.errno or 0} {error.strerror}")
        return None
    if init == 0:
        _init(start, tell)
    return init


def _unshare() -> None:
    """Raises OSError. A PID namespace; for whoever may not, inside a user namespace with the same ids."""
    try:
        kernel.unshare(kernel.CLONE_NEWPID)
    except OSError as error:
        if error.errno != errno.EPERM:
            raise
    else:
        return
    user, group = os.geteuid(), os.getegid()
    kernel.unshare(kernel.CLONE_NEWUSER | kernel.CLONE_NEWPID)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:  # noqa: PTH123
            file.write(text)


def _init(start: Callable[[], int | None], tell: Tell) -> None:
    try:
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        # The guard must know the root before anything is below it.
        with open("/proc/self/stat") as file:  # noqa: PTH123 (still the outer /proc)
            tell(f"root {file.read().split(' ', 1)[0]}")
        try:
            kernel.unshare(kernel.CLONE_NEWNS)
            kernel.mount(None, "/", None, kernel.MS_REC | kernel.MS_SLAVE)
            kernel.mount("proc", "/proc", "proc", kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC)
        except OSError as error:
            tell(f"note /proc shows the process ids of outside the namespace ({error.strerror})")
        agent = start()
        while agent is not None:
            try:
                _tell_of(*os.waitpid(-1, os.WUNTRACED | os.WCONTINUED), agent, tell)
            except ChildProcessError:
                break
    finally:
        os._exit(0)


def _watch(reports: int, guard: int) -> tuple[select.poll, int, int]:
    """What wakes us: a child, the guard closing its end, the guard's death. The poll, and the two to read from."""
    woken, waking = os.pipe()
    for end in (woken, waking):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(waking, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    os.write(waking, b"\0")  # a child may have ended already
    poll = select.poll()
    poll.register(woken, select.POLLIN)
    poll.register(reports, 0)
    try:
        # Closing alone does not tell: a process that the guard forked may hold its end.
        poll.register(os.pidfd_open(guard), select.POLLIN)
    except ProcessLookupError:
        os.close(reports)
    except OSError:
        pass  # a kernel without pidfd: the closing has to do
    return poll, woken, reports


def _collect(
    agent: int | None, tell: Tell, watched: tuple[select.poll, int, int], guard_is_gone: Callable[[], None]
) -> None:
    """Reap until no child is left, which, as we are their subreaper, is when none is left at all."""
    poll, woken, _ = watched
    while True:
        ready = [descriptor for descriptor, _ in poll.poll()]
        if any(descriptor != woken for descriptor in ready):
            guard_is_gone()
            return
        try:
            os.read(woken, 4096)
        except BlockingIOError:
            pass
        try:
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED | os.WCONTINUED)
                if pid == 0:
                    break
                _tell_of(pid, status, agent, tell)
        except ChildProcessError:
            return


def _tell_of(pid: int, status: int, agent: int | None, tell: Tell) -> None:
    if pid != agent:
        return
    if os.WIFSTOPPED(status):
        tell(f"stopped {os.WSTOPSIG(status)}")
    elif os.WIFCONTINUED(status):
        tell(f"continued {signal.SIGCONT}")
    elif os.WIFSIGNALED(status):
        tell(f"signalled {os.WTERMSIG(status)}")
    else:
        tell(f"exited {os.WEXITSTATUS(status)}")


def _guard_is_gone(method: str, handle: str, root: int, guard: str) -> None:
    from monitor.guard.containment import kinds

    containment = kinds()[method](handle)
    containment.adopt(root)
    stopped = containment.kill()
    left = "none left" if not stopped.left else f"left: {', '.join(map(str, stopped.survivors))}"
    try:
        print(
            f"killcord: the guard (pid {guard}) is gone, so what it guarded was killed by {containment}: "
            f"{counted(stopped.killed, 'process', 'processes')}, {left}",
            file=sys.stderr,
        )
    except OSError:
        pass  # our standard error went with the guard
    containment.close()
