"""BaslikliSMS v3 (`000_b11aee7f3ab90066.txt`) over a contract that is assumed, for the page publishes none.

From the page: the Bearer header, the six error codes and what they mean, the webhook. Assumed, and the same as the
profile that `connections` hands out: paths, field names, the bodies of answers and of errors, `message.failed`.
"""

from __future__ import annotations

import itertools
import re
import secrets
from datetime import UTC, datetime
from typing import Any, ClassVar

from pydantic import Field, SecretStr

from airflow_provider.sandbox.store import Message, Store, measured
from airflow_provider.sandbox.wire import Account, Answer, Call, MinuteWindow, Pause, Refused, Route, StandIn

FIRST_ID = 4829  # the page's sample is msg_4829
# The page shows a masked 0532XXXXXXX in its webhook and says nothing of requests, so both spellings pass.
RECIPIENT = re.compile(r"(?:90|0)(5[0-9]{9})")
WORDS = {"accepted": "QUEUED", "sent": "SENT", "delivered": "DELIVERED", "failed": "FAILED"}

ASSUMED_PROFILE: dict[str, Any] = {
    "label": "assumed",
    "base_url": None,
    "send": {
        "method": "POST",
        "path": "/v3/messages",
        "fields": {"to": "recipients", "text": "message", "sender": "title"},
        "many": "list",
        "result": {"message_id": "message_id", "credits": "credits"},
    },
    "status": {"method": "GET", "path": "/v3/messages/{message_id}", "result": {"status": "status"}},
    "balance": {"method": "GET", "path": "/v3/balance", "result": {"credits": "balance"}},
}


class BaslikliSmsAccount(Account):
    """The account at BaslikliSMS."""

    api_key: SecretStr = SecretStr("sandbox-basliklisms-key")
    balance: int = Field(default=1_000_000, ge=0)
    senders: tuple[str, ...] = ("ULAK",)
    """Approved titles."""
    active: bool = True
    allowed_ips: tuple[str, ...] = ()
    """Addresses that requests may come from; empty allows all."""
    per_minute: int | None = Field(default=None, ge=0)


class BaslikliSms(StandIn):
    """BaslikliSMS on the sandbox."""

    key: ClassVar[str] = "basliklisms"
    title: ClassVar[str] = "BaslikliSMS"
    states: ClassVar[tuple[str, ...]] = tuple(WORDS)
    has_callbacks: ClassVar[bool] = True
    account: BaslikliSmsAccount

    def __init__(self, store: Store, pause: Pause) -> None:
        super().__init__(
            store,
            pause,
            [
                Route("POST", "/v3/messages", "send_sms", self.send_sms),
                Route("GET", "/v3/messages/{message_id}", "delivery", self.delivery),
                Route("GET", "/v3/balance", "balance", self.balance),
            ],
        )
        self.reset()

    def reset(self) -> None:
        """Put account and counters back to how they were at the start."""
        self.account = BaslikliSmsAccount()
        self._minute = MinuteWindow(self.store.clock)
        self._ids = itertools.count(FIRST_ID)

    async def send_sms(self, call: Call) -> Answer:
        """Take one text for a list of numbers under one message id."""
        self._authenticate(call)
        fields = call.json_object()
        if fields is None:
            raise Refused(_error(400, "The body is not a JSON object."))
        recipients, text, title = (fields.get(name) for name in ("recipients", "message", "title"))
        if not isinstance(recipients, list) or not recipients:
            raise Refused(_error(400, "recipients is missing or not a list."))
        numbers = [RECIPIENT.fullmatch(each) if isinstance(each, str) else None for each in recipients]
        if not isinstance(text, str) or not text.strip():
            raise Refused(_error(400, "message is missing."))
        if not isinstance(title, str) or not title:
            raise Refused(_error(400, "title is missing."))
        if None in numbers:
            raise Refused(_error(400, "recipients holds what is no Turkish mobile number."))
        # 422 means "balance, or title": the page does not say how the two are told apart, and so nor does this.
        size = measured(text)
        cost = size.segments * len(numbers)
        if title not in self.account.senders or self.account.balance < cost:
            raise Refused(_error(422, "Insufficient balance, or the title is not approved."))
        limit = self.account.per_minute
        if limit is not None and self._minute.count() + len(numbers) > limit:
            raise Refused(self.throttled())
        self._minute.add(len(numbers))
        self.account.balance -= cost
        message_id = f"msg_{next(self._ids)}"
        for number in numbers:
            if number is not None:
                self.take(
                    call,
                    channel="sms",
                    to=f"+90{number[1]}",
                    sender=title,
                    text=text,
                    message_id=message_id,
                    credits=size.segments,
                    measured=size,
                )
        return Answer.of_json(200, {"message_id": message_id, "credits": cost})

    async def delivery(self, call: Call) -> Answer:
        """Tell what became of a send; where its recipients differ it is still SENT."""
        self._authenticate(call)
        message_id = call.parameters["message_id"]
        messages = self.store.of_send(self.key, message_id)
        if not messages:
            raise Refused(_error(404, "There is no such message."))
        words = {WORDS[message.state(self.store.clock())] for message in messages}
        status = words.pop() if len(words) == 1 else "SENT"
        return Answer.of_json(200, {"message_id": message_id, "status": status})

    async def balance(self, call: Call) -> Answer:
        """Tell the balance."""
        self._authenticate(call)
        return Answer.of_json(200, {"balance": self.account.balance})

    def callback(self, message: Message) -> tuple[dict[str, object], dict[str, str]]:
        """Return the webhook's payload and headers for a message that is final; the number is masked."""
        now = self.store.clock()
        state, begun = message.timeline(now)[-1]
        timestamp = datetime.fromtimestamp(begun, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        payload: dict[str, object] = {
            "event": f"message.{state}",
            "message_id": message.message_id,
            "recipient": f"0{message.to.removeprefix('+90')[:3]}XXXXXXX",
            "status": WORDS[state],
            "timestamp": timestamp,
        }
        return payload, {}

    def failure(self, status: int, allow: tuple[str, ...] = ()) -> Answer:
        """Answer with a status and the assumed body."""
        sentences = {404: "There is nothing here.", 405: "This method is not for here.", 413: "Too large."}
        answer = _error(status, sentences.get(status, "Error."))
        return Answer(answer.status, answer.body, headers=(("Allow", ", ".join(allow)),) if allow else ())

    def throttled(self) -> Answer:
        """Answer 429."""
        return _error(429, "Too many requests.")

    def broken(self, status: int) -> Answer:
        """Answer 500: "temporary, or the operator's"; a 502 would come from in front of the vendor."""
        return (
            _error(500, "A temporary fault, or the operator's.") if status == 500 else super().broken(status)
        )

    def _authenticate(self, call: Call) -> None:
        scheme, _, key = call.headers.get("authorization", "").partition(" ")
        expected = self.account.api_key.get_secret_value()
        if scheme.lower() != "bearer" or not secrets.compare_digest(key.encode(), expected.encode()):
            raise Refused(_error(401, "The API key is missing or wrong."))
        if not self.account.active or (
            self.account.allowed_ips and call.client not in self.account.allowed_ips
        ):
            raise Refused(_error(403, "This address is not allowed, or the key lacks the right."))


def _error(status: int, sentence: str) -> Answer:
    return Answer.of_json(status, {"error": sentence})
