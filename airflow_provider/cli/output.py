"""What a command prints: answers on stdout, everything else on stderr, nothing secret on either."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TextIO

from rich.console import Console
from rich.style import Style
from rich.table import Table
from rich.text import Text

__all__ = [
    "complain",
    "console",
    "count",
    "note",
    "print_json",
    "state",
    "table",
    "utc",
    "warn",
    "warnings_on_stderr",
    "when",
]

_STYLES = {
    "ACCEPTED": "green",
    "DELIVERED": "green",
    "NO_REPORT": "green",
    "CLAIMED": "yellow",
    "UNKNOWN": "bold yellow",
    "NOT_SENT": "yellow",
    "SUPPRESSED": "yellow",
    "REJECTED": "red",
    "FAILED": "red",
}


def console(stream: TextIO | None = None) -> Console:
    """Return a console on a stream, stdout by default. What is printed is text, never markup.

    A pipe or a file has no width, so nothing is cut there.
    """
    stream = stream or sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else 240
    return Console(file=stream, width=width, markup=False, highlight=False, emoji=False)


def print_json(value: Any) -> None:
    """Print one JSON value on one line."""
    unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    sys.stdout.write(json.dumps(value, ensure_ascii=not unicode) + "\n")
    sys.stdout.flush()


def complain(sentence: str) -> None:
    """Print an error on stderr."""
    _on_stderr(Text(sentence, style="red"))


def warn(sentence: str) -> None:
    """Print a warning on stderr."""
    _on_stderr(Text.assemble(("Warning: ", "yellow"), sentence))


def note(sentence: str) -> None:
    """Print something by the way on stderr."""
    _on_stderr(Text(sentence, style="dim"))


def _on_stderr(text: Text) -> None:
    console(sys.stderr).print(text, soft_wrap=True)


def table(*columns: str, numbers: Sequence[str] = ()) -> Table:
    """Return an empty table. Columns of numbers stand to the right."""
    made = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for column in columns:
        # A table too wide for the terminal breaks its cells; a number or an id with its end cut off is none.
        made.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    return made


def state(word: str, more: str = "") -> Text:
    """Return a message's state in its colour."""
    return Text.assemble((word, Style.parse(_STYLES.get(word, ""))), more)


def count(number: int, thing: str) -> str:
    """Return a number of things in words."""
    return f"{number} {thing}{'s' * (number != 1)}"


def when(moment: float, *, seconds: bool = True) -> str:
    """Return a moment (seconds since 1970) in the local time of whoever reads it."""
    local = datetime.fromtimestamp(moment, UTC).astimezone()
    return f"{local:%Y-%m-%d %H:%M:%S}" if seconds else f"{local:%m-%d %H:%M}"


def utc(moment: float) -> str:
    """Return a moment (seconds since 1970) as ISO 8601 in UTC, for machines."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")


@contextmanager
def warnings_on_stderr() -> Iterator[None]:
    """Show what Ulak's own loggers warn of, one line each, whatever Airflow does with its logging."""
    logger = logging.getLogger("airflow_provider")
    before = logger.level, logger.propagate
    handler = _OneLine(logging.WARNING)
    logger.addHandler(handler)
    logger.setLevel(logging.WARNING)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before[0])
        logger.propagate = before[1]


class _OneLine(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        # Without the traceback that came along: the sentence says what matters.
        sentence = " ".join(record.getMessage().split())
        (complain if record.levelno >= logging.ERROR else warn)(sentence)
