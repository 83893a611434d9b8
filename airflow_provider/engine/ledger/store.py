"""The ledger in a database.

Each call is one transaction. The database's clock decides about leases; the attempt's id decides who may
record.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Engine, Row, and_, bindparam, case, func, insert, or_, select, update

from airflow_provider.engine.errors import InvalidMessage
from airflow_provider.engine.ledger import database
from airflow_provider.engine.ledger.claims import Attempt, Claim, Found, Outcome, StoredError
from airflow_provider.engine.ledger.database import NOW, reading, writing
from airflow_provider.engine.ledger.schema import events, messages
from airflow_provider.engine.ledger.secret import Secret
from airflow_provider.engine.ledger.states import Actor, OnUnknown, Verdict, check_move, may_move, meet
from airflow_provider.engine.messages import Message, Mode, State
from airflow_provider.engine.redaction import mask

__all__ = ["Entry", "Event", "SqlLedger"]

_ENDED = and_(messages.c.state == State.CLAIMED, messages.c.lease_until <= NOW)
_reads_as = case((_ENDED, State.UNKNOWN.value), else_=messages.c.state)
"""A row's state as people read it: a claim whose lease has ended is UNKNOWN, written or not."""

_SEEN = select(messages, _reads_as.label("reads_as"))
_BY_KEY = select(messages).where(messages.c.key_digest.in_(bindparam("digests", expanding=True)))
_UPDATE = update(messages).where(messages.c.id == bindparam("row"))
_INSERT = insert(messages)
_INSERT_EVENT = insert(events)

