"""Bulutfon messages, API v1: SMS to many numbers, with a list to look them up in (seed ``002_f6f765771129b80e.txt``).

**Legacy.** Bulutfon ended its SMS service on 2020-12-31; only the sandbox still answers this API. It is kept
because the seed describes it, and because it is the one vendor whose list settles an unknown send.

What the seed leaves open comes from the vendor's documents (github.com/bulutfon/documents) and its Ruby client
(github.com/bulutfon/ruby-sdk).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import quote
from zoneinfo import ZoneInfo

from airflow_provider.engine.account import Account
from airflow_provider.engine.errors import (
    AuthenticationFailed,
    InsufficientBalance,
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
    Intent,
    MessagePage,
    SenderId,
    SentMessage,
    as_e164,
    as_moment,
    as_number,
    as_text,
    build,
    decode_json,
    raise_for_transient,
)
from airflow_provider.engine.messages import Sms, State
from airflow_provider.engine.vendors.base import beyond_the_seed
from airflow_provider.engine.vendors.refusals import Refusal, quoting, refusal, safe_words

__all__ = ["Bulutfon"]

STATES: Mapping[str, State] = {
    "WAITING": State.ACCEPTED,  # "İletim raporu bekleniyor"
    "SENT": State.ACCEPTED,  # in the seed's sample, though not in its list of states: on its way
    "CONFIRMED": State.DELIVERED,  # "İletildi"
    "FAILED": State.FAILED,  # "İletilemedi"
}
"""What a recipient's ``state`` means. A word that is not here leaves the message on its way."""

REFUSALS = (
    Refusal(401, "", AuthenticationFailed, "account", "The access token is invalid."),
    Refusal(402, "", InsufficientBalance, "account", "The account has no SMS credit left."),
    Refusal(403, "", AuthenticationFailed, "account", "The access token may not do this."),
    Refusal(404, "", Rejected, "account", "The vendor knows no such message or address."),
    Refusal(422, "kredi", InsufficientBalance, "account", "The account has no SMS credit left."),
    Refusal(422, "aşlı", SenderNotApproved, "account", "The title is none of the account's approved ones."),
    Refusal(422, "pam ", Rejected, "recipient", "The vendor's spam rule has closed the number for an hour."),
    Refusal(400, "", Rejected, "message", "The vendor refused a field of the message."),
    Refusal(422, "", Rejected, "message", "The vendor refused a field of the message."),
)
"""The vendor documents no refusal but 429: the statuses mean what HTTP says, the words are stems without the
first letter, whose case is anyone's guess. A refusal in other words has the wrong scope at worst.
"""

ISTANBUL = ZoneInfo("Europe/Istanbul")
"""The zone of ``send_date``. Moments in answers carry ``+03:00``, which is the same."""


