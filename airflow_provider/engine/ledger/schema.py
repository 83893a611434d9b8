"""The ledger's tables.

Times are seconds since 1970 (UTC, the database's clock) as floating point: SQLite and PostgreSQL compare and
add them alike. Addresses stand as a keyed hash to search by and encrypted to show; texts do not stand here.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

__all__ = ["HEAD", "VERSION_TABLE", "events", "ledger", "messages", "metadata"]

HEAD = "0001"
"""The newest migration. A test holds it against the migrations themselves."""

VERSION_TABLE = "ulak_alembic_version"

metadata = MetaData()

_id = BigInteger().with_variant(Integer, "sqlite")

ledger = Table(
    "ulak_ledger",
    metadata,
    Column("only", Integer, primary_key=True),
    Column("ledger_id", String(32), nullable=False),
    Column("secret_check", String(64), nullable=False),
    Column("created_at", Double, nullable=False),
)
"""One row: which ledger this is, and a check value of the secret it was made with."""

messages = Table(
    "ulak_messages",
    metadata,
    Column("id", _id, primary_key=True, autoincrement=True),
    Column("key_digest", String(64), nullable=False, unique=True),
    Column("scope_digest", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("scope", String(16)),
    Column("attempt", Integer, nullable=False),
    Column("attempt_id", String(32), nullable=False),
    Column("lease_until", Double),
    Column("vendor", String(32), nullable=False),
    Column("conn_id", String(250), nullable=False),
    Column("operation", String(32), nullable=False),
    Column("channel", String(16), nullable=False),
    Column("origin", Text, nullable=False),
    Column("recipient_hash", String(64), nullable=False),
    Column("recipient", Text, nullable=False),
    Column("content_digest", String(64), nullable=False),
    Column("sender", String(250)),
    Column("message_id", String(200)),
    Column("report_id", BigInteger),
    Column("encoding", String(24)),
    Column("segments", Integer),
    Column("credits", Integer),
    Column("charged", Double),
    Column("cost_note", Text),
    Column("error", Text),
    Column("mode", String(16), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    Index("ulak_messages_scope", "scope_digest"),
    Index("ulak_messages_recipient", "recipient_hash", "created_at"),
    Index("ulak_messages_message_id", "message_id"),
    Index("ulak_messages_created", "created_at"),
    Index("ulak_messages_state", "state", "lease_until"),
    Index("ulak_messages_attempt", "attempt_id"),
)
"""One row per key."""

events = Table(
    "ulak_events",
    metadata,
    Column("id", _id, primary_key=True, autoincrement=True),
    Column("message", _id, ForeignKey("ulak_messages.id"), nullable=False),
    Column("at", Double, nullable=False),
    Column("actor", String(16), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("before", String(16)),
    Column("after", String(16), nullable=False),
    Column("detail", Text),
    Index("ulak_events_message", "message"),
)
"""Every change, append-only."""
