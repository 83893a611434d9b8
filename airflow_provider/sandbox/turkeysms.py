"""TurkeySMS v3 (`001_89b4df27c045ecf2.txt`): codes inside HTTP 200, and print_r text unless JSON is asked for.

Beyond the seed, from the vendor's own PHP samples (github.com/TURKEY-SMS/api): sending to many numbers, OTP by
POST, OTP with a text of one's own, and sender ids. What those samples leave open is marked "assumed" below.
"""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import ClassVar

from pydantic import Field, SecretStr

from airflow_provider.sandbox.store import Message, Store, measured
from airflow_provider.sandbox.turkeysms_answers import CONTENT_TYPES, LANGUAGES, Asked
from airflow_provider.sandbox.turkeysms_numbers import TEN_DIGITS, TURKEY, country_of, operator_of
from airflow_provider.sandbox.wire import (
    ISTANBUL,
    Account,
    Answer,
    Call,
    MinuteWindow,
    Pause,
    Refused,
    Route,
    StandIn,
)

FIRST_SMS_ID = 1000007721  # the seed's sample
LIRA_PER_INTERNATIONAL_SMS = 0.5  # assumed: "the price of the message varies from one country to another"

DELIVERY = {
    "delivered": ("TS-1024", "Number received the message"),
    "failed": ("TS-1022", "The number did not receive the message"),
}
PENDING = ("TS-1023", "The number out of coverage did not receive the message yet")
OTP_TEXTS = {
    "0": "Your verification code: TS_CODE",
    "1": "Doğrulama kodunuz: TS_CODE",
    "2": "رمز التحقق الخاص بك: TS_CODE",
}
CLOSED_CODES = {
    "send_sms": "TS-1061",
    "send_sms_multi": "TS-1061",
    "send_sms_get": "TS-1062",
    "delivery": "TS-1063",
    "balance": "TS-1065",
}


class TurkeySmsAccount(Account):
    """The account at TurkeySMS."""

    api_key: SecretStr = SecretStr("sandbox-turkeysms-key")
    user_id: int = 1001
    account_name: str = "Ulak Sandbox"
    balance: int = Field(default=1_000_000, ge=0)
    """Messages within Turkey that are paid for."""
    international: bool = True
    international_balance: float = Field(default=1_000.0, ge=0)
    """Turkish lira for messages abroad."""
    senders: tuple[str, ...] = ("ULAK",)
    inactive_senders: tuple[str, ...] = ("ULAKTEST",)
    per_minute: int | None = Field(default=None, ge=0)
    active: bool = True
    closed: tuple[str, ...] = ()
    """Operations that the contact key is not active for, of send_sms, send_sms_get, delivery, balance."""


