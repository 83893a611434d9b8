"""What an import brings along: Airflow imports us during its own start, and parses DAG files all day."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

HEAVY = {
    "slack_bolt",
    "slack_sdk",
    "starlette",
    "fastapi",
    "uvicorn",
    "pandas",
    "alembic",
    "aiohttp",
    "segno",
    "phonenumbers",
}
"""What no DAG file needs. pydantic, httpx, SQLAlchemy, cryptography and jinja2 come with airflow.sdk."""

SDK = """
from airflow.sdk import DAG, BaseHook, BaseOperator, Connection, Context, ObjectStoragePath
from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.configuration import conf
"""

OPERATORS = """
import airflow_provider.operators.account, airflow_provider.operators.email
import airflow_provider.operators.sms, airflow_provider.operators.whatsapp
"""


def _run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "ignore",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        },
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _brings(code: str, before: str = "") -> set[str]:
    """Return the modules that code imports beyond those that are there without it."""
    told = _run(
        f"{before}\nimport sys, json\nthere = set(sys.modules)\n{code}\n"
        "print(json.dumps(sorted(set(sys.modules) - there)))"
    )
    return set(json.loads(told))


def test_what_airflow_imports_during_its_own_import_is_standard_library_only() -> None:
    brought = _brings(
        "import airflow_provider\nfrom airflow_provider.get_provider_info import get_provider_info\nget_provider_info()"
    )
    packages = {name.partition(".")[0] for name in brought}
    assert packages - {"airflow_provider"} <= sys.stdlib_module_names
    ours = {name for name in brought if name.startswith("airflow_provider")}
    assert ours == {
        "airflow_provider",
        "airflow_provider.engine",
        "airflow_provider.engine.vendors",
        "airflow_provider.get_provider_info",
    }


@pytest.fixture(scope="module")
def of_operators() -> set[str]:
    return _brings(OPERATORS, before=SDK)


def test_operators_bring_nothing_heavy_along(of_operators) -> None:
    assert {name.partition(".")[0] for name in of_operators} & HEAVY == set()


def test_operators_load_no_vendor_before_a_task_needs_it(of_operators) -> None:
    vendors = {name for name in of_operators if name.startswith("airflow_provider.engine.vendors.")}
    assert vendors == {"airflow_provider.engine.vendors.base"}
    assert not {name for name in of_operators if name.startswith("airflow_provider.sandbox")}


def test_the_engine_knows_neither_airflow_nor_slack() -> None:
    brought = _brings(
        "import airflow_provider.engine.dispatch, airflow_provider.engine.drivers.awaiting\n"
        "import airflow_provider.engine.ledger.store, airflow_provider.engine.templates\n"
        "from airflow_provider.engine.vendors import VENDORS, load\n"
        "[load(key) for key in VENDORS]"
    )
    assert {name.partition(".")[0] for name in brought} & {
        "airflow",
        "slack_bolt",
        "slack_sdk",
        "slackbot",
    } == set()


def test_the_sandbox_shares_no_code_with_the_vendor_modules() -> None:
    brought = _brings("import airflow_provider.sandbox.server, airflow_provider.sandbox.connections")
    ours = {name for name in brought if name.startswith("airflow_provider") and "sandbox" not in name}
    assert ours <= {
        "airflow_provider",
        "airflow_provider.engine",
        "airflow_provider.engine.errors",
        "airflow_provider.engine.redaction",
        "airflow_provider.engine.segments",
        "airflow_provider.engine.templates",
        "airflow_provider.templates",
    }
    assert "airflow" not in {name.partition(".")[0] for name in brought}


def test_imports_run_downward() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout
