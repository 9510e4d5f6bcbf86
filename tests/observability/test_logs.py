"""What a log line holds, what is collapsed, and that no secret gets through."""

import io
import json
import logging
import re
import threading
import warnings

import pytest
import structlog

from monitor import logs
from monitor.settings import Settings

SECRET = 'p"ss\\word-1234'


@pytest.fixture
def lines(monkeypatch):
    """Sets logging up and gives back a function that returns the lines so far, as dicts."""
    root = logging.getLogger()
    before = root.handlers[:], root.level, [(name, logging.getLogger(name).level) for name in logs._LIBRARIES]
    stream = io.StringIO()
    handlers = []

    def setup(**settings):
        handlers.append(logs.setup(Settings(**settings), stream))

        def read():
            return [json.loads(line) for line in stream.getvalue().splitlines()]

        read.text = stream.getvalue
        read.handler = handlers[-1]
        return read

    yield setup
    for handler in handlers:
        handler.close()
    logging.captureWarnings(False)
    structlog.reset_defaults()
    root.handlers[:], root.level = before[0], before[1]
    for name, level in before[2]:
        logging.getLogger(name).setLevel(level)


def test_a_line_is_json_with_utc_time_level_logger_and_fields(lines):
    read = lines()
    structlog.get_logger("killcord.worker").info("checkpoint written", runs=3, seconds=0.01)
    [line] = read()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", line.pop("timestamp"))
    assert line == {
        "event": "checkpoint written",
        "level": "info",
        "logger": "killcord.worker",
        "runs": 3,
        "seconds": 0.01,
    }


def test_libraries_and_warnings_come_out_as_the_same_json(lines):
    read = lines()
    logging.getLogger("aiokafka.conn").error("Unable to connect to %s", "kafka:9092")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn("old option", DeprecationWarning, stacklevel=1)
    assert [(line["level"], line["logger"]) for line in read()] == [
        ("error", "aiokafka.conn"),
        ("warning", "py.warnings"),
    ]


def test_an_exception_is_one_line_without_local_variables(lines):
    read = lines()
    try:
        hidden = "local" + "-value"
        raise ValueError("bad")
    except ValueError:
        structlog.get_logger("killcord").exception("failed", length=len(hidden))
        logging.getLogger("faust").exception("crashed")
    for line in read():
        assert line["exception"].endswith("ValueError: bad")
        assert "local-value" not in line["exception"]


LEVELS = [  # setting, levels of Killcord's lines shown, levels of libraries' lines shown
    ("debug", ["debug", "info", "warning", "error"], ["info", "warning", "error"]),
    ("info", ["info", "warning", "error"], ["warning", "error"]),
    ("error", ["error"], ["error"]),
]


@pytest.mark.parametrize(("setting", "own", "library"), LEVELS)
def test_the_level_is_the_settings(lines, setting, own, library):
    read = lines(log_level=setting)
    for level in ("debug", "info", "warning", "error"):
        getattr(structlog.get_logger("killcord"), level)("said")
        getattr(logging.getLogger("faust.app"), level)("said")
    shown = [(line["logger"], line["level"]) for line in read()]
    assert [level for logger, level in shown if logger == "killcord"] == own
    assert [level for logger, level in shown if logger == "faust.app"] == library


def test_a_service_of_mode_in_our_own_module_talks_like_the_library(lines):
    read = lines()
    logging.getLogger("monitor.worker.app").info("[^-App]: Starting...")
    assert read() == []


def test_the_console_is_for_people(lines):
    read = lines(log_format="console")
    structlog.get_logger("killcord").warning("broker gone", broker="kafka:9092")
    assert "broker gone" in read.text()
    assert "broker=kafka:9092" in read.text()
    assert "\x1b" not in read.text()  # no colours where no terminal is


LEAKS = [  # what is logged, what must not be seen
    (lambda log: log.info("login", sasl_password="hunter2"), "hunter2"),
    (lambda log: log.info("login", oauth_token="tok-5555"), "tok-5555"),
    (lambda log: log.error(f"login with {SECRET} failed"), "word-1234"),
    (lambda log: logging.getLogger("aiokafka").error("auth %s", {"password": SECRET}), "word-1234"),
    (lambda log: log.info("header", header="Bearer abcdefgh12345678"), "abcdefgh12345678"),
    (lambda log: log.info("got eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"), "c2lnbmF0dXJl"),
    (lambda log: log.info("https://user:geheim@example.com/token"), "geheim"),
]


