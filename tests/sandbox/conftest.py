"""One sandbox for all tests of this folder, put back to its start before each, on a clock whose hands tests turn."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from airflow_provider.sandbox.server import SandboxServer


class Hands:
    """A clock that stands still until it is turned."""

    def __init__(self) -> None:
        self.now = 1_767_225_600.0  # 2026-01-01T00:00:00Z, 03:00 in Istanbul

    def __call__(self) -> float:
        return self.now

    def turn(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture(autouse=True)
def plain_client_may_log(log_watch) -> None:
    """Leave what httpx logs of whole URLs alone: here it is a stranger's client, and not the engine's."""
    log_watch.not_watched.add("httpx")


@pytest.fixture(scope="session")
def hands() -> Hands:
    return Hands()


@pytest.fixture(scope="session")
def shared_sandbox(hands: Hands) -> Iterator[SandboxServer]:
    with SandboxServer(clock=hands) as server:
        yield server


@pytest.fixture(scope="session")
def shared_client(shared_sandbox: SandboxServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=shared_sandbox.url, trust_env=False, timeout=5) as client:
        yield client


@pytest.fixture
def client(shared_client: httpx.Client) -> httpx.Client:
    """A plain HTTP client of a sandbox where nothing has happened yet."""
    assert shared_client.post("/_sandbox/reset").status_code == 204
    return shared_client


@pytest.fixture
def sandbox(client: httpx.Client, shared_sandbox: SandboxServer) -> SandboxServer:
    return shared_sandbox


@pytest.fixture
def inbox(client: httpx.Client) -> Callable[..., list[dict]]:
    """List the messages that were taken."""

    def messages(**narrowed: str) -> list[dict]:
        return client.get("/_sandbox/messages", params=narrowed).json()

    return messages


@pytest.fixture
def account(client: httpx.Client) -> Callable[..., None]:
    """Change the account at a vendor."""

    def change(vendor: str, **settings: object) -> None:
        answer = client.put(f"/_sandbox/accounts/{vendor}", json=settings)
        assert answer.status_code == 200, answer.text

    return change


@pytest.fixture
def fault(client: httpx.Client) -> Callable[..., None]:
    """Set a fault."""

    def put(**fault: object) -> None:
        answer = client.put("/_sandbox/faults", json=fault)
        assert answer.status_code == 200, answer.text

    return put


@pytest.fixture
def eventually() -> Callable[[Callable[[], object]], object]:
    """Ask again and again, for as long as ten seconds, until the answer is truthy."""

    def ask(question: Callable[[], object]) -> object:
        ends = time.monotonic() + 10
        while not (answer := question()):
            assert time.monotonic() < ends, "it never came"
        return answer

    return ask
