"""Log lines: JSON (or for people), one stream, the libraries' own included, repeats collapsed, secrets masked.

Time stamps are UTC in ISO 8601. `setup` is called once by a command that stays; libraries and tests call nothing.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, TextIO

import structlog
from msgspec import Struct
from structlog.typing import EventDict, Processor, WrappedLogger

from monitor.settings import FIELDS, Settings

REPEATS_EVERY_S = 10.0
MASK = "***"

# "monitor": mode logs for a service under the name of its module; Killcord's own loggers are called killcord.*.
_LIBRARIES = ("faust", "mode", "monitor", "aiokafka", "kafka", "asyncio", "confluent_kafka")
_MOST_REMEMBERED = 512  # different messages; past that the one longest unseen is forgotten
_SHORTEST_SECRET = 4  # characters; masking every "a" would make lines unreadable
_SECRET_NAME = re.compile(r"passw|secret|token|credential|authorization|api_?key|private_?key", re.IGNORECASE)
_SECRET_TEXT = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"), rf"\1 {MASK}"),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*"), MASK),  # a JSON web token, as managed Kafkas hand out
    (re.compile(r"(://[^/\s:@\"]*):[^/\s@\"]+@"), rf"\1:{MASK}@"),
)
_NUMBER = re.compile(r"0x[0-9a-fA-F]+|\d+")


def setup(settings: Settings, stream: TextIO | None = None) -> logging.Handler:
    """Routes structlog and the standard library's logging to ``stream`` (default: standard error), as settings say.

    Returns the handler. A `mode.Worker` replaces handlers when it starts: give it `worker_options`.
    """
    plain: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        mask_names,
    ]
    stream = stream if stream is not None else sys.stderr
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*plain, structlog.stdlib.ExtraAdder(allow=("repeated",))],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendered(settings, stream)],
    )
    target = logging.StreamHandler(stream)
    target.setFormatter(_Masked(formatter, _secrets(settings)))
    handler = Collapsing(target)
    level = logging.getLevelName(settings.log_level.upper())
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(level)
    for name in _LIBRARIES:
        # One step less talkative than Killcord: at info they tell each rebalance in tables of many lines.
        logging.getLogger(name).setLevel(min(level + 10, logging.ERROR))
    logging.captureWarnings(True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *plain,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    return handler


def worker_options(handler: logging.Handler) -> dict[str, Any]:
    """Keyword arguments of `mode.Worker` and `faust.Worker` that leave logging as `setup` made it."""
    return {
        "logging_config": {"version": 1, "incremental": True},
        "loghandlers": [handler],
        "redirect_stdouts": False,
    }


def mask_names(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Values whose name says that they are secret.

    >>> mask_names(None, "", {"event": "login", "sasl_password": "hunter2"})
    {'event': 'login', 'sasl_password': '***'}
    """
    return {key: MASK if value and _SECRET_NAME.search(key) else value for key, value in event.items()}


def _rendered(settings: Settings, stream: TextIO) -> list[Processor]:
    if settings.log_format == "json":
        # Not the tracebacks with local variables: these hold secrets.
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=repr)]
    return [structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback)]


def _secrets(settings: Settings) -> list[str]:
    """The values of secret settings, and what repr and JSON make of them; the longest first."""
    values = [getattr(settings, name) for name, entry in FIELDS.items() if entry.secret]
    long = {str(value) for value in values if len(str(value)) >= _SHORTEST_SECRET}
    long |= {repr(value)[1:-1] for value in long}
    return sorted(long | {json.dumps(value)[1:-1] for value in long}, key=len, reverse=True)


class _Masked(logging.Formatter):
    """The last step before a line is written, so that neither messages nor tracebacks get past it."""

    def __init__(self, inner: logging.Formatter, secrets: Iterable[str]) -> None:
        super().__init__()
        self._inner = inner
        self._secrets = tuple(secrets)

    def format(self, record: logging.LogRecord) -> str:
        line = self._inner.format(record)
        for secret in self._secrets:
            line = line.replace(secret, MASK)
        for pattern, mask in _SECRET_TEXT:
            line = pattern.sub(mask, line)
        return line