class TurkeySms(StandIn):
    """TurkeySMS on the sandbox."""

    key: ClassVar[str] = "turkeysms"
    title: ClassVar[str] = "TurkeySMS"
    states: ClassVar[tuple[str, ...]] = ("scheduled", "accepted", "unreachable", "delivered", "failed")
    account: TurkeySmsAccount

    def __init__(self, store: Store, pause: Pause) -> None:
        api = "/api/v3"
        post = "add-content"
        super().__init__(
            store,
            pause,
            [
                Route("POST", f"{api}/authenticate/login", "verify", self.verify),
                Route("POST", f"{api}/gonder/{post}", "send_sms", self.send_sms),
                Route("GET", f"{api}/get/get.php", "send_sms_get", self.send_sms_get),
                Route("POST", f"{api}/gonder_coklu_gsm/{post}", "send_sms_multi", self.send_sms_multi),
                Route("GET", f"{api}/otp/otp_get.php", "send_otp", self.send_otp),
                Route("POST", f"{api}/otp_post/{post}", "send_otp", self.send_otp),
                Route("POST", f"{api}/otp_post_detailed/{post}", "send_otp", self.send_otp_with_text),
                Route("GET", f"{api}/sms-durumu/sms_durumu.php", "delivery", self.delivery),
                Route("POST", f"{api}/sms-durumu/sms_durumu.php", "delivery", self.delivery),
                Route("POST", f"{api}/bakiye_sorgulama/{post}", "balance", self.balance),
                Route("POST", f"{api}/senderid_sorgulama/{post}", "sender_ids", self.sender_ids),
            ],
        )
        self.reset()

    def reset(self) -> None:
        """Put account and counters back to how they were at the start."""
        self.account = TurkeySmsAccount()
        self._minute = MinuteWindow(self.store.clock)
        self._ids = itertools.count(FIRST_SMS_ID)

    async def verify(self, call: Call) -> Answer:
        """Authenticate."""
        asked = self._asked(call, "verify")
        account = self.account
        return asked.yes("TS-1046", {"user_id": str(account.user_id), "account_name": account.account_name})

    async def send_sms(self, call: Call) -> Answer:
        """Take one SMS by POST."""
        asked = self._asked(call, "send_sms")
        language = asked.choice("sms_lang", LANGUAGES, "2")
        return self._send(call, asked, number_field="sentto", language=language)

    async def send_sms_get(self, call: Call) -> Answer:
        """Take one SMS by GET, whose parameters for number and language have other names."""
        asked = self._asked(call, "send_sms_get")
        language = asked.choice("lang", LANGUAGES, "2")
        return self._send(call, asked, number_field="mobile", language=language)

    def _send(self, call: Call, asked: Asked, *, number_field: str, language: str) -> Answer:
        content_type = asked.choice("content_type", CONTENT_TYPES, "0")
        sender = self._sender(asked)
        to, country = self._recipient(asked, asked.text(number_field))
        text = self._text(asked, "text")
        send_at = self._scheduled(asked)
        sms_id = str(next(self._ids))
        messages = self._charge_and_take(
            call,
            asked,
            [to],
            sender,
            text,
            sms_id,
            send_at,
            {"sms_lang": LANGUAGES[language], "content_type": CONTENT_TYPES[content_type]},
        )
        return asked.yes(
            "TS-1024",
            {
                "sms_id": sms_id,
                "total_has_sent_last_1_min": self._minute.count(),
                "number_of_sms": str(messages[0].credits),
                "sms_lang": LANGUAGES[language],
                "content_type": CONTENT_TYPES[content_type],
                "country": country,
            },
        )

    async def send_sms_multi(self, call: Call) -> Answer:
        """Take one text for many Turkish numbers of ten digits; the form of the answer is assumed."""
        asked = self._asked(call, "send_sms_multi")
        language = asked.choice("sms_lang", LANGUAGES, "2")
        sender = self._sender(asked)
        numbers = asked.text("sentto")
        if not numbers:
            raise Refused(asked.no("TS-1025"))
        parts = numbers.split(",")
        if not all(TEN_DIGITS.fullmatch(part) for part in parts):
            raise Refused(asked.no("TS-1034"))
        text = self._text(asked, "text")
        report_id = str(next(self._ids))
        recipients = [f"+90{part}" for part in parts]
        messages = self._charge_and_take(
            call, asked, recipients, sender, text, report_id, None, {"sms_lang": LANGUAGES[language]}
        )
        return asked.yes(
            "TS-1024",
            {
                "rapor_id": report_id,
                "total_mobile_num": str(len(parts)),
                "number_of_sms": str(sum(message.credits for message in messages)),
                "total_has_sent_last_1_min": self._minute.count(),
            },
        )

    async def send_otp(self, call: Call) -> Answer:
        """Take a one-time code in the vendor's own words."""
        asked = self._asked(call, "send_otp")
        language = asked.choice("lang", LANGUAGES, "2")
        return self._send_code(call, asked, language, OTP_TEXTS[language])

    async def send_otp_with_text(self, call: Call) -> Answer:
        """Take a one-time code in the sender's words: TS_CODE is the code, TS-L a new line."""
        asked = self._asked(call, "send_otp")
        language = asked.choice("lang", LANGUAGES, "2")
        text = self._text(asked, "sms_text")
        if "TS_CODE" not in text:
            raise Refused(asked.no("TS-1033"))
        return self._send_code(call, asked, language, text.replace("TS-L", "\n"))

    def _send_code(self, call: Call, asked: Asked, language: str, wording: str) -> Answer:
        digits = asked.text("digits") or "4"  # "if it is empty, the number of digits will be 4"
        if digits not in {"4", "5", "6"}:
            raise Refused(asked.no("TS-1033"))
        # The seed: the service "does not require an activated sender ID".
        sender = self._sender(asked) if asked.text("title") else "TURKEYSMS"
        to, country = self._recipient(asked, asked.text("mobile"))
        code = "".join(secrets.choice("0123456789") for _ in range(int(digits)))
        text = wording.replace("TS_CODE", code)
        if measured(text).segments > 1:  # a one-time code has no second part
            raise Refused(asked.no("TS-1033"))
        sms_id = next(self._ids)
        options: dict[str, object] = {"sms_lang": LANGUAGES[language]}
        messages = self._charge_and_take(call, asked, [to], sender, text, str(sms_id), None, options)
        return asked.yes(
            "TS-1024",
            {
                "otp_code": code,
                "sms_id": sms_id,
                "number_of_sms": messages[0].credits,
                "sms_lang": LANGUAGES[language],
                "country": country,
            },
        )

    async def delivery(self, call: Call) -> Answer:
        """Tell what became of a message."""
        asked = self._asked(call, "delivery")
        sms_id = asked.text("sms_id")
        if not sms_id:
            raise Refused(asked.no("TS-1052"))
        messages = self.store.of_send(self.key, sms_id)
        if not messages:
            raise Refused(asked.no("TS-1033"))  # assumed: the table has no code for an id it never gave
        message = messages[0]
        begun = message.steps[0 if message.steps[0][0] == "accepted" else 1][1]
        sent = datetime.fromtimestamp(begun, UTC).astimezone(ISTANBUL)
        code, words = DELIVERY.get(message.state(self.store.clock()), PENDING)
        return asked.status(
            {
                "sender_id": message.sender,
                "date_of_sending": sent.strftime("%Y-%m-%d"),
                "time_of_sending": sent.strftime("%H:%M:%S"),
                "sms_status": words,
                "sms_status_code": code,
                "sms_balance": f"{sum(each.credits for each in messages)} SMS",
                "operator": operator_of(message.to),
            }
        )

    async def balance(self, call: Call) -> Answer:
        """Tell both balances, and repeat the key, as the vendor does."""
        asked = self._asked(call, "balance")
        asked.detailed = True  # this call has no `report`
        return asked.yes(
            "TS-1040",
            {
                "api_key": self.account.api_key.get_secret_value(),
                "local_balance_sms": str(self.account.balance),
                "international_balance_tl": f"{self.account.international_balance:.2f}",
            },
        )

    async def sender_ids(self, call: Call) -> Answer:
        """List the sender ids; the form of the answer is assumed."""
        asked = self._asked(call, "sender_ids")
        listed = [{"sender_id": name, "status": "active"} for name in self.account.senders]
        listed += [{"sender_id": name, "status": "passive"} for name in self.account.inactive_senders]
        return asked.yes("TS-1040", {"sender_ids": listed})

    def _asked(self, call: Call, operation: str) -> Asked:
        # The seed says that a status is asked for by POST, and prints a link with all parameters in its query.
        in_url = call.method == "GET" or (operation == "delivery" and not call.body)
        parameters = call.query if in_url else call.json_object()
        asked = Asked(operation, parameters if parameters is not None else {})
        if parameters is None:
            raise Refused(asked.no("TS-1033"))
        key = asked.text("api_key")
        if not key:
            raise Refused(asked.no("TS-1050"))
        if not secrets.compare_digest(key.encode(), self.account.api_key.get_secret_value().encode()):
            raise Refused(asked.no("TS-1031"))
        if not self.account.active:
            raise Refused(asked.no("TS-1030"))
        if operation in self.account.closed:
            raise Refused(asked.no(CLOSED_CODES[operation]))
        return asked

    def _sender(self, asked: Asked) -> str:
        title = asked.text("title")
        if not title:
            raise Refused(asked.no("TS-1051"))
        if title in self.account.inactive_senders:
            raise Refused(asked.no("TS-1028"))
        if title not in self.account.senders:
            raise Refused(asked.no("TS-1029"))
        return title

    def _recipient(self, asked: Asked, written: str) -> tuple[str, str]:
        """Return the number as E.164 with its country in the vendor's spelling."""
        if not written:
            raise Refused(asked.no("TS-1025"))
        country = country_of(written)
        if country is None:
            raise Refused(asked.no("TS-1034"))
        if country != TURKEY and not self.account.international:
            raise Refused(asked.no("TS-1032"))
        return f"+{written}", country

    def _text(self, asked: Asked, name: str) -> str:
        text = asked.text(name)
        if not text.strip():
            raise Refused(asked.no("TS-1026"))
        return text

    def _scheduled(self, asked: Asked) -> float | None:
        """Return when to send; the names are V4's, the error codes v3's."""
        if asked.text("scheduled_sms") in {"", "0"}:
            return None
        day, hour = asked.text("scheduled_date"), asked.text("scheduled_time")
        if _moment(day, "%Y-%m-%d") is None:
            raise Refused(asked.no("TS-1070"))
        if _moment(hour, "%H:%M") is None:
            raise Refused(asked.no("TS-1071"))
        moment = _moment(f"{day} {hour}", "%Y-%m-%d %H:%M")
        if moment is None or moment.timestamp() <= self.store.clock():
            raise Refused(asked.no("TS-1072"))
        return moment.timestamp()

    def _charge_and_take(
        self,
        call: Call,
        asked: Asked,
        recipients: Sequence[str],
        sender: str,
        text: str,
        sms_id: str,
        send_at: float | None,
        options: dict[str, object],
    ) -> list[Message]:
        account, size = self.account, measured(text)
        limit = account.per_minute
        if limit is not None and self._minute.count() + len(recipients) > limit:
            raise Refused(asked.no("TS-1060"))
        if recipients[0].startswith("+90"):
            if account.balance < size.segments * len(recipients):
                raise Refused(asked.no("TS-1027"))
            account.balance -= size.segments * len(recipients)
        else:
            price = size.segments * LIRA_PER_INTERNATIONAL_SMS
            if account.international_balance < price:
                raise Refused(asked.no("TS-1027"))
            account.international_balance -= price
        self._minute.add(len(recipients))
        return [
            self.take(
                call,
                channel="sms",
                to=to,
                sender=sender,
                text=text,
                message_id=sms_id,
                send_at=send_at,
                credits=size.segments,
                measured=size,
                options=options,
            )
            for to in recipients
        ]


def _moment(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form).replace(tzinfo=ISTANBUL)
    except ValueError:
        return None
