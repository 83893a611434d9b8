"""Driver x method x connection x fault: how many requests arrived whole, and which error was raised.

This is the proof behind "NotSent is a whitelist per driver". What a table here calls NotSent, the ledger lets be
sent again.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from typing import Any

import pytest

from airflow_provider.engine.account import Network
from airflow_provider.engine.errors import (
    MessagingError,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    UnreadableResponse,
    VendorUnavailable,
)
from airflow_provider.engine.exchange import Intent, Work, build, raise_for_transient
from tests.engine.conftest import Player
from tests.engine.fault_server import (
    BAD_GZIP,
    GARBAGE,
    GZIP_BOMB,
    TOO_LONG,
    TRUNCATED,
    TRUNCATED_CHUNK,
    Fault,
    FaultServer,
    answer,
    answer_then_close,
    close,
    drip_body,
    drip_headers,
    hang,
    reset,
    status,
)

PATIENT = Network(connect_timeout=10, read_timeout=20, deadline=30)
HURRIED = Network(connect_timeout=10, read_timeout=0.5, deadline=0.8)

# fault: (the server's part, the client's patience, requests received, error)
AFTER_READING: dict[str, tuple[Fault, Network, int, type[MessagingError]]] = {
    "closed": (close, PATIENT, 1, OutcomeUnknown),
    "reset": (reset, PATIENT, 1, OutcomeUnknown),
    "garbage status line": (answer_then_close(GARBAGE), PATIENT, 1, OutcomeUnknown),
    "truncated body": (answer_then_close(TRUNCATED), PATIENT, 1, OutcomeUnknown),
    "truncated chunk": (answer_then_close(TRUNCATED_CHUNK), PATIENT, 1, OutcomeUnknown),
    "bad gzip": (answer(BAD_GZIP), PATIENT, 1, OutcomeUnknown),
    "over 1 MiB": (answer(TOO_LONG), PATIENT, 1, OutcomeUnknown),
    "gzip bomb": (answer(GZIP_BOMB), PATIENT, 1, OutcomeUnknown),
    "dripping headers": (drip_headers, HURRIED, 1, OutcomeUnknown),
    "dripping body": (drip_body, HURRIED, 1, OutcomeUnknown),
    "hang": (hang, HURRIED, 1, OutcomeUnknown),
    "HTTP 500": (answer(status(500)), PATIENT, 1, OutcomeUnknown),
    "HTTP 502": (answer(status(502)), PATIENT, 1, OutcomeUnknown),
    "HTTP 408": (answer(status(408)), PATIENT, 1, OutcomeUnknown),
    "HTTP 301": (answer(status(301, "Location: /elsewhere\r\n")), PATIENT, 1, OutcomeUnknown),
    "HTTP 429": (answer(status(429)), PATIENT, 1, RateLimited),
}


def ask(method: str, url: str, intent: Intent = Intent.SEND) -> Generator[Any, Any, int]:
    """What dispatch does, in short: claims, sends, and looks at the status."""
    yield Work(lambda: None)
    body = {"text": "hello"} if method == "POST" else None
    response = yield build(method, url, intent=intent, json=body)
    raise_for_transient(response, intent=intent, vendor="turkeysms", operation="send_sms")
    return int(response.status_code)


@pytest.fixture(params=["GET", "POST"])
def method(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def prepared(
    player: Callable[..., Player],
    server: FaultServer,
    method: str,
    connection: str,
    network: Network = PATIENT,
) -> Player:
    """Return a player that has a connection to the server, or has none yet."""
    one = player(network)
    if connection == "kept-alive":
        assert one.run(ask(method, server.url())) == 200
        server.forget()
    return one


@pytest.mark.parametrize("connection", ["fresh", "kept-alive"])
@pytest.mark.parametrize("fault", AFTER_READING)
def test_a_send_is_made_once_and_ends_as_it_should(
    player: Callable[..., Player], server: FaultServer, method: str, connection: str, fault: str
) -> None:
    part, network, received, error = AFTER_READING[fault]
    one = prepared(player, server, method, connection, network)
    server.fault = part

    with pytest.raises(error) as caught:
        one.run(ask(method, server.url()))

    assert type(caught.value) is error
    assert len(server.received) == received
    assert server.connections == 1


@pytest.mark.parametrize("connection", ["fresh", "kept-alive"])
def test_a_connection_closed_before_the_request_is_read_leaves_the_outcome_unknown(
    player: Callable[..., Player], server: FaultServer, method: str, connection: str
) -> None:
    one = prepared(player, server, method, connection)
    server.before_reading = close

    with pytest.raises(OutcomeUnknown):
        one.run(ask(method, server.url()))

    assert server.received == []
    assert server.connections == 1


def test_a_kept_connection_that_the_server_has_closed_meanwhile_is_replaced(
    player: Callable[..., Player], server: FaultServer, method: str
) -> None:
    one = prepared(player, server, method, "kept-alive")
    server.hang_up()

    assert one.run(ask(method, server.url())) == 200
    assert len(server.received) == 1
    assert server.connections == 2


# --- what never leaves ----------------------------------------------------------------------------------


@pytest.fixture
def full_backlog() -> Iterator[int]:
    """A port on which connections are neither accepted nor refused."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    waiting = [socket.socket() for _ in range(4)]
    for one in waiting:
        one.setblocking(False)
        with suppress(BlockingIOError):
            one.connect(listener.getsockname())
    yield listener.getsockname()[1]
    for one in [*waiting, listener]:
        one.close()


