"""Airflow in processes of its own, as people start it."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_provider import __version__
from airflow_provider.engine.messages import State
from airflow_provider.engine.vendors import COMMON_EXTRAS, VENDORS
from airflow_provider.hooks.installation import open_ledger

pytestmark = pytest.mark.airflow

ROOT = Path(__file__).parents[2]


class Program:
    """A program that runs, and what it has printed so far."""

    def __init__(self, command: tuple[str | Path, ...], home: Path, printed: Path) -> None:
        self._printed = printed
        env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        env |= {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
            "PYTHONPATH": str(ROOT),
            "COLUMNS": "400",
        }
        with printed.open("w") as output:
            self._process = subprocess.Popen(
                command, env=env, cwd=home, stdout=output, stderr=subprocess.STDOUT
            )

    @property
    def printed(self) -> str:
        return self._printed.read_text(encoding="utf-8")

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    def wait(self) -> int:
        return self._process.wait(timeout=300)

    def kill(self) -> None:
        os.kill(self._process.pid, signal.SIGKILL)
        self.wait()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An Airflow home in which nothing has happened yet."""
    home = tmp_path_factory.mktemp("airflow")
    (home / "dags").mkdir()
    return home


@pytest.fixture
def start(home: Path, tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Start a program in that home; what still runs at the end is ended."""
    begun: list[Program] = []

    def start(*command: str | Path) -> Program:
        begun.append(Program(command, home, tmp_path / f"printed-{len(begun)}.txt"))
        return begun[-1]

    yield start
    for program in begun:
        if program.runs:
            program.kill()


@pytest.fixture
def airflow(start: Callable[..., Program]) -> Callable[..., str]:
    """Run an `airflow` command and return what it printed."""

    def airflow(*arguments: str) -> str:
        program = start(Path(sys.executable).with_name("airflow"), *arguments)
        assert program.wait() == 0, program.printed
        return program.printed

    return airflow


@pytest.fixture
def migrated(home: Path, airflow: Callable[..., str]) -> Path:
    if not (home / "airflow.db").exists():
        assert "Database migration done" in airflow("db", "migrate")
    return home


def _json(printed: str) -> Any:
    return json.loads(next(line for line in printed.splitlines() if line.startswith(("[", "{"))))


def test_airflow_lists_the_provider_and_its_five_hooks(migrated, airflow) -> None:
    assert _json(airflow("providers", "get", "ulak", "-o", "json")) == [
        {"Provider": "ulak", "Version": __version__}
    ]
    hooks = {hook["connection_type"]: hook for hook in _json(airflow("providers", "hooks", "-o", "json"))}
    for key, entry in VENDORS.items():
        assert hooks[key]["hook_name"] == entry.title
        assert hooks[key]["class"] == entry.hook_class
        assert hooks[key]["package_name"] == "ulak"
        assert hooks[key]["conn_id_attribute_name"] == "conn_id"
    listed = _json(airflow("providers", "list", "-o", "json"))
    assert [one["version"] for one in listed if one["package_name"] == "ulak"] == [__version__]


def test_airflow_knows_our_configuration_and_hides_our_secrets(
    migrated, airflow, sandbox_connections, monkeypatch
) -> None:
    monkeypatch.setenv("AIRFLOW__ULAK__SECRET_KEY", "a-secret-of-the-configuration")
    shown = airflow("config", "list", "--section", "ulak", "--show-values", "--hide-sensitive")
    assert "ledger_url" in shown
    assert "secret_key = < hidden >" in shown
    assert "a-secret-of-the-configuration" not in shown

    told = sandbox_connections["vatansms_default"]
    extra = {**told["extra"], "proxy": "http://user:proxy-password@proxy.example"}
    airflow("connections", "add", "stored", "--conn-json", json.dumps({**told, "extra": extra}))
    (shown,) = _json(airflow("connections", "list", "--show-values", "--hide-sensitive", "-o", "json"))
    # Airflow 3.3 does not find the password in a URI whose host has a scheme of its own: nobody's provider can help.
    del shown["get_uri"]
    assert shown["host"] == told["host"]
    assert told["password"] not in str(shown)
    assert "proxy-password" not in str(shown)


@pytest.fixture(scope="module")
def forms() -> dict[str, Any]:
    """The connection forms as Airflow's own pages get them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from airflow.api_fastapi.core_api.services.ui.connections import HookMetaService

        return {form.connection_type: form for form in HookMetaService.hook_meta_data()}


@pytest.mark.parametrize("key", VENDORS)
def test_the_form_that_people_see(key, forms) -> None:
    entry, form = VENDORS[key], forms[key]
    assert form.hook_name == entry.title
    standard = form.standard_fields
    assert (standard.host.title, standard.password.title) == ("Base URL", entry.secret_label)
    assert standard.login.hidden is (not entry.login_label)
    assert standard.login.title == (entry.login_label or None)
    assert standard.port.hidden
    assert standard.url_schema.hidden
    fields = {extra.name: extra for extra in (*entry.extras, *COMMON_EXTRAS)}
    assert form.extra_fields.keys() == fields.keys()
    assert {name: field["schema"]["title"] for name, field in form.extra_fields.items()} == {
        name: field.label for name, field in fields.items()
    }
    if entry.notice:
        assert any(entry.notice in field["description"] for field in form.extra_fields.values())


@pytest.mark.parametrize("key", VENDORS)
def test_airflows_api_returns_connections_without_their_secrets(key, sandbox_connections, forms) -> None:
    from airflow.api_fastapi.core_api.datamodels.connections import ConnectionResponse
    from airflow.models.connection import Connection

    told = sandbox_connections[f"{key}_default"]
    secrets = {
        field.name: f"hidden-{field.name}" for field in (*VENDORS[key].extras, *COMMON_EXTRAS) if field.secret
    }
    stored = Connection(conn_id="mine", **{**told, "extra": json.dumps({**told["extra"], **secrets})})
    returned = ConnectionResponse.model_validate(stored).model_dump_json()
    assert told["password"] not in returned
    assert "hidden-" not in returned
    assert told["host"] in returned


@pytest.mark.filterwarnings("ignore:ProvidersManager.hooks is deprecated")
@pytest.mark.parametrize(("key", "good"), [(key, key != "argepanel") for key in VENDORS])
def test_airflows_test_button_finds_our_hook(
    key, good, sandbox_connections, forms, monkeypatch, inbox
) -> None:
    from airflow.models.connection import Connection

    told = sandbox_connections[f"{key}_default"]
    entered = Connection(conn_id="entered", **{**told, "extra": json.dumps(told["extra"])})
    # As Airflow's API does it: for the time of the test, the connection stands in the environment as a URI.
    monkeypatch.setenv("AIRFLOW_CONN_ENTERED", entered.get_uri())
    status, said = entered.test_connection()
    assert status is good
    assert VENDORS[key].title in said
    assert inbox() == []


KILLED = """
import sys
from datetime import UTC, datetime, timedelta
from airflow.sdk import DAG
from airflow_provider.operators.sms import SendSmsOperator

with DAG("killed", schedule=None, start_date=datetime(2026, 1, 1)) as dag:
    SendSmsOperator(
        task_id="send", conn_id="turkeysms_default", to="0532 123 45 67", text="Merhaba",
        retries=3, retry_delay=timedelta(0),
    )

if __name__ == "__main__":
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    run = dag.test(logical_date=moment, run_after=moment)
    print("the run is a", run.state, "under", run.run_id)
    sys.exit(run.state != "success")
"""


def test_a_task_killed_in_the_middle_of_a_send_does_not_send_again(
    migrated, start, sandbox, sandbox_connections, inbox, fault, control, installation, log_watch
) -> None:
    file = migrated / "dags" / "killed.py"
    file.write_text(KILLED, encoding="utf-8")
    fault("turkeysms", "accept_then_hang")

    first = start(sys.executable, file)
    _wait_for(lambda: inbox() or not first.runs)
    assert first.runs, first.printed
    first.kill()
    assert len(inbox()) == 1
    control.delete("/_sandbox/faults")

    # Its claim runs out; a minute later somebody, or Airflow itself, runs the same task of the same run again.
    (entry,) = open_ledger().entries()
    assert entry.state is State.CLAIMED
    with sqlite3.connect(installation) as ledger:
        ledger.execute("UPDATE ulak_messages SET lease_until = lease_until - 60")
    ledger.close()
    second = start(sys.executable, file)
    assert second.wait() == 1, second.printed
    after = second.printed
    assert "the run is a failed under manual__2026-01-02T00:00:00+00:00" in after
    assert "An earlier attempt under this key was stopped before its outcome was recorded." in after
    assert "The message may or may not have gone out, and it will not be sent again by itself." in after
    assert "ulak ledger resolve" in after
    assert len(inbox()) == 1
    (entry,) = open_ledger().entries()
    assert (entry.state, entry.attempt) == (State.UNKNOWN, 1)

    # What two whole processes of Airflow's printed, at its usual level.
    log_watch.forbid_all_of(sandbox)
    assert "+90 532 *** ** 67" in after
    assert log_watch.private_in(first.printed + after) == []


def _wait_for(something: Callable[[], object]) -> None:
    ends = time.monotonic() + 240
    while not something():
        assert time.monotonic() < ends, "it never came"
        threading.Event().wait(0.05)
