"""What both drivers promise beyond the fault matrix: deadlines, interrupts, privacy, proxies, sockets."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Generator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from airflow_provider.engine.account import Network
from airflow_provider.engine.drivers import AsyncDriver, Driver, Reads
from airflow_provider.engine.errors import (
    ConfigurationError,
    MessagingError,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    VendorUnavailable,
)
from airflow_provider.engine.exchange import (
    Intent,
    Pause,
    Work,
    build,
    raise_for_transient,
    start_before,
)
from tests.engine.conftest import Player
from tests.engine.fault_server import (
    GZIPPED,
    OK,
    Connection,
    FaultServer,
    Received,
    answer,
    answer_then_close,
    close,
    hang,
    in_turn,
    status,
)

Make = Callable[..., Player]
SECRET = "s3cr3t-4pi-k3y"


def once(request: httpx.Request) -> Generator[httpx.Request, httpx.Response, httpx.Response]:
    return (yield request)


def recorded(request: httpx.Request, log: list[Any]) -> Generator[Any, Any, httpx.Response]:
    """Write down what strikes while the request is under way, as dispatch does."""
    try:
        response: httpx.Response = yield request
    except BaseException as error:
        log.append(type(error))
        log.append((yield Work(lambda: "written down")))
        raise
    return response


# --- steps ----------------------------------------------------------------------------------------------


def test_every_step_is_done_and_its_result_sent_back(player: Make, server: FaultServer) -> None:
    threads: list[int] = []

    def steps() -> Generator[Any, Any, list[Any]]:
        got: list[Any] = []
        got.append((yield Work(lambda: threads.append(threading.get_ident()))))
        got.append((yield Pause(0)))
        got.append((yield build("POST", server.url(), json={"n": 1})).json())
        got.append((yield Work(lambda: threads.append(threading.get_ident()) or "worked")))
        return got

    one = player()
    assert one.run(steps()) == [None, None, {"result": True}, "worked"]
    assert one.run(steps()) == [None, None, {"result": True}, "worked"]
    assert len(set(threads)) == 1
    assert (threads[0] == threading.get_ident()) == (one.kind == "sync")


def test_an_error_of_work_is_thrown_in(player: Make) -> None:
    def broken() -> None:
        raise LookupError("the ledger is gone")

    def steps() -> Generator[Any, Any, str]:
        try:
            yield Work(broken)
        except LookupError as error:
            return str(error)
        return "nothing happened"

    assert player().run(steps()) == "the ledger is gone"
    with pytest.raises(LookupError):
        player().run(iter_work(broken))


def iter_work(call: Callable[[], Any]) -> Generator[Work, Any, None]:
    yield Work(call)


def test_the_generator_may_answer_an_error_with_further_steps(player: Make, server: FaultServer) -> None:
    server.fault = in_turn(close, answer(OK))

    def steps() -> Generator[Any, Any, int]:
        try:
            yield build("POST", server.url())
        except OutcomeUnknown:
            response = yield build("POST", server.url())
        return int(response.status_code)

    assert player().run(steps()) == 200
    assert len(server.received) == 2


# --- the wire -------------------------------------------------------------------------------------------


def test_both_drivers_send_the_same_bytes(server: FaultServer) -> None:
    url = server.url("/a%20b/messages.json")
    requests = [
        lambda: build("GET", url, params={"q": "çığ +&=/?", "to": "+905321234567"}, intent=Intent.READ),
        lambda: build("POST", url, json={"text": "ığüşöç €"}, headers={"Authorization": "Bearer x"}),
        lambda: build("POST", url, form={"text": "ığüşöç €"}),
        lambda: build("POST", url, form={"a": "1"}, files={"f": ("a.pdf", b"%PDF" * 9, "application/pdf")}),
        lambda: build("POST", url),
    ]

    def all_of_them() -> Generator[Any, Any, None]:
        for make in requests:
            yield make()

    heard: list[list[tuple[Any, ...]]] = []
    for kind in ("sync", "async"):
        server.forget()
        one = Player(kind, Network())
        one.run(all_of_them())
        one.close()
        heard.append(
            [
                (r.method, r.target, sorted((name.lower(), value) for name, value in r.headers), r.body)
                for r in server.received
            ]
        )

    assert heard[0] == heard[1]
    first = dict(heard[0][0][2])
    assert set(first) == {"host", "user-agent", "accept"}
    assert dict(heard[0][4][2])["content-length"] == "0"


def test_an_attachment_of_several_mebibytes_arrives_whole(player: Make, server: FaultServer) -> None:
    content = bytes(range(256)) * 4 * 4096
    request = build("POST", server.url(), files={"attachment": ("big.pdf", content, "application/pdf")})
    assert player().run(once(request)).status_code == 200
    assert content in server.received[0].body


def test_a_compressed_answer_is_unpacked(player: Make, server: FaultServer) -> None:
    server.fault = answer(GZIPPED)
    response = player().run(once(build("POST", server.url())))
    assert response.json() == {"result": True}
    assert "content-encoding" not in response.headers


def test_an_answer_of_exactly_the_limit_is_taken(player: Make, server: FaultServer) -> None:
    server.fault = answer(status(200, body=b" " * 1024 * 1024))
    assert len(player().run(once(build("POST", server.url()))).content) == 1024 * 1024


def test_redirects_are_not_followed(player: Make, server: FaultServer) -> None:
    server.fault = answer(status(302, f"Location: {server.url('/elsewhere')}\r\n"))
    response = player().run(once(build("POST", server.url())))
    assert response.status_code == 302
    assert [received.target for received in server.received] == ["/send"]


def test_cookies_are_not_carried_over(player: Make, server: FaultServer) -> None:
    server.fault = answer(status(200, "Set-Cookie: session=1; Path=/\r\n"))
    one = player()
    for _ in range(2):
        assert one.run(once(build("POST", server.url()))).headers["set-cookie"] == "session=1; Path=/"
    assert [received.header("cookie") for received in server.received] == [None, None]
    assert server.connections == 1


def test_the_environment_has_no_say(
    player: Make, server: FaultServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    assert player().run(once(build("POST", server.url()))).status_code == 200
    assert server.received[0].header("authorization") is None


def test_a_private_authority_is_trusted_where_the_connection_says_so(
    player: Make, tls_server: FaultServer, certificate: Path
) -> None:
    one = player(Network(ca_file=str(certificate)))
    for _ in range(2):
        assert one.run(once(build("POST", tls_server.url()))).status_code == 200
    assert tls_server.connections == 1


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_a_ca_file_that_is_none_is_a_matter_of_configuration(
    player: Make, tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"ca\.pem"):
        player(Network(ca_file=str(file))).run(once(build("POST", "https://127.0.0.1:1/")))


def test_certificates_are_read_for_https_only(player: Make, server: FaultServer, tmp_path: Path) -> None:
    one = player(Network(ca_file=str(tmp_path / "none.pem")))
    assert one.run(once(build("POST", server.url()))).status_code == 200


@pytest.mark.parametrize("address", ["ftp://127.0.0.1/send", "127.0.0.1/send", "http:///send"])
def test_an_address_that_is_none_is_a_matter_of_configuration(player: Make, address: str) -> None:
    with pytest.raises(ConfigurationError, match="address"):
        player().run(once(build("POST", address)))


@pytest.mark.parametrize("value", [f"{SECRET}\n", f"{SECRET}\r\nX-More: 1", f" {SECRET}", f"{SECRET}\0"])
def test_a_key_that_breaks_its_header_is_a_matter_of_configuration(
    player: Make, server: FaultServer, value: str
) -> None:
    with pytest.raises(ConfigurationError, match="Authorization") as caught:
        player().run(once(build("POST", server.url(), headers={"Authorization": value})))
    assert SECRET not in str(caught.value)
    assert server.connections == 0


# --- reads ----------------------------------------------------------------------------------------------


def test_a_read_is_answered_as_soon_as_the_vendor_can(player: Make, server: FaultServer) -> None:
    server.fault = in_turn(close, answer(status(503)), answer(OK))
    # By POST, so that the count is the driver's alone.
    response = player().run(once(build("POST", server.url(), intent=Intent.READ)))
    assert response.status_code == 200
    assert len(server.received) == 3


def test_a_server_error_that_stays_is_handed_to_the_vendor_module(player: Make, server: FaultServer) -> None:
    server.fault = answer(status(500, body=b'{"code":"x"}'))
    response = player(reads=Reads(tries=2, pause=0)).run(once(build("GET", server.url(), intent=Intent.READ)))
    assert (response.status_code, response.json()) == (500, {"code": "x"})
    assert len(server.received) == 2


@pytest.mark.parametrize("code", [400, 404, 429])
def test_a_definite_answer_to_a_read_is_not_asked_for_again(
    player: Make, server: FaultServer, code: int
) -> None:
    server.fault = answer(status(code))
    assert player().run(once(build("GET", server.url(), intent=Intent.READ))).status_code == code
    assert len(server.received) == 1


def test_pauses_between_reads_grow_and_differ() -> None:
    pauses = [Reads(pause=0.2).pause_after(tried) for tried in (1, 1, 1, 1, 2, 3)]
    assert all(0.2 <= pause <= 0.4 for pause in pauses[:4])
    assert len(set(pauses[:4])) > 1
    assert 0.4 <= pauses[4] <= 0.8 <= pauses[5] <= 1.6


ODD_ANSWERS = [
    b"",
    b"\0" * 500,
    b"HTTP/1.1 200",
    b"HTTP/9.9 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 999 Whatever\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n{}",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: rot13\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nna me: x\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nname: \xff\xfe\x00\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nname: \xff\xfe\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nSet-Cookie: \xff=\xff; Expires=never\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=klingon\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nname: " + b"x" * 200_000 + b"\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 302 Found\r\nLocation: http://[::bad\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n{}",
    b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.0 200 OK\r\n\r\n{}",
]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("number", range(len(ODD_ANSWERS)))
def test_whatever_a_vendor_answers_is_an_answer_or_unknown(
    player: Make, server: FaultServer, method: str, number: int
) -> None:
    server.fault = answer_then_close(ODD_ANSWERS[number])
    one = player(Network(read_timeout=2, deadline=4))
    with suppress(OutcomeUnknown):
        assert len(one.run(once(build(method, server.url()))).content) <= 2
    assert len(server.received) == 1


# --- time -----------------------------------------------------------------------------------------------


def later(seconds: float) -> Callable[[Connection], bool]:
    def fault(connection: Connection) -> bool:
        connection.server.released.wait(seconds)
        connection.sock.sendall(OK)
        return True

    return fault


def test_a_long_poll_has_its_own_patience(player: Make, server: FaultServer) -> None:
    server.fault = later(0.6)
    one = player(Network(read_timeout=0.2, deadline=0.3))
    request = build("GET", server.url(), intent=Intent.READ, read_timeout=10)
    assert one.run(once(request)).status_code == 200
    assert len(server.received) == 1


def test_silence_and_the_deadline_are_told_apart(player: Make, server: FaultServer) -> None:
    server.fault = hang
    with pytest.raises(OutcomeUnknown, match=r"^No answer came within 0\.2 s\."):
        player(Network(read_timeout=0.2, deadline=20)).run(once(build("POST", server.url())))
    with pytest.raises(OutcomeUnknown, match=r"^No whole answer came within 0\.8 s\."):
        player(Network(read_timeout=20, deadline=0.8)).run(once(build("POST", server.url())))


def test_an_upload_that_stalls_ends_with_the_deadline(player: Make, server: FaultServer) -> None:
    server.before_reading = hang
    request = build("POST", server.url(), files={"a": ("a.pdf", b"x" * 32 * 1024 * 1024, "application/pdf")})
    with pytest.raises(OutcomeUnknown):
        player(Network(read_timeout=0.5, deadline=1)).run(once(request))
    assert server.received == []


def test_nothing_begins_after_its_moment(player: Make, server: FaultServer) -> None:
    request = build("POST", server.url())
    start_before(request, time.monotonic() - 0.001)
    with pytest.raises(NotSent, match="Too much time had passed"):
        player().run(once(request))
    assert server.connections == 0


class Asleep(logging.Handler):
    """Stops the process between the moment when it decides to write and the moment when it writes."""

    def __init__(self, until: float) -> None:
        super().__init__(logging.DEBUG)
        self._until = until

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage().startswith("send_request_headers.started"):
            while time.monotonic() <= self._until:
                pass


def test_not_even_when_the_process_slept_on_the_last_inch(server: FaultServer) -> None:
    one = Player("sync", Network())
    one.run(once(build("POST", server.url())))
    server.forget()
    request = build("POST", server.url())
    moment = time.monotonic() + 0.5
    start_before(request, moment)
    logger, handler = logging.getLogger("httpcore.http11"), Asleep(moment)
    before = logger.level
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)
    try:
        with pytest.raises(NotSent, match="Too much time had passed"):
            one.run(once(request))
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
    assert one.run(once(build("POST", server.url()))).status_code == 200
    assert len(server.received) == 1
    one.close()


def test_a_connection_must_stand_before_the_moment(player: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:  # greets nobody
        request = build("POST", f"https://127.0.0.1:{listener.getsockname()[1]}/send")
        start_before(request, time.monotonic() + 0.3)
        with pytest.raises(VendorUnavailable, match="stood in time"):
            player().run(once(request))


def test_every_address_of_a_host_gets_its_share_of_the_time(
    player: Make, server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve = socket.getaddrinfo

    def several(host: Any, port: Any, *args: Any, **options: Any) -> Any:
        if host != "vendor.invalid":
            return resolve(host, port, *args, **options)
        return [
            *resolve("127.0.0.2", port, *args, **options),  # refuses
            *resolve("127.0.0.3", port, *args, **options),  # is silent
            *resolve("127.0.0.1", port, *args, **options),
        ]

    monkeypatch.setattr(socket, "getaddrinfo", several)
    with socket.socket() as silent:
        silent.bind(("127.0.0.3", server.port))
        silent.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            with suppress(BlockingIOError):
                one.connect(silent.getsockname())
        url = f"http://vendor.invalid:{server.port}/send"
        assert player(Network(connect_timeout=2)).run(once(build("POST", url))).status_code == 200
        for one in waiting:
            one.close()


@pytest.mark.parametrize(
    ("headers", "seconds"), [("Retry-After: 7\r\n", 7), ("Retry-After: 0\r\n", 0), ("", 60)]
)
def test_a_limit_says_when_to_come_again(
    player: Make, server: FaultServer, headers: str, seconds: int
) -> None:
    server.fault = answer(status(429, headers))

    def steps() -> Generator[Any, Any, None]:
        response = yield build("POST", server.url())
        raise_for_transient(response, intent=Intent.SEND, vendor="turkeysms", operation="send_sms")

    before = datetime.now(UTC)
    with pytest.raises(RateLimited) as caught:
        player().run(steps())
    assert caught.value.retry_at is not None
    wait = timedelta(seconds=seconds)
    assert before + wait <= caught.value.retry_at <= datetime.now(UTC) + wait


def test_a_moment_that_the_vendor_named_is_kept(player: Make) -> None:
    moment = datetime(2030, 1, 1, tzinfo=UTC)

    def steps() -> Generator[Any, Any, None]:
        yield Pause(0)
        raise RateLimited("Wait.", retry_at=moment, retry_after=5)

    with pytest.raises(RateLimited) as caught:
        player().run(steps())
    assert caught.value.retry_at == moment


# --- interrupts -----------------------------------------------------------------------------------------


def test_an_interrupt_reaches_the_generator_first(server: FaultServer) -> None:
    main = threading.main_thread().ident
    assert main is not None

    def interrupt(connection: Connection) -> bool:
        signal.pthread_kill(main, signal.SIGINT)
        return hang(connection)

    server.fault = interrupt
    log: list[Any] = []
    one = Player("sync", Network())
    with pytest.raises(KeyboardInterrupt):
        one.run(recorded(build("POST", server.url()), log))
    assert log == [KeyboardInterrupt, "written down"]
    assert len(server.received) == 1
    one.close()


async def test_cancellation_reaches_the_generator_first_and_its_work_is_done(server: FaultServer) -> None:
    server.fault = hang
    log: list[Any] = []
    driver = AsyncDriver()
    task = asyncio.create_task(driver.run(recorded(build("POST", server.url()), log)))
    await asyncio.to_thread(server.arrived.wait)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert log == [asyncio.CancelledError, "written down"]
    assert len(server.received) == 1
    await driver.aclose()


async def test_work_is_finished_however_often_the_task_is_cancelled(server: FaultServer) -> None:
    working, finish = threading.Event(), threading.Event()

    def slow() -> str:
        working.set()
        finish.wait()
        return "written down"

    log: list[Any] = []

    def steps() -> Generator[Any, Any, None]:
        log.append((yield Work(slow)))
        try:
            yield build("POST", server.url())
        except NotSent as error:
            log.append(error.sentence)
            log.append((yield Work(lambda: "released")))
            raise

    driver = AsyncDriver()
    task = asyncio.create_task(driver.run(steps()))
    await asyncio.to_thread(working.wait)
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    finish.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert log == ["written down", "The task was cancelled before the request began.", "released"]
    assert server.connections == 0
    await driver.aclose()


async def test_a_task_that_is_being_cancelled_may_still_send(server: FaultServer) -> None:
    driver = AsyncDriver()
    waiting = asyncio.Event()

    async def cleaning_up() -> int:
        try:
            waiting.set()
            await asyncio.Event().wait()
        finally:
            response = await driver.run(once(build("POST", server.url())))
        return int(response.status_code)

    task = asyncio.create_task(cleaning_up())
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(server.received) == 1
    await driver.aclose()


async def test_a_cancelled_send_by_get_runs_on_and_is_unknown(server: FaultServer) -> None:
    server.fault = hang
    log: list[Any] = []
    driver = AsyncDriver()
    task = asyncio.create_task(driver.run(recorded(build("GET", server.url()), log)))
    await asyncio.to_thread(server.arrived.wait)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert log == [asyncio.CancelledError, "written down"]
    server.released.set()
    await driver.aclose()
    assert len(server.received) == 1


def test_an_abandoned_run_still_writes_down_what_it_can(server: FaultServer) -> None:
    log: list[Any] = []
    server.fault = hang
    driver = AsyncDriver()
    loop = asyncio.new_event_loop()
    run = driver.run(recorded(build("POST", server.url()), log))

    async def leave_it() -> None:
        await asyncio.to_thread(server.arrived.wait)

    class Stepping:
        """Lets the loop run the coroutine without owning it, as a task would."""

        def __await__(self) -> Any:
            return run.__await__()

    async def step() -> None:
        await Stepping()

    task = loop.create_task(step())
    loop.run_until_complete(leave_it())
    run.close()
    task.cancel()
    loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
    assert log == [GeneratorExit, "written down"]
    loop.run_until_complete(driver.aclose())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


async def test_an_async_driver_keeps_to_its_loop(server: FaultServer) -> None:
    driver = AsyncDriver()
    await driver.run(once(build("POST", server.url())))
    with pytest.raises(RuntimeError, match="one event loop"):
        await asyncio.to_thread(lambda: asyncio.run(driver.run(once(build("POST", server.url())))))
    await driver.aclose()
    assert len(server.received) == 1


# --- privacy --------------------------------------------------------------------------------------------


def test_no_secret_is_logged_or_raised(
    player: Make, server: FaultServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("", "httpx", "httpcore", "aiohttp", "aiohttp.client", "asyncio", "urllib3", "concurrent"):
        caplog.set_level(logging.DEBUG, logger=name or None)
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    monkeypatch.setattr(logging.getLogger("httpx"), "filters", [])  # as in a process that has not sent yet
    one = player(Network(read_timeout=0.2, deadline=5))
    errors: list[MessagingError] = []
    faults: list[Any] = [answer(OK), close, hang, answer(status(500)), answer(b"nonsense\r\n\r\n")]
    for method in ("GET", "POST"):
        for intent in (Intent.SEND, Intent.READ):
            for fault in [*faults, None]:
                server.released.clear()
                server.fault = fault or answer(OK)
                request = build(
                    method,
                    server.url() if fault else "http://127.0.0.1:1/send",
                    intent=intent,
                    params={"api_key": SECRET, "text": SECRET},
                    headers={"Authorization": f"Bearer {SECRET}"},
                    json={"text": SECRET} if method == "POST" else None,
                )
                try:
                    one.run(once(request))
                except MessagingError as error:
                    errors.append(error)
    assert len(errors) == 4 * 4
    for error in errors:
        assert SECRET not in "".join(traceback.format_exception(error))
        assert SECRET.encode() not in pickle.dumps(error)
        assert error.__context__ is None
        assert error.__cause__ is None
    assert caplog.records
    for record in caplog.records:
        shown = logging.Formatter("%(name)s %(message)s").format(record)
        assert SECRET not in shown
        assert SECRET not in repr(record.args)


def test_a_proxy_that_is_none_is_named_without_its_password(kind: str) -> None:
    network = Network(proxy=f"socks5://me:{SECRET}@127.0.0.1:1080")
    with pytest.raises(ConfigurationError, match="proxy") as caught:
        Player(kind, network)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


# --- proxies --------------------------------------------------------------------------------------------


def tunnel(connection: Connection) -> bool:
    """Be a proxy: connect to where CONNECT asks and pass bytes both ways."""
    host, _, port = connection.server.received[-1].target.rpartition(":")
    with socket.create_connection((host, int(port))) as beyond:
        connection.sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        back = threading.Thread(target=pump, args=(beyond, connection.sock))
        back.start()
        pump(connection.sock, beyond)
        back.join()
    return False


def pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def through(server: FaultServer, **settings: Any) -> Network:
    return Network(proxy=f"http://me:{SECRET}@127.0.0.1:{server.port}", **settings)


def only(server: FaultServer) -> Received:
    (received,) = server.received
    return received


def test_plain_requests_go_through_the_proxy(player: Make, server: FaultServer) -> None:
    response = player(through(server)).run(once(build("POST", "http://vendor.invalid/send?a=1", json={})))
    assert response.status_code == 200
    assert only(server).target == "http://vendor.invalid/send?a=1"
    assert (only(server).header("proxy-authorization") or "").startswith("Basic ")


def test_tls_requests_go_through_a_tunnel(
    player: Make, server: FaultServer, tls_server: FaultServer, certificate: Path
) -> None:
    server.fault = tunnel
    one = player(through(server, ca_file=str(certificate)))
    response = one.run(once(build("POST", tls_server.url(), headers={"Authorization": "Bearer x"})))
    assert response.status_code == 200
    assert (only(server).method, only(server).header("authorization")) == ("CONNECT", None)
    assert only(server).header("proxy-authorization") is not None
    assert (only(tls_server).header("authorization"), only(tls_server).header("proxy-authorization")) == (
        "Bearer x",
        None,
    )
    one.release()  # ends the tunnel, for which the proxy waits


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("fault", "patience", "sentence"),
    [
        (answer(status(403)), 10, "The proxy made no connection to the vendor and answered with HTTP 403"),
        (hang, 0.5, "No connection to the vendor stood in time"),
    ],
)
def test_a_tunnel_that_is_not_made_is_not_sent(
    player: Make,
    server: FaultServer,
    tls_server: FaultServer,
    method: str,
    fault: Any,
    patience: float,
    sentence: str,
) -> None:
    server.fault = fault
    one = player(through(server, connect_timeout=patience))
    with pytest.raises(VendorUnavailable, match=sentence):
        one.run(once(build(method, tls_server.url())))
    assert tls_server.connections == 0


def test_a_proxy_that_hangs_up_is_never_taken_for_a_rejection(
    kind: str, player: Make, server: FaultServer, tls_server: FaultServer
) -> None:
    server.fault = close
    # aiohttp does not tell whether the connection broke before the tunnel stood or after.
    expected = VendorUnavailable if kind == "sync" else OutcomeUnknown
    with pytest.raises(expected):
        player(through(server)).run(once(build("POST", tls_server.url())))
    assert tls_server.connections == 0


def test_the_blocking_driver_does_not_import_aiohttp() -> None:
    script = (
        "import sys, airflow_provider.engine.drivers as d; d.Driver(); sys.exit('aiohttp' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


# --- sockets --------------------------------------------------------------------------------------------


def test_closing_releases_everything(
    kind: str, server: FaultServer, tls_server: FaultServer, certificate: Path
) -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        one = Player(kind, Network(ca_file=str(certificate)))
        for method in ("GET", "POST"):
            one.run(once(build(method, server.url())))
            one.run(once(build(method, tls_server.url())))
        server.fault = close
        with pytest.raises(OutcomeUnknown):
            one.run(once(build("POST", server.url())))
        one.close()
        del one
        gc.collect()
    assert [str(warning.message) for warning in seen] == []
    assert server.all_ended()
    assert tls_server.all_ended()


def test_a_closed_driver_may_be_used_again(player: Make, server: FaultServer) -> None:
    one = player()
    for _ in range(2):
        assert one.run(once(build("POST", server.url()))).status_code == 200
        one.release()
    assert server.connections == 2


def test_threads_share_a_driver(server: FaultServer) -> None:
    def echo(connection: Connection) -> bool:
        request = next(r for r in reversed(server.received) if r.connection == connection.number)
        connection.sock.sendall(status(200, body=request.body))
        return True

    server.fault = echo
    driver = Driver()
    wrong: list[Any] = []

    def many(thread: int) -> None:
        for number in range(25):
            body = {"thread": thread, "number": number}
            if driver.run(once(build("POST", server.url(), json=body))).json() != body:
                wrong.append(body)

    threads = [threading.Thread(target=many, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(server.received) == 200
    assert server.connections <= 8
    driver.close()


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_does_not_touch_its_parents_sockets(server: FaultServer) -> None:
    driver = Driver()
    driver.run(once(build("POST", server.url("/parent"))))

    child = os.fork()
    if child == 0:
        code = 1
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                driver.run(once(build("POST", server.url("/child"))))
                driver.close()
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    driver.run(once(build("POST", server.url("/parent"))))
    driver.close()

    assert [(r.target, r.connection) for r in server.received] == [
        ("/parent", 1),
        ("/child", 2),
        ("/parent", 1),
    ]
