"""What all tests share: a sandbox, an environment of their own, and a watch over everything that is logged.

Light on purpose: tests of the engine must not import Airflow, so whatever is heavy is imported by the fixture that
needs it.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import httpx

    from airflow_provider.sandbox.server import SandboxServer

pytest_plugins = ["pytester"]

_HOME = Path(tempfile.mkdtemp(prefix="ulak-tests-"))

# Before anything can import Airflow, which reads most of it once; subprocesses of tests inherit it.
os.environ.update(
    {
        "AIRFLOW_HOME": str(_HOME),
        "AIRFLOW__CORE__DAGS_FOLDER": str(_HOME / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "2",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "DEBUG",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }
)
for _name in [name for name in os.environ if name.lower().endswith("_proxy") or name.startswith("ULAK_")]:
    del os.environ[_name]
(_HOME / "dags").mkdir()

# A background job of a shell starts with Ctrl-C ignored, and every child would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_unconfigure() -> None:
    """Take the Airflow home away."""
    # Airflow says goodbye at the exit, to a stream that pytest has closed by then.
    logging.raiseExceptions = False
    shutil.rmtree(_HOME, ignore_errors=True)


# --- the watch ------------------------------------------------------------------------------------------

_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
_UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
_BETWEEN_DIGITS = re.compile(r"(?<=\d)[ ().-]{1,2}(?=\d)")
_TURKISH_MOBILE = re.compile(r"(?<![\w.])(?:\+90|0090|90|0)(5\d{9})(?![\w.])")


class Watch:
    """Sees what is logged, by logging and by structlog, whatever the levels, handlers and propagation are.

    A record is seen where every one of them passes: behind the filters of its logger, before any handler. Levels
    are ignored, so that a line that only some installation would log at DEBUG is seen too; a handler gets no more
    than it would get without the watch.
    """

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        self.not_watched: set[str] = set()
        self._forbidden: dict[str, str] = {}
        self._allowed: set[str] = set()

    def forbid(self, value: str, what: str) -> None:
        """Have the test fail when a value is logged. Short ones would turn up by chance and are left out."""
        if len(value) > 5:
            self._forbidden[value] = what

    def allow(self, value: str) -> None:
        """Let a value be logged: the test asked for it to be shown, and Airflow shows what it stores."""
        self._allowed.add(value)

    def leaks(self) -> list[str]:
        """Return a sentence for each record that holds what nobody should read there."""
        return [
            f"{name} logged {what}: {text[:2000]}"
            for name, text in self.seen
            # At DEBUG, Airflow logs what a task asks its supervisor to mask.
            if name.partition(".")[0] not in self.not_watched and "msg=MaskSecret(" not in text
            # Rows hold vendors' ids, and one of our own vendors for tests gives ids that look like numbers.
            for what in self.private_in(text, shapes=not name.startswith("sqlalchemy."))
        ]

    def private_in(self, text: str, *, shapes: bool = True) -> list[str]:
        """Return what of the forbidden a text holds: as it stands, or as people space a number.

        ``shapes`` has everything count that looks like a Turkish mobile number, whoever's it is.
        """
        text = _UUID.sub("", text)
        joined = _BETWEEN_DIGITS.sub("", text)
        found = {
            what
            for value, what in self._forbidden.items()
            if value not in self._allowed and _stands_in(value, text, joined)
        }
        if shapes and set(_TURKISH_MOBILE.findall(joined)) - self._allowed:
            found.add("a full number")
        return sorted(found)

    def forbid_all_of(self, sandbox: SandboxServer) -> None:
        """Forbid the sandbox's credentials, and all codes, QRs and recipients of the messages it took."""
        for vendor in sandbox.app.vendors.values():
            for secret in vendor.account.secrets():
                self.forbid(secret, f"a credential of {vendor.key}")
        for device in sandbox.app.vatansms.devices.all():
            self.forbid(device.code, "a QR or a pairing code")
        for message in sandbox.store.messages():
            self.forbid(message.to.removeprefix("+90"), "a recipient")
            if message.exchange is not None and b"otp_code" in message.exchange.response_body:
                self.forbid(_code_in(message.exchange.response_body), "a one-time code")

    # --- seeing -----------------------------------------------------------------------------------------

    def record(self, record: logging.LogRecord) -> None:
        """Take a record of logging."""
        try:
            parts = [record.getMessage()]
        except (TypeError, ValueError):
            parts = [str(record.msg), repr(record.args)]
        if record.exc_info:
            parts += traceback.format_exception(*record.exc_info)
        parts += [str(record.exc_text or ""), str(record.stack_info or "")]
        parts += [f"{name}={value!r}" for name, value in vars(record).items() if name not in _PLAIN]
        self.seen.append((record.name, "\n".join(parts)))

    def event(self, logger: Any, emitted: tuple[Sequence[Any], Mapping[str, Any]]) -> None:
        """Take what structlog is about to hand to its output, after all of its processors."""
        told = [*emitted[0], *emitted[1].values()]
        texts = [one.decode() if isinstance(one, bytes) else str(one) for one in told]
        self.seen.append((str(getattr(logger, "name", None) or "structlog"), "\n".join(texts)))


