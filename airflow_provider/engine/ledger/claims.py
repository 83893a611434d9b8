"""What dispatch says to a ledger and hears from it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from airflow_provider.engine import errors
from airflow_provider.engine.errors import MessagingError, Scope
from airflow_provider.engine.ledger.states import OnUnknown, Verdict
from airflow_provider.engine.messages import Channel, Message, Mode, State

__all__ = ["Attempt", "Claim", "Found", "Ledger", "Origin", "Outcome", "StoredError"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a send comes from, and so what its keys are made of.

    ``parts`` is the scope that every key of the call begins with; ``shown`` is what people may read of it.
    """

    parts: tuple[str, ...]
    shown: Mapping[str, str]

    @classmethod
    def task(
        cls, dag_id: str, run_id: str, task_id: str, map_index: int, *, clear: int | None = None
    ) -> Origin:
        """Return the origin of a task: the same for every try of it.

        ``clear`` counts clears where clearing shall send anew (``on_clear="resend"``).
        """
        again = () if clear is None else (f"clear {clear}",)
        shown = {
            "kind": "task",
            "dag_id": dag_id,
            "run_id": run_id,
            "task_id": task_id,
            "map_index": str(map_index),
        }
        return cls(("task", dag_id, run_id, task_id, str(map_index), *again), shown)

    @classmethod
    def named(cls, key: str, shown: Mapping[str, str] | None = None) -> Origin:
        """Return the origin of a call that names its key itself."""
        return cls(("key", key), {"kind": "key", **(shown or {})})

    @classmethod
    def fresh(cls, shown: Mapping[str, str] | None = None) -> Origin:
        """Return the origin of a call that names no key: a new message each time."""
        return cls(("new", secrets.token_hex(16)), {"kind": "call", **(shown or {})})


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request to a vendor, over one or more rows.

    ``id`` is compared when its outcome is recorded; ``report_id`` is the number that a vendor reports by.
    """

    id: str = field(default_factory=lambda: secrets.token_hex(16))
    report_id: int = field(default_factory=lambda: secrets.randbits(52) | 1)


@dataclass(frozen=True, slots=True)
class Claim:
    """One message for one recipient that somebody wants to send."""

    origin: Origin
    channel: Channel
    to: str
    ordinal: int
    vendor: str
    conn_id: str
    operation: str
    message: Message
    sender: str | None = None
    encoding: str | None = None
    segments: int | None = None
    credits: int | None = None
    cost_note: str | None = None
    mode: Mode = Mode.LIVE

    @property
    def key_parts(self) -> tuple[str | int, ...]:
        """What the key is made of. E-mail addresses are one person in any case of their letters."""
        return (*self.origin.parts, self.channel.value, self.to.casefold(), self.ordinal)


@dataclass(frozen=True, slots=True)
class StoredError:
    """An error as the ledger keeps it, to be raised again."""

    kind: str
    sentence: str
    details: Mapping[str, Any]

    @classmethod
    def of(cls, error: MessagingError) -> StoredError:
        """Take what can be kept of an error."""
        names = ("vendor", "operation", "status", "code", "request_id", "scope")
        details = {name: value for name in names if (value := getattr(error, name, None)) is not None}
        if error.advice != type(error).advice:
            details["advice"] = error.advice
        return cls(type(error).__name__, error.sentence, details)

    def revive(self) -> MessagingError:
        """Return the error again, of its own class or else of the nearest that this release knows."""
        nearest = errors.Rejected if "scope" in self.details else errors.MessagingError
        kind: type[MessagingError] = getattr(errors, self.kind, nearest)
        return kind(self.sentence, **self.details)

    def dump(self) -> str:
        """Return it as JSON, in ASCII: a vendor's words may hold what no database takes as text."""
        return json.dumps([self.kind, self.sentence, dict(self.details)])

    @classmethod
    def load(cls, text: str | None) -> StoredError | None:
        """Read what :meth:`dump` wrote."""
        return None if text is None else cls(*json.loads(text))


@dataclass(frozen=True, slots=True)
class Found:
    """What a claim met: the verdict, and the row as it stands now.

    For the verdict CLAIM that is the caller's own claim, and the rest is what the caller said.
    """

    verdict: Verdict
    key: str
    state: State
    attempt: int
    vendor: str
    conn_id: str
    mode: Mode
    lease_left: float = 0.0
    message_id: str | None = None
    report_id: int | None = None
    encoding: str | None = None
    segments: int | None = None
    credits: int | None = None
    charged: Decimal | None = None
    cost_note: str | None = None
    error: StoredError | None = None
    same_content: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one claimed row."""

    key: str
    state: State
    scope: Scope | None = None
    message_id: str | None = None
    charged: Decimal | None = None
    error: StoredError | None = None
    detail: str | None = None


class Ledger(Protocol):
    """What dispatch needs of a ledger. Each call is one transaction."""

    ledger_id: str

    def claim(
        self, claims: Sequence[Claim], attempt: Attempt, *, lease: float, on_unknown: OnUnknown
    ) -> Sequence[Found]:
        """Claim what may be claimed, in the order given; committed when this returns.

        ``lease`` is in seconds. Only rows found with the verdict CLAIM belong to the attempt.
        """

    def look(self, claims: Sequence[Claim], *, on_unknown: OnUnknown) -> Sequence[Found]:
        """Return what :meth:`claim` would meet, without claiming. Where there is no row, NOT_SENT and attempt 0."""

    def record(self, attempt: Attempt, outcomes: Sequence[Outcome]) -> bool:
        """Write what became of an attempt's rows. Writing the same again does no harm.

        Returns:
            Whether every row still belonged to the attempt.
        """

    def release(self, attempt: Attempt) -> None:
        """Write every row that the attempt still holds as NOT_SENT: it was stopped before a byte left."""
