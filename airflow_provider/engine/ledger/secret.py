"""The installation's secret: what makes a key's digest, a recipient's hash and an encrypted address.

It lives outside the database, so that a copy of the ledger alone tells nobody's number.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from airflow_provider.engine.errors import ConfigurationError

__all__ = ["Secret"]

_SHORTEST = 16


class Secret:
    """Hashes and encrypts with two keys derived from one secret.

    Args:
        text: The secret, at least 16 characters.

    Raises:
        ConfigurationError: It is shorter.
    """

    def __init__(self, text: str) -> None:
        if len(text) < _SHORTEST:
            raise ConfigurationError(
                f"The installation's secret has fewer than {_SHORTEST} characters.",
                advice="Set ULAK_SECRET_KEY to a long random text, the same for every process.",
            )
        self._hash_key = _derive(text, b"ulak hashes 1")
        self._fernet = Fernet(base64.urlsafe_b64encode(_derive(text, b"ulak encryption 1")))

    def __repr__(self) -> str:
        return "Secret(***)"

    @classmethod
    def beside(cls, database: Path) -> Secret:
        """Return the secret kept in a 0600 file beside an SQLite ledger, made on first use.

        Raises:
            ConfigurationError: The file cannot be made or read.
        """
        path = database.with_name(database.name + ".secret")
        try:
            if not path.exists():
                _make_once(path)
            return cls(path.read_text(encoding="ascii").strip())
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"The secret beside the ledger ({path.name}) cannot be read: {type(error).__name__}.",
                advice="Set ULAK_SECRET_KEY, or make the ledger's folder writable.",
            ) from error

    def digest(self, parts: Iterable[str | int]) -> str:
        """Return the keyed digest of a key's parts, 64 hexadecimal characters."""
        # JSON keeps ("a", "bc") and ("ab", "c") apart.
        text = json.dumps(list(parts), ensure_ascii=False, separators=(",", ":"))
        return hmac.new(self._hash_key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()

    def encrypt(self, text: str) -> str:
        """Return a text encrypted for the ledger."""
        return self._fernet.encrypt(text.encode()).decode()

    def decrypt(self, token: str) -> str:
        """Return what :meth:`encrypt` was given.

        Raises:
            ConfigurationError: It was encrypted with another secret.
        """
        try:
            return self._fernet.decrypt(token.encode()).decode()
        except InvalidToken:
            raise ConfigurationError(
                "The ledger holds an address that this secret cannot decrypt.",
                advice="Start with the ULAK_SECRET_KEY that the ledger was made with.",
            ) from None


def _derive(text: str, purpose: bytes) -> bytes:
    # An environment variable that is no UTF-8 arrives with halves of surrogate pairs in it.
    key = text.encode("utf-8", "surrogatepass")
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(key)


def _make_once(path: Path) -> None:
    # Written aside and then linked into place: of many processes that start at once, one wins whole.
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(48))
            file.flush()
            os.fsync(file.fileno())
        os.link(aside, path)
    except FileExistsError:
        pass
    finally:
        aside.unlink()
