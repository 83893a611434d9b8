"""The ledger in a database.

Each call is one transaction. The database's clock decides about leases; the attempt's id decides who may
record. SQLite takes its write lock at the beginning (``BEGIN IMMEDIATE``), so a claim never meets a row that
changes under it.
"""

from __future__ import annotations

import json
import secrets as random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    bindparam,
    create_engine,
    event,
    func,
    insert,
    inspect,
    literal_column,
    make_url,
    or_,
    select,
    update,
)
from sqlalchemy.exc import SQLAlchemyError

from airflow_provider.engine.errors import ConfigurationError, InvalidMessage
from airflow_provider.engine.ledger import schema
from airflow_provider.engine.ledger.claims import Attempt, Claim, Found, Outcome, StoredError
from airflow_provider.engine.ledger.schema import events, messages
from airflow_provider.engine.ledger.secret import Secret
from airflow_provider.engine.ledger.states import Actor, OnUnknown, Verdict, check_move, may_move, meet
from airflow_provider.engine.messages import Message, State

__all__ = ["Entry", "Event", "SqlLedger"]

_NOW: ColumnElement[float] = literal_column("((julianday('now') - 2440587.5) * 86400.0)")

_SELECT_MET = select(messages).where(messages.c.key_digest.in_(bindparam("digests", expanding=True)))
_SELECT_NOW = select(_NOW)
_SELECT_OWNED = select(
    messages.c.id, messages.c.key_digest, messages.c.state, messages.c.attempt, messages.c.attempt_id
).where(messages.c.key_digest.in_(bindparam("digests", expanding=True)))
_INSERT = insert(messages)
_INSERT_EVENT = insert(events)
_RECLAIM = update(messages).where(messages.c.id == bindparam("row"))
_RECORD = update(messages).where(
    messages.c.id == bindparam("row"), messages.c.attempt_id == bindparam("owner")
)

