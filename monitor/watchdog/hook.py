"""Runs a command of the user's for each alarm that opens or is resolved, with the alert as JSON on its input."""

from __future__ import annotations

import asyncio

import structlog

from monitor.messages import Alert, encode

log = structlog.get_logger("killcord.watchdog")

WITHIN_S = 30.0


async def run(command: str, alert: Alert) -> None:
    """Never raises: an alarm must not end with its hook."""
    try:
        process = await asyncio.create_subprocess_shell(
            command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
        )
    except OSError as error:
        log.error("hook not started", command=command, error=str(error))
        return
    try:
        _, said = await asyncio.wait_for(process.communicate(encode(alert) + b"\n"), WITHIN_S)
    except TimeoutError:
        process.kill()
        await process.wait()
        log.error("hook killed", command=command, why=f"not done within {WITHIN_S:g} s")
        return
    if process.returncode:
        log.error("hook failed", command=command, status=process.returncode, said=said.decode(errors="replace")[-500:])
