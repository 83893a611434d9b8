"""The ledger's migrations, run by alembic inside the transaction of whoever opens it."""

from __future__ import annotations

from importlib.resources import files

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

from airflow_provider.engine.errors import ConfigurationError
from airflow_provider.engine.ledger.schema import HEAD, VERSION_TABLE

__all__ = ["migrate", "scripts"]


def scripts() -> ScriptDirectory:
    """Return the migrations as alembic sees them."""
    return ScriptDirectory(str(files(__name__)))


def migrate(connection: Connection) -> None:
    """Bring the ledger's schema to this release's, in the connection's transaction.

    Raises:
        ConfigurationError: The schema is newer than this release.
    """
    directory = scripts()

    def steps(current: tuple[str, ...], _context: object) -> list[RevisionStep]:
        # alembic's own stub types the revision as a narrower tuple than it hands over.
        return directory._upgrade_revs(HEAD, current)  # type: ignore[arg-type]  # noqa: SLF001

    options = {"version_table": VERSION_TABLE, "fn": steps, "transactional_ddl": False}
    context = MigrationContext.configure(connection, opts=options)
    try:
        with Operations.context(context):
            context.run_migrations()
    except CommandError as error:
        raise ConfigurationError(
            "The ledger's schema is newer than this release of Ulak.", advice="Upgrade ulak here as well."
        ) from error
