"""What a command ends with: a code for scripts, and a sentence for people."""

from __future__ import annotations

import os
from collections.abc import Iterable
from enum import IntEnum
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from airflow_provider.cli import output
from airflow_provider.engine.errors import (
    CodeNotRetained,
    ConfigurationError,
    InvalidMessage,
    MessagingError,
    NotSent,
    Refused,
    Rejected,
    UnreadableResponse,
    UnsupportedOperation,
)

__all__ = ["CODES", "Code", "Guarded", "code_of", "code_of_states", "debugging", "report_bug", "stop"]


class Code(IntEnum):
    """The exit codes."""

    DONE = 0
    """Accepted, or already sent under this key."""
    FAULT = 1
    """A bug of ours."""
    INVALID = 2
    """The input or the configuration is wrong; nothing was tried."""
    REJECTED = 3
    """The vendor said no."""
    NOT_SENT = 4
    """It never left; the same may be tried again."""
    UNKNOWN = 5
    """It may or may not have gone out."""
    HELD_BACK = 6
    """A guard of ours said no."""
    INTERRUPTED = 130
    """Ctrl-C."""


CODES = (
    "Ends with 0 accepted, or sent earlier under this key; 2 wrong input or configuration; 3 rejected by the vendor;"
    " 4 not sent, try again; 5 outcome unknown; 6 held back by a guard."
    " Of several recipients the first of 5, 4, 3, 6, 0."
)

_GRAVITY = (Code.UNKNOWN, Code.NOT_SENT, Code.REJECTED, Code.HELD_BACK)

# By their words, since the states themselves bring pydantic along.
_OF_STATE = {
    "CLAIMED": Code.UNKNOWN,
    "UNKNOWN": Code.UNKNOWN,
    "NOT_SENT": Code.NOT_SENT,
    "REJECTED": Code.REJECTED,
    "FAILED": Code.REJECTED,
    "SUPPRESSED": Code.HELD_BACK,
    "ACCEPTED": Code.DONE,
    "DELIVERED": Code.DONE,
    "NO_REPORT": Code.DONE,
}


_ORDER = ("vendors", "sandbox", "send", "status", "balance", "whatsapp", "ledger")


def code_of_states(states: Iterable[str]) -> Code:
    """Return the code of a send to several recipients: the gravest of theirs."""
    codes = {_OF_STATE[state] for state in states}
    return next((code for code in _GRAVITY if code in codes), Code.DONE)


def code_of(error: MessagingError) -> Code:
    """Return the code of an error that says nothing about single recipients."""
    match error:
        case ConfigurationError() | InvalidMessage() | UnsupportedOperation():
            return Code.INVALID
        case CodeNotRetained():
            return Code.DONE
        case Refused():
            return Code.HELD_BACK
        case Rejected():
            return Code.REJECTED
        case NotSent() | UnreadableResponse():
            # Of a send, dispatch makes an unreadable answer an unknown outcome; what is left are questions.
            return Code.NOT_SENT
        case _:
            return Code.UNKNOWN


def stop(code: Code, sentence: str) -> NoReturn:
    """Say why, and end the command."""
    output.complain(sentence)
    raise typer.Exit(code)


def debugging() -> bool:
    """Tell whether ULAK_DEBUG asks for tracebacks."""
    return bool(os.environ.get("ULAK_DEBUG"))


def report_bug(error: Exception, advice: str = "") -> NoReturn:
    """Say that an exception which nobody foresaw is our fault, and end the command.

    Raises:
        Exception: The exception itself, where ULAK_DEBUG asks for its traceback.
    """
    if debugging():
        raise error
    # Without its own words, which may quote a credential or a number.
    sentence = f"Ulak failed unexpectedly ({type(error).__name__}), and this is a bug."
    how = "Run it with ULAK_DEBUG=1 for the traceback, and report that without keys and numbers."
    stop(Code.FAULT, " ".join(filter(None, (sentence, advice, how))))


class Guarded(TyperGroup):
    """The group of all commands: whatever goes wrong inside ends in a sentence on stderr and a code."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  # typer's signature
        """Return the commands in the order in which somebody new needs them."""
        return sorted(self.commands, key=_ORDER.index)

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        with output.warnings_on_stderr():
            try:
                return super().invoke(ctx)
            except MessagingError as error:
                stop(code_of(error), str(error))
            except KeyboardInterrupt:
                # A send speaks for itself; the other commands send nothing.
                stop(Code.INTERRUPTED, "Stopped by Ctrl-C. No message was sent.")
            except (typer.TyperException, typer.Exit, typer.Abort, BrokenPipeError):
                raise
            except Exception as error:
                report_bug(error)
