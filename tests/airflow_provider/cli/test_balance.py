"""`ulak balance`."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.usefixtures("sandbox_connections")


def test_balance(ulak, account) -> None:
    account("turkeysms", balance=42, international_balance=7.5)
    assert ulak("balance", "--conn", "turkeysms_default").out == "turkeysms_default: 42 credits, 7.50 TRY\n"
    assert ulak("balance", "--conn", "turkeysms_default", "--json").json == {
        "vendor": "turkeysms",
        "conn_id": "turkeysms_default",
        "credits": 42,
        "money": 7.5,
        "currency": "TRY",
    }


def test_a_vendor_without_a_balance_names_those_that_have_one(ulak, sandbox) -> None:
    result = ulak("balance", "--conn", "vatansms_default")
    assert result.code == 2
    assert "turkeysms, basliklisms, bulutfon" in result.err


def test_a_refused_key_ends_with_3_and_is_not_shown(ulak, sandbox, monkeypatch) -> None:
    monkeypatch.setenv(
        "AIRFLOW_CONN_WRONG",
        f'{{"conn_type": "turkeysms", "host": "{sandbox.url}/turkeysms", "password": "wrong-key-7f3c"}}',
    )
    result = ulak("balance", "--conn", "wrong")
    assert result.code == 3
    assert "wrong-key-7f3c" not in result.out + result.err


def test_a_vendor_that_does_not_answer_ends_with_4(ulak, fault) -> None:
    fault("turkeysms", "http_502")
    assert ulak("balance", "--conn", "turkeysms_default").code == 4


@pytest.mark.parametrize("connection", ['{"conn_type": "turkeysms"', "turkeysms://:wrong-key-7f3c@[host"])
def test_a_connection_that_cannot_be_read_is_not_called_missing(ulak, monkeypatch, connection) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_BROKEN", connection)
    result = ulak("balance", "--conn", "broken")
    assert result.code == 2
    assert "Airflow cannot read the connection in AIRFLOW_CONN_BROKEN." in result.err
    assert "wrong-key-7f3c" not in result.err.splitlines()[-1]
