"""The smallest agent that Killcord can watch: says what it does, and looks for its kill before each step."""

from monitor.client import KillSwitch, Publisher

with Publisher(agent_name="coder") as publisher, KillSwitch(publisher=publisher) as switch:
    publisher.run_started("make the tests pass", workspace="/src/app")
    for command in ("cat parser.py", "pytest -q"):
        switch.check()  # raises Killed; waits while paused
        call = publisher.tool_call("bash", {"command": command})
        publisher.tool_result(call, exit_code=0, output="ok")
    publisher.run_finished("done", claim="all tests pass")
