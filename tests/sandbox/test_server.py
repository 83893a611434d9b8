"""The server: in a thread, alone in a process, several at once, and how it ends."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
import pytest

from airflow_provider.sandbox import server
from airflow_provider.sandbox.server import SandboxServer

PATH = "/turkeysms/api/v3/gonder/add-content"
BODY = {
    "api_key": "sandbox-turkeysms-key",
    "title": "ULAK",
    "text": "Merhaba",
    "sentto": "905321234567",
    "response_type": "json",
}
SERVE = "import sys; from airflow_provider.sandbox.server import serve; serve('127.0.0.1', int(sys.argv[1]))"


def serve(port: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SERVE, str(port)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_two_sandboxes_know_nothing_of_each_other():
    with SandboxServer() as one, SandboxServer() as two, httpx.Client(trust_env=False) as client:
        assert one.port != two.port
        client.post(f"{one.url}{PATH}", json=BODY)

        assert len(client.get(f"{one.url}/_sandbox/messages").json()) == 1
        assert client.get(f"{two.url}/_sandbox/messages").json() == []
        assert len(one.store.messages()) == 1


def test_a_sandbox_can_stop_and_start_again_and_keeps_what_it_took():
    running = SandboxServer()
    with httpx.Client(trust_env=False) as client:
        with running:
            client.post(f"{running.url}{PATH}", json=BODY)
            url = running.url
        with pytest.raises(httpx.ConnectError):
            client.get(url)
        with running:
            assert running.url == url
            assert len(client.get(f"{url}/_sandbox/messages").json()) == 1


def test_a_taken_port_is_an_error_of_its_own():
    with SandboxServer() as running, pytest.raises(OSError, match="in use"):
        SandboxServer(port=running.port).start()


def test_it_stops_while_requests_hang_and_pages_listen():
    running = SandboxServer()
    running.start()
    with (
        ThreadPoolExecutor(3) as pool,
        httpx.Client(base_url=running.url, trust_env=False, timeout=20) as client,
    ):
        client.put("/_sandbox/faults", json={"vendor": "turkeysms", "mode": "accept_then_hang"})
        headers = {"client-id": "sandbox-client", "client-secret": "sandbox-vatansms-secret"}
        api = "/vatansms/api/whatsapp/v1"
        device = client.post(f"{api}/login/qr", headers=headers).json()["data"]["regId"]
        hanging = pool.submit(client.post, PATH, json=BODY)
        polling = pool.submit(client.post, f"{api}/login/check", headers=headers, json={"reg_id": device})
        listening = pool.submit(client.get, "/_sandbox/events")
        while client.get("/_sandbox/requests").json()["count"] < 3 or not running.app.changes._listeners:
            pass

        running.stop()

        with pytest.raises(httpx.RemoteProtocolError):
            hanging.result(10)
        assert polling.result(10).status_code == 400
        assert listening.result(10).text.startswith(": listening\n\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_alone_in_a_process_it_says_when_it_is_ready_and_ends_when_told(number):
    with serve(0) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("sandbox ready at http://127.0.0.1:")
            url = line.split()[-1]
            assert httpx.get(f"{url}/_sandbox/messages", trust_env=False).json() == []
            process.send_signal(number)
            rest, errors = process.communicate(timeout=20)
        finally:
            process.kill()

    assert (process.returncode, rest, errors) == (0, "", "")


def test_alone_in_a_process_it_tells_of_a_taken_port():
    with socket.create_server(("127.0.0.1", 0)) as taken, serve(taken.getsockname()[1]) as process:
        _, errors = process.communicate(timeout=20)

    assert process.returncode == 2
    assert errors.count("\n") == 1
    assert "--port 0" in errors


def test_nothing_of_a_request_is_logged(sandbox, log_watch):
    parts = urlsplit(sandbox.url)
    query = "api_key=sandbox-turkeysms-key&mobile=905321234567&title=ULAK&text=gizli"
    with socket.create_connection((parts.hostname, parts.port), timeout=5) as connection:
        target = f"/turkeysms/api/v3/get/get.php?{query}"
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        while connection.recv(4096):
            pass

    said = " ".join(text for name, text in log_watch.seen if name not in log_watch.not_watched)
    assert not any(word in said for word in ("905321234567", "sandbox-turkeysms-key", "gizli", "get.php"))
    assert len(sandbox.store.messages()) == 1


def test_a_request_cut_short_takes_nothing(client, sandbox, inbox, eventually):
    parts = urlsplit(sandbox.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=5) as connection:
        head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 500"
        connection.sendall(f"{head}\r\n\r\n{{".encode())
    eventually(lambda: client.get("/_sandbox/requests").json()["count"] == 1)
    assert inbox() == []


def test_a_request_that_is_too_large_is_refused(client, inbox, monkeypatch):
    monkeypatch.setattr("airflow_provider.sandbox.door.LARGEST_REQUEST", 1000)
    answer = client.post(PATH, json=BODY | {"text": "x" * 5000})

    assert answer.status_code == 413
    assert inbox() == []


def test_asyncio_knows_the_listening_socket_as_tcp_and_so_turns_nagles_algorithm_off():
    with server._listen("127.0.0.1", 0) as listening:
        assert listening.proto == socket.IPPROTO_TCP
