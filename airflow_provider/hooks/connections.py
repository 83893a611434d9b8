"""Airflow's connections, read into what the engine knows: an account and a network.

Only named fields of a connection are read, never its extra as a whole: who edits connections is somebody else
than who writes DAGs.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
from airflow.sdk import BaseHook, Connection
from airflow.sdk.exceptions import AirflowNotFoundException
from pydantic import SecretStr, ValidationError
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from airflow_provider.engine.account import Account, Network
from airflow_provider.engine.errors import ConfigurationError
from airflow_provider.engine.vendors import VENDORS, Entry

__all__ = [
    "account_of",
    "afind_connection",
    "entry_of",
    "extra_of",
    "find_connection",
    "network_of",
]

_NETWORK = ("connect_timeout", "read_timeout", "deadline", "proxy", "ca_file")


def find_connection(conn_id: str) -> Connection:
    """Return a connection wherever this process can see it.

    Inside a task that is Airflow's own way. Elsewhere (the command line, the bot) Airflow looks at environment
    variables and secrets backends only; its database is asked as well where there is one.

    Raises:
        ConfigurationError: There is none of this id.
    """
    with suppress(AirflowNotFoundException):
        return BaseHook.get_connection(conn_id)
    return _elsewhere(conn_id)


async def afind_connection(conn_id: str) -> Connection:
    """Do what :func:`find_connection` does without blocking the event loop."""
    with suppress(AirflowNotFoundException):
        return await BaseHook.aget_connection(conn_id)
    return await asyncio.to_thread(_elsewhere, conn_id)


def _elsewhere(conn_id: str) -> Connection:
    stored = None if _in_a_task() else _from_database(conn_id)
    if stored is not None:
        return stored
    variable = f"AIRFLOW_CONN_{conn_id.upper()}"
    if os.environ.get(variable):
        # Airflow passes over a value that it cannot read, and says so at DEBUG only.
        raise ConfigurationError(
            f"Airflow cannot read the connection in {variable}.",
            advice="Write it on one line, as a JSON object or a URI.",
        )
    raise ConfigurationError(
        f"There is no connection {conn_id!r}.",
        advice=f"Make it in Airflow, or set {variable}; for the sandbox: `ulak sandbox env`.",
    )


def _in_a_task() -> bool:
    # As Airflow itself tells. In a task or trigger its supervisor has looked everywhere, the database included.
    return hasattr(sys.modules.get("airflow.sdk.execution_time.task_runner"), "SUPERVISOR_COMMS")


def _from_database(conn_id: str) -> Connection | None:
    # With the plugin the only place that looks behind Airflow's SDK, and only outside a task.
    from airflow.configuration import conf  # noqa: PLC0415  # a second of imports, for a fallback
    from airflow.models.connection import Connection as StoredConnection  # noqa: PLC0415

    address = make_url(conf.get("database", "sql_alchemy_conn"))
    if address.get_backend_name() == "sqlite" and not Path(address.database or "").is_file():
        return None
    try:
        stored: Any = StoredConnection.get_connection_from_secrets(conn_id)
    except (AirflowNotFoundException, SQLAlchemyError):
        return None
    return Connection.from_json(stored.as_json(), conn_id=conn_id)


def entry_of(connection: Connection) -> Entry:
    """Return the vendor that a connection is for.

    Raises:
        ConfigurationError: Its type is none of ours.
    """
    entry = VENDORS.get(connection.conn_type or "")
    if entry is None:
        raise ConfigurationError(
            f"Connection {connection.conn_id!r} is of type {connection.conn_type!r}, which no vendor of Ulak has.",
            advice=f"Choose one of these connection types: {', '.join(VENDORS)}.",
        )
    return entry


def extra_of(connection: Connection) -> dict[str, Any]:
    """Return a connection's extra, decoded.

    Airflow's own ``extra_dejson`` takes an extra that it cannot read for an empty one, and has no form for an event
    loop before 3.3.2. What is secret in it, Airflow had masked when it fetched the connection.

    Raises:
        ConfigurationError: It is no JSON object.
    """
    try:
        extra = json.loads(connection.extra or "{}")
    except ValueError:
        extra = None
    if not isinstance(extra, dict):
        raise ConfigurationError(
            f"The extra of connection {connection.conn_id!r} is no JSON object.",
            advice='Write it like {"sender": "ULAK"}.',
        )
    return extra


def account_of(connection: Connection, extra: Mapping[str, Any]) -> Account:
    """Return the account that a connection describes.

    Args:
        connection: The connection.
        extra: Its extra, decoded.

    Raises:
        ConfigurationError: It is no connection of ours, or has no usable host.
    """
    entry = entry_of(connection)
    return Account(
        conn_id=connection.conn_id,
        base_url=_base_url(connection, entry),
        identity=connection.login or "",
        secret=SecretStr(connection.password or ""),
        sender=extra.get("sender") or None,
        options={
            field.name: extra[field.name] for field in entry.extras if extra.get(field.name) not in (None, "")
        },
    )


def network_of(connection: Connection, extra: Mapping[str, Any]) -> Network:
    """Return how a connection wants to be reached.

    Raises:
        ConfigurationError: A timeout, the proxy or the CA file cannot be used.
    """
    try:
        return Network(**{name: extra[name] for name in _NETWORK if extra.get(name) not in (None, "")})
    except ValidationError as error:
        problem = error.errors(include_input=False)[0]
        raise ConfigurationError(
            f"Connection {connection.conn_id!r} has a wrong {problem['loc'][0]!r} in its extra: {problem['msg']}.",
            advice="Correct the connection.",
        ) from None


def _base_url(connection: Connection, entry: Entry) -> str:
    host = (connection.host or "").strip()
    if not host:
        if not entry.base_url:
            raise ConfigurationError(
                f"Connection {connection.conn_id!r} has no host, and {entry.title} publishes no address.",
                advice="Enter the base URL that the vendor gave you as host.",
            )
        return entry.base_url
    # Connections written as a URI keep scheme, host, port and path apart.
    if "://" not in host:
        host = f"{connection.schema or 'https'}://{host}"
    elif connection.schema:
        host = f"{host.rstrip('/')}/{connection.schema.strip('/')}"
    try:
        address = httpx.URL(host)
        if connection.port and address.port is None:
            address = address.copy_with(port=connection.port)
    except httpx.InvalidURL:
        address = httpx.URL()
    plain = (
        address.host and (address.port or 0) < 65536 and not address.userinfo and not {"?", "#"} & set(host)
    )
    if address.scheme not in {"https", "http"} or not plain:
        raise ConfigurationError(
            f"Connection {connection.conn_id!r} has a host that is no plain http(s) address.",
            advice="Write it like https://api.example.com; credentials belong into login and password.",
        )
    return str(address).rstrip("/")
