"""The connections that point Airflow at a sandbox."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from airflow_provider.sandbox.connections import connections, export_lines

BASE = "http://127.0.0.1:8025"


def test_there_is_one_for_each_vendor_and_it_is_json():
    made = connections(f"{BASE}/")

    assert {conn_id: connection["conn_type"] for conn_id, connection in made.items()} == {
        "turkeysms_default": "turkeysms",
        "basliklisms_default": "basliklisms",
        "bulutfon_default": "bulutfon",
        "argepanel_default": "argepanel",
        "vatansms_default": "vatansms",
    }
    assert made["turkeysms_default"]["host"] == f"{BASE}/turkeysms"
    assert made["vatansms_default"]["host"] == f"{BASE}/vatansms/api/whatsapp/v1"
    assert made["basliklisms_default"]["extra"]["profile"]["label"] == "assumed"
    assert json.loads(json.dumps(made)) == made


def test_their_credentials_senders_and_device_are_good(client, inbox):
    made = connections(str(client.base_url))
    turkeysms, basliklisms, bulutfon, argepanel, vatansms = made.values()
    to, text = "905321234567", "x"
    client.post(
        f"{turkeysms['host']}/api/v3/gonder/add-content",
        json={
            "api_key": turkeysms["password"],
            "title": turkeysms["extra"]["sender"],
            "sentto": to,
            "text": text,
        },
    )
    send = basliklisms["extra"]["profile"]["send"]
    fields = {"to": [to], "text": text, "sender": basliklisms["extra"]["sender"]}
    client.request(
        send["method"],
        f"{basliklisms['host']}{send['path']}",
        headers={"authorization": f"Bearer {basliklisms['password']}"},
        json={send["fields"][name]: value for name, value in fields.items()},
    )
    client.post(
        f"{bulutfon['host']}/messages",
        params={"access_token": bulutfon["password"]},
        data={"title": bulutfon["extra"]["sender"], "receivers": to, "content": text},
    )
    keys = {"apiKey": argepanel["password"], "programKey": argepanel["login"]}
    mail = {"type": "email", "emails": ["a@ornek.com"], "subject": "x", "message": text}
    client.post(f"{argepanel['host']}/api/send", json=keys | mail | argepanel["extra"])
    client.post(
        f"{vatansms['host']}/messages/send",
        headers={"client-id": vatansms["login"], "client-secret": vatansms["password"]},
        json={"reg_id": vatansms["extra"]["reg_id"], "to": f"+{to}", "message": text, "send_speed": 1},
    )

    assert [message["vendor"] for message in inbox()] == [made_["conn_type"] for made_ in made.values()]


def test_a_shell_understands_the_lines():
    lines = export_lines(BASE)
    script = "\n".join(
        [*lines, f"{sys.executable} -c 'import json, os; print(json.dumps(dict(os.environ)))'"]
    )
    shell = subprocess.run(
        ["/bin/sh", "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.environ["PATH"]},
    )

    exported = json.loads(shell.stdout)
    for conn_id, connection in connections(BASE).items():
        assert json.loads(exported[f"AIRFLOW_CONN_{conn_id.upper()}"]) == connection


@pytest.mark.parametrize("line", export_lines(BASE))
def test_a_line_is_one_line(line):
    assert line.startswith("export AIRFLOW_CONN_")
    assert "\n" not in line