_Row = Row[*tuple[Any, ...]]


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
    """A row as people read it. Times are in seconds since 1970; ``to`` is in full and for its owner alone."""

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
        """
        engine = _engine(url)
        try:
            with _write(engine) as connection:
                if not _is_current(connection):
                    from airflow_provider.engine.ledger.migrations import migrate  # noqa: PLC0415  # alembic is heavy

                    migrate(connection)
                ledger_id = _identify(connection, secret)
        except SQLAlchemyError as error:
            engine.dispose()
            raise ConfigurationError(
                f"The ledger cannot be opened: {_reason(error)}.",
                advice="Check ULAK_LEDGER_URL, and that its folder can be written to.",
            ) from error
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, secret, ledger_id)

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
        digests = [self.digest(claim.key_parts) for claim in claims]
        if len(set(digests)) < len(digests):
            raise InvalidMessage(
                "One call holds the same key twice.", advice="Give each message its own key."
            )
        contents = {
            id(message): self._content(message)
            for message in {id(c.message): c.message for c in claims}.values()
        }
        with _write(self._engine) as connection:
            now: float = connection.execute(_SELECT_NOW).scalar_one()
            met = {row.key_digest: row for row in connection.execute(_SELECT_MET, {"digests": digests})}
            found = []
            for claim, digest in zip(claims, digests, strict=True):
                row = met.get(digest)
                content = contents[id(claim.message)]
                if row is None:
                    self._insert(connection, claim, digest, content, attempt, now, now + lease)
                    found.append(
                        Found(Verdict.CLAIM, digest, State.CLAIMED, 1, lease, report_id=attempt.report_id)
                    )
                    continue
                found.append(self._meet(connection, claim, row, content, attempt, now, lease, on_unknown))
        return found

    def _insert(
        self,
        connection: Connection,
        claim: Claim,
        digest: str,
        content: str,
        attempt: Attempt,
        now: float,
        until: float,
    ) -> None:
        check_move(Actor.CALLER, None, State.CLAIMED)
        values = {
            "key_digest": digest,
            "scope_digest": self.digest(claim.origin.parts),
            "recipient_hash": self.digest(("recipient", claim.to.casefold())),
            "recipient": self._secret.encrypt(claim.to),
            "created_at": now,
            "attempt": 1,
            **_claimed(claim, content, attempt, now, until),
        }
        inserted = connection.execute(_INSERT, values).inserted_primary_key
        row = inserted[0] if inserted is not None else None
        connection.execute(_INSERT_EVENT, _event(row, now, Actor.CALLER, 1, None, State.CLAIMED))

    def _meet(
        self,
        connection: Connection,
        claim: Claim,
        row: _Row,
        content: str,
        attempt: Attempt,
        now: float,
        lease: float,
        on_unknown: OnUnknown,
    ) -> Found:
        state = State(row.state)
        ended = state is State.CLAIMED and row.lease_until <= now
        verdict = meet(state, row.scope, lease_ended=ended, on_unknown=on_unknown)
        if ended:
            state = State.UNKNOWN
            check_move(Actor.CLOCK, State.CLAIMED, state)
            connection.execute(_RECLAIM.values(state=state, updated_at=now), {"row": row.id})
            connection.execute(
                _INSERT_EVENT,
                _event(
                    row.id,
                    now,
                    Actor.CLOCK,
                    row.attempt,
                    State.CLAIMED,
                    state,
                    "the lease ended without an outcome",
                ),
            )
        if verdict is Verdict.CLAIM:
            check_move(Actor.CALLER, state, State.CLAIMED)
            number = row.attempt + 1
            fresh = {"attempt": number, "error": None, "scope": None, "message_id": None, "charged": None}
            connection.execute(
                _RECLAIM.values(**fresh, **_claimed(claim, content, attempt, now, now + lease)),
                {"row": row.id},
            )
            connection.execute(_INSERT_EVENT, _event(row.id, now, Actor.CALLER, number, state, State.CLAIMED))
            return Found(verdict, row.key_digest, State.CLAIMED, number, lease, report_id=attempt.report_id)
        return Found(
            verdict,
            row.key_digest,
            state,
            row.attempt,
            max(0.0, (row.lease_until or now) - now),
            message_id=row.message_id,
            report_id=row.report_id,
            encoding=row.encoding,
            segments=row.segments,
            credits=row.credits,
            charged=_decimal(row.charged),
            cost_note=row.cost_note,
            error=StoredError.load(row.error),
            same_content=row.content_digest == content,
        )

    def record(self, attempt: Attempt, outcomes: Sequence[Outcome]) -> bool:
        """Write what became of an attempt; see :class:`~airflow_provider.engine.ledger.claims.Ledger`."""
        with _write(self._engine) as connection:
            now: float = connection.execute(_SELECT_NOW).scalar_one()
            digests = [outcome.key for outcome in outcomes]
            rows = {row.key_digest: row for row in connection.execute(_SELECT_OWNED, {"digests": digests})}
            mine = True
            for outcome in outcomes:
                row = rows.get(outcome.key)
                if row is None:
                    mine = False
                elif row.attempt_id == attempt.id and may_move(Actor.OWNER, State(row.state), outcome.state):
                    self._settle(connection, row, attempt, outcome, now)
                else:
                    # The row went on without this attempt; what became of it is kept beside the row.
                    mine = False
                    detail = (
                        f"a late attempt ended as {outcome.state} when the row stood at attempt {row.attempt}"
                    )
                    connection.execute(
                        _INSERT_EVENT,
                        _event(row.id, now, Actor.OWNER, row.attempt, row.state, row.state, detail),
                    )
        return mine

    def release(self, attempt: Attempt) -> None:
        """Give an attempt's rows back; see :class:`~airflow_provider.engine.ledger.claims.Ledger`."""
        held = select(messages.c.key_digest).where(
            messages.c.attempt_id == attempt.id, messages.c.state == State.CLAIMED
        )
        with _read(self._engine) as connection:
            keys = connection.execute(held).scalars().all()
        self.record(
            attempt, [Outcome(key, State.NOT_SENT, detail="stopped before a byte left") for key in keys]
        )

    def _settle(
        self, connection: Connection, row: _Row, attempt: Attempt, outcome: Outcome, now: float
    ) -> None:
        connection.execute(
            _RECORD.values(
                state=outcome.state,
                scope=outcome.scope,
                message_id=outcome.message_id,
                charged=None if outcome.charged is None else float(outcome.charged),
                error=None if outcome.error is None else outcome.error.dump(),
                lease_until=None,
                updated_at=now,
            ),
            {"row": row.id, "owner": attempt.id},
        )
        connection.execute(
            _INSERT_EVENT,
            _event(row.id, now, Actor.OWNER, row.attempt, row.state, outcome.state, outcome.detail),
        )

    def _content(self, message: Message) -> str:
        fields = message.model_dump(mode="python", exclude={"to"}, exclude_none=True)
        if "attachment" in fields:
            fields["attachment"] = self.digest(("file", fields["attachment"]["content"].hex()))
        return self.digest(("content", json.dumps(fields, ensure_ascii=False, sort_keys=True, default=str)))

    # --- reading and resolving ------------------------------------------------------------------------

    def find(self, wanted: str) -> list[Entry]:
        """Return the rows of a key (as it was given, or as its digest) or of a vendor's message id."""
        by_key = self.digest(("key", wanted))
        conditions = [messages.c.scope_digest == by_key, messages.c.message_id == wanted]
        if len(wanted) >= 8 and all(c in "0123456789abcdef" for c in wanted):
            conditions.append(messages.c.key_digest.startswith(wanted, autoescape=True))
        with _read(self._engine) as connection:
            now: float = connection.execute(_SELECT_NOW).scalar_one()
            rows = connection.execute(select(messages).where(or_(*conditions)).order_by(messages.c.id)).all()
            return [self._entry(row, now) for row in rows]

    def entries(
        self,
        *,
        state: State | None = None,
        conn_id: str | None = None,
        to: str | None = None,
        limit: int = 50,
    ) -> list[Entry]:
        """Return rows, newest first, that match all of what is given. ``to`` is in E.164 or an address."""
        query = select(messages).order_by(messages.c.id.desc()).limit(limit)
        if state is not None:
            query = query.where(messages.c.state == state)
        if conn_id is not None:
            query = query.where(messages.c.conn_id == conn_id)
        if to is not None:
            query = query.where(messages.c.recipient_hash == self.digest(("recipient", to.casefold())))
        with _read(self._engine) as connection:
            now: float = connection.execute(_SELECT_NOW).scalar_one()
            return [self._entry(row, now) for row in connection.execute(query)]

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
        with _read(self._engine) as connection:
            return [Event(*row) for row in connection.execute(query)]

    def stats(self) -> dict[tuple[str, str, State], tuple[int, int]]:
        """Return the number of messages and their credits by connection, operation and state."""
        columns = (messages.c.conn_id, messages.c.operation, messages.c.state)
        query = (
            select(*columns, func.count(), func.coalesce(func.sum(messages.c.credits), 0))
            .group_by(*columns)
            .order_by(*columns)
        )
        with _read(self._engine) as connection:
            return {
                (conn_id, operation, State(state)): (int(count), int(total))
                for conn_id, operation, state, count, total in connection.execute(query)
            }

    def resolve(self, entry: Entry, *, arrived: bool, who: str, why: str) -> State:
        """Write what a person found out about a message whose outcome is unknown.

        Returns:
            ACCEPTED when it arrived, otherwise NOT_SENT, after which its key may be claimed again.

        Raises:
            InvalidMessage: Its outcome is not unknown (any more).
        """
        after = State.ACCEPTED if arrived else State.NOT_SENT
        with _write(self._engine) as connection:
            now: float = connection.execute(_SELECT_NOW).scalar_one()
            row = connection.execute(select(messages).where(messages.c.id == entry.id)).one()
            before = State(row.state)
            if before is State.CLAIMED and row.lease_until <= now:
                check_move(Actor.CLOCK, before, State.UNKNOWN)
                connection.execute(
                    _INSERT_EVENT, _event(row.id, now, Actor.CLOCK, row.attempt, before, State.UNKNOWN)
                )
                before = State.UNKNOWN
            if before is not State.UNKNOWN:
                raise InvalidMessage(
                    f"The message stands at {before}, not at UNKNOWN, so there is nothing to resolve.",
                    advice="",
                )
            check_move(Actor.PERSON, before, after)
            connection.execute(
                _RECLAIM.values(state=after, lease_until=None, error=None, updated_at=now), {"row": row.id}
            )
            detail = json.dumps({"who": who, "why": why}, ensure_ascii=False)
            connection.execute(
                _INSERT_EVENT, _event(row.id, now, Actor.PERSON, row.attempt, before, after, detail)
            )
        return after

    def _entry(self, row: _Row, now: float) -> Entry:
        error = StoredError.load(row.error)
        return Entry(
            id=row.id,
            key=row.key_digest,
            state=State(row.state),
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
            lease_ended=row.state == State.CLAIMED and row.lease_until <= now,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )


