"""`make demo` as a stranger runs it: its program in a process of its own."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "examples" / "demo.py"


@contextmanager
def running_demo() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, DEMO],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "ULAK"))},
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(60)
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


@pytest.mark.airflow
def test_every_vendor_gets_its_message_once():
    with running_demo() as process:
        out, err = process.communicate(timeout=600)

    assert process.returncode == 0, err
    assert "8 messages sent, each of them in the inbox once." in out
    for vendor in ("argepanel", "basliklisms", "bulutfon", "turkeysms", "vatansms"):
        assert vendor in out
    assert "+90 532 *** ** 67" in out
    assert "5321234567" not in out + err


@pytest.mark.airflow
def test_an_interrupt_stops_all_that_was_started():
    with running_demo() as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        while "Running" not in line:
            assert line, "the demo ended early"
            line = process.stdout.readline()
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        code = process.wait(60)
        _, alive = psutil.wait_procs(children, timeout=30)

    assert code == 130
    assert children
    assert not alive


def test_a_message_that_is_missing_or_there_twice_is_found():
    demo = load_demo()
    sms = SimpleNamespace(vendor="turkeysms", channel="sms", to="+905321234567")
    otp = SimpleNamespace(vendor="turkeysms", channel="otp", to="+905321234567")
    mail = SimpleNamespace(vendor="argepanel", channel="email", to="a@example.com")
    text = {"vendor": "turkeysms", "channel": "sms", "to": "+905321234567"}
    letter = {"vendor": "argepanel", "channel": "email", "to": "a@example.com"}

    assert demo.differences([sms, otp, mail], [text, text, letter]) == {}
    assert demo.differences([sms, mail], [text]) == {("argepanel", "email", "a@example.com"): (1, 0)}
    assert demo.differences([sms, mail], [text, letter, letter]) == {
        ("argepanel", "email", "a@example.com"): (1, 2)
    }
    assert demo.differences([], [text]) == {("turkeysms", "sms", "+905321234567"): (0, 1)}


def load_demo() -> ModuleType:
    spec = importlib.util.spec_from_file_location("demo", DEMO)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
