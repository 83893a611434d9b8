"""What becomes of an Airflow connection: an account and a network, or a sentence."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest
from airflow.sdk import Connection

from airflow_provider.engine.errors import ConfigurationError
from airflow_provider.engine.vendors import COMMON_EXTRAS, VENDORS
from airflow_provider.hooks.base import MessagingHook
from airflow_provider.hooks.connections import (
    account_of,
    afind_connection,
    entry_of,
    extra_of,
    find_connection,
    network_of,
)
from airflow_provider.sandbox.connections import connections

SECRET = "a-secret-of-tests"


def _connection(**fields: Any) -> Connection:
    return Connection(**{"conn_id": "mine", "conn_type": "turkeysms", "password": SECRET, **fields})


def _base_url(**fields: Any) -> str:
    connection = _connection(**fields)
    return account_of(connection, extra_of(connection)).base_url


# --- hosts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "base_url"),
    [
        ({}, "https://www.turkeysms.com.tr"),
        ({"host": "  "}, "https://www.turkeysms.com.tr"),
        ({"host": "https://api.example.com/"}, "https://api.example.com"),
        ({"host": " http://127.0.0.1:8025/turkeysms "}, "http://127.0.0.1:8025/turkeysms"),
        ({"host": "api.example.com"}, "https://api.example.com"),
        ({"host": "api.example.com", "schema": "http", "port": 8080}, "http://api.example.com:8080"),
        (
            {"host": "https://api.example.com", "port": 8443, "schema": "v1"},
            "https://api.example.com:8443/v1",
        ),
        ({"host": "https://api.example.com:444", "port": 8443}, "https://api.example.com:444"),
        ({"host": "https://[::1]:8025/a"}, "https://[::1]:8025/a"),
        ({"host": "HTTPS://Api.Example.com"}, "https://api.example.com"),
    ],
)
def test_a_host_in_every_form_that_people_write(fields, base_url) -> None:
    assert _base_url(**fields) == base_url


@pytest.mark.parametrize(
    "host",
    [
        "ftp://api.example.com",
        "https://",
        "https:///path",
        "https://user:pass@api.example.com",
        "https://api.example.com?key=1",
        "https://api.example.com/#a",
        "https://api.example.com:99999",
        "https://[::1",
        "https://api.example.com\n.evil.example",
    ],
)
def test_a_host_that_cannot_be_used_is_a_sentence_that_does_not_repeat_it(host) -> None:
    with pytest.raises(ConfigurationError, match="Connection 'mine' has a host that is no plain") as raised:
        _base_url(host=host)
    assert "Write it like https://api.example.com" in str(raised.value)
    assert not re.search("user:pass|key=1|evil", str(raised.value))


def test_a_vendor_without_a_public_address_needs_a_host() -> None:
    with pytest.raises(ConfigurationError, match="BaslikliSMS publishes no address"):
        _base_url(conn_type="basliklisms")


@pytest.mark.parametrize("conn_id", connections("http://127.0.0.1:8025"))
def test_a_connection_is_the_same_whether_written_as_json_or_as_uri(conn_id) -> None:
    told = connections("http://127.0.0.1:8025")[conn_id]
    from_json = Connection.from_json(json.dumps(told), conn_id=conn_id)
    from_uri = Connection.from_uri(from_json.get_uri(), conn_id=conn_id)
    account = account_of(from_json, extra_of(from_json))
    assert account.base_url == told["host"]
    assert account_of(from_uri, extra_of(from_uri)) == account


def test_a_uri_as_people_write_it_by_hand() -> None:
    connection = Connection.from_uri(f"turkeysms://:{SECRET}@api.example.com:8443/http", conn_id="mine")
    account = account_of(connection, extra_of(connection))
    assert (account.base_url, account.secret.get_secret_value()) == ("http://api.example.com:8443", SECRET)


# --- account --------------------------------------------------------------------------------------------


def test_only_named_fields_of_the_extra_are_read() -> None:
    extra = {"sender": "ULAK", "use_get": True, "content_type": "", "reg_id": "1", "base_url": "https://evil"}
    account = account_of(_connection(login="me"), extra)
    assert (account.sender, account.identity, dict(account.options)) == ("ULAK", "me", {"use_get": True})
    assert account.base_url == "https://www.turkeysms.com.tr"


def test_an_account_does_not_show_its_secret() -> None:
    connection = _connection(conn_type="vatansms", login="me")
    account = account_of(connection, {"reg_id": "1"})
    assert SECRET not in f"{account!r} {account}"
    hook = MessagingHook.of(connection)
    assert SECRET not in f"{hook!r} {vars(hook)!r}"


@pytest.mark.parametrize("key", VENDORS)
def test_every_field_of_the_form_is_read(key) -> None:
    entry = VENDORS[key]
    values = {"json": '{"a": 1}', "integer": 1, "number": 1.5, "boolean": True, "string": "x"}
    extra = {field.name: field.choices[0] if field.choices else values[field.kind] for field in entry.extras}
    common = {
        "sender": "S",
        "connect_timeout": 1,
        "read_timeout": 2,
        "deadline": 3,
        "proxy": "http://p",
        "ca_file": "/c",
    }
    assert common.keys() == {field.name for field in COMMON_EXTRAS}
    connection = _connection(conn_type=key, host="https://api.example.com")
    account, network = account_of(connection, extra | common), network_of(connection, extra | common)
    assert dict(account.options) == extra
    assert (account.sender, network.connect_timeout, network.read_timeout, network.deadline) == ("S", 1, 2, 3)
    assert (network.proxy.get_secret_value(), network.ca_file) == ("http://p", "/c")


@pytest.mark.parametrize("extra", ["no json", "[1]", '"text"', "7"])
def test_an_extra_that_is_no_json_object_is_said(extra) -> None:
    with pytest.raises(ConfigurationError, match="The extra of connection 'mine' is no JSON object"):
        MessagingHook.of(_connection(extra=extra))


@pytest.mark.parametrize("conn_type", ["http", "", None, "turkeysms2"])
def test_a_connection_of_another_type_is_none_of_ours(conn_type) -> None:
    with pytest.raises(ConfigurationError) as raised:
        entry_of(_connection(conn_type=conn_type))
    assert "'mine' is of type" in str(raised.value)
    assert ", ".join(VENDORS) in str(raised.value)


# --- network --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("deadline", 0),
        ("deadline", "soon"),
        ("deadline", 10_000),
        ("read_timeout", -1),
        ("read_timeout", "nan"),
        ("connect_timeout", [1]),
        ("ca_file", 7),
        ("proxy", {"http": "x"}),
    ],
)
def test_what_cannot_be_a_timeout_or_proxy_is_a_sentence_that_names_it(name, value) -> None:
    with pytest.raises(ConfigurationError, match=f"Connection 'mine' has a wrong '{name}' in its extra"):
        network_of(_connection(), {name: value})


def test_empty_fields_of_the_form_mean_the_defaults() -> None:
    extra = {"deadline": "", "read_timeout": None, "proxy": ""}
    assert network_of(_connection(), extra) == network_of(_connection(), {})


def test_timeouts_may_come_as_text() -> None:
    assert network_of(_connection(), {"deadline": "12.5"}).deadline == 12.5


def test_a_proxy_that_is_none_and_a_ca_file_that_is_not_there_are_said_without_secrets(sandbox) -> None:
    for extra, sentence in (
        ({"proxy": "socks://user:proxy-password@host"}, "proxy's address"),
        ({"ca_file": "/nowhere/ca.pem"}, "The CA file '/nowhere/ca.pem' cannot be used"),
    ):
        connection = _connection(host="https://127.0.0.1:9", extra=json.dumps(extra))
        good, said = MessagingHook.of(connection).test_connection()
        assert not good
        assert sentence in said
        assert "proxy-password" not in said


# --- where connections are found ------------------------------------------------------------------------


def test_a_connection_is_found_in_the_environment_both_ways(sandbox_connections) -> None:
    by_sync = find_connection("turkeysms_default")
    by_async = asyncio.run(afind_connection("turkeysms_default"))
    assert by_sync == by_async
    assert by_sync.conn_type == "turkeysms"


def test_without_airflows_database_only_the_sentence_remains() -> None:
    with pytest.raises(ConfigurationError, match="There is no connection 'nowhere'"):
        find_connection("nowhere")


@pytest.mark.airflow
def test_outside_a_task_airflows_database_is_asked_as_well(
    airflow_database, sandbox_connections, inbox, log_watch
) -> None:
    from airflow.models.connection import Connection as StoredConnection
    from airflow.utils.session import create_session

    log_watch.not_watched.add("sqlalchemy")
    told = sandbox_connections["turkeysms_default"]
    with create_session() as session:
        session.add(StoredConnection(conn_id="stored", **{**told, "extra": json.dumps(told["extra"])}))
    try:
        MessagingHook.of("stored").send_sms("0532 123 45 67", "Merhaba")
        asyncio.run(MessagingHook("stored").asend_sms("0532 123 45 67", "Merhaba"))
    finally:
        with create_session() as session:
            session.query(StoredConnection).filter_by(conn_id="stored").delete()
    assert len(inbox()) == 2


@pytest.mark.airflow
def test_in_a_task_a_missing_connection_is_the_same_sentence(dag, run, log_watch) -> None:
    from airflow_provider.operators.account import CheckBalanceOperator

    with dag:
        CheckBalanceOperator(task_id="balance", conn_id="nowhere", retries=3)
    ended = run(dag)
    assert (ended.state("balance"), ended.ti("balance").try_number) == ("failed", 1)
    assert any("There is no connection 'nowhere'." in text for _, text in log_watch.seen)