@pytest.fixture
def no_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names under .invalid are unknown without asking a name server, which would take its time."""
    resolve = socket.getaddrinfo

    def stub(host: Any, *args: Any, **options: Any) -> Any:
        if str(host).endswith(".invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return resolve(host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", stub)


def never_sent(player: Player, method: str, url: str) -> NotSent:
    with pytest.raises(VendorUnavailable) as caught:
        player.run(ask(method, url))
    assert type(caught.value) is VendorUnavailable
    return caught.value


@pytest.mark.parametrize("connection", ["fresh", "kept-alive"])
def test_refused(player: Callable[..., Player], server: FaultServer, method: str, connection: str) -> None:
    one = prepared(player, server, method, connection)
    server.stop_listening()
    error = never_sent(one, method, server.url())
    assert str(error).startswith("The connection to the vendor was refused.")
    assert server.received == []


def test_unknown_name(player: Callable[..., Player], no_names: None, method: str) -> None:
    error = never_sent(player(), method, "http://vendor.invalid/send")
    assert "host name could not be resolved" in str(error)


@pytest.mark.parametrize("network", [HURRIED, Network(connect_timeout=0.3)])
def test_connect_timeout(
    player: Callable[..., Player], full_backlog: int, method: str, network: Network
) -> None:
    error = never_sent(player(network), method, f"http://127.0.0.1:{full_backlog}/send")
    assert "stood in time" in str(error)


def test_tls_handshake_timeout(player: Callable[..., Player], method: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:  # the kernel connects, nobody answers
        error = never_sent(player(HURRIED), method, f"https://127.0.0.1:{listener.getsockname()[1]}/send")
    assert "stood in time" in str(error)


def test_tls_to_a_plain_port(player: Callable[..., Player], server: FaultServer, method: str) -> None:
    error = never_sent(player(), method, server.url(scheme="https"))
    assert "TLS" in str(error)
    assert server.received == []


def test_tls_cut_off(player: Callable[..., Player], server: FaultServer, method: str) -> None:
    server.before_reading = reset
    never_sent(player(), method, server.url(scheme="https"))


def test_certificate_that_nobody_vouches_for(
    player: Callable[..., Player], tls_server: FaultServer, method: str
) -> None:
    error = never_sent(player(), method, tls_server.url())
    assert "certificate was not accepted: self-signed certificate." in str(error)
    assert tls_server.received == []


def test_certificate_for_another_name(
    player: Callable[..., Player], tls_server: FaultServer, certificate: Any, method: str
) -> None:
    one = player(Network(ca_file=str(certificate)))
    error = never_sent(one, method, tls_server.url().replace("127.0.0.1", "localhost"))
    assert "certificate was not accepted: Hostname mismatch" in str(error)
    assert tls_server.received == []


def test_no_free_connection(player: Callable[..., Player], server: FaultServer, method: str) -> None:
    server.fault = hang
    one = player(Network(connect_timeout=1, read_timeout=20, deadline=30), connections=1)

    error = one.run_beside(
        ask(method, server.url()), server.arrived, ask(method, server.url()), server.released
    )

    assert type(error) is VendorUnavailable
    assert len(server.received) == 1


# --- reads and acts -------------------------------------------------------------------------------------

# fault: (the server's part, the client's patience, times asked, error)
READS: dict[str, tuple[Fault, Network, int, type[MessagingError]]] = {
    "closed": (close, PATIENT, 3, VendorUnavailable),
    "reset": (reset, PATIENT, 3, VendorUnavailable),
    "garbage status line": (answer_then_close(GARBAGE), PATIENT, 3, VendorUnavailable),
    "truncated body": (answer_then_close(TRUNCATED), PATIENT, 3, VendorUnavailable),
    "bad gzip": (answer(BAD_GZIP), PATIENT, 3, VendorUnavailable),
    "over 1 MiB": (answer(TOO_LONG), PATIENT, 1, UnreadableResponse),
    "gzip bomb": (answer(GZIP_BOMB), PATIENT, 1, UnreadableResponse),
    "dripping headers": (drip_headers, HURRIED, 1, VendorUnavailable),
    "dripping body": (drip_body, HURRIED, 1, VendorUnavailable),
    "hang": (hang, HURRIED, 1, VendorUnavailable),
    "HTTP 500": (answer(status(500)), PATIENT, 3, VendorUnavailable),
    "HTTP 429": (answer(status(429)), PATIENT, 1, RateLimited),
}


@pytest.mark.parametrize("fault", READS)
def test_a_read_is_repeated_where_that_may_help(
    kind: str, player: Callable[..., Player], server: FaultServer, method: str, fault: str
) -> None:
    part, network, asked, error = READS[fault]
    server.fault = part

    with pytest.raises(error) as caught:
        player(network).run(ask(method, server.url(), Intent.READ))

    assert type(caught.value) is error
    if kind == "async" and method == "GET" and fault in {"closed", "reset"}:
        # aiohttp asks twice by itself each time. A read may be; that a send may not is why the driver never
        # gives one of these methods to aiohttp.
        assert len(server.received) == 2 * asked
    else:
        assert len(server.received) == asked


@pytest.mark.parametrize("fault", ["closed", "reset", "truncated body", "over 1 MiB", "hang", "HTTP 500"])
def test_an_act_is_never_repeated(
    player: Callable[..., Player], server: FaultServer, method: str, fault: str
) -> None:
    part, network, received, error = AFTER_READING[fault]
    server.fault = part

    with pytest.raises(error):
        player(network).run(ask(method, server.url(), Intent.ACT))

    assert len(server.received) == received
