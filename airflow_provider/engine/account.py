"""What a vendor may know of a connection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from airflow_provider.engine.errors import ConfigurationError

__all__ = ["Account", "Network"]


class Network(BaseModel):
    """How a connection reaches its vendor; for drivers alone.

    Attributes:
        connect_timeout: Seconds until a TCP and TLS connection must stand.
        read_timeout: Seconds that the vendor may be silent.
        deadline: Seconds for one request as a whole, after which its outcome is unknown.
        proxy: URL of a proxy.
        ca_file: Path of a CA bundle; the system's when None.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    connect_timeout: float = Field(default=5.0, gt=0, le=60)
    read_timeout: float = Field(default=25.0, gt=0, le=300)
    deadline: float = Field(default=30.0, gt=0, le=330)
    proxy: SecretStr | None = None
    ca_file: str | None = None


class Account(BaseModel):
    """One account at one vendor: where it is, who we are, and how we want to be seen.

    Attributes:
        conn_id: The connection's id, for messages and the ledger.
        base_url: Scheme, host and the API's path, without a slash at the end.
        identity: The public half of the credentials (client id, program key), where there is one.
        secret: The secret half (API key, token, client secret).
        sender: The sender used when a message names none.
        options: The vendor's own settings, checked by the vendor's class.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    conn_id: str
    base_url: str
    identity: str = ""
    secret: SecretStr = SecretStr("")
    sender: str | None = None
    options: Mapping[str, Any] = Field(default_factory=dict, repr=False)

    def require_secret(self, name: str) -> str:
        """Return the secret in clear.

        Raises:
            ConfigurationError: The connection has none; ``name`` says what the vendor calls it.
        """
        value = self.secret.get_secret_value()
        if not value:
            raise ConfigurationError(
                f"Connection {self.conn_id!r} has no {name}.",
                advice=f"Enter the {name} in the connection's password field.",
            )
        return value

    def require_sender(self, sender: str | None) -> str:
        """Return the message's sender, or else the connection's.

        Raises:
            ConfigurationError: Neither has one.
        """
        chosen = sender or self.sender
        if not chosen:
            raise ConfigurationError(
                f"The message names no sender and connection {self.conn_id!r} has none.",
                advice='Pass sender=..., or set "sender" in the connection\'s extra.',
            )
        return chosen