def _claimed(claim: Claim, content: str, attempt: Attempt, now: float, until: float) -> dict[str, Any]:
    return {
        "state": State.CLAIMED,
        "attempt_id": attempt.id,
        "report_id": attempt.report_id,
        "lease_until": until,
        "vendor": claim.vendor,
        "conn_id": claim.conn_id,
        "operation": claim.operation,
        "channel": claim.channel,
        "origin": json.dumps(dict(claim.origin.shown), ensure_ascii=False),
        "content_digest": content,
        "sender": claim.sender,
        "encoding": claim.encoding,
        "segments": claim.segments,
        "credits": claim.credits,
        "cost_note": claim.cost_note,
        "mode": claim.mode,
        "updated_at": now,
    }


def _event(
    row: int | None,
    now: float,
    actor: Actor,
    attempt: int,
    before: State | str | None,
    after: State | str,
    detail: str | None = None,
) -> dict[str, Any]:
    return {
        "message": row,
        "at": now,
        "actor": actor,
        "attempt": attempt,
        "before": before,
        "after": after,
        "detail": detail,
    }


def _decimal(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(str(value)).normalize()


# --- the database ---------------------------------------------------------------------------------------


def _engine(url: str) -> Engine:
    try:
        address = make_url(url)
        if address.get_backend_name() != "sqlite":
            raise ConfigurationError(
                f"This release keeps its ledger in SQLite only, not in {address.get_backend_name()}.",
                advice="Set ULAK_LEDGER_URL to sqlite:////absolute/path/ulak.db.",
            )
        if address.database:
            Path(address.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(address, connect_args={"timeout": 30.0}, hide_parameters=True)
    except (SQLAlchemyError, OSError) as error:
        raise ConfigurationError(
            f"The ledger's address cannot be used: {_reason(error)}.",
            advice="Set ULAK_LEDGER_URL to sqlite:////absolute/path/ulak.db.",
        ) from error
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # Python's driver would begin transactions by itself and too late; _begin_sqlite does it.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    reading = connection.get_execution_options().get("ulak_reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


@contextmanager
def _write(engine: Engine) -> Iterator[Connection]:
    with engine.begin() as connection:
        yield connection


@contextmanager
def _read(engine: Engine) -> Iterator[Connection]:
    with engine.connect().execution_options(ulak_reading=True) as connection:
        yield connection


def _is_current(connection: Connection) -> bool:
    if not inspect(connection).has_table(schema.VERSION_TABLE):
        return False
    version = connection.exec_driver_sql(f"SELECT version_num FROM {schema.VERSION_TABLE}").scalar()  # noqa: S608
    return version == schema.HEAD


def _identify(connection: Connection, secret: Secret) -> str:
    check = secret.digest(("ulak ledger", "check"))
    row = connection.execute(select(schema.ledger)).first()
    if row is None:
        ledger_id = random.token_hex(16)
        now = connection.execute(_SELECT_NOW).scalar_one()
        connection.execute(
            insert(schema.ledger).values(only=1, ledger_id=ledger_id, secret_check=check, created_at=now)
        )
        return ledger_id
    if row.secret_check != check:
        raise ConfigurationError(
            "This ledger was made with another secret, so the keys in it would not be found and messages could go out"
            " twice.",
            advice="Start with the ULAK_SECRET_KEY that the ledger was made with.",
        )
    return str(row.ledger_id)


def _reason(error: Exception) -> str:
    # The statement and its parameters stay out; the driver's own words name the cause.
    original = getattr(error, "orig", None) or error
    return str(original).splitlines()[0] if str(original) else type(original).__name__
