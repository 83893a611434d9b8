"""Airflow connections that point at a sandbox, so that anyone's DAG runs against it unchanged."""

from __future__ import annotations

import json
import shlex
from typing import Any

from airflow_provider.sandbox.argepanel import ArgePanelAccount
from airflow_provider.sandbox.basliklisms import ASSUMED_PROFILE, BaslikliSmsAccount
from airflow_provider.sandbox.bulutfon import BulutfonAccount
from airflow_provider.sandbox.devices import LINKED_REG_ID
from airflow_provider.sandbox.turkeysms import TurkeySmsAccount
from airflow_provider.sandbox.vatansms import VatanSmsAccount


def connections(base_url: str) -> dict[str, dict[str, Any]]:
    """Return one connection per vendor by its id (`turkeysms_default`), in the shape of Airflow's JSON form."""
    base = base_url.rstrip("/")
    turkeysms, basliklisms, bulutfon = TurkeySmsAccount(), BaslikliSmsAccount(), BulutfonAccount()
    argepanel, vatansms = ArgePanelAccount(), VatanSmsAccount()
    return {
        "turkeysms_default": {
            "conn_type": "turkeysms",
            "host": f"{base}/turkeysms",
            "password": turkeysms.api_key.get_secret_value(),
            "extra": {"sender": turkeysms.senders[0]},
        },
        "basliklisms_default": {
            "conn_type": "basliklisms",
            "host": f"{base}/basliklisms",
            "password": basliklisms.api_key.get_secret_value(),
            "extra": {"sender": basliklisms.senders[0], "profile": ASSUMED_PROFILE},
        },
        "bulutfon_default": {
            "conn_type": "bulutfon",
            "host": f"{base}/bulutfon",
            "password": bulutfon.access_token.get_secret_value(),
            "extra": {"sender": bulutfon.senders[0]},
        },
        "argepanel_default": {
            "conn_type": "argepanel",
            "host": f"{base}/argepanel",
            "login": argepanel.program_key.get_secret_value(),
            "password": argepanel.api_key.get_secret_value(),
            "extra": {"sender": argepanel.from_address},
        },
        "vatansms_default": {
            "conn_type": "vatansms",
            "host": f"{base}/vatansms/api/whatsapp/v1",
            "login": vatansms.client_id.get_secret_value(),
            "password": vatansms.client_secret.get_secret_value(),
            "extra": {"reg_id": LINKED_REG_ID},
        },
    }


def export_lines(base_url: str) -> list[str]:
    """Return the lines with which a shell makes these connections known to Airflow."""
    return [
        f"export AIRFLOW_CONN_{conn_id.upper()}={shlex.quote(json.dumps(connection))}"
        for conn_id, connection in connections(base_url).items()
    ]
