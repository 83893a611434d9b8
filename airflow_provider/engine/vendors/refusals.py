"""A vendor's no, read from a table, and its words made fit to be shown.

A vendor that refuses by HTTP status and prose lists its refusals from the special to the general; the first row
that fits counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from airflow_provider.engine.errors import Rejected, Scope
from airflow_provider.engine.redaction import scrub

__all__ = ["Refusal", "quoting", "refusal", "safe_words"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """One row: a 4xx status, a part of the vendor's words (empty fits any), and what they come to."""

    status: int
    words: str
    error: type[Rejected]
    scope: Scope
    sentence: str
    advice: str | None = None


def refusal(table: Iterable[Refusal], words: str, *, status: int, **details: Any) -> Rejected:
    """Return the error that a table makes of a refusal.

    One that is in no row concerns the account: that stops the run, and leaves a later one free to try again.

    Args:
        table: The vendor's rows.
        words: What the vendor said, from :func:`safe_words`.
        status: The HTTP status.
        **details: Keyword arguments of the error: vendor, operation, code, request_id.
    """
    for row in table:
        if row.status == status and row.words in words:
            sentence = quoting(row.sentence, words)
            return row.error(sentence, scope=row.scope, advice=row.advice, status=status, **details)
    sentence = quoting("The vendor refused the request.", words)
    return Rejected(sentence, scope="account", status=status, **details)


def safe_words(value: object, private: Iterable[str]) -> str:
    """Return what a vendor said, on one line, without credentials, numbers, addresses and ``private`` texts.

    It may quote what it was sent. It is cleaned before it is cut, so that no half secret is left at the end.
    """
    return " ".join(scrub(value, private).split())[:200] if isinstance(value, str) else ""


def quoting(sentence: str, words: str) -> str:
    """Return a sentence of ours with the vendor's words, if there are any, at its end."""
    return f'{sentence.removesuffix(".")}: "{words.removesuffix(".")}".' if words else sentence
