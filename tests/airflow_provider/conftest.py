"""A ledger of its own for every test of the Airflow doors, and Airflow itself for those that run a DAG."""

from __future__ import annotations

import gc
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from airflow.sdk import DAG


@pytest.fixture(autouse=True)
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A new ledger; its file is returned. Whatever the test left open is closed behind it."""
    ledger = tmp_path / "ulak.db"
    monkeypatch.setenv("ULAK_LEDGER_URL", f"sqlite:///{ledger}")
    monkeypatch.setenv("ULAK_SECRET_KEY", "a secret for tests, long enough")
    yield ledger
    # Only what the test itself imported: some show that a module imports little.
    for module, close in (("installation", "close_ledger"), ("runtime", "close_drivers")):
        if opened := sys.modules.get(f"airflow_provider.hooks.{module}"):
            getattr(opened, close)()
    # What was forgotten open warns when it is collected, and a warning fails the test. What stays, Airflow above
    # all, is not looked at again.
    gc.collect()
    gc.freeze()


# --- Airflow itself -------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def airflow_database() -> Path:
    """Airflow's database in this run's home, with one file for DAGs that tests make up; returns the file."""
    with warnings.catch_warnings():
        _let_airflow_warn()
        from airflow.dag_processing.bundles.manager import DagBundlesManager
        from airflow.utils.db import initdb

        initdb()
        DagBundlesManager().sync_bundles_to_db()
    made_up = Path(os.environ["AIRFLOW__CORE__DAGS_FOLDER"]) / "made_up.py"
    made_up.write_text("# Airflow keeps the source of every run\n", encoding="utf-8")
    return made_up


def _let_airflow_warn() -> None:
    # Its deprecations, and those of what it brings, are not ours to mend. `airflow_provider` is not among them.
    warnings.filterwarnings("ignore", module=r"(airflow|svcs|fastapi|starlette|cadwyn|sqlalchemy)(\.|$)")


@pytest.fixture
def dag(request: pytest.FixtureRequest, airflow_database: Path, log_watch: Any) -> DAG:
    """An empty DAG, in whose context a test puts its tasks."""
    from airflow.sdk import DAG

    # Airflow stores DAGs with all that stands in them, and SQLAlchemy would log every row of that at DEBUG.
    log_watch.not_watched.add("sqlalchemy")
    return DAG(
        re.sub(r"\W+", "_", request.node.name), schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)
    )


@dataclass(frozen=True)
class Run:
    """A DAG run that has ended, and what Airflow keeps of it."""

    dag: DAG
    dag_run: DagRun

    def ti(self, task_id: str, map_index: int = -1) -> TaskInstance:
        from airflow.utils.session import create_session

        with create_session() as session:
            found = self.dag_run.get_task_instance(task_id, session=session, map_index=map_index)
            assert found is not None
            session.expunge_all()
            return found

    def state(self, task_id: str, map_index: int = -1) -> str:
        return str(self.ti(task_id, map_index).state)

    def xcom(self, task_id: str, map_index: int = -1) -> Any:
        """What the task returned, as it lies in the database: JSON."""
        from airflow.models.xcom import XComModel
        from airflow.utils.session import create_session

        with create_session() as session:
            query = XComModel.get_many(
                run_id=self.dag_run.run_id,
                key="return_value",
                dag_ids=self.dag.dag_id,
                task_ids=task_id,
                map_indexes=map_index,
            )
            row = session.scalars(query).first()
            return None if row is None else XComModel.deserialize_value(row)

    def rendered(self, task_id: str, map_index: int = -1) -> dict[str, Any]:
        """What Airflow's Rendered view shows."""
        from airflow.models.renderedtifields import RenderedTaskInstanceFields

        fields = RenderedTaskInstanceFields.get_templated_fields(self.ti(task_id, map_index))
        assert fields is not None
        return fields

    def rescheduled(self, task_id: str) -> int:
        """How often the task was put off."""
        from airflow.models.taskreschedule import TaskReschedule
        from airflow.utils.session import create_session

        with create_session() as session:
            query = TaskReschedule.stmt_for_task_instance(self.ti(task_id))
            return len(session.scalars(query).all())

    def clear(self, task_id: str) -> None:
        """Clear a task as a person does, and run it again."""
        from airflow.models.taskinstance import clear_task_instances
        from airflow.sdk.definitions.dag import _run_task
        from airflow.utils.session import create_session

        with create_session() as session:
            found = self.dag_run.get_task_instance(task_id, session=session)
            assert found is not None
            clear_task_instances([found], session)
            found.try_number += 1
        again = self.ti(task_id)
        _run_task(ti=again, task=self.dag.task_dict[task_id])


@pytest.fixture
def run(airflow_database: Path) -> Callable[..., Run]:
    """Run a DAG to its end in this process, with Airflow's own task runner, and return the run."""
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db

    def run(dag: DAG, **conf: Any) -> Run:
        dag.fileloc = str(airflow_database)
        dag.relative_fileloc = airflow_database.name
        bag = DagBag(
            dag_folder=os.devnull,
            bundle_path=airflow_database.parent,
            bundle_name="dags-folder",
            collect_dags=False,
        )
        bag.bag_dag(dag)
        with warnings.catch_warnings():
            _let_airflow_warn()
            sync_bag_to_db(bag, "dags-folder", None)
            return Run(dag, dag.test(run_conf=conf or None))

    return run