class Bulutfon:
    """Bulutfon messages, API v1. Legacy: the vendor ended its SMS service on 2020-12-31.

    The token travels in the query, a send as a form of texts. Numbers are digits without a plus, with their
    country code. Every path may end in ``.json``.

    The vendor refuses more than 6 equal or 20 different messages to one number within an hour, and then closes
    that number for an hour.
    """

    key: ClassVar[str] = "bulutfon"
    recipients_per_request: ClassVar[Mapping[str, int]] = {"send_sms": 100}
    """The vendor names no limit; an unknown answer concerns all recipients of a request."""

    def __init__(self, account: Account) -> None:
        self.account = account

    # --- the send ---------------------------------------------------------------------------------------

    def send_sms(
        self,
        sms: Sms,
        *,
        report_id: int,  # noqa: ARG002 - the API has no place for a number of ours
    ) -> Exchange[Accepted]:
        """Send one text to one or many numbers, now or at ``send_at``, with a link to refuse more if asked.

        A scheduled message goes out in the first whole minute, never earlier: the vendor's clock has minutes.
        What a send answers is undocumented. Clients read an object ``message``, whose ``id`` not all know of;
        without one the message is found in the list. Anything else is no proof that the message was taken.

        Raises:
            UnsupportedOperation: The message sets ``content_type`` or ``sms_lang``, which this API does not have.
            ConfigurationError: Neither message nor connection names a title.
        """
        self._refuse_unsupported(sms)
        form = {
            "title": self.account.require_sender(sms.sender),
            "receivers": ",".join(number.removeprefix("+") for number in sms.to),
            "content": unicodedata.normalize("NFC", sms.text),
        }
        if sms.send_at is not None:
            form |= {"is_future_sms": "true", "send_date": _send_date(sms.send_at)}
        if sms.reject_link is not None:
            form["reject_link"] = "true" if sms.reject_link else "false"
        answer = yield from self._ask("send_sms", "messages", form=form)
        message = answer.body.get("message")
        if not isinstance(message, Mapping):
            raise answer.unreadable("The vendor's answer does not say that it took the message.")
        return Accepted(message_id=as_text(message.get("id")))

    def _refuse_unsupported(self, sms: Sms) -> None:
        """Refuse what this API cannot express, before anything is asked."""
        for field in ("content_type", "sms_lang"):
            if getattr(sms, field) is not None:
                raise UnsupportedOperation(
                    f"Bulutfon has no place for {field!r} in an SMS.",
                    vendor=self.key,
                    operation="send_sms",
                    advice=f"Leave {field!r} out, or use a connection of another vendor.",
                )

    # --- questions --------------------------------------------------------------------------------------

    def delivery(self, message_id: str) -> Exchange[Delivery]:
        """Ask what became of a message, for each of its recipients."""
        answer = yield from self._ask("delivery", f"messages/{quote(message_id, safe='')}")
        message = answer.body.get("message")
        recipients = message.get("recipients") if isinstance(message, Mapping) else None
        if not isinstance(recipients, list):
            raise answer.unreadable("The vendor's answer names no recipients.")
        reports = (_report(message_id, recipient) for recipient in recipients)
        return Delivery(message_id, tuple(report for report in reports if report is not None))

    def list_messages(self, *, page: int = 1, limit: int = 50) -> Exchange[MessagePage]:
        """List sent messages, newest first, ``limit`` to a page.

        The answer's ``next_page`` is a link with the token in it, and with a limit that nobody asked for: the
        number of pages is all that is taken from beside the list.
        """
        answer = yield from self._ask("list_messages", "messages", page=str(page), limit=str(limit))
        messages, paginate = answer.body.get("messages"), answer.body.get("paginate")
        if not isinstance(messages, list):
            raise answer.unreadable("The vendor's answer holds no list of messages.")
        total = as_text(paginate.get("total_pages")) if isinstance(paginate, Mapping) else None
        total_pages = int(total) if total is not None and re.fullmatch("[0-9]{1,9}", total) else page
        return MessagePage(
            messages=tuple(listed for item in messages if (listed := _listed(item)) is not None),
            page=page,
            total_pages=total_pages,
            next_page=page + 1 if page < total_pages else None,
        )

    @beyond_the_seed("the vendor's documents, API/endpoints/me.md")
    def balance(self) -> Exchange[Balance]:
        """Ask how many SMS are left. ``credit.balance`` beside it is telephone credit, and not reported."""
        answer = yield from self._ask("balance", "me")
        credit = answer.body.get("credit")
        if isinstance(credit, Mapping):
            # The document's sample says sms_credits, its text sms_credit.
            for name in ("sms_credits", "sms_credit"):
                if (left := as_number(credit.get(name))) is not None:
                    return Balance(credits=left)
        raise answer.unreadable("The vendor's answer names no SMS credit.")

    @beyond_the_seed("the vendor's documents, API/endpoints/message-titles.md")
    def sender_ids(self) -> Exchange[tuple[SenderId, ...]]:
        """List the titles: CONFIRMED, DRAFT or REJECTED. Only a confirmed one can send."""
        answer = yield from self._ask("sender_ids", "message-titles")
        titles = answer.body.get("message_titles")
        if not isinstance(titles, list):
            raise answer.unreadable("The vendor's answer holds no list of titles.")
        return tuple(
            SenderId(name, as_text(title.get("state")))
            for title in titles
            if isinstance(title, Mapping) and (name := as_text(title.get("name"))) is not None
        )

    # --- asking -----------------------------------------------------------------------------------------

    def _ask(
        self, operation: str, path: str, *, form: Mapping[str, str] | None = None, **params: str
    ) -> Exchange[_Answer]:
        """Ask, or with a form send, and return the answer of a success; raise what any other says.

        A refusal has a 4xx status and, if the vendor's Ruby client is right, a body ``{"error", "code"}``.

        Raises:
            UnreadableResponse: The status says success and the body an error. For a send that decides nothing:
                some of the recipients may have been served.
        """
        token = self.account.require_secret("access token")
        intent = Intent.READ if form is None else Intent.SEND
        response = yield build(
            "GET" if form is None else "POST",
            f"{self.account.base_url}/{path}.json",
            intent=intent,
            params={"access_token": token, **params},
            form=form,
        )
        raise_for_transient(response, intent=intent, vendor=self.key, operation=operation)
        try:
            body = decode_json(response, vendor=self.key, operation=operation)
        except UnreadableResponse:
            if response.status_code < 400:
                raise
            body = {}
        answer = _Answer(operation, response.status_code, body)
        words = safe_words(body.get("error"), (token, *(form or {}).values()))
        if answer.status >= 400:
            raise refusal(REFUSALS, words, **answer.where)
        if body.get("error"):
            raise answer.unreadable(quoting("The vendor answered with success and an error.", words))
        return answer


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer of the vendor, and what an error about it tells."""

    operation: str
    status: int
    body: Mapping[str, Any]

    @property
    def where(self) -> dict[str, Any]:
        code = as_text(self.body.get("code")) or ""
        return {
            "vendor": Bulutfon.key,
            "operation": self.operation,
            "status": self.status,
            # A number in the Ruby client's own samples; anything else is not shown.
            "code": code if re.fullmatch("[0-9]{1,5}", code) else None,
        }

    def unreadable(self, sentence: str) -> UnreadableResponse:
        return UnreadableResponse(sentence, **self.where)


# --- words and forms ------------------------------------------------------------------------------------


def _send_date(send_at: datetime) -> str:
    first_whole_minute = (send_at + timedelta(seconds=59, microseconds=999_999)).astimezone(ISTANBUL)
    return first_whole_minute.strftime("%d/%m/%Y %H:%M")


def _report(message_id: str, recipient: object) -> DeliveryReport | None:
    if not isinstance(recipient, Mapping) or (word := as_text(recipient.get("state"))) is None:
        return None
    return DeliveryReport(
        state=STATES.get(word.upper(), State.ACCEPTED),
        word=word,
        to=as_e164(recipient.get("number")),
        message_id=message_id,
    )


def _listed(item: object) -> SentMessage | None:
    """Read one line of the list; one without an id cannot be asked about."""
    if not isinstance(item, Mapping) or (message_id := as_text(item.get("id"))) is None:
        return None
    text = item.get("content")
    numbers = str(item.get("recipients", "")).split(",")
    return SentMessage(
        message_id=message_id,
        sender=as_text(item.get("title")),
        text=text if isinstance(text, str) else "",
        recipients=tuple(number for each in numbers if (number := as_e164(each)) is not None),
        created_at=as_moment(item.get("created_at")),
    )
