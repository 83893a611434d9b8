"""The Arge notification API: SMS and e-mail through one endpoint.

Source: ``003_16bce886d04cf347.txt``, the page ``/docs`` of the API's own host.

Everything is one ``POST /api/send`` with a JSON body, in which the credentials (``apiKey``, ``programKey``) stand
beside a ``type``, ``sms`` or ``email``. Every answer, good or bad, is
``{"success": ..., "requestId": ..., "message": ...}``, the message in Turkish prose.

The API can neither be asked about a message later nor does it report by itself, so a send whose outcome is
unknown can only be settled by a person who asks the vendor. Three things follow: the ``requestId`` is on every
result and every error, an SMS goes out one recipient per request (a failure half-way through many could not be
told apart), and only what the page promises counts as accepted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import httpx

from airflow_provider.engine.account import Account
from airflow_provider.engine.errors import (
    AuthenticationFailed,
    ConfigurationError,
    InvalidMessage,
    InvalidRecipient,
    MessagingError,
    OutcomeUnknown,
    Rejected,
    UnreadableResponse,
    UnsupportedOperation,
)
from airflow_provider.engine.exchange import (
    Accepted,
    Exchange,
    Identity,
    Intent,
    as_text,
    build,
    decode_json,
    raise_for_transient,
)
from airflow_provider.engine.messages import Email, Sms
from airflow_provider.engine.redaction import mask
from airflow_provider.engine.vendors.base import beyond_the_seed
from airflow_provider.engine.vendors.refusals import Refusal, quoting, refusal, safe_words

__all__ = ["Argepanel"]

_REFUSALS = (
    Refusal(
        400, "Geçersiz telefon numarası", InvalidRecipient, "recipient", "The vendor refused the number."
    ),
    # Any other 400 is about a field: no recipient, no subject, no text.
    Refusal(400, "", Rejected, "message", "The vendor refused a field of the message."),
    # One answer for both keys: the vendor does not say which of them it does not know.
    Refusal(401, "", AuthenticationFailed, "account", "The API key or the program key is wrong."),
    # Two kinds of 403, and only the words tell them apart.
    Refusal(403, "pasif", AuthenticationFailed, "account", "The API key was made passive."),
    Refusal(403, "süresi dolmuş", AuthenticationFailed, "account", "The API key has expired."),
    Refusal(403, "", AuthenticationFailed, "account", "The vendor denies access."),
    # Not on the page, but about the message wherever they come from.
    Refusal(413, "", Rejected, "message", "The message is too large for the vendor."),
    Refusal(422, "", Rejected, "message", "The vendor refused a field of the message."),
)

_SMS_FIELDS = frozenset({"to", "text", "reserve_suffix"})
"""All of an SMS that the API can express (the suffix is a matter of counting)."""

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_TURKISH = re.compile(r"\+90[0-9]{10}", re.ASCII)


class Argepanel:
    """One program at the Arge notification API; ``identity`` is its program key, ``secret`` its API key."""

    key: ClassVar[str] = "argepanel"

    def __init__(self, account: Account) -> None:
        self.account = account

    @beyond_the_seed(
        "assumed: a body without recipients is refused, at the latest once the keys were checked"
    )
    def verify(self) -> Exchange[Identity]:
        """Find out whether the vendor refuses the keys, by asking for something that cannot be sent.

        The API has no call for it; this is an SMS without recipients and without text. That the keys are refused
        is certain. Anything milder is not, for the vendor may look at the body before the keys, so the result
        never says that they are good.

        Raises:
            AuthenticationFailed: The keys are refused.
            UnreadableResponse: The vendor claims to have taken a message for nobody.
        """
        nothing = {"type": "sms", "phones": [], "message": ""}
        answer = yield from self._ask("verify", nothing, intent=Intent.READ)
        if answer.status == 400:
            return Identity(note="The keys were not refused, which is not yet proof that they are right.")
        answer.demand_success()
        raise UnreadableResponse(
            "The vendor took a message for nobody, so its answers prove nothing about the keys.",
            **answer.where,
        )

    def send_sms(
        self,
        sms: Sms,
        *,
        report_id: int,  # noqa: ARG002 - the API has no place for a number of ours
    ) -> Exchange[Accepted]:
        """Send one text, under the sender that the vendor has on file.

        Raises:
            UnsupportedOperation: The message has a field that the API lacks, such as a sender.
            InvalidMessage: A number is not Turkish.
        """
        for name in Sms.model_fields:
            if name not in _SMS_FIELDS and getattr(sms, name) is not None:
                raise UnsupportedOperation(
                    f"The Arge notification API has no place for {name!r} in an SMS.",
                    vendor=self.key,
                    operation="send_sms",
                    advice=f"Leave {name!r} out, or use a connection of another vendor.",
                )
        phones = [_phone(to) for to in sms.to]
        return (yield from self._send("send_sms", {"type": "sms", "phones": phones, "message": sms.text}))

    def send_email(
        self,
        email: Email,
        *,
        report_id: int,  # noqa: ARG002 - the API has no place for a number of ours
    ) -> Exchange[Accepted]:
        """Send one e-mail to all its recipients in one request.

        Without a From address, here or in the connection, the vendor uses the one of its SMTP settings.
        """
        mail: dict[str, Any] = {"type": "email", "emails": list(email.to), "subject": email.subject}
        optional = {
            "message": email.text,
            "html": email.html,
            "ccs": list(email.cc),
            "bccs": list(email.bcc),
            "replyTo": list(email.reply_to),
            "from": email.sender or self._default_from(),
        }
        mail.update({name: value for name, value in optional.items() if value})
        return (yield from self._send("send_email", mail))

    def _default_from(self) -> str | None:
        # The connection's sender may be a sender id for SMS, which is no address.
        sender = self.account.sender
        return sender if sender and "@" in sender else None

    def _send(self, operation: str, message: Mapping[str, Any]) -> Exchange[Accepted]:
        answer = yield from self._ask(operation, message, intent=Intent.SEND)
        answer.demand_success()
        return Accepted(request_id=answer.request_id)

    def _ask(self, operation: str, message: Mapping[str, Any], *, intent: Intent) -> Exchange[_Answer]:
        """Make the request and return a yes or a no; answers that are neither raise."""
        keys = {"apiKey": self.account.require_secret("API key"), "programKey": self._program_key()}
        address = f"{self.account.base_url}/api/send"
        response = yield build("POST", address, intent=intent, json={**keys, **message})
        private = [*keys.values(), *(message.get(name) or "" for name in ("subject", "message", "html"))]
        answer = _read(operation, response, private)
        if answer.status == 502 and intent is Intent.SEND:
            sentence = "The carrier behind the vendor failed, perhaps for some of the recipients only."
            raise OutcomeUnknown(quoting(sentence, answer.words), **answer.where)
        try:
            raise_for_transient(response, intent=intent, vendor=self.key, operation=operation)
        except MessagingError as error:
            error.request_id = answer.request_id
            raise
        return answer

    def _program_key(self) -> str:
        if not self.account.identity:
            raise ConfigurationError(
                f"Connection {self.account.conn_id!r} has no program key.",
                vendor=self.key,
                advice="Enter the program key in the connection's login field.",
            )
        return self.account.identity


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer of the vendor; ``words`` are its message, made safe to show."""

    operation: str
    status: int
    success: bool
    request_id: str | None
    words: str

    @property
    def where(self) -> dict[str, Any]:
        return {
            "vendor": Argepanel.key,
            "operation": self.operation,
            "status": self.status,
            "request_id": self.request_id,
        }

    def demand_success(self) -> None:
        """Return if the vendor said yes, both by its status and in the body."""
        if self.status >= 400:
            raise refusal(_REFUSALS, self.words, **self.where)
        # The page has no 200 without success, so what one means for the message is anyone's guess.
        if not self.success:
            sentence = f"The vendor answered HTTP {self.status} but did not report success."
            raise UnreadableResponse(quoting(sentence, self.words), **self.where)


def _read(operation: str, response: httpx.Response, private: Sequence[str]) -> _Answer:
    """Read the envelope as far as it can be; ``private`` must not come back in an error."""
    try:
        body = decode_json(response, vendor=Argepanel.key, operation=operation)
    except UnreadableResponse:
        # The page of a proxy in between: its status is all that it says.
        body = {}
    request_id = as_text(body.get("requestId"))
    if request_id and not _UUID.fullmatch(request_id):
        # Not what the page promises. Every error shows it, so it must not be an echo.
        request_id = safe_words(request_id, private)
    words = safe_words(body.get("message"), private)
    return _Answer(operation, response.status_code, body.get("success") is True, request_id, words)


def _phone(number: str) -> str:
    # "başında 90 yoksa eklenir": the vendor would make +49151... into 9049151..., somebody else's number.
    if not _TURKISH.fullmatch(number):
        raise InvalidMessage(
            f"The Arge notification API reaches Turkish numbers only, and {mask(number)} is none.",
            vendor=Argepanel.key,
            operation="send_sms",
            advice="Use a connection of another vendor for it.",
        )
    return number.removeprefix("+")
