"""What only a process of its own can show: start-up, pure stdout, signals."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys

import httpx
import pytest

SEND = ("send", "sms", "--conn", "turkeysms_default", "--text", "Merhaba", "--to")


def test_what_needs_no_connection_does_not_wait_for_airflow() -> None:
    code = """
import sys
from airflow_provider.cli import main
for arguments in (["--help"], ["--version"], ["send", "sms", "--help"], ["vendors"], ["sandbox", "env"]):
    try:
        main(arguments)
    except SystemExit as ended:
        assert not ended.code, arguments
    loaded = {name.partition(".")[0] for name in sys.modules} & {"airflow", "slack_sdk", "slack_bolt"}
    assert not loaded, (arguments, loaded)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.airflow
@pytest.mark.usefixtures("sandbox_connections", "ledger_url")
def test_stdout_holds_the_answer_alone(ulak_process, inbox) -> None:
    result = ulak_process(*SEND, "0532 123 45 67", "--json")
    assert (result.code, result.err) == (0, "")
    assert result.json["recipients"][0]["message_id"] == inbox()[0]["message_id"]


@pytest.mark.airflow
@pytest.mark.usefixtures("sandbox_connections", "ledger_url")
def test_an_airflow_that_is_told_to_talk_does_so_on_stderr(ulak, ulak_process, inbox) -> None:
    send = (*SEND, "0532 123 45 67", "--key", "order-118", "--json")
    assert ulak(*send).code == 0
    result = ulak_process(*send, AIRFLOW__LOGGING__LOGGING_LEVEL="DEBUG")
    assert result.code == 0
    assert result.json["recipients"][0]["state"] == "ACCEPTED"
    assert result.err.count("Not sent again to +90 532 *** ** 67") == 1
    assert len(result.err.splitlines()) > 1
    assert "5321234567" not in result.err


@pytest.mark.airflow
@pytest.mark.usefixtures("sandbox_connections", "ledger_url")
def test_an_airflow_that_does_not_start_is_a_sentence(ulak_process) -> None:
    result = ulak_process(
        *SEND, "0532 123 45 67", "--json", AIRFLOW__LOGGING__LOGGING_CONFIG_CLASS="no.such.thing"
    )
    assert (result.code, result.out) == (2, "")
    (line,) = result.err.splitlines()
    assert line.startswith("Airflow does not start here")


@pytest.mark.airflow
@pytest.mark.usefixtures("sandbox_connections", "ledger_url")
def test_ctrl_c_says_what_may_have_gone_out(start, fault, control: httpx.Client) -> None:
    fault("turkeysms", "accept_then_hang")
    process = start(*SEND, "05321234567,05331234567", "--json")
    while not control.get("/_sandbox/requests").json()["count"]:
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert [recipient["state"] for recipient in json.loads(out)["recipients"]] == ["UNKNOWN", "NOT_SENT"]
    (line,) = err.splitlines()
    assert line.startswith("Stopped by Ctrl-C. To 1 of 2 recipients the message may or may not have gone out")


# --- the sandbox ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_sandbox_says_when_it_is_ready_and_ends_when_asked(start, number) -> None:
    process = start("sandbox", "--port", "0")
    ready = process.stdout.readline()
    url = ready.strip().removeprefix("sandbox ready at ")
    assert httpx.get(f"{url}/_sandbox/messages", trust_env=False).json() == []
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "", "")


def test_a_taken_port_is_a_sentence(ulak_process, sandbox) -> None:
    result = ulak_process("sandbox", "--port", str(sandbox.port))
    assert (result.code, result.out) == (2, "")
    assert "Choose another port with --port" in result.err


def test_env_is_what_a_shell_understands(ulak) -> None:
    lines = ulak("sandbox", "env", "--port", "8099").out
    assert all(line.startswith("export AIRFLOW_CONN_") for line in lines.splitlines())
    show = f"{shlex.quote(sys.executable)} -c 'import json, os; print(json.dumps(dict(os.environ)))'"
    environment = json.loads(
        subprocess.check_output(
            ["/bin/sh", "-c", f"{lines}\n{show}"], text=True, env={"PATH": os.environ["PATH"]}
        )
    )
    connection = json.loads(environment["AIRFLOW_CONN_TURKEYSMS_DEFAULT"])
    assert connection["host"] == "http://127.0.0.1:8099/turkeysms"


@pytest.mark.parametrize(
    ("arguments", "port"), [(("sandbox", "env"), 8025), (("sandbox", "--port", "8099", "env"), 8099)]
)
def test_env_has_the_sandboxs_own_port(ulak, arguments, port) -> None:
    assert f"http://127.0.0.1:{port}/bulutfon" in ulak(*arguments).out
