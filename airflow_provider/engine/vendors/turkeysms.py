"""TurkeySMS v3: SMS and one-time codes, in and outside Turkey (seed ``001_89b4df27c045ecf2.txt``).

One habit rules this API: the answer is in the body, not in the HTTP status, and it is JSON only if asked for.
``result`` says yes or no, ``result_code`` says why (``TS-1024``), and the document names no HTTP status at all.
Where it is silent, the vendor's own samples (github.com/TURKEY-SMS/api) and its V4 API are the evidence.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, ClassVar
from zoneinfo import ZoneInfo

import httpx
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from airflow_provider.engine.account import Account
from airflow_provider.engine.errors import (
    AuthenticationFailed,
    ConfigurationError,
    InsufficientBalance,
    InvalidRecipient,
    MessagingError,
    RateLimited,
    Rejected,
    SenderNotApproved,
    UnreadableResponse,
    UnsupportedOperation,
)
from airflow_provider.engine.exchange import (
    Accepted,
    Balance,
    Delivery,
    DeliveryReport,
    Exchange,
    Identity,
    Intent,
    SenderId,
    as_moment,
    as_number,
    as_text,
    build,
    decode_json,
    intent_of,
    raise_for_transient,
)
from airflow_provider.engine.messages import Otp, Sms, State
from airflow_provider.engine.segments import Encoding, measure
from airflow_provider.engine.vendors.base import beyond_the_seed
from airflow_provider.engine.vendors.refusals import Refusal, quoting, refusal, safe_words

__all__ = ["TurkeySms"]

SENT = "TS-1024"
"""In ``result_code``: the message was taken. In ``sms_status_code`` the same code means that it arrived."""

DELIVERY: Mapping[str, State] = {
    "TS-1024": State.DELIVERED,  # "Number received the message"
    "TS-1022": State.FAILED,  # "The number did not receive the message"
    "TS-1023": State.ACCEPTED,  # "out of coverage ... did not receive the message yet": may still arrive
}
"""What ``sms_status_code`` means. A code that is not here leaves the message on its way."""

YES_CODES = frozenset({SENT, "TS-1040", "TS-1046", "TS-1064"})
"""Codes of success: taken, balance told, key accepted, status told. The seed's table lacks 1040 and 1046."""

REFUSALS: Mapping[str, Callable[..., MessagingError]] = {
    # The account: nothing will go out until somebody mends it.
    "TS-1027": partial(InsufficientBalance, "The account's balance is insufficient."),
    "TS-1028": partial(SenderNotApproved, "The sender is not active for this account."),
    "TS-1029": partial(SenderNotApproved, "The account has no such sender."),
    "TS-1051": partial(SenderNotApproved, "The request named no sender."),
    "TS-1030": partial(AuthenticationFailed, "The account is inactive at the vendor."),
    "TS-1031": partial(AuthenticationFailed, "The API key is invalid."),
    "TS-1050": partial(AuthenticationFailed, "The request carried no API key."),
    "TS-1061": partial(AuthenticationFailed, "The API key may not send by POST."),
    "TS-1062": partial(AuthenticationFailed, "The API key may not send by GET."),
    "TS-1063": partial(AuthenticationFailed, "The API key may not ask for delivery."),
    "TS-1065": partial(AuthenticationFailed, "The API key may not ask for the balance."),
    # The recipient.
    "TS-1025": partial(InvalidRecipient, "The request named no number."),
    "TS-1034": partial(InvalidRecipient, "The number is invalid."),
    "TS-1032": partial(
        Rejected,
        "The number is outside Turkey, for which this account is not activated.",
        scope="recipient",
        advice="Ask the vendor's support to activate international messages.",
    ),
    # The message.
    "TS-1026": partial(Rejected, "The text is empty."),
    "TS-1033": partial(Rejected, "The vendor found the request's data incorrect."),
    "TS-1052": partial(Rejected, "The request named no message id."),
    "TS-1070": partial(Rejected, "The date of the scheduled message is missing or invalid."),
    "TS-1071": partial(Rejected, "The time of the scheduled message is missing or invalid."),
    "TS-1072": partial(Rejected, "The scheduled message lies in the past."),
    # The limit itself is nowhere stated; the window is.
    "TS-1060": partial(RateLimited, "The limit of messages in one minute is exceeded.", retry_after=60.0),
}
"""Every refusal of the seed's table, as the error that it is for us."""

