"""The watch of the suite must see; a guard that sees nothing lets everything pass."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

NUMBER = "0532 123 45 67"


@pytest.fixture
def caught(log_watch) -> Iterator[Callable[[], list[str]]]:
    """Return what the watch would fail this test for, and have it forgotten."""

    def take() -> list[str]:
        leaks = log_watch.leaks()
        log_watch.seen.clear()
        return leaks

    yield take
    log_watch.seen.clear()


@pytest.fixture
def quiet_logger() -> Iterator[logging.Logger]:
    """A logger that no handler would hear: too high a level, no propagation."""
    logger = logging.getLogger("somebody.quiet")
    logger.setLevel(logging.CRITICAL)
    logger.propagate = False
    yield logger
    logger.setLevel(logging.NOTSET)
    logger.propagate = True


@pytest.mark.parametrize(
    "spelling", [NUMBER, "+905321234567", "905321234567", "0 (532) 123-45-67", "00905321234567"]
)
def test_a_full_number_is_seen_in_every_spelling(caught, quiet_logger, spelling) -> None:
    quiet_logger.debug("sending to %s", spelling)
    (leak,) = caught()
    assert "somebody.quiet logged a full number" in leak


@pytest.mark.parametrize(
    "shown", ["+90 532 *** ** 67", "id 5321234567890123", "a905321234567f", "1.905321234567"]
)
def test_what_is_no_full_number_is_let_pass(caught, quiet_logger, shown) -> None:
    quiet_logger.debug("sent: %s", shown)
    assert caught() == []


def test_a_secret_is_seen_in_arguments_extras_and_tracebacks(caught, log_watch, quiet_logger) -> None:
    log_watch.forbid("hunter2secret", "a credential")
    quiet_logger.debug("calling %r", {"key": "hunter2secret"})
    quiet_logger.debug("calling", extra={"url": "https://x/?key=hunter2secret"})
    try:
        int("hunter2secret")
    except ValueError:
        quiet_logger.debug("it failed", exc_info=True)
    quiet_logger.debug("%d is not a number", "hunter2secret")
    assert len(caught()) == 4


def test_a_code_is_seen_alone_and_not_inside_a_longer_number(caught, log_watch, quiet_logger) -> None:
    log_watch.forbid("482913", "a one-time code")
    quiet_logger.debug("took 0.482913 s, message 1482913")
    assert caught() == []
    quiet_logger.debug("the code is 482913.")
    assert len(caught()) == 1


def test_what_a_logger_filters_out_was_not_logged(caught, quiet_logger) -> None:
    class Hide(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            record.args = ("***",)
            return True

    hide = Hide()
    quiet_logger.addFilter(hide)
    quiet_logger.debug("sending to %s", NUMBER)
    quiet_logger.removeFilter(hide)
    assert caught() == []


def test_structlog_is_seen_as_it_comes_out_of_its_processors(caught, log_watch) -> None:
    log_watch.forbid("hunter2secret", "a credential")

    def mask(_logger: object, _method: str, event: dict[str, object]) -> dict[str, object]:
        return event | {"token": "***"}

    as_text, as_bytes = structlog.processors.JSONRenderer(), structlog.processors.JSONRenderer(_json_bytes)
    for processors in ([as_text], [as_bytes], [mask, as_text]):
        logger = structlog.wrap_logger(structlog.ReturnLogger(), processors=processors)
        logger.debug("calling", token="hunter2secret", to=NUMBER)
    leaks = caught()
    assert len([leak for leak in leaks if "a credential" in leak]) == 2
    assert len([leak for leak in leaks if "a full number" in leak]) == 3


def test_structlogs_tracebacks_are_seen_as_they_are_printed(caught, log_watch) -> None:
    log_watch.forbid("hunter'2'secret", "a credential")
    logger = structlog.wrap_logger(
        structlog.ReturnLogger(),
        processors=[structlog.processors.format_exc_info, structlog.dev.ConsoleRenderer()],
    )
    try:
        int("hunter'2'secret")
    except ValueError:
        logger.exception("it failed")
    assert len(caught()) == 1


def _json_bytes(event: object, **_: object) -> bytes:
    return json.dumps(event).encode()


def test_a_test_that_logs_a_number_fails(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(Path(__file__).with_name("conftest.py").read_text(encoding="utf-8"))
    pytester.makepyfile(
        f"""
        import logging

        def test_silent(): pass
        def test_talking(): logging.getLogger("anything").debug("to %s", {NUMBER!r})
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-q")
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*anything logged a full number: to 0532 123 45 67*"])
