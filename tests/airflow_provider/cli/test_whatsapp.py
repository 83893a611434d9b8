"""`ulak whatsapp`, with somebody who holds a phone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

LINKED = "2953401050"

pytestmark = pytest.mark.usefixtures("sandbox_connections")


@pytest.fixture
def phone(control: httpx.Client, sandbox) -> Callable[..., threading.Thread]:
    """Somebody who does something as soon as so many codes have been shown, and then scans the last one."""

    def watch(shown: int = 1, then: Callable[[], Any] = lambda: None) -> threading.Thread:
        def scan() -> None:
            with httpx.Client(base_url=sandbox.url, trust_env=False) as client:
                while True:
                    devices = client.get("/_sandbox/devices").json()
                    if len(devices) > shown and devices[-1]["state"] == "waiting":
                        break
                then()
                client.post(f"/_sandbox/whatsapp/{devices[-1]['reg_id']}/scan").raise_for_status()

        thread = threading.Thread(target=scan)
        thread.start()
        return thread

    return watch


def test_login_draws_a_qr_until_it_is_scanned(ulak, phone, control) -> None:
    watching = phone()
    result = ulak("whatsapp", "login", "--json")
    watching.join()
    assert result.code == 0
    device = control.get("/_sandbox/devices").json()[-1]["reg_id"]
    assert (result.json["device"], result.json["connected"]) == (device, True)
    drawing = [line for line in result.err.splitlines() if line[:2] in {"██", "▀▀"}]
    assert len(drawing) > 20
    assert len({len(line) for line in drawing}) == 1
    assert "2@" not in result.out + result.err


def test_login_shows_a_fresh_qr_when_the_last_one_has_expired(
    ulak, phone, account, control, monkeypatch
) -> None:
    monkeypatch.setattr("airflow_provider.cli.whatsapp._PACE", 0.0)
    account("vatansms", check_seconds=0.2)
    watching = phone(shown=3, then=lambda: account("vatansms", check_seconds=30))
    result = ulak("whatsapp", "login")
    watching.join()
    assert result.code == 0
    assert result.out == f"Device {control.get('/_sandbox/devices').json()[-1]['reg_id']} is linked.\n"
    assert result.err.count("Scan this in WhatsApp") >= 3


def test_login_by_phone_shows_the_code_to_type(ulak, phone, control) -> None:
    codes = []
    watching = phone(then=lambda: codes.append(control.get("/_sandbox/devices").json()[-1]["code"]))
    result = ulak("whatsapp", "login", "--phone", "0532 123 45 67")
    watching.join()
    assert result.code == 0
    assert f": {codes[0]}\n" in result.err
    assert "5321234567" not in result.err + result.out


def test_the_saved_qr_is_private_and_gone_afterwards(ulak, phone, tmp_path: Path) -> None:
    file = tmp_path / "qr.png"
    seen: list[tuple[bytes, int]] = []

    def look() -> None:
        while not file.exists():
            pass
        seen.append((file.read_bytes()[:8], file.stat().st_mode & 0o777))

    watching = phone(then=look)
    result = ulak("whatsapp", "login", "--save", str(file))
    watching.join()
    assert result.code == 0
    assert seen == [(b"\x89PNG\r\n\x1a\n", 0o600)]
    assert list(tmp_path.glob("*.png*")) == []
    assert "██" not in result.err


def test_a_file_that_was_there_before_survives_a_login_that_never_began(ulak, fault, tmp_path: Path) -> None:
    file = tmp_path / "qr.png"
    file.write_text("mine")
    fault("vatansms", "http_429")
    assert ulak("whatsapp", "login", "--save", str(file)).code == 4
    assert file.read_text() == "mine"


def test_login_gives_up(ulak, account) -> None:
    account("vatansms", check_seconds=0)
    result = ulak("whatsapp", "login", "--timeout", "1")
    assert result.code == 4
    assert "Nobody linked the WhatsApp account within 1 s." in result.err
    assert result.out == ""


def test_a_code_for_a_phone_is_not_saved(ulak, sandbox, tmp_path: Path) -> None:
    assert ulak("whatsapp", "login", "--phone", "05321234567", "--save", str(tmp_path / "x")).code == 2


def test_devices_are_masked(ulak, sandbox) -> None:
    (device,) = ulak("whatsapp", "devices", "--json").json
    assert (device["device"], device["number"]) == (LINKED, "+90 555 *** ** 00")
    assert ulak("whatsapp", "devices", "--json", "--full").json[0]["number"] == "+905550000000"
    assert LINKED in ulak("whatsapp", "devices").out


def test_check_and_logout(ulak, sandbox) -> None:
    assert ulak("whatsapp", "check").out.startswith(f"Device {LINKED} is linked: +90 555 *** ** 00")
    shown = ulak("whatsapp", "check", "--json")
    assert shown.json["connected"] is True
    assert "905550000000" not in shown.out
    assert ulak("whatsapp", "logout").out == f"Device {LINKED} is unlinked.\n"
    gone = ulak("whatsapp", "check", "--json")
    assert gone.code == 3
    assert gone.json["connected"] is False
    assert "Link it with `ulak whatsapp login`." in gone.err


def test_picture(ulak, sandbox) -> None:
    assert ulak("whatsapp", "picture").out == "https://pps.whatsapp.net/v/\n"
    assert ulak("whatsapp", "picture", "--json").json == {"url": "https://pps.whatsapp.net/v/"}
