"""BaslikliSMS v3: what its page says, and a contract for what it does not.

Source: ``000_b11aee7f3ab90066.txt``, the vendor's page "API Referansı".

The page tells how to authenticate (``Authorization: Bearer``), what six HTTP errors mean and what the webhook
posts. It publishes no host, no path and no field of a request, and none are known from elsewhere; they come from
the connection as a :class:`~airflow_provider.engine.vendors.contract.ContractProfile`. Without one nothing can be
asked of the vendor, but the webhook can be read.

Every request goes into a queue first, says the page: an answer to a send never means that the message arrived.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import ClassVar
from urllib.parse import quote

import httpx
from pydantic import ValidationError

from airflow_provider.engine.account import Account
from airflow_provider.engine.errors import (
    AuthenticationFailed,
    ConfigurationError,
    InvalidMessage,
    Rejected,
    UnreadableResponse,
    UnsupportedOperation,
)
from airflow_provider.engine.exchange import (
    Accepted,
    Balance,
    Delivery,
    DeliveryReport,
    Exchange,
    Intent,
    as_moment,
    as_number,
    as_text,
    build,
    decode_json,
    intent_of,
    raise_for_transient,
)
from airflow_provider.engine.messages import Sms, State
from airflow_provider.engine.redaction import mask
from airflow_provider.engine.vendors.base import beyond_the_seed
from airflow_provider.engine.vendors.contract import ContractProfile, checked_address, is_loopback, value_at
from airflow_provider.engine.vendors.refusals import Refusal, refusal, safe_words

__all__ = ["BaslikliSms", "ContractProfile"]

_REFUSALS = (
    Refusal(400, "", Rejected, "message", "The vendor finds a field missing or malformed."),
    Refusal(401, "", AuthenticationFailed, "account", "The API key is missing or wrong."),
    # "IP kısıtlaması veya yetki eksikliği": one status for two reasons ...
    Refusal(
        403,
        "",
        AuthenticationFailed,
        "account",
        "The vendor denies access: this address is not on the account's list, or the key lacks a permission.",
    ),
    # ... and "Bakiye yetersiz veya başlık onayı yok", so it is neither InsufficientBalance nor SenderNotApproved.
    Refusal(
        422,
        "",
        Rejected,
        "account",
        "The balance does not suffice or the title (sender) is not approved; the vendor does not say which.",
        "Check both in the vendor's panel, then run it again: what was not sent goes out under the same keys.",
    ),
    # Not on the page. The path came from the profile.
    Refusal(
        404,
        "",
        Rejected,
        "account",
        "The vendor knows no such path or no such message.",
        "Check the paths in the contract profile.",
    ),
    Refusal(413, "", Rejected, "message", "The message is too large for the vendor."),
)

_STATES = {
    "DELIVERED": State.DELIVERED,  # the only word on the page
    # Assumed, for they can hardly mean anything else. The words of a contract come with its profile.
    "FAILED": State.FAILED,
    "UNDELIVERED": State.FAILED,
}
"""Final words. After any other, known or not, the message is still on its way."""

_SMS_FIELDS = frozenset({"to", "text", "sender", "reserve_suffix"})
"""All of an SMS that a contract can express (the suffix is a matter of counting)."""

_MESSAGE_ID = re.compile(r"(?!\.+$)[!-~]{1,200}", re.ASCII)

_BY_CONTRACT = "the contract profile: the vendor's page publishes no path and no field"


class BaslikliSms:
    """One customer of BaslikliSMS; ``secret`` is the API key, the option ``profile`` its contract.

    Raises:
        ConfigurationError: There is a profile, and it is not valid.
    """

    key: ClassVar[str] = "basliklisms"

    def __init__(self, account: Account) -> None:
        self.account = account
        self._profile = _profile_of(account)

    @property
    def recipients_per_request(self) -> Mapping[str, int]:
        """How many recipients one send may name, by the contract."""
        return {"send_sms": self._profile.send.recipients_per_request} if self._profile else {}

    @beyond_the_seed(_BY_CONTRACT)
    def send_sms(
        self,
        sms: Sms,
        *,
        report_id: int,  # noqa: ARG002 - the vendor reports by an id of its own
    ) -> Exchange[Accepted]:
        """Queue one text.

        Raises:
            ConfigurationError: There is no contract, no address, no API key or no title (sender).
            UnsupportedOperation: The message has a field that the contract cannot express.
            InvalidMessage: A number has no form in the contract.
        """
        contract = self._contract("send_sms")
        send = contract.send
        expressed = _SMS_FIELDS if send.fields.sender else _SMS_FIELDS - {"sender"}
        for name in Sms.model_fields:
            if name not in expressed and getattr(sms, name) is not None:
                raise UnsupportedOperation(
                    f"The contract profile of connection {self.account.conn_id!r} has no place for {name!r}.",
                    vendor=self.key,
                    operation="send_sms",
                    advice=f"Leave {name!r} out, or use a connection of another vendor.",
                )
        body = {
            send.fields.to: contract.recipients([self._wire_form(contract, to) for to in sms.to]),
            send.fields.text: sms.text,
        }
        if send.fields.sender:
            body[send.fields.sender] = self.account.require_sender(sms.sender)
        request = self._request(contract, send.method, send.path, Intent.SEND, body)
        answer = yield from self._ask("send_sms", request, sms.text)
        message_id = as_text(value_at(answer, send.result.message_id))
        if message_id is None:
            raise self._missing("send_sms", "message id", send.result.message_id)
        charged = as_number(value_at(answer, send.result.credits)) if send.result.credits else None
        return Accepted(message_id, charged)

    @beyond_the_seed(_BY_CONTRACT)
    def delivery(self, message_id: str) -> Exchange[Delivery]:
        """Ask what became of a message.

        Raises:
            ConfigurationError: There is no contract, no address or no API key.
            UnsupportedOperation: The contract has no way to ask.
            InvalidMessage: The id is none that can stand in a path.
        """
        contract = self._contract("delivery")
        status = contract.status
        if status is None:
            raise self._not_in_contract("delivery", "status")
        if not _MESSAGE_ID.fullmatch(message_id):
            raise InvalidMessage("This is not a message id.", vendor=self.key, operation="delivery")
        path = status.path.replace("{message_id}", quote(message_id, safe=""))
        answer = yield from self._ask("delivery", self._request(contract, status.method, path, Intent.READ))
        word = as_text(value_at(answer, status.result.status))
        if word is None:
            raise self._missing("delivery", "status", status.result.status)
        return Delivery(message_id, (DeliveryReport(self._state(word), word, message_id=message_id),))

    @beyond_the_seed(_BY_CONTRACT)
    def balance(self) -> Exchange[Balance]:
        """Ask how many credits are left.

        Raises:
            ConfigurationError: There is no contract, no address or no API key.
            UnsupportedOperation: The contract has no way to ask.
        """
        contract = self._contract("balance")
        question = contract.balance
        if question is None:
            raise self._not_in_contract("balance", "balance")
        request = self._request(contract, question.method, question.path, Intent.READ)
        answer = yield from self._ask("balance", request)
        left = as_number(value_at(answer, question.result.credits))
        if left is None:
            raise self._missing("balance", "balance", question.result.credits)
        return Balance(credits=left)

    def read_callback(
        self,
        headers: Mapping[str, str],  # noqa: ARG002 - the vendor puts nothing into them
        body: bytes,
    ) -> DeliveryReport:
        """Read what the webhook posts; that needs no contract.

        Nothing in it proves that it comes from the vendor, so it is a hint, and its address has to be a secret.
        ``message.delivered`` is the only event on the page; others are taken too, by the word in ``status``.
        ``recipient`` is not read: the page's sample is ``0532XXXXXXX``, and to a parser of telephone numbers
        letters are keys, so it would find somebody else's number. The message id tells whom it is about.

        Raises:
            UnreadableResponse: The body is not the documented one.
        """
        try:
            report = json.loads(body)
        except (ValueError, RecursionError):
            report = None
        if not isinstance(report, dict):
            report = {}
        word, message_id = as_text(report.get("status")), as_text(report.get("message_id"))
        if word is None or message_id is None:
            raise UnreadableResponse(
                "The webhook's body is not a JSON object with a status and a message_id.",
                vendor=self.key,
                operation="read_callback",
            )
        moment = as_moment(report.get("timestamp"))
        return DeliveryReport(self._state(word), word, message_id=message_id, at=moment)

    # --- the contract -----------------------------------------------------------------------------------

    def _contract(self, operation: str) -> ContractProfile:
        if self._profile is None:
            raise ConfigurationError(
                f"BaslikliSMS publishes no paths, and connection {self.account.conn_id!r} has no contract profile.",
                vendor=self.key,
                operation=operation,
                advice='Ask the vendor for its API contract, and enter it as "profile" in the connection\'s extra.',
            )
        return self._profile

    def _not_in_contract(self, operation: str, section: str) -> UnsupportedOperation:
        return UnsupportedOperation(
            f"The contract profile of connection {self.account.conn_id!r} has no section {section!r}.",
            vendor=self.key,
            operation=operation,
            advice="If the vendor offers it, add the section.",
        )

    def _wire_form(self, contract: ContractProfile, number: str) -> str:
        form = contract.wire_form(number)
        if form is None:
            raise InvalidMessage(
                f"The contract profile has no way to write {mask(number)}: phone_format "
                f"{contract.phone_format!r} is for Turkish numbers.",
                vendor=self.key,
                operation="send_sms",
                advice="Use a connection of another vendor for it.",
            )
        return form

    def _state(self, word: str) -> State:
        by_contract = self._profile.states if self._profile else {}
        if word in by_contract:
            return State(by_contract[word])
        return _STATES.get(word.upper(), State.ACCEPTED)

    # --- the wire ---------------------------------------------------------------------------------------

    def _request(
        self, contract: ContractProfile, method: str, path: str, intent: Intent, body: object = None
    ) -> httpx.Request:
        headers = {"Authorization": f"Bearer {self._api_key()}"}
        return build(method, self._address(contract) + path, intent=intent, json=body, headers=headers)

    def _address(self, contract: ContractProfile) -> str:
        conn_id = self.account.conn_id
        address = self.account.base_url or contract.base_url
        if not address:
            raise ConfigurationError(
                f"Neither connection {conn_id!r} nor its contract profile says where the API is.",
                vendor=self.key,
                advice="Enter the host that the vendor gave you in the connection.",
            )
        try:
            address = checked_address(address)
        except ValueError as error:
            raise ConfigurationError(
                f"The host of connection {conn_id!r} {error}.",
                vendor=self.key,
                advice="Enter it as the vendor gave it to you, such as https://host/path.",
            ) from None
        if contract.label == "assumed" and not is_loopback(address):
            raise ConfigurationError(
                f"The contract profile of connection {conn_id!r} is the sandbox's invention, not the vendor's word.",
                vendor=self.key,
                advice="Replace it by the vendor's contract, or point the connection at the sandbox.",
            )
        return address

    def _api_key(self) -> str:
        key = self.account.require_secret("API key")
        if not (key.isascii() and key.isprintable()):
            raise ConfigurationError(
                f"The API key of connection {self.account.conn_id!r} has a character that no header can carry.",
                vendor=self.key,
                advice="Copy it again from the vendor's panel.",
            )
        return key

    def _ask(self, operation: str, request: httpx.Request, text: str = "") -> Exchange[Mapping[str, object]]:
        """Make a request and return the answer's object if it is a yes; ``text`` must not be in an error."""
        response = yield request
        status = response.status_code
        raise_for_transient(response, intent=intent_of(request), vendor=self.key, operation=operation)
        try:
            answer = decode_json(response, vendor=self.key, operation=operation)
        except UnreadableResponse:
            if status < 400:
                raise
            answer = {}
        if status >= 400:
            # The page does not show the body of an error; these are the two usual names for its sentence.
            said = answer.get("message") or answer.get("error")
            words = safe_words(said, [self._api_key(), text])
            raise refusal(_REFUSALS, words, vendor=self.key, operation=operation, status=status)
        return answer

    def _missing(self, operation: str, what: str, place: str) -> UnreadableResponse:
        return UnreadableResponse(
            f"The vendor's answer has no {what} at {place!r}, where the contract profile says it is.",
            vendor=self.key,
            operation=operation,
        )


def _profile_of(account: Account) -> ContractProfile | None:
    given = account.options.get("profile")
    if given is None or given == "":
        return None
    try:
        if isinstance(given, str):
            return ContractProfile.model_validate_json(given)
        return ContractProfile.model_validate(given)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False, include_context=False)
    problems = [
        f"{'.'.join(map(str, problem['loc'])) or 'profile'}: {problem['msg'].removeprefix('Value error, ')}"
        for problem in found[:3]
    ]
    raise ConfigurationError(
        f"The contract profile of connection {account.conn_id!r} is not valid: {'; '.join(problems)}.",
        vendor=BaslikliSms.key,
        advice='Correct "profile" in the connection\'s extra.',
    )