REFUSALS_BY_STATUS = (
    Refusal(401, "", AuthenticationFailed, "account", "The vendor refused the API key or the address."),
    Refusal(403, "", AuthenticationFailed, "account", "The vendor refused the API key or the address."),
)
"""For an answer with nothing to read in it. The seed names no HTTP status; V4 has these two and 400."""

LANGUAGES: Mapping[Encoding, int] = {
    Encoding.GSM7: 0,
    Encoding.TURKISH_SINGLE: 1,
    Encoding.TURKISH_LOCKING: 1,
    Encoding.UCS2: 2,  # the seed calls it Arabic, the vendor's README "Arabic or UTF-8"
}
"""``sms_lang`` (``lang`` by GET). It is always sent: what an absent one means differs between versions."""

MANY = 100
"""Recipients of one request with ``use_multi``. The vendor names no limit; an unknown answer concerns all."""

ISTANBUL = ZoneInfo("Europe/Istanbul")
"""The zone of every date here. The vendor names none; it is a Turkish company with Turkish customers."""


class _Options(BaseModel):
    """The connection's own settings; the registry tells what each means."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    content_type: Annotated[int, Field(ge=0, le=2)] = 0
    use_get: bool = False
    use_multi: bool = False
    use_otp_get: bool = False


class TurkeySms:
    """TurkeySMS v3.

    The key travels in the body, or in the query of a GET. Numbers are digits without a plus, with their country
    code. The vendor's samples use ``www.turkeysms.com.tr`` for sending and the bare name for the rest; we stay
    on the connection's host, for a redirect would turn a POST into an empty GET.

    Args:
        account: ``options`` may hold ``content_type``, ``use_get``, ``use_multi`` and ``use_otp_get``.

    Raises:
        ConfigurationError: An option has a wrong value, or two of them exclude each other.
    """

    key: ClassVar[str] = "turkeysms"

    def __init__(self, account: Account) -> None:
        self.account = account
        self._options = _read_options(account)
        self.recipients_per_request = {"send_sms": MANY} if self._options.use_multi else {}

    # --- questions --------------------------------------------------------------------------------------

    def verify(self) -> Exchange[Identity]:
        """Ask whose key this is. The document names no HTTP method; the other calls are POST."""
        answer = yield from self._ask("verify", self._post("authenticate/login", Intent.READ, report=1))
        return Identity(account_id=answer.text("user_id"), name=answer.text("account_name"))

    def balance(self) -> Exchange[Balance]:
        """Ask what is left: messages within Turkey, and lira for those abroad.

        The answer repeats the API key, which goes no further than this method.
        """
        answer = yield from self._ask("balance", self._post("bakiye_sorgulama/add-content", Intent.READ))
        within, abroad = answer.number("local_balance_sms"), answer.number("international_balance_tl")
        if within is None and abroad is None:
            raise answer.unreadable("The vendor's answer names no balance.")
        return Balance(credits=within, money=abroad, currency="TRY")

    def delivery(self, message_id: str) -> Exchange[Delivery]:
        """Ask what became of one message.

        The document says POST and shows a link with its parameters in the query; clients use GET.
        """
        request = self._get("sms-durumu/sms_durumu.php", Intent.READ, sms_id=message_id)
        answer = yield from self._ask("delivery", request)
        code, words = answer.text("sms_status_code"), answer.text("sms_status")
        if code is None:
            raise answer.unreadable("The vendor's answer names no state of the message.")
        report = DeliveryReport(
            state=DELIVERY.get(code, State.ACCEPTED),
            word=f"{code} {words}" if words else code,
            message_id=message_id,
            # "2021-01-01" and "13:10:00", on Turkey's clock, which is three hours ahead all year.
            at=as_moment(f"{answer.text('date_of_sending')}T{answer.text('time_of_sending')}+03:00"),
            operator=answer.text("operator"),
            charged=as_number((answer.text("sms_balance") or "").partition(" ")[0]),  # "1 SMS"
        )
        return Delivery(message_id, (report,))

    @beyond_the_seed("the vendor's sample senderid_check/POST; the form of its answer is assumed")
    def sender_ids(self) -> Exchange[tuple[SenderId, ...]]:
        """List the account's senders, from whichever list the answer holds."""
        request = self._post("senderid_sorgulama/add-content", Intent.READ, report=1)
        answer = yield from self._ask("sender_ids", request)
        for value in answer.body.values():
            if isinstance(value, list):
                return tuple(sender for item in value if (sender := _sender_id(item)) is not None)
        raise answer.unreadable("The vendor's answer holds no list of senders.")

    # --- sends ------------------------------------------------------------------------------------------

    def send_sms(
        self,
        sms: Sms,
        *,
        report_id: int,  # noqa: ARG002 - the API has no place for a number of ours
    ) -> Exchange[Accepted]:
        """Send one text to one number, or with ``use_multi`` to many.

        ``send_at`` is beyond the seed: the seed has only its error codes (TS-1070 to 1072), so the names of its
        fields are V4's. The clock has minutes here; a message goes out in the first whole one, never earlier.

        Raises:
            UnsupportedOperation: The message asks for what this API, or the way chosen by the options, cannot do.
            ConfigurationError: Neither message nor connection names a sender.
        """
        self._refuse_unsupported(sms)
        measured = measure(sms.text, reserve_suffix=sms.reserve_suffix)
        language = LANGUAGES[measured.encoding] if sms.sms_lang is None else sms.sms_lang
        fields: dict[str, Any] = {
            "title": self.account.require_sender(sms.sender),
            "text": measured.text,
            "content_type": self._options.content_type if sms.content_type is None else sms.content_type,
            "report": 1,  # anything else hides the message id
        }
        if sms.send_at is not None:
            fields |= _schedule(sms.send_at)
        number = sms.to[0].removeprefix("+")
        if len(sms.to) > 1:
            # Ten digits each, without the country code: so in the vendor's sample send_multiple_numbers/POST.
            numbers = ",".join(to.removeprefix("+90") for to in sms.to)
            fields |= {"sentto": numbers, "sms_lang": language}
            request = self._post("gonder_coklu_gsm/add-content", Intent.SEND, **fields)
        elif self._options.use_get:
            # The same message, with other names for the number and the language.
            request = self._get("get/get.php", Intent.SEND, mobile=number, lang=language, **fields)
        else:
            fields |= {"sentto": number, "sms_lang": language}
            request = self._post("gonder/add-content", Intent.SEND, **fields)
        try:
            answer = yield from self._ask("send_sms", request, private=(sms.text, measured.text))
        except Rejected as no:
            # A no to many numbers may be about one of them, and the others served: the answer is undocumented.
            # To call it a refusal would let dispatch send to them again.
            of_some = no.scope == "recipient" or (no.scope == "message" and no.code not in REFUSALS)
            if len(sms.to) > 1 and of_some:
                sentence = "The vendor said no to a request for many recipients, and not to which of them."
                raise UnreadableResponse(
                    sentence, vendor=self.key, operation=no.operation, status=no.status, code=no.code
                ) from no
            raise
        return answer.accepted()

    def send_otp(
        self,
        otp: Otp,
        *,
        report_id: int,  # noqa: ARG002 - the API has no place for a number of ours
    ) -> Exchange[Accepted]:
        """Have the vendor make and send a one-time code, which comes back in the answer.

        The seed's way is GET (``use_otp_get``). The default is the POST of the vendor's sample sent_otp/POST:
        proxies and libraries repeat a GET by themselves. A text of one's own exists by POST alone
        (sent_otp_advanced/POST, beyond the seed).

        Raises:
            UnsupportedOperation: A sender was given without a text; the vendor's text has the vendor's sender.
        """
        self._refuse_unsupported(otp)
        fields: dict[str, Any] = {
            "mobile": otp.to[0].removeprefix("+"),
            "digits": otp.digits,
            "lang": otp.language,
            "report": 1,
        }
        if otp.text is not None:
            fields["sms_text"] = _with_marked_lines(otp.text)
            if sender := otp.sender or self.account.sender:
                fields["title"] = sender
            request = self._post("otp_post_detailed/add-content", Intent.SEND, **fields)
        elif self._options.use_otp_get:
            request = self._get("otp/otp_get.php", Intent.SEND, **fields)
        else:
            request = self._post("otp_post/add-content", Intent.SEND, **fields)
        answer = yield from self._ask("send_otp", request, private=(otp.text or "",))
        return answer.accepted(digits=otp.digits)

    def _refuse_unsupported(self, message: Sms | Otp) -> None:
        """Refuse what this API cannot express, before anything is asked."""
        if isinstance(message, Otp):
            operation = "send_otp"
            limits: dict[str, object] = {
                "A sender needs a text of one's own.": message.sender and message.text is None,
            }
        else:
            operation = "send_sms"
            many, by_get = len(message.to) > 1, self._options.use_get
            abroad = any(not number.startswith("+90") for number in message.to)
            limits = {
                "It cannot add a link that refuses further messages (reject_link).": message.reject_link,
                "It cannot schedule a message by GET.": message.send_at and by_get,
                "It cannot schedule one message for many recipients.": message.send_at and many,
                "Without use_multi it takes one recipient at a time.": many and not self._options.use_multi,
                "With use_multi it takes Turkish numbers only; send to the others apart.": many and abroad,
            }
        for sentence, applies in limits.items():
            if applies:
                raise UnsupportedOperation(
                    f"TurkeySMS cannot express this message. {sentence}", vendor=self.key, operation=operation
                )

    # --- asking -----------------------------------------------------------------------------------------

    def _post(self, path: str, intent: Intent, /, **fields: Any) -> httpx.Request:
        """Build a POST with a JSON body. Without ``response_type`` the answer is PHP's ``print_r`` text."""
        key = self.account.require_secret("API key")
        return build(
            "POST",
            f"{self.account.base_url}/api/v3/{path}",
            intent=intent,
            json={"api_key": key, **fields, "response_type": "json"},
        )

    def _get(self, path: str, intent: Intent, /, **fields: Any) -> httpx.Request:
        """Build a GET, the key and all else in the query."""
        key = self.account.require_secret("API key")
        params = {name: str(value) for name, value in fields.items()}
        return build(
            "GET",
            f"{self.account.base_url}/api/v3/{path}",
            intent=intent,
            params={"api_key": key, **params, "response_type": "json"},
        )

    def _ask(
        self, operation: str, request: httpx.Request, *, private: tuple[str, ...] = ()
    ) -> Exchange[_Answer]:
        """Ask, and return an answer that says yes; raise what any other says.

        A yes, or a no with a code of the table, wins over the HTTP status. Otherwise the status has the first
        word, so that a server error is never taken for a refusal. A no with a code that we do not know is a
        refusal of this message: the ledger does not send under its key again, whatever the code may mean.

        ``private`` are texts that must not come back in the vendor's words.
        """
        response = yield request
        try:
            body = decode_json(response, vendor=self.key, operation=operation)
        except UnreadableResponse:
            body = {}
        answer = _Answer(operation, response.status_code, body)
        said = _yes_or_no(body.get("result"))
        # A query for a message that did not arrive is answered, though "result" is false then.
        tells_state = operation == "delivery" and answer.text("sms_status_code") in DELIVERY
        if said is True or tells_state:
            return answer
        if (refusal_of_code := REFUSALS.get(answer.code or "")) is not None:
            raise refusal_of_code(**answer.where)
        raise_for_transient(response, intent=intent_of(request), vendor=self.key, operation=operation)
        words = safe_words(body.get("result_message"), (self.account.secret.get_secret_value(), *private))
        if said is False and answer.code not in YES_CODES:
            sentence = "The vendor said no, for a reason that is new to us."
            raise Rejected(quoting(sentence, words), **answer.where)
        if response.status_code >= 400:
            raise refusal(REFUSALS_BY_STATUS, words, **answer.where)
        raise answer.unreadable("The vendor's answer is not JSON, or says neither yes nor no.")


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer of the vendor, whose values are texts as often as numbers."""

    operation: str
    status: int
    body: Mapping[str, Any]

    def text(self, name: str) -> str | None:
        return as_text(self.body.get(name))

    def number(self, name: str) -> Decimal | None:
        return as_number(self.body.get(name))

    @property
    def code(self) -> str | None:
        # Its form is checked, for it is shown as it is.
        code = self.text("result_code")
        return code if code is not None and re.fullmatch("TS-[0-9]{1,6}", code) else None

    @property
    def where(self) -> dict[str, Any]:
        key = TurkeySms.key
        return {"vendor": key, "operation": self.operation, "status": self.status, "code": self.code}

    def unreadable(self, sentence: str) -> UnreadableResponse:
        return UnreadableResponse(sentence, **self.where)

    def accepted(self, *, digits: int = 0) -> Accepted:
        """Return what a yes to a send holds.

        Raises:
            UnreadableResponse: It is no yes to a send: it has the code of a refusal, or one that we do not know
                and no message id either.
        """
        message_id = self.text("sms_id")
        if self.code in REFUSALS or (self.code != SENT and message_id is None):
            raise self.unreadable("The vendor's answer says yes, but not that it took the message.")
        sent_last_minute, code = self.text("total_has_sent_last_1_min") or "", self.text("otp_code")
        if code is not None and isinstance(self.body["otp_code"], int):
            # Written as a number it has lost its leading zeros; on the telephone it has them.
            code = code.zfill(digits)
        return Accepted(
            message_id=message_id,
            request_id=self.text("rapor_id"),  # seen by clients in answers to requests for many
            charged=self.number("number_of_sms"),
            country=self.text("country"),
            sent_last_minute=int(sent_last_minute) if re.fullmatch("[0-9]{1,9}", sent_last_minute) else None,
            code=None if code is None else SecretStr(code),
        )


# --- words and forms ------------------------------------------------------------------------------------


def _read_options(account: Account) -> _Options:
    # A field of the form that was left empty arrives as "" or null.
    given = {name: value for name, value in account.options.items() if value not in ("", None)}
    try:
        options = _Options.model_validate(given)
    except ValidationError as error:
        wrong = ", ".join(sorted({str(problem["loc"][0]) for problem in error.errors()}))
        raise ConfigurationError(
            f"Connection {account.conn_id!r} has a wrong value in its extra: {wrong}.",
            vendor=TurkeySms.key,
            advice="content_type is 0, 1 or 2; use_get, use_multi and use_otp_get are true or false.",
        ) from None
    if options.use_get and options.use_multi:
        raise ConfigurationError(
            f"Connection {account.conn_id!r} sets both use_get and use_multi.",
            vendor=TurkeySms.key,
            advice="Many recipients in one request go by POST alone: set one of the two.",
        )
    return options


def _schedule(send_at: datetime) -> dict[str, object]:
    first_whole_minute = (send_at + timedelta(seconds=59, microseconds=999_999)).astimezone(ISTANBUL)
    return {
        "scheduled_sms": 1,
        "scheduled_date": first_whole_minute.strftime("%Y-%m-%d"),
        "scheduled_time": first_whole_minute.strftime("%H:%M"),
    }


def _with_marked_lines(text: str) -> str:
    """Return a text for an OTP: a new line is written ``TS-L``, with spaces around it as in the vendor's sample."""
    return unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\n", " TS-L ")


def _yes_or_no(result: object) -> bool | None:
    """Read ``result``: true, "true" and 1 were all seen by clients of this API."""
    if not isinstance(result, bool | int | str):
        return None
    return {"true": True, "1": True, "false": False, "0": False}.get(str(result).strip().lower())


def _sender_id(item: object) -> SenderId | None:
    """Read a name by itself, or an object that has it under one of the names used elsewhere in this API."""
    if not isinstance(item, Mapping):
        return None if (name := as_text(item)) is None else SenderId(name)
    names = (as_text(item.get(field)) for field in ("sender_id", "title", "name"))
    name = next((name for name in names if name is not None), None)
    return None if name is None else SenderId(name, as_text(item.get("status")))
