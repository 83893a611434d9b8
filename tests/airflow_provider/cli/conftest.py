"""The command line against the sandbox: in this process where that is enough, in its own where it matters."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from airflow_provider.cli import main


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture(scope="session")
def _airflow() -> None:
    # Airflow keeps the stdout that it meets for its logs, and pytest's own is closed before the process ends.
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        import airflow.sdk  # noqa: F401


@pytest.fixture
def ledger_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A ledger of the test's own, in this process and in those that it starts."""
    url = f"sqlite:///{tmp_path / 'ulak.db'}"
    monkeypatch.setenv("ULAK_LEDGER_URL", url)
    return url


@pytest.fixture
def ulak(
    _airflow: None,
    ledger_url: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    log_watch: Any,
) -> Iterator[Callable[..., Result]]:
    """Run a command in this process."""
    from airflow_provider.hooks.installation import close_ledger
    from airflow_provider.hooks.runtime import close_drivers

    monkeypatch.setenv("COLUMNS", "120")
    # The vendors' web server is in this process too, and Airflow gives its loggers back what the sandbox took away.
    log_watch.not_watched.add("uvicorn")

    def run(*arguments: str, stdin: bytes = b"") -> Result:
        capsys.readouterr()
        with monkeypatch.context() as patch, io.TextIOWrapper(io.BytesIO(stdin)) as text:
            patch.setattr(sys, "stdin", text)
            with pytest.raises(SystemExit) as ended:
                main(arguments)
        captured = capsys.readouterr()
        return Result(int(ended.value.code or 0), captured.out, captured.err)

    yield run
    close_drivers()
    close_ledger()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a command as a shell would, in an empty Airflow home, and end it with the test."""
    started: list[subprocess.Popen[str]] = []

    def popen(*arguments: str, **environment: str) -> subprocess.Popen[str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW__")}
        process = subprocess.Popen(
            [sys.executable, "-c", "from airflow_provider.cli import main; main()", *arguments],
            env={**inherited, "AIRFLOW_HOME": str(tmp_path / "airflow"), **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield popen
    for process in started:
        with process:
            process.kill()


@pytest.fixture
def ulak_process(start: Callable[..., subprocess.Popen[str]]) -> Callable[..., Result]:
    """Run a command as a shell would."""

    def run(*arguments: str, **environment: str) -> Result:
        process = start(*arguments, **environment)
        out, err = process.communicate(timeout=120)
        return Result(process.returncode, out, err)

    return run
