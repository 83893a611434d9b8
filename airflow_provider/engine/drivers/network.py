"""How both drivers set up their connections."""

from __future__ import annotations

import os
import ssl

import httpx

from airflow_provider.engine.account import Network
from airflow_provider.engine.errors import ConfigurationError

__all__ = ["ANSWER_LIMIT", "CONNECTIONS", "DIRECT", "KEEP_ALIVE", "proxy_of", "trust"]

ANSWER_LIMIT = 1024 * 1024
"""Bytes that an answer may have, after decompression."""

CONNECTIONS = 100
"""Connections that one driver may have open at a time."""

KEEP_ALIVE = 4.0
"""Seconds that an idle connection is kept: less than Apache's five, for the outcome of a request that meets the
server's own closing is unknown."""

DIRECT = Network()
"""How a vendor is reached when nobody says otherwise."""


def trust(network: Network) -> ssl.SSLContext:
    """Return what TLS connections are verified with. Reading the certificates takes some 50 ms.

    Raises:
        ConfigurationError: The CA file cannot be used.
    """
    try:
        return ssl.create_default_context(cafile=network.ca_file)
    except OSError as error:
        reason = "it holds no certificates"
        if error.errno is not None and not isinstance(error, ssl.SSLError):
            reason = os.strerror(error.errno)
    raise ConfigurationError(
        f"The CA file {network.ca_file!r} cannot be used: {reason}.",
        advice="Correct its path in the connection's extra.",
    )


def proxy_of(network: Network) -> httpx.URL | None:
    """Return the proxy's address, if there is one.

    Raises:
        ConfigurationError: It is no HTTP proxy. The sentence does not quote it, for it may hold a password.
    """
    if network.proxy is None:
        return None
    try:
        address = httpx.URL(network.proxy.get_secret_value())
    except httpx.InvalidURL:
        address = httpx.URL()
    if address.scheme in {"http", "https"} and address.host:
        return address
    raise ConfigurationError(
        "The proxy's address does not begin with http:// or https:// and a host.",
        advice="Correct the proxy in the connection's extra.",
    )