@pytest.mark.parametrize(("say", "hidden"), LEAKS)
@pytest.mark.parametrize("log_format", ["json", "console"])
def test_secrets_are_masked(lines, say, hidden, log_format):
    read = lines(security_protocol="SASL_SSL", sasl_username="u", sasl_password=SECRET, log_format=log_format)
    say(structlog.get_logger("killcord"))
    assert hidden not in read.text()
    assert logs.MASK in read.text()


def test_a_secret_in_a_traceback_is_masked(lines):
    read = lines(security_protocol="SASL_SSL", sasl_username="u", sasl_password=SECRET)
    try:
        raise RuntimeError(f"cannot log in with {SECRET}")
    except RuntimeError:
        structlog.get_logger("killcord").exception("failed")
    [line] = read()
    assert line["exception"].endswith("cannot log in with ***")


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Kept(logging.Handler):
    def __init__(self):
        super().__init__()
        self.said = []

    def emit(self, record):
        self.said.append((record.getMessage(), getattr(record, "repeated", 0)))


@pytest.fixture
def collapsing():
    clock, kept = Clock(), Kept()
    handler = logs.Collapsing(kept, every_s=10.0, clock=clock)
    logger = logging.Logger("library")
    logger.addHandler(handler)
    yield logger, clock, kept.said
    handler.close()


def test_a_broker_outage_is_a_line_and_then_a_count_every_ten_seconds(collapsing):
    logger, clock, said = collapsing
    for n in range(1_400):  # 14 s, as measured with stock Faust
        clock.now = n / 100
        logger.error("Unable to connect to node %d: port %d refused, try %d", n % 3, 9092 + n % 3, n)
    assert [repeated for _, repeated in said] == [0, 999]
    logger.handlers[0].flush()
    assert sum(repeated for _, repeated in said) == 1_399


def test_what_comes_again_later_is_news(collapsing):
    logger, clock, said = collapsing
    for clock.now in (0.0, 60.0, 120.0):
        logger.error("broker gone")
    assert said == [("broker gone", 0)] * 3


def test_different_errors_and_information_are_not_collapsed(collapsing):
    logger, _, said = collapsing
    for text in ("broker gone", "topic missing"):
        logger.error(text)
    for _ in range(2):
        logger.info("checkpoint")
    assert [text for text, _ in said] == ["broker gone", "topic missing", "checkpoint", "checkpoint"]


def test_own_lines_are_the_same_only_with_the_same_fields(lines):
    read = lines()
    log = structlog.get_logger("killcord")
    for run in ("run-1", "run-2", "run-2"):
        log.warning("run is unguarded", run_id=run)
    read.handler.flush()
    assert [(line["run_id"], line.get("repeated")) for line in read()] == [
        ("run-1", None),
        ("run-2", None),
        ("run-2", 1),
    ]


def test_the_last_count_is_told_though_nothing_is_logged_any_more():
    told = threading.Event()

    class Tells(Kept):
        def emit(self, record):
            super().emit(record)
            if getattr(record, "repeated", 0):
                told.set()

    kept = Tells()
    handler = logs.Collapsing(kept, every_s=0.05)
    logger = logging.Logger("library")
    logger.addHandler(handler)
    for _ in range(3):
        logger.error("broker gone")
    assert told.wait(10)
    handler.close()
    assert kept.said == [("broker gone", 0), ("broker gone", 2)]


def test_memory_for_repeats_is_bounded(collapsing):
    logger, _, _ = collapsing
    for n in range(2_000):
        logger.error("unheard of: %s", "x" * n)
    assert len(logger.handlers[0]._seen) <= 512


def test_a_faust_worker_leaves_logging_as_it_is(lines):
    from mode import Service, Worker

    read = lines()
    worker = Worker(Service(), loglevel="INFO", override_logging=True, **logs.worker_options(read.handler))
    worker._setup_logging()
    structlog.get_logger("killcord").info("still here")
    assert [line["event"] for line in read()] == ["still here"]