class _Repeats(Struct):
    record: logging.LogRecord
    since: float
    count: int = 0


class Collapsing(logging.Handler):
    """Passes a warning or error on once, then every ``every_s`` seconds how often it came again.

    Two are the same if level, logger and text are, numbers apart: brokers, ports and correlation ids differ between
    lines that say one thing. Killcord's own lines are the same only with the same fields, so no run's news is lost.
    """

    def __init__(
        self, target: logging.Handler, every_s: float = REPEATS_EVERY_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._target = target
        self._every_s = every_s
        self._clock = clock
        self._seen: dict[tuple[str, int, str], _Repeats] = {}
        self._timer: threading.Timer | None = None

    def emit(self, record: logging.LogRecord) -> None:
        # Called with this handler's lock held, as `logging` does it.
        if record.levelno < logging.WARNING:
            self._target.handle(record)
            return
        now = self._clock()
        self.tell(now)
        key = (record.name, record.levelno, _said(record))
        if (repeats := self._seen.pop(key, None)) is not None:
            repeats.count += 1
            repeats.record = _bare(record)
            self._seen[key] = repeats
            self._wake()
            return
        self._target.handle(record)
        self._seen[key] = _Repeats(_bare(record), now)
        if len(self._seen) > _MOST_REMEMBERED:
            self._report(self._seen.pop(next(iter(self._seen))))

    def tell(self, now: float) -> None:
        """Reports what came again, where ``every_s`` have passed; what didn't come again is news when it next comes."""
        due = [key for key, repeats in self._seen.items() if now - repeats.since >= self._every_s]
        for key in due:
            repeats = self._seen.pop(key)
            if repeats.count:
                self._report(repeats)
                self._seen[key] = _Repeats(repeats.record, now)

    def flush(self) -> None:
        """Reports all that came again and was not told yet."""
        with self._held():
            for repeats in self._seen.values():
                self._report(repeats)
                repeats.count = 0
            self._target.flush()

    def close(self) -> None:
        self.flush()
        with self._held():
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        super().close()

    def _report(self, repeats: _Repeats) -> None:
        if repeats.count:
            self._target.handle(_again(repeats.record, repeats.count))

    def _wake(self) -> None:
        # After an outage's last line nothing else may ever be logged, and its count would stay untold.
        if self._timer is None:
            self._timer = threading.Timer(self._every_s, self._woken)
            self._timer.daemon = True
            self._timer.start()

    def _woken(self) -> None:
        with self._held():
            self._timer = None
            self.tell(self._clock())
            if any(repeats.count for repeats in self._seen.values()):
                self._wake()

    def _held(self) -> Any:
        assert self.lock is not None
        return self.lock


def _said(record: logging.LogRecord) -> str:
    if isinstance(record.msg, dict):  # structlog's, with its fields
        fields = {key: value for key, value in record.msg.items() if key not in ("timestamp", "exc_info")}
        return repr(sorted(fields.items(), key=lambda item: item[0]))
    return _NUMBER.sub("#", record.getMessage())


def _bare(record: logging.LogRecord) -> logging.LogRecord:
    """Without its traceback, which would keep every frame's variables alive."""
    bare = logging.makeLogRecord(record.__dict__)
    bare.exc_info = bare.exc_text = None
    if isinstance(record.msg, dict):
        bare.msg = {key: value for key, value in record.msg.items() if key != "exc_info"}
    return bare


def _again(record: logging.LogRecord, count: int) -> logging.LogRecord:
    again = logging.makeLogRecord(record.__dict__)
    if isinstance(record.msg, dict):
        again.msg = record.msg | {"repeated": count}
    else:
        again.repeated = count
    return again
