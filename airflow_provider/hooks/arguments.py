"""What people pass to a hook or an operator, read: numbers, addresses and keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow_provider.engine.errors import InvalidMessage
from airflow_provider.engine.ledger.claims import Origin

__all__ = ["Recipients", "addresses", "named", "numbers"]

Recipients = str | Sequence[str]


def named(key: str, shown: Mapping[str, str]) -> Origin:
    """Return the origin of a message whose key is given; ``shown`` is what people may read of it.

    Raises:
        InvalidMessage: The key is empty, as a template leaves it that found nothing.
    """
    # A DAG that renders native objects turns "42" into a number.
    text = str(key)
    if not text.strip():
        raise InvalidMessage(
            "The key is empty, and all messages under an empty key would be one.",
            advice="Give each message a key of its own, or none.",
        )
    return Origin.named(text, shown)


def numbers(to: Recipients) -> tuple[str, ...]:
    """Return numbers as people write them in E.164.

    Raises:
        InvalidMessage: One of them is no number.
    """
    from airflow_provider.engine import phone  # noqa: PLC0415  # phonenumbers is a third of our import time

    return tuple(phone.normalise(number) for number in addresses(to))


def addresses(to: Recipients) -> tuple[str, ...]:
    """Return one recipient or many as many.

    Raises:
        InvalidMessage: It is neither a text nor a list of texts.
    """
    given: Any = to
    # A DAG that renders native objects turns a text of digits into a number.
    if isinstance(given, str | int):
        return (str(given),)
    listed = isinstance(given, Sequence) and not isinstance(given, bytes)
    if listed and all(isinstance(one, str | int) for one in given):
        return tuple(map(str, given))
    raise InvalidMessage("Recipients must be given as a text, or as a list of texts.", advice="")
