"""Servers that fail, certificates nobody knows, and both drivers behind one face."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
import threading
from collections.abc import Callable, Generator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from airflow_provider.engine.account import Network
from airflow_provider.engine.drivers import AsyncDriver, Driver, Reads
from tests.engine.fault_server import FaultServer


class Player:
    """Either driver, played from a plain test."""

    def __init__(self, kind: str, network: Network, **settings: Any) -> None:
        self.kind = kind
        self.driver: Any = Driver(network, **settings) if kind == "sync" else AsyncDriver(network, **settings)
        self._runner = asyncio.Runner() if kind == "async" else None

    def run(self, steps: Generator[Any, Any, Any]) -> Any:
        if self._runner is None:
            return self.driver.run(steps)
        return self._runner.run(self.driver.run(steps))

    def run_beside(
        self,
        first: Generator[Any, Any, Any],
        started: threading.Event,
        second: Generator[Any, Any, Any],
        release: threading.Event,
    ) -> BaseException | None:
        """Run the second while the first is under way, release the first, and return the second's error."""
        if self._runner is not None:
            return self._runner.run(self._run_beside(first, started, second, release))
        thread = threading.Thread(target=self.driver.run, args=(first,))
        thread.start()
        started.wait()
        try:
            self.driver.run(second)
        except BaseException as error:
            return error
        finally:
            release.set()
            thread.join()
        return None

    async def _run_beside(
        self,
        first: Generator[Any, Any, Any],
        started: threading.Event,
        second: Generator[Any, Any, Any],
        release: threading.Event,
    ) -> BaseException | None:
        task = asyncio.create_task(self.driver.run(first))
        await asyncio.to_thread(started.wait)
        try:
            await self.driver.run(second)
        except BaseException as error:
            return error
        finally:
            release.set()
            await task
        return None

    def release(self) -> None:
        """Close the driver, which may be used again."""
        if self._runner is None:
            self.driver.close()
        else:
            self._runner.run(self.driver.aclose())

    def close(self) -> None:
        self.release()
        if self._runner is not None:
            self._runner.close()


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def player(kind: str) -> Iterator[Callable[..., Player]]:
    """Make players of the driver under test; reads wait for nothing between their tries."""
    made: list[Player] = []

    def make(network: Network | None = None, **settings: Any) -> Player:
        settings.setdefault("reads", Reads(pause=0))
        made.append(Player(kind, network or Network(), **settings))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def server() -> Iterator[FaultServer]:
    server = FaultServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that signs itself, with its key, as a file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "loopback.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file


@pytest.fixture
def tls_server(certificate: Path) -> Iterator[FaultServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = FaultServer(tls=context)
    yield server
    server.close()
