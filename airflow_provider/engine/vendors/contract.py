"""The contract profile: an API's paths and field names, told by its customer.

BaslikliSMS publishes neither, so what the vendor gave its customer in writing stands as JSON in the connection's
extra. Beside the address of the API it says as little as possible, for example::

    {
      "label": "our contract of May 2026",
      "send": {
        "method": "POST", "path": "/v3/messages",
        "fields": {"to": "recipients", "text": "message", "sender": "title"},
        "many": "list",
        "result": {"message_id": "message_id", "credits": "credits"}
      },
      "status": {"method": "GET", "path": "/v3/messages/{message_id}", "result": {"status": "status"}},
      "balance": {"method": "GET", "path": "/v3/balance", "result": {"credits": "balance"}}
    }

This very shape, labelled ``assumed``, is what the sandbox speaks. Nobody else does, so it is refused elsewhere.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

import httpx
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

__all__ = ["ContractProfile", "checked_address", "is_loopback", "value_at"]

_SEGMENT = re.compile(r"[\w~.-]+|\{message_id\}", re.ASCII)


def is_loopback(address: str) -> bool:
    """Tell whether a URL leads to this machine: 127.0.0.0/8, ::1 or localhost."""
    host = httpx.URL(address).host
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def checked_address(address: str) -> str:
    """Return an API's address without a slash at its end.

    Raises:
        ValueError: It is not scheme, host and path alone, or would carry the key unencrypted over a network.
    """
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:
        raise ValueError("is not a URL") from None
    if not url.host or url.userinfo or {"?", "#"} & set(address):
        raise ValueError("is not made of scheme, host and path alone")
    if url.scheme != "https" and not (url.scheme == "http" and is_loopback(address)):
        raise ValueError("does not begin with https://")
    return address.rstrip("/")


def _checked_path(path: str) -> str:
    root, *segments = path.split("/")
    if segments and not segments[-1]:
        segments.pop()
    if root or not segments or not all(_SEGMENT.fullmatch(segment) for segment in segments):
        raise ValueError("is not a path such as /v3/messages, without host, query or fragment")
    if {".", ".."} & set(segments):
        raise ValueError("has a segment that leads elsewhere")
    return path


def value_at(answer: object, place: str) -> object:
    """Return what an answer holds at a place such as ``data.messages.0.id``; None where there is nothing."""
    for name in place.split("."):
        if isinstance(answer, Mapping):
            answer = answer.get(name)
        elif isinstance(answer, list) and name.isdigit() and int(name) < len(answer):
            answer = answer[int(name)]
        else:
            return None
    return answer


Address = Annotated[str, AfterValidator(checked_address)]
Path = Annotated[str, AfterValidator(_checked_path)]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Place = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}(\.[A-Za-z0-9_-]{1,64})*$", max_length=500)
]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class SendFields(_Part):
    """What a send calls its fields. Without ``sender``, the vendor has one title on file."""

    to: Name
    text: Name
    sender: Name | None = None

    @model_validator(mode="after")
    def _differ(self) -> Self:
        if len({self.to, self.text, self.sender}) < 3:
            raise ValueError("gives one name to two fields")
        return self


class SendResult(_Part):
    """Where the answer to a send has the message id, without which nothing counts as accepted, and the cost."""

    message_id: Place
    credits: Place | None = None


class Send(_Part):
    """How to send.

    Attributes:
        method, path: Of the request, whose body is JSON.
        fields: Names in the body.
        many: The recipients' form: a JSON ``list``, numbers joined by a ``comma``, or a ``single`` number.
        recipients_per_request: How many share a request, and so a message id. 1 unless said otherwise: the
            webhook masks the recipient, so of several under one id nobody could tell whom a report is about.
        result: Places in the answer.
    """

    method: Literal["POST", "PUT"]
    path: Path
    fields: SendFields
    many: Literal["list", "comma", "single"]
    recipients_per_request: Annotated[int, Field(ge=1, le=1000)] = 1
    result: SendResult

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if "{" in self.path:
            raise ValueError("has {message_id} in its path, but a message has no id before it is sent")
        if self.many == "single" and self.recipients_per_request > 1:
            raise ValueError('has several recipients per request, but the form of a "single" one')
        return self


class StatusResult(_Part):
    """Where the answer has the vendor's word for a message's state."""

    status: Place


class Status(_Part):
    """How to ask about one message; its id stands in the path."""

    method: Literal["GET", "POST"]
    path: Path
    result: StatusResult

    @model_validator(mode="after")
    def _names_the_message(self) -> Self:
        if self.path.count("{message_id}") != 1:
            raise ValueError("needs {message_id} once in its path")
        return self


class RemainderResult(_Part):
    """Where the answer has the credits that are left."""

    credits: Place


class Remainder(_Part):
    """How to ask for the balance."""

    method: Literal["GET", "POST"]
    path: Path
    result: RemainderResult

    @model_validator(mode="after")
    def _names_no_message(self) -> Self:
        if "{" in self.path:
            raise ValueError("has {message_id} in its path, but is about no message")
        return self


class ContractProfile(_Part):
    """All that an API's page would have told.

    Attributes:
        label: What the customer calls it; ``assumed`` is the sandbox's.
        base_url: Scheme, host and leading path, for a connection that names no host.
        phone_format: ``e164`` +905321234567, ``90`` 905321234567, ``0`` 05321234567, ``national`` 5321234567.
        send, status, balance: The operations; those that the contract lacks are left out.
        states: Words for a message's state beyond those that are known.
    """

    label: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    base_url: Address | None = None
    phone_format: Literal["e164", "90", "0", "national"] = "90"
    send: Send
    status: Status | None = None
    balance: Remainder | None = None
    states: Mapping[str, Literal["ACCEPTED", "DELIVERED", "FAILED"]] = Field(default_factory=dict)

    def wire_form(self, number: str) -> str | None:
        """Return an E.164 number as the contract writes it; None if it has no form for a foreign one."""
        if self.phone_format == "e164":
            return number
        national = number.removeprefix("+90")
        if national == number or len(national) != 10:
            return None
        return {"90": "90", "0": "0", "national": ""}[self.phone_format] + national

    def recipients(self, numbers: Sequence[str]) -> Any:
        """Return numbers in the form that a send gives them."""
        return list(numbers) if self.send.many == "list" else ",".join(numbers)
