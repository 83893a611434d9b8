"""Which ledger this installation keeps, and with which secret.

Both are found by environment variables first, then by Airflow's configuration, never by a connection: a process
that cannot read that connection would quietly open another ledger, and messages would go out twice.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

from airflow.sdk.configuration import conf
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from airflow_provider.engine.errors import ConfigurationError
from airflow_provider.engine.ledger.secret import Secret
from airflow_provider.engine.ledger.store import SqlLedger

__all__ = ["close_ledger", "ledger_url", "open_ledger"]

_NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "lustre", "afs"}
    # Those that run in user space: /proc/self/mounts puts "fuse." before them.
    | {"sshfs", "glusterfs", "s3fs", "gcsfuse", "blobfuse", "blobfuse2", "rclone", "goofys", "juicefs"}
)
_ELSEWHERE = (
    "Set ULAK_LEDGER_URL to a database that all of them reach, and ULAK_SECRET_KEY to one secret for all."
)

_lock = threading.Lock()
_open: dict[str, SqlLedger] = {}
"""By what ULAK_LEDGER_URL says."""


def ledger_url() -> str:
    """Return the SQLAlchemy URL of this installation's ledger."""
    configured = os.environ.get("ULAK_LEDGER_URL") or conf.get("ulak", "ledger_url", fallback="")
    return configured or f"sqlite:///{Path(_airflow_home()) / 'ulak.db'}"


def open_ledger() -> SqlLedger:
    """Return this process's ledger, opened on first use and shared by all hooks.

    Raises:
        ConfigurationError: It cannot be opened, SQLite cannot hold this installation together, or the secret is
            missing or another one.
    """
    # Every send comes through here, and reading Airflow's configuration costs more than the rest of it.
    chosen = os.environ.get("ULAK_LEDGER_URL", "")
    with _lock:
        if chosen not in _open:
            url = ledger_url()
            _open[chosen] = SqlLedger.open(url, _secret(url))
        return _open[chosen]


def close_ledger() -> None:
    """Close this process's ledgers; the next use opens them again."""
    with _lock:
        for ledger in _open.values():
            ledger.close()
        _open.clear()


def _continue_in_child() -> None:
    # The parent's database connections must not be used, nor closed, by a child.
    for ledger in _open.values():
        ledger.forget_connections()
    _lock.release()


os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_continue_in_child)


def _secret(url: str) -> Secret:
    database = _sqlite_file(url)
    configured = os.environ.get("ULAK_SECRET_KEY") or conf.get("ulak", "secret_key", fallback="")
    if database is not None:
        _check_one_machine(database)
    if configured:
        return Secret(configured)
    if database is None:
        raise ConfigurationError(
            "This installation has no secret, and a shared ledger needs the same one in every process.",
            advice="Set ULAK_SECRET_KEY (or secret_key in the [ulak] section) to a long random text.",
        )
    return Secret.beside(database)


def _sqlite_file(url: str) -> Path | None:
    try:
        address = make_url(url)
    except ArgumentError:
        raise ConfigurationError(
            "ULAK_LEDGER_URL is not a database URL.", advice="Write it like sqlite:////absolute/path/ulak.db."
        ) from None
    if address.get_backend_name() != "sqlite":
        return None
    database = Path(address.database or "")
    if not database.is_absolute():
        # That includes a ledger in memory, which would be none.
        raise ConfigurationError(
            "The ledger's SQLite file is not named by an absolute path, so each process could have one of its own.",
            advice="Write ULAK_LEDGER_URL like sqlite:////absolute/path/ulak.db; AIRFLOW_HOME must be absolute too.",
        )
    return database


def _check_one_machine(database: Path) -> None:
    """Refuse SQLite where other machines would not see the file: each would have a ledger of its own."""
    executors = conf.get("core", "executor", fallback="LocalExecutor")
    # Each is a name or a class path, perhaps after an alias and a colon.
    names = [name.strip().replace(":", ".").rpartition(".")[2] for name in executors.split(",")]
    foreign = [name for name in names if name != "LocalExecutor"]
    if foreign:
        raise ConfigurationError(
            f"The ledger is an SQLite file, which workers of {foreign[0]} on other machines cannot share.",
            advice=_ELSEWHERE,
        )
    if "KUBERNETES_SERVICE_HOST" in os.environ:
        raise ConfigurationError(
            "The ledger is an SQLite file, which is lost with this pod and unseen by the others.",
            advice=_ELSEWHERE,
        )
    kind = _file_system(database)
    if kind.removeprefix("fuse.") in _NETWORK_FILE_SYSTEMS:
        raise ConfigurationError(
            f"The ledger is an SQLite file on a network file system ({kind}), whose locks cannot be trusted.",
            advice="Set ULAK_LEDGER_URL to a file on a local disk or to a database server.",
        )


def _file_system(path: Path) -> str:
    mounts = Path("/proc/self/mounts")
    if not mounts.exists():
        return "unknown"
    wanted = path.absolute()
    best, kind = "", "unknown"
    for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines():
        _, point, found, *_ = line.split(" ")
        if wanted.is_relative_to(point) and len(point) >= len(best):
            best, kind = point, found
    return kind


def _airflow_home() -> str:
    return os.path.expanduser(os.environ.get("AIRFLOW_HOME") or "~/airflow")  # noqa: PTH111  # as Airflow reads it