def _stands_in(value: str, text: str, joined: str) -> bool:
    if value.isdigit() and len(value) < 10:
        # A one-time code; within a longer number it is none.
        return re.search(rf"(?<![\w.]){value}(?!\w)", text) is not None
    return value in joined if value.isdigit() else value in text


def _code_in(body: bytes) -> str:
    found = re.search(rb'"otp_code"\s*:\s*"?(\d+)', body)
    return "" if found is None else found[1].decode()


@pytest.fixture(scope="session")
def _see_everything() -> Iterator[list[Watch]]:
    import structlog

    watching: list[Watch] = []
    patch = pytest.MonkeyPatch()
    is_enabled = logging.Logger.isEnabledFor
    call_handlers = logging.Logger.callHandlers
    core = structlog._base.BoundLoggerBase
    process = core._process_event

    def always(self: logging.Logger, level: int) -> bool:
        return bool(watching) or is_enabled(self, level)

    def handle(self: logging.Logger, record: logging.LogRecord) -> None:
        for watch in watching:
            watch.record(record)
        if is_enabled(self, record.levelno):
            call_handlers(self, record)

    def emit(self: Any, *args: Any, **kwargs: Any) -> Any:
        emitted = process(self, *args, **kwargs)
        for watch in watching:
            watch.event(self._logger, emitted)
        return emitted

    patch.setattr(logging.Logger, "isEnabledFor", always)
    patch.setattr(logging.Logger, "callHandlers", handle)
    patch.setattr(core, "_process_event", emit)
    yield watching
    patch.undo()


@pytest.fixture(autouse=True)
def log_watch(_see_everything: list[Watch], request: pytest.FixtureRequest) -> Iterator[Watch]:
    """Fail the test when a credential, a one-time code, a QR or somebody's number was logged in it."""
    watch = Watch()
    _see_everything.append(watch)
    yield watch
    _see_everything.remove(watch)
    if "sandbox" in request.fixturenames and "shared_sandbox" in request.fixturenames:
        watch.forbid_all_of(request.getfixturevalue("shared_sandbox"))
    if leaks := watch.leaks():
        pytest.fail("\n\n".join(leaks[:5]), pytrace=False)


# --- the sandbox ----------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def shared_sandbox() -> Iterator[SandboxServer]:
    """The sandbox of this run; tests take ``sandbox``."""
    from airflow_provider.sandbox.server import SandboxServer

    with SandboxServer() as server:
        yield server


@pytest.fixture(scope="session")
def control(shared_sandbox: SandboxServer) -> Iterator[httpx.Client]:
    """A plain HTTP client of the sandbox."""
    import httpx

    with httpx.Client(base_url=shared_sandbox.url, trust_env=False, timeout=30) as client:
        yield client


@pytest.fixture
def sandbox(shared_sandbox: SandboxServer, control: httpx.Client) -> SandboxServer:
    """A sandbox in which nothing has happened yet."""
    assert control.post("/_sandbox/reset").status_code == 204
    return shared_sandbox


@pytest.fixture
def inbox(sandbox: SandboxServer, control: httpx.Client) -> Callable[..., list[dict[str, Any]]]:
    """List the messages that the vendors took, oldest first."""

    def messages(**narrowed: str) -> list[dict[str, Any]]:
        return list(control.get("/_sandbox/messages", params=narrowed).json())

    return messages


@pytest.fixture
def fault(sandbox: SandboxServer, control: httpx.Client) -> Callable[..., None]:
    """Let something go wrong at a vendor."""

    def put(vendor: str, mode: str, **details: Any) -> None:
        answer = control.put("/_sandbox/faults", json={"vendor": vendor, "mode": mode, **details})
        assert answer.status_code == 200, answer.text

    return put


@pytest.fixture
def account(sandbox: SandboxServer, control: httpx.Client) -> Callable[..., None]:
    """Change the account at a vendor."""

    def change(vendor: str, **settings: Any) -> None:
        answer = control.put(f"/_sandbox/accounts/{vendor}", json=settings)
        assert answer.status_code == 200, answer.text

    return change


@pytest.fixture
def sandbox_connections(sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, Any]]:
    """Airflow connections that point at the sandbox, by their ids; also in the environment."""
    from airflow_provider.sandbox.connections import connections

    made = connections(sandbox.url)
    for conn_id, connection in made.items():
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(connection))
    return made


@pytest.fixture
def loaded() -> Callable[[str], bool]:
    """Tell whether a module has been imported in this process."""
    return sys.modules.__contains__
