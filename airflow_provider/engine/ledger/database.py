"""The database under the ledger: how it is reached, opened, migrated and told apart from others.

SQLite takes its write lock at the beginning of a transaction (``BEGIN IMMEDIATE``), so a claim never meets a row
that changes under it.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    create_engine,
    event,
    insert,
    inspect,
    literal_column,
    make_url,
    select,
)
from sqlalchemy.exc import SQLAlchemyError

from airflow_provider.engine.errors import ConfigurationError, MessagingError, NotSent
from airflow_provider.engine.ledger import schema
from airflow_provider.engine.ledger.secret import Secret

__all__ = ["NOW", "connect", "now", "prepare", "reading", "writing"]

NOW: ColumnElement[float] = literal_column("((julianday('now') - 2440587.5) * 86400.0)")
"""The database's clock in seconds since 1970; leases are made and judged by it alone."""

_SELECT_NOW = select(NOW)
_PATIENCE = 30.0
"""Seconds to wait for another process to end its transaction."""


def connect(url: str) -> Engine:
    """Return an engine for the ledger's address; nothing is opened yet.

    Raises:
        ConfigurationError: The address cannot be used.
    """
    try:
        address = make_url(url)
        if address.get_backend_name() != "sqlite":
            raise ConfigurationError(
                f"This release keeps its ledger in SQLite only, not in {address.get_backend_name()}.",
                advice="Set ULAK_LEDGER_URL to sqlite:////absolute/path/ulak.db.",
            )
        if address.database:
            Path(address.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(address, connect_args={"timeout": _PATIENCE}, hide_parameters=True)
    except (SQLAlchemyError, OSError) as error:
        raise ConfigurationError(
            f"The ledger's address cannot be used: {_reason(error)}.",
            advice="Set ULAK_LEDGER_URL to sqlite:////absolute/path/ulak.db.",
        ) from error
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def prepare(engine: Engine, secret: Secret) -> str:
    """Make or migrate the tables, check the secret, and return the ledger's id.

    Raises:
        ConfigurationError: The database cannot be opened, its schema is newer than this release, or it was made
            with another secret.
        NotSent: Another process keeps it locked.
    """
    try:
        with writing(engine) as connection:
            if not _is_current(connection):
                from airflow_provider.engine.ledger.migrations import migrate  # noqa: PLC0415  # alembic is heavy

                migrate(connection)
            return _identify(connection, secret)
    except SQLAlchemyError as error:
        raise _unopened(error) from error


def now(connection: Connection) -> float:
    """Return the database's time."""
    moment: float = connection.execute(_SELECT_NOW).scalar_one()
    return moment


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Run a transaction that may write, from its beginning alone."""
    with engine.begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Run a transaction that only reads, beside whoever writes."""
    with engine.connect().execution_options(ulak_reading=True) as connection:
        yield connection


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # Python's driver would begin transactions by itself and too late; _begin_sqlite does it.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    only_reads = connection.get_execution_options().get("ulak_reading", False)
    connection.exec_driver_sql("BEGIN" if only_reads else "BEGIN IMMEDIATE")


def _is_current(connection: Connection) -> bool:
    if not inspect(connection).has_table(schema.VERSION_TABLE):
        return False
    version = connection.exec_driver_sql(f"SELECT version_num FROM {schema.VERSION_TABLE}").scalar()  # noqa: S608
    return version == schema.HEAD


def _identify(connection: Connection, secret: Secret) -> str:
    check = secret.digest(("ulak ledger", "check"))
    row = connection.execute(select(schema.ledger)).first()
    if row is None:
        ledger_id = secrets.token_hex(16)
        connection.execute(
            insert(schema.ledger).values(
                only=1, ledger_id=ledger_id, secret_check=check, created_at=now(connection)
            )
        )
        return ledger_id
    if row.secret_check != check:
        raise ConfigurationError(
            "This ledger was made with another secret, so the keys in it would not be found and messages could go out"
            " twice.",
            advice="Start with the ULAK_SECRET_KEY that the ledger was made with.",
        )
    return str(row.ledger_id)


def _unopened(error: SQLAlchemyError) -> MessagingError:
    original = getattr(error, "orig", None)
    if isinstance(original, sqlite3.Error) and original.sqlite_errorcode in {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
    }:
        return NotSent(f"The ledger stayed locked by another process for {_PATIENCE:g} s.")
    return ConfigurationError(
        f"The ledger cannot be opened: {_reason(error)}.",
        advice="Check ULAK_LEDGER_URL, and that its folder can be written to.",
    )


def _reason(error: Exception) -> str:
    # The statement and its parameters stay out; the driver's own words name the cause.
    original = getattr(error, "orig", None) or error
    return str(original).splitlines()[0] if str(original) else type(original).__name__