_Row = Row[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A claim with the digests of its key and of its content."""

    claim: Claim
    key: str
    content: str


@dataclass(frozen=True, slots=True)
class Event:
    """One change of a row. ``at`` is in seconds since 1970."""

    at: float
    actor: str
    attempt: int
    before: str | None
    after: str
    detail: str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """A row as people read it. Times are in seconds since 1970; ``to`` is in full and for its owner alone.

    ``lease_ended`` says that ``state`` is UNKNOWN only because a claim was never followed by an outcome.
    """

    id: int
    key: str
    state: State
    to: str
    vendor: str
    conn_id: str
    operation: str
    channel: str
    origin: Mapping[str, str]
    attempt: int
    message_id: str | None
    report_id: int | None
    encoding: str | None
    segments: int | None
    credits: int | None
    charged: Decimal | None
    error: str | None
    lease_ended: bool
    created_at: float
    updated_at: float


class SqlLedger:
    """A ledger in an SQL database.

    Use :meth:`open`; it finds the schema, makes or migrates it, and checks the secret.
    """

    def __init__(self, engine: Engine, secret: Secret, ledger_id: str) -> None:
        self._engine = engine
        self._secret = secret
        self.ledger_id = ledger_id

    @classmethod
    def open(cls, url: str, secret: Secret) -> SqlLedger:
        """Open the ledger at an SQLAlchemy URL, making an SQLite one when there is none.

        Raises:
            ConfigurationError: The URL cannot be used, the database cannot be opened, its schema is newer
                than this release, or it was made with another secret.
            NotSent: Another process keeps the database locked.
        """
        engine = database.connect(url)
        try:
            return cls(engine, secret, database.prepare(engine, secret))
        except BaseException:
            engine.dispose()
            raise

    def close(self) -> None:
        """Close the ledger's connections."""
        self._engine.dispose()

    def forget_connections(self) -> None:
        """Let go of connections that belong to a parent process, without closing them there."""
        self._engine.dispose(close=False)

    def digest(self, parts: Sequence[str | int]) -> str:
        """Return the digest under which a key is kept."""
        return self._secret.digest(parts)

    # --- sending --------------------------------------------------------------------------------------

    def claim(
        self, claims: Sequence[Claim], attempt: Attempt, *, lease: float, on_unknown: OnUnknown
    ) -> Sequence[Found]:
        """Claim what may be claimed; see :class:`~airflow_provider.engine.ledger.claims.Ledger`."""
        wanted = self._wanted(claims)
        found = []
        with writing(self._engine) as connection:
            now = database.now(connection)
            for each, row in _rows(connection, wanted):
                met = _meet(each, row, now, on_unknown)
                if row is not None and met.state is not State(row.state):
                    _end_lease(connection, row, now)
                if met.verdict is Verdict.CLAIM:
                    met = self._take(connection, each, row, met, attempt, now, lease)
                found.append(met)
        return found

    def look(self, claims: Sequence[Claim], *, on_unknown: OnUnknown) -> Sequence[Found]:
        """Return what a claim would meet; see :class:`~airflow_provider.engine.ledger.claims.Ledger`."""
        wanted = self._wanted(claims)
        with reading(self._engine) as connection:
            now = database.now(connection)
            return [_meet(each, row, now, on_unknown) for each, row in _rows(connection, wanted)]

    def _wanted(self, claims: Sequence[Claim]) -> list[_Wanted]:
        contents = {id(message): self._content(message) for message in _distinct(claims)}
        wanted = [_Wanted(each, self.digest(each.key_parts), contents[id(each.message)]) for each in claims]
        if len({each.key for each in wanted}) < len(wanted):
            raise InvalidMessage(
                "One call holds the same key twice.", advice="Give each message its own key."
            )
        return wanted

    def _content(self, message: Message) -> str:
        fields = message.model_dump(mode="python", exclude={"to"}, exclude_none=True)
        if "attachment" in fields:
            fields["attachment"] = self.digest(("file", fields["attachment"]["content"].hex()))
        return self.digest(("content", json.dumps(fields, ensure_ascii=False, sort_keys=True, default=str)))

    def _take(
        self,
        connection: Connection,
        wanted: _Wanted,
        row: _Row | None,
        met: Found,
        attempt: Attempt,
        now: float,
        lease: float,
    ) -> Found:
        claim, number = wanted.claim, met.attempt + 1
        values = {
            "scope": None,
            "attempt": number,
            "attempt_id": attempt.id,
            "lease_until": now + lease,
            "vendor": claim.vendor,
            "conn_id": claim.conn_id,
            "operation": claim.operation,
            "channel": claim.channel,
            "origin": json.dumps(dict(claim.origin.shown)),
            "content_digest": wanted.content,
            "sender": _shown(claim.sender),
            "message_id": None,
            "report_id": attempt.report_id,
            "encoding": claim.encoding,
            "segments": claim.segments,
            "credits": claim.credits,
            "charged": None,
            "cost_note": claim.cost_note,
            "error": None,
            "mode": claim.mode,
        }
        if row is None:
            first = {
                "key_digest": wanted.key,
                "scope_digest": self.digest(claim.origin.parts),
                "recipient_hash": self._recipient_hash(claim.to),
                "recipient": self._secret.encrypt(claim.to),
                "state": State.CLAIMED,
                "created_at": now,
                "updated_at": now,
            }
            inserted = connection.execute(_INSERT, values | first).inserted_primary_key
            row_id = None if inserted is None else inserted[0]
            _log(connection, row_id, now, Actor.CALLER, number, None, State.CLAIMED)
        else:
            _change(connection, row, met.state, State.CLAIMED, Actor.CALLER, now, values)
        return Found(
            Verdict.CLAIM,
            wanted.key,
            State.CLAIMED,
            number,
            claim.vendor,
            claim.conn_id,
            claim.mode,
            lease_left=lease,
            report_id=attempt.report_id,
        )

    def record(self, attempt: Attempt, outcomes: Sequence[Outcome]) -> bool:
        """Write what became of an attempt; see :class:`~airflow_provider.engine.ledger.claims.Ledger`."""
        mine = True
        with writing(self._engine) as connection:
            now = database.now(connection)
            digests = [outcome.key for outcome in outcomes]
            rows = {row.key_digest: row for row in connection.execute(_BY_KEY, {"digests": digests})}
            for outcome in outcomes:
                row = rows.get(outcome.key)
                if row is None:
                    mine = False
                elif row.attempt_id == attempt.id and may_move(Actor.OWNER, State(row.state), outcome.state):
                    _settle(connection, row, outcome, now)
                else:
                    # The row went on without this attempt; what became of it is kept beside the row.
                    mine = False
                    detail = f"a late attempt ended as {outcome.state}"
                    if outcome.message_id is not None:
                        detail += f", message id {outcome.message_id}"
                    state = State(row.state)
                    _log(connection, row.id, now, Actor.OWNER, row.attempt, state, state, detail)
        return mine

    def release(self, attempt: Attempt) -> None:
        """Give an attempt's rows back; see :class:`~airflow_provider.engine.ledger.claims.Ledger`."""
        held = select(messages).where(messages.c.attempt_id == attempt.id, messages.c.state == State.CLAIMED)
        with writing(self._engine) as connection:
            now = database.now(connection)
            for row in connection.execute(held).all():
                outcome = Outcome(row.key_digest, State.NOT_SENT, detail="stopped before a byte left")
                _settle(connection, row, outcome, now)

    # --- reading --------------------------------------------------------------------------------------

    def find(self, wanted: str) -> list[Entry]:
        """Return the rows of a key (as it was given, or as its digest) or of a vendor's message id.

        Of a digest its first eight characters are enough.
        """
        by_key = self.digest(("key", wanted))
        conditions = [messages.c.scope_digest == by_key, messages.c.message_id == wanted]
        if len(wanted) >= 8 and all(c in "0123456789abcdef" for c in wanted):
            conditions.append(messages.c.key_digest.startswith(wanted, autoescape=True))
        with reading(self._engine) as connection:
            rows = connection.execute(_SEEN.where(or_(*conditions)).order_by(messages.c.id))
            return [self._entry(row) for row in rows]

    def entries(
        self,
        *,
        state: State | None = None,
        conn_id: str | None = None,
        to: str | None = None,
        limit: int = 50,
    ) -> list[Entry]:
        """Return rows, newest first, that match all of what is given. ``to`` is in E.164 or an address."""
        query = _SEEN.order_by(messages.c.id.desc()).limit(limit)
        if state is not None:
            query = query.where(_reads_as == state)
        if conn_id is not None:
            query = query.where(messages.c.conn_id == conn_id)
        if to is not None:
            query = query.where(messages.c.recipient_hash == self._recipient_hash(to))
        with reading(self._engine) as connection:
            return [self._entry(row) for row in connection.execute(query)]

    def timeline(self, entry: Entry) -> list[Event]:
        """Return all changes of a row, oldest first."""
        columns = (
            events.c.at,
            events.c.actor,
            events.c.attempt,
            events.c.before,
            events.c.after,
            events.c.detail,
        )
        query = select(*columns).where(events.c.message == entry.id).order_by(events.c.id)
        with reading(self._engine) as connection:
            return [Event(*row) for row in connection.execute(query)]

    def stats(self) -> dict[tuple[str, str, State], tuple[int, int]]:
        """Return the number of messages and their credits by connection, operation and state."""
        columns = (messages.c.conn_id, messages.c.operation, _reads_as.label("reads_as"))
        query = (
            select(*columns, func.count(), func.coalesce(func.sum(messages.c.credits), 0))
            .group_by(*columns)
            .order_by(*columns)
        )
        with reading(self._engine) as connection:
            return {
                (conn_id, operation, State(state)): (int(count), int(total))
                for conn_id, operation, state, count, total in connection.execute(query)
            }

    def _entry(self, row: _Row) -> Entry:
        error = StoredError.load(row.error)
        return Entry(
            id=row.id,
            key=row.key_digest,
            state=State(row.reads_as),
            to=self._secret.decrypt(row.recipient),
            vendor=row.vendor,
            conn_id=row.conn_id,
            operation=row.operation,
            channel=row.channel,
            origin=json.loads(row.origin),
            attempt=row.attempt,
            message_id=row.message_id,
            report_id=row.report_id,
            encoding=row.encoding,
            segments=row.segments,
            credits=row.credits,
            charged=_decimal(row.charged),
            error=None if error is None else error.sentence,
            lease_ended=row.state != row.reads_as,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )

    def _recipient_hash(self, to: str) -> str:
        return self.digest(("recipient", to.casefold()))

    # --- resolving ------------------------------------------------------------------------------------

    def resolve(self, entry: Entry, *, arrived: bool, who: str, why: str) -> State:
        """Write what a person found out about a message whose outcome is unknown.

        Args:
            entry: The row as the person saw it.
            arrived: What became of the message.
            who: The person.
            why: How the person knows.

        Returns:
            ACCEPTED when it arrived, otherwise NOT_SENT, after which its key may be claimed again.

        Raises:
            InvalidMessage: Its outcome is not unknown (any more), or it has been tried again since.
        """
        after = State.ACCEPTED if arrived else State.NOT_SENT
        with writing(self._engine) as connection:
            now = database.now(connection)
            row = connection.execute(select(messages).where(messages.c.id == entry.id)).one()
            if _lease_ended(row, now):
                _end_lease(connection, row, now)
            elif row.state != State.UNKNOWN:
                raise InvalidMessage(
                    f"The message stands at {row.state}, not at UNKNOWN, so there is nothing to resolve.",
                    operation="resolve",
                    advice="",
                )
            if row.attempt != entry.attempt:
                raise InvalidMessage(
                    f"The message was tried again meanwhile: this is about attempt {entry.attempt}, and it stands at"
                    f" attempt {row.attempt}.",
                    operation="resolve",
                    advice="Find out what became of that one.",
                )
            detail = json.dumps({"who": who, "why": why})
            values = {"lease_until": None, "error": None}
            _change(connection, row, State.UNKNOWN, after, Actor.PERSON, now, values, detail)
        return after


# --- rows -----------------------------------------------------------------------------------------------


def _distinct(claims: Sequence[Claim]) -> list[Message]:
    return list({id(claim.message): claim.message for claim in claims}.values())


def _rows(connection: Connection, wanted: Sequence[_Wanted]) -> list[tuple[_Wanted, _Row | None]]:
    keys = [each.key for each in wanted]
    rows = {row.key_digest: row for row in connection.execute(_BY_KEY, {"digests": keys})}
    return [(each, rows.get(each.key)) for each in wanted]


def _lease_ended(row: _Row, now: float) -> bool:
    return bool(row.state == State.CLAIMED and row.lease_until <= now)


def _meet(wanted: _Wanted, row: _Row | None, now: float, on_unknown: OnUnknown) -> Found:
    """Return what a caller meets under a key; nothing is written."""
    if row is None:
        verdict = meet(None, None, lease_ended=False, on_unknown=on_unknown)
        claim = wanted.claim
        return Found(verdict, wanted.key, State.NOT_SENT, 0, claim.vendor, claim.conn_id, claim.mode)
    state, ended = State(row.state), _lease_ended(row, now)
    return Found(
        meet(state, row.scope, lease_ended=ended, on_unknown=on_unknown),
        row.key_digest,
        State.UNKNOWN if ended else state,
        row.attempt,
        row.vendor,
        row.conn_id,
        Mode(row.mode),
        lease_left=row.lease_until - now if state is State.CLAIMED and not ended else 0.0,
        message_id=row.message_id,
        report_id=row.report_id,
        encoding=row.encoding,
        segments=row.segments,
        credits=row.credits,
        charged=_decimal(row.charged),
        cost_note=row.cost_note,
        error=StoredError.load(row.error),
        same_content=row.content_digest == wanted.content,
    )


def _settle(connection: Connection, row: _Row, outcome: Outcome, now: float) -> None:
    values = {
        "scope": outcome.scope,
        "message_id": _storable(outcome.message_id),
        "charged": None if outcome.charged is None else float(outcome.charged),
        "error": None if outcome.error is None else outcome.error.dump(),
        "lease_until": None,
    }
    # The row forgets its error when it is claimed again; the event keeps it.
    detail = outcome.detail or (None if outcome.error is None else outcome.error.sentence)
    _change(connection, row, State(row.state), outcome.state, Actor.OWNER, now, values, detail)


def _end_lease(connection: Connection, row: _Row, now: float) -> None:
    detail = "the lease ended without an outcome"
    _change(connection, row, State.CLAIMED, State.UNKNOWN, Actor.CLOCK, now, {}, detail)


def _change(
    connection: Connection,
    row: _Row,
    before: State,
    after: State,
    actor: Actor,
    now: float,
    values: Mapping[str, Any],
    detail: str | None = None,
) -> None:
    """Change a row's state and log it. An illegal change rolls the whole transaction back."""
    check_move(actor, before, after)
    values = {"attempt": row.attempt, **values, "state": after, "updated_at": now}
    connection.execute(_UPDATE.values(**values), {"row": row.id})
    _log(connection, row.id, now, actor, values["attempt"], before, after, detail)


def _log(
    connection: Connection,
    row: int | None,
    now: float,
    actor: Actor,
    attempt: int,
    before: State | None,
    after: State,
    detail: str | None = None,
) -> None:
    values = {
        "message": row,
        "at": now,
        "actor": actor,
        "attempt": attempt,
        "before": before,
        "after": after,
        "detail": _storable(detail),
    }
    connection.execute(_INSERT_EVENT, values)


def _shown(sender: str | None) -> str | None:
    # A From address is a mailbox like any other, and stands nowhere in clear.
    return mask(sender) if sender is not None and "@" in sender else sender


def _storable(text: str | None) -> str | None:
    # A vendor's JSON may hold half of a surrogate pair, which no database takes.
    return None if text is None else text.encode("utf-8", "replace").decode()


def _decimal(value: float | None) -> Decimal | None:
    if value is None:
        return None
    return Decimal(int(value)) if value.is_integer() else Decimal(str(value))
