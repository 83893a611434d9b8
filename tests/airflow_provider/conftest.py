"""A ledger of its own for every test of the Airflow doors, and Airflow itself for those that run a DAG."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest


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
