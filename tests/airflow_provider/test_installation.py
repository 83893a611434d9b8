"""Which ledger and which secret an installation has, and where SQLite is refused."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from airflow_provider.engine.errors import ConfigurationError
from airflow_provider.hooks import installation as found
from airflow_provider.hooks.installation import close_ledger, ledger_url, open_ledger


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An Airflow home, and nothing said about a ledger."""
    for name in ("ULAK_LEDGER_URL", "ULAK_SECRET_KEY", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_by_itself_it_is_a_file_in_airflows_home_with_a_secret_beside_it(bare) -> None:
    assert ledger_url() == f"sqlite:///{bare}/ulak.db"
    first = open_ledger()
    assert open_ledger() is first
    secret = bare / "ulak.db.secret"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    close_ledger()
    assert open_ledger().ledger_id == first.ledger_id
    assert open_ledger() is not first


def test_the_environment_comes_before_airflows_configuration(bare, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("AIRFLOW__ULAK__LEDGER_URL", f"sqlite:///{tmp_path}/configured.db")
    assert ledger_url().endswith("/configured.db")
    monkeypatch.setenv("ULAK_LEDGER_URL", f"sqlite:///{tmp_path}/chosen.db")
    assert ledger_url().endswith("/chosen.db")
    open_ledger()
    assert (tmp_path / "chosen.db").exists()
    assert not (tmp_path / "configured.db").exists()


def test_a_secret_of_airflows_configuration_is_used_and_needs_no_file(bare, monkeypatch) -> None:
    monkeypatch.setenv("AIRFLOW__ULAK__SECRET_KEY", "configured, and long enough")
    open_ledger()
    assert not (bare / "ulak.db.secret").exists()


def test_another_secret_opens_nothing(installation, monkeypatch) -> None:
    open_ledger()
    close_ledger()
    monkeypatch.setenv("ULAK_SECRET_KEY", "another secret, as long as the first")
    with pytest.raises(ConfigurationError, match="made with another secret"):
        open_ledger()


def test_a_secret_that_is_too_short_is_refused(monkeypatch) -> None:
    monkeypatch.setenv("ULAK_SECRET_KEY", "short")
    with pytest.raises(ConfigurationError, match="fewer than 16 characters"):
        open_ledger()


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "sqlite:///ulak.db", "sqlite:///file:m?mode=memory&uri=true"]
)
def test_no_setting_turns_the_ledger_off_or_splits_it(url, monkeypatch) -> None:
    monkeypatch.setenv("ULAK_LEDGER_URL", url)
    with pytest.raises(ConfigurationError, match="not named by an absolute path"):
        open_ledger()


@pytest.mark.parametrize("url", ["nonsense", "://", "sqlite:/"])
def test_what_is_no_address_is_said_without_repeating_it(url, monkeypatch) -> None:
    monkeypatch.setenv("ULAK_LEDGER_URL", url)
    with pytest.raises(ConfigurationError, match=r"sqlite:////absolute/path/ulak\.db"):
        open_ledger()


def test_a_database_server_without_a_secret_for_all_is_refused(bare, monkeypatch) -> None:
    monkeypatch.setenv("ULAK_LEDGER_URL", "postgresql+psycopg://ulak:database-password@db/ulak")
    with pytest.raises(ConfigurationError, match="has no secret") as raised:
        open_ledger()
    assert "database-password" not in str(raised.value)


# --- where SQLite is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "executor", ["LocalExecutor", "airflow.executors.local_executor.LocalExecutor", "mine:LocalExecutor"]
)
def test_sqlite_serves_one_machine(executor, monkeypatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", executor)
    assert open_ledger().ledger_id


@pytest.mark.parametrize(
    ("executor", "named"),
    [
        ("CeleryExecutor", "CeleryExecutor"),
        ("LocalExecutor, KubernetesExecutor", "KubernetesExecutor"),
        ("airflow.providers.edge3.executors.EdgeExecutor", "EdgeExecutor"),
        ("here:LocalExecutor,there:some.module.RemoteExecutor", "RemoteExecutor"),
    ],
)
def test_sqlite_is_refused_where_others_would_not_see_the_file(
    executor, named, monkeypatch, installation
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", executor)
    with pytest.raises(ConfigurationError) as raised:
        open_ledger()
    assert f"workers of {named} on other machines" in str(raised.value)
    assert "ULAK_LEDGER_URL" in str(raised.value)
    assert "ULAK_SECRET_KEY" in str(raised.value)
    assert not installation.exists()


def test_sqlite_is_refused_inside_an_orchestrators_pod(monkeypatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    with pytest.raises(ConfigurationError, match="lost with this pod"):
        open_ledger()


@pytest.mark.parametrize(
    ("mounts", "refused"),
    [
        ("/dev/vda1 / ext4 rw 0 0\n", None),
        ("/dev/vda1 / ext4 rw 0 0\nserver:/export {folder} nfs4 rw 0 0\n", "nfs4"),
        ("server:/ / nfs rw 0 0\n/dev/vdb1 {folder} xfs rw 0 0\n", None),
        ("/dev/vda1 / ext4 rw 0 0\nme@host:/ {folder} fuse.sshfs rw 0 0\n", "fuse.sshfs"),
        ("/dev/vda1 / ext4 rw 0 0\nbucket {folder} fuse.s3fs rw 0 0\n", "fuse.s3fs"),
        ("/dev/vda1 / ext4 rw 0 0\nserver:/export {folder}-other nfs4 rw 0 0\n", None),
    ],
)
def test_sqlite_is_refused_on_a_network_file_system(
    mounts, refused, monkeypatch, tmp_path, installation
) -> None:
    listed = tmp_path / "mounts"
    listed.write_text(mounts.format(folder=installation.parent), encoding="utf-8")

    class Where(type(tmp_path)):  # type: ignore[misc]
        def __new__(cls, *parts: str) -> Path:
            return Path(listed) if parts == ("/proc/self/mounts",) else Path(*parts)

    monkeypatch.setattr(found, "Path", Where)
    if refused is None:
        assert open_ledger().ledger_id
    else:
        with pytest.raises(ConfigurationError, match=rf"network file system \({refused}\)"):
            open_ledger()


def test_this_machines_own_mounts_can_be_read(tmp_path) -> None:
    assert found._file_system(tmp_path) != "unknown"


# --- processes and threads ------------------------------------------------------------------------------


def test_threads_that_come_at_once_get_one_ledger() -> None:
    got = []
    threads = [threading.Thread(target=lambda: got.append(open_ledger())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(ledger) for ledger in got}) == 1
    assert len(got) == 8


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_has_connections_of_its_own() -> None:
    ledger = open_ledger()
    assert ledger.entries() == []
    assert ledger._engine.pool.checkedin() == 1
    child = os.fork()
    if child == 0:
        status = 1
        try:
            inherited = open_ledger()
            # Closing the parent's connection here would end the parent's locks on the file.
            status = 2 if inherited._engine.pool.checkedin() else 3 * bool(inherited.entries())
            close_ledger()
        finally:
            os._exit(status)
    _, ended = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(ended) == 0
    assert ledger.entries() == []
