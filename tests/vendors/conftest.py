"""Golden exchanges for the tests of this folder: reading them, and driving a vendor's generator by hand.

The format is told in ``golden/README.md``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from email.message import Message as Part
from email.parser import BytesParser
from email.policy import HTTP
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from pydantic import SecretStr

from airflow_provider.engine.account import Account
from airflow_provider.engine.exchange import Exchange, as_json
from airflow_provider.engine.messages import Email, Otp, Sms, WhatsApp
from airflow_provider.engine.vendors import VENDORS, load

GOLDEN = Path(__file__).with_name("golden")
SECRET = "golden-secret"
REPORT_ID = 2**52 - 1
MESSAGES = {"send_sms": Sms, "send_otp": Otp, "send_email": Email, "send_whatsapp": WhatsApp}


@dataclass(frozen=True, repr=False)
class Golden:
    """One golden exchange, as its file tells it."""

    vendor: str
    name: str
    told: Mapping[str, Any]

    def __repr__(self) -> str:
        # The whole of it would drown every report of a failure.
        return f"{self.vendor}/{self.name}"

    @property
    def operation(self) -> str:
        return str(self.told["operation"])

    @property
    def account(self) -> Account:
        entry = VENDORS[self.vendor]
        ordinary = {
            "conn_id": f"{self.vendor}_default",
            "base_url": entry.base_url or "https://vendor.invalid",
            "identity": "golden-identity" if entry.login_label else "",
            "secret": SECRET,
            "sender": "ULAK",
        }
        return Account(**{**ordinary, **self.told.get("account", {})})

    def begin(
        self, account: Account | None = None, arguments: Mapping[str, Any] | None = None
    ) -> Exchange[Any]:
        """Start the operation; nothing is asked before the first ``next``."""
        operation = getattr(load(self.vendor)(account or self.account), self.operation)
        arguments = {**self.told.get("arguments", {}), **(arguments or {})}
        if self.operation == "send_whatsapp_each":
            messages = [WhatsApp(**each) for each in arguments["messages"]]
            return operation(messages, report_id=REPORT_ID)
        if self.operation in MESSAGES:
            return operation(MESSAGES[self.operation](**arguments), report_id=REPORT_ID)
        return operation(**arguments)

    def read_callback(self, headers: Mapping[str, str], body: bytes) -> Any:
        return load(self.vendor)(self.account).read_callback(headers, body)

    @property
    def callback(self) -> tuple[dict[str, str], bytes]:
        return dict(self.told["arguments"].get("headers", {})), _body(self.told["arguments"])

    @property
    def response(self) -> httpx.Response:
        told = self.told["response"]
        return httpx.Response(told.get("status", 200), headers=told.get("headers"), content=_body(told))

    @staticmethod
    def finish(exchange: Exchange[Any], response: httpx.Response) -> Any:
        """Answer the exchange's only request and return its result."""
        return _finish(exchange, response)

    @staticmethod
    def as_told(request: httpx.Request) -> dict[str, Any]:
        """Return a request as a golden file writes it, with all its headers."""
        return _as_told(request)

    @staticmethod
    def shown(result: object) -> Any:
        """Return a result as a golden file writes it: JSON, with secrets and without what is null or empty."""
        return _shown(result)


def _body(told: Mapping[str, Any]) -> bytes:
    return told["text"].encode() if "text" in told else json.dumps(told["json"]).encode()


def _finish(exchange: Exchange[Any], response: httpx.Response) -> Any:
    try:
        exchange.send(response)
    except StopIteration as end:
        return end.value
    raise AssertionError("a second request was made")


def _as_told(request: httpx.Request) -> dict[str, Any]:
    told: dict[str, Any] = {
        "method": request.method,
        "path": request.url.path,
        "headers": {name.lower(): value for name, value in request.headers.items()},
    }
    if request.url.query:
        told["query"] = dict(
            parse_qsl(request.url.query.decode(), keep_blank_values=True, strict_parsing=True)
        )
    kind = request.headers.get("Content-Type", "")
    if kind == "application/json":
        told["json"] = json.loads(request.content)
    elif kind == "application/x-www-form-urlencoded":
        told["form"] = dict(parse_qsl(request.content.decode(), keep_blank_values=True, strict_parsing=True))
    elif kind.startswith("multipart/form-data"):
        told["multipart"] = _multipart(kind, request.content)
    else:
        assert request.content == b"", "a body of an unknown type"
    return told


def _multipart(kind: str, content: bytes) -> dict[str, Any]:
    whole = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + content)
    fields: dict[str, str] = {}
    files: dict[str, dict[str, str]] = {}
    for part in whole.iter_parts():
        name = _parameter(part, "name")
        text = part.get_payload(decode=True).decode()
        if (file_name := part.get_filename()) is None:
            fields[name] = text
        else:
            files[name] = {"name": file_name, "media_type": part.get_content_type(), "content": text}
    return {"fields": fields, "files": files}


def _parameter(part: Part, name: str) -> str:
    return str(part.get_param(name, header="Content-Disposition"))


def _shown(result: object) -> Any:
    if isinstance(result, SecretStr):
        return result.get_secret_value()
    if isinstance(result, tuple):
        return [_shown(value) for value in result]
    if is_dataclass(result) and not isinstance(result, type):
        told = {field.name: _shown(getattr(result, field.name)) for field in fields(result)}
        return {name: value for name, value in told.items() if value not in (None, {}, [])}
    return as_json(result)


def _read(path: Path) -> Golden:
    return Golden(path.parent.name, path.name, json.loads(path.read_text(encoding="utf-8")))


_GOLDENS = [_read(path) for path in sorted(GOLDEN.glob("*/*.json"))]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give ``golden`` every exchange in turn, ``sandbox_golden`` those that the sandbox must know."""
    for name, chosen in {
        "golden": _GOLDENS,
        "sandbox_golden": [golden for golden in _GOLDENS if golden.told.get("sandbox")],
    }.items():
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, chosen, ids=map(repr, chosen))


@pytest.fixture(scope="session")
def goldens_of() -> Callable[[str], list[Golden]]:
    """Return a function that returns a vendor's golden exchanges.

    A function, and not a list, for hypothesis prints a test's arguments.
    """

    def goldens_of(vendor: str) -> list[Golden]:
        return [golden for golden in _GOLDENS if golden.vendor == vendor]

    return goldens_of


@pytest.fixture(scope="session")
def answered() -> Callable[..., Any]:
    """Return a function that gives an exchange one answer and returns its result."""

    def answered(
        exchange: Exchange[Any], json: Any = None, *, status: int = 200, text: str | None = None
    ) -> Any:
        next(exchange)
        body = {"json": json} if text is None else {"text": text}
        return _finish(exchange, httpx.Response(status, content=_body(body)))

    return answered
