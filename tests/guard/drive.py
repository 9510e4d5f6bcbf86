"""A guard that a test drives: ``drive.py CONFIG -- COMMAND``; orders and answers by descriptors, JSON lines."""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any


def main() -> int:
    config = json.loads(sys.argv[1])
    for name in ("orders", "answers"):
        os.set_inheritable(config[name], False)
    orders, answers = os.fdopen(config["orders"]), os.fdopen(config["answers"], "w")
    if config["enter"]:
        Path(config["enter"], "cgroup.procs").write_text("0")
    if config["uid"] != os.getuid():
        os.setgroups([])
        os.setresgid(config["uid"], config["uid"], config["uid"])
        os.setresuid(config["uid"], config["uid"], config["uid"])
    sys.path.insert(0, config["package"])
    from monitor.guard.containment import UnavailableError, choose
    from monitor.guard.run import Guarded, RefusedError

    def answer(**fields: Any) -> None:
        print(json.dumps(fields), file=answers, flush=True)

    try:
        containment = choose(config["method"])
    except UnavailableError as error:
        answer(unavailable=str(error))
        return 0
    answer(chosen=containment.method)
    guarded = Guarded(
        sys.argv[3:],
        run_id="run-7",
        containment=containment,
        on_exit=config["on_exit"],
        on_started=lambda pid, method: answer(
            started=pid, method=method, warden=guarded._program.warden.pid, why_not=containment.why_not
        ),
        on_ended=lambda status: answer(ended=status),
    )

    answering = threading.Lock()  # the run may be over before the answer to its kill is written

    def obey() -> None:
        for line in orders:
            with answering:
                order, *words = json.loads(line)
                try:
                    result = getattr(guarded, order)(*words)
                except RefusedError as error:
                    answer(refused=str(error))
                else:
                    answer(**(result._asdict() if hasattr(result, "_asdict") else {"done": result}))

    for order in config["before"]:
        getattr(guarded, order)("the test")
    if config["before"]:
        answer(before=config["before"])
    threading.Thread(target=obey, daemon=True).start()
    status = guarded.run()
    with answering:
        return status


if __name__ == "__main__":
    sys.exit(main())
