"""The migrations make exactly the tables that the code knows, once, and a newer ledger is not touched."""

from __future__ import annotations

import sqlite3

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, inspect

from airflow_provider.engine.errors import ConfigurationError
from airflow_provider.engine.ledger import schema
from airflow_provider.engine.ledger.migrations import migrate, scripts
from tests.engine.scripted_vendor import open_ledger


@pytest.fixture
def connection(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'migrated.db'}")
    with engine.connect() as connection:
        migrate(connection)
        yield connection
    engine.dispose()


def test_the_code_knows_the_newest_migration():
    assert scripts().get_heads() == [schema.HEAD]
    assert [script.revision for script in scripts().walk_revisions()][-1] == "0001"


def test_the_migrations_make_what_the_code_declares(connection):
    options = {"version_table": schema.VERSION_TABLE, "compare_type": True, "compare_server_default": True}

    assert compare_metadata(MigrationContext.configure(connection, opts=options), schema.metadata) == []


def shape(connection):
    """Describe all tables down to the last index."""
    inspector = inspect(connection)
    return {
        table: {
            "columns": [
                (column["name"], str(column["type"]), column["nullable"], column["default"])
                for column in inspector.get_columns(table)
            ],
            "key": inspector.get_pk_constraint(table)["constrained_columns"],
            "unique": [found["column_names"] for found in inspector.get_unique_constraints(table)],
            "foreign": [
                (found["constrained_columns"], found["referred_table"], found["referred_columns"])
                for found in inspector.get_foreign_keys(table)
            ],
            "indexes": sorted(
                (found["name"], *found["column_names"]) for found in inspector.get_indexes(table)
            ),
        }
        for table in inspector.get_table_names()
        if table != schema.VERSION_TABLE
    }


def test_the_tables_are_the_same_to_the_last_column_key_and_index(connection):
    declared = create_engine("sqlite://")
    schema.metadata.create_all(declared)

    with declared.connect() as other:
        assert shape(connection) == shape(other)
        assert set(shape(other)) == {"ulak_ledger", "ulak_messages", "ulak_events"}
    declared.dispose()


def test_migrating_again_changes_nothing(connection):
    before = shape(connection)

    migrate(connection)

    assert shape(connection) == before


def test_an_opened_ledger_is_migrated_and_leaves_the_version_in_its_own_table(tmp_path):
    open_ledger(tmp_path).close()

    with sqlite3.connect(tmp_path / "ulak.db") as database:
        assert database.execute("SELECT version_num FROM ulak_alembic_version").fetchall() == [(schema.HEAD,)]
        names = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert {name for name in names if not name.startswith(("ulak_", "sqlite_"))} == set()


def test_a_ledger_shares_a_database_with_somebody_elses_tables(tmp_path):
    with sqlite3.connect(tmp_path / "ulak.db") as database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        database.execute("INSERT INTO alembic_version VALUES ('of Airflow')")

    open_ledger(tmp_path).close()

    with sqlite3.connect(tmp_path / "ulak.db") as database:
        assert database.execute("SELECT version_num FROM alembic_version").fetchall() == [("of Airflow",)]


def test_a_newer_ledger_is_refused_with_a_sentence_and_left_as_it_is(tmp_path):
    open_ledger(tmp_path).close()
    with sqlite3.connect(tmp_path / "ulak.db") as database:
        database.execute("UPDATE ulak_alembic_version SET version_num = '9999'")

    with pytest.raises(ConfigurationError) as caught:
        open_ledger(tmp_path)

    assert str(caught.value) == (
        "The ledger's schema is newer than this release of Ulak. Nothing was sent. Upgrade ulak here as well."
    )
    with sqlite3.connect(tmp_path / "ulak.db") as database:
        assert database.execute("SELECT version_num FROM ulak_alembic_version").fetchall() == [("9999",)]


def test_a_migration_that_fails_halfway_leaves_nothing_behind(tmp_path):
    with sqlite3.connect(tmp_path / "ulak.db") as database:
        database.execute("CREATE TABLE ulak_events (somebody_elses TEXT)")

    with pytest.raises(ConfigurationError, match="table ulak_events already exists"):
        open_ledger(tmp_path)

    with sqlite3.connect(tmp_path / "ulak.db") as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        database.execute("DROP TABLE ulak_events")
    assert tables == [("ulak_events",)]
    open_ledger(tmp_path).close()
