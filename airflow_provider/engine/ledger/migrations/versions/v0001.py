"""The first ledger: messages and their events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "ulak_ledger",
        sa.Column("only", sa.Integer, primary_key=True),
        sa.Column("ledger_id", sa.String(32), nullable=False),
        sa.Column("secret_check", sa.String(64), nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
    )
    op.create_table(
        "ulak_messages",
        sa.Column("id", _id, primary_key=True, autoincrement=True),
        sa.Column("key_digest", sa.String(64), nullable=False, unique=True),
        sa.Column("scope_digest", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("scope", sa.String(16)),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("attempt_id", sa.String(32), nullable=False),
        sa.Column("lease_until", sa.Double),
        sa.Column("vendor", sa.String(32), nullable=False),
        sa.Column("conn_id", sa.String(250), nullable=False),
        sa.Column("operation", sa.String(32), nullable=False),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("recipient_hash", sa.String(64), nullable=False),
        sa.Column("recipient", sa.Text, nullable=False),
        sa.Column("content_digest", sa.String(64), nullable=False),
        sa.Column("sender", sa.String(250)),
        sa.Column("message_id", sa.String(200)),
        sa.Column("report_id", sa.BigInteger),
        sa.Column("encoding", sa.String(24)),
        sa.Column("segments", sa.Integer),
        sa.Column("credits", sa.Integer),
        sa.Column("charged", sa.Double),
        sa.Column("cost_note", sa.Text),
        sa.Column("error", sa.Text),
        sa.Column("mode", sa.String(16), nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("updated_at", sa.Double, nullable=False),
    )
    op.create_index("ulak_messages_scope", "ulak_messages", ["scope_digest"])
    op.create_index("ulak_messages_recipient", "ulak_messages", ["recipient_hash", "created_at"])
    op.create_index("ulak_messages_message_id", "ulak_messages", ["message_id"])
    op.create_index("ulak_messages_created", "ulak_messages", ["created_at"])
    op.create_index("ulak_messages_state", "ulak_messages", ["state", "lease_until"])
    op.create_index("ulak_messages_attempt", "ulak_messages", ["attempt_id"])
    op.create_table(
        "ulak_events",
        sa.Column("id", _id, primary_key=True, autoincrement=True),
        sa.Column("message", _id, sa.ForeignKey("ulak_messages.id"), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("actor", sa.String(16), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("before", sa.String(16)),
        sa.Column("after", sa.String(16), nullable=False),
        sa.Column("detail", sa.Text),
    )
    op.create_index("ulak_events_message", "ulak_events", ["message"])
