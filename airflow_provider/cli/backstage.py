"""Where Airflow works, kept off the stage: stdout is for what the command was asked.

Airflow takes seconds to import and configures logging to stdout while it does, so it is imported here alone, when
a command needs a connection or the ledger.
"""

# ruff: noqa: PLC0415 - importing late is what this module is for

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING

from airflow_provider.cli.exits import debugging
from airflow_provider.engine.errors import ConfigurationError

if TYPE_CHECKING:
    from airflow_provider.engine.ledger.store import SqlLedger
    from airflow_provider.hooks.base import MessagingHook

__all__ = ["airflow", "open_hook", "open_ledger"]


@contextmanager
def airflow() -> Iterator[None]:
    """Let Airflow and what belongs to it write to stderr, and by default next to nothing: errors reach us anyway.

    Raises:
        ConfigurationError: Airflow does not even start.
    """
    if "airflow" not in sys.modules:
        # Airflow's own way to be told; whoever set it already, meant it.
        os.environ.setdefault("AIRFLOW__LOGGING__LOGGING_LEVEL", "WARNING" if debugging() else "CRITICAL")
    with redirect_stdout(sys.stderr):
        try:
            importlib.import_module("airflow.sdk.configuration")
        except Exception as error:
            if debugging():
                raise
            raise ConfigurationError(
                f"Airflow does not start here ({type(error).__name__}), and connections are read through it.",
                advice="Run `airflow version` to see why.",
            ) from error
        yield


def open_hook(conn_id: str) -> MessagingHook:
    """Return the hook of a connection; call it inside :func:`airflow`."""
    from airflow_provider.hooks.base import MessagingHook

    return MessagingHook.of(conn_id)


def open_ledger() -> SqlLedger:
    """Return the installation's ledger; call it inside :func:`airflow`."""
    from airflow_provider.hooks import installation

    return installation.open_ledger()
