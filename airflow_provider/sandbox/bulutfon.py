"""Bulutfon messages (`002_f6f765771129b80e.txt`), a service that the vendor ended on 2020-12-31.

Beyond the seed, from the vendor's documents (github.com/bulutfon/documents): `/me` and `/message-titles`. The
form of errors is what the vendor's Ruby client reads, `{"error", "code"}`; their HTTP status is assumed.
"""

from __future__ import annotations

import itertools
import re
import secrets
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from pydantic import Field, SecretStr

from airflow_provider.sandbox.store import Message, Store, measured
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

RECEIVER = re.compile(r"905[0-9]{9}")
PAGE_SIZE, LARGEST_PAGE = 25, 200  # assumed; 200 is what the seed's sample asks for
HOUR = 3600
MOST_ALIKE, MOST_DIFFERENT = 6, 20
WORDS = {
    "scheduled": "WAITING",
    "accepted": "WAITING",
    "sent": "SENT",  # not in the seed's list of states, but in its sample
    "delivered": "CONFIRMED",
    "failed": "FAILED",
}


class BulutfonAccount(Account):
    """The account at Bulutfon."""

    access_token: SecretStr = SecretStr("sandbox-bulutfon-token")
    balance: int = Field(default=1_000_000, ge=0)
    """SMS credits."""
    senders: tuple[str, ...] = ("ULAK",)
    draft_senders: tuple[str, ...] = ("ULAKTEST",)
    """Titles that are not approved yet."""
    per_minute: int | None = Field(default=None, ge=0)


class SpamFilter:
    """The vendor's rule for one number.

    At most 6 identical and 20 different messages within an hour; one more, and the number is closed for an hour.
    """

    def __init__(self) -> None:
        self._sent: dict[str, list[tuple[float, str]]] = {}
        self._closed_until: dict[str, float] = {}

    def refuses(self, number: str, content: str, times: int, now: float) -> bool:
        """Tell whether a message, so many times, is too much; if it is, the number is closed from now on."""
        if self._closed_until.get(number, now) > now:
            return True
        sent = [(at, text) for at, text in self._sent.get(number, ()) if at > now - HOUR]
        self._sent[number] = sent
        alike = sum(text == content for _, text in sent)
        different = {content, *(text for _, text in sent)}
        if alike + times <= MOST_ALIKE and len(different) <= MOST_DIFFERENT:
            return False
        self._closed_until[number] = now + HOUR
        return True

    def count(self, number: str, content: str, now: float) -> None:
        """Count a message that was taken."""
        self._sent.setdefault(number, []).append((now, content))


class Bulutfon(StandIn):
    """Bulutfon on the sandbox; every path with and without `.json`, as the documents and the clients differ."""

    key: ClassVar[str] = "bulutfon"
    title: ClassVar[str] = "Bulutfon"
    states: ClassVar[tuple[str, ...]] = tuple(WORDS)
    account: BulutfonAccount

    def __init__(self, store: Store, pause: Pause) -> None:
        super().__init__(
            store,
            pause,
            [
                Route(method, f"{path}{suffix}", operation, handler)
                for method, path, operation, handler in (
                    ("GET", "/messages", "list_messages", self.list_messages),
                    ("POST", "/messages", "send_sms", self.send_sms),
                    ("GET", "/me", "balance", self.me),
                    ("GET", "/message-titles", "sender_ids", self.titles),
                    ("GET", "/messages/{id}", "delivery", self.detail),
                )
                for suffix in (".json", "")
            ],
        )
        self.reset()

    def reset(self) -> None:
        """Put account and counters back to how they were at the start."""
        self.account = BulutfonAccount()
        self._spam = SpamFilter()
        self._minute = MinuteWindow(self.store.clock)
        self._ids = itertools.count(1)
        self._sends: deque[int] = deque(maxlen=self.store.max_messages)

    async def send_sms(self, call: Call) -> Answer:
        """Take one text for one or many numbers."""
        self._authenticate(call)
        parameters = _parameters(call)
        title, content = self._title(parameters), _required(parameters, "content")
        numbers = _required(parameters, "receivers").split(",")
        if not all(RECEIVER.fullmatch(number) for number in numbers):
            sentence = "receivers geçersiz: alıcılar 905xxxxxxxxx biçiminde, virgülle ayrılmalıdır"
            raise Refused(_error(422, sentence))
        reject_link = _boolean(parameters, "reject_link")
        send_at = self._send_date(parameters) if _boolean(parameters, "is_future_sms") else None
        size = measured(content)
        self._charge(numbers, content, size.segments * len(numbers))
        number_of_send = next(self._ids)
        self._sends.append(number_of_send)
        messages = [
            self.take(
                call,
                channel="sms",
                to=f"+{number}",
                sender=title,
                text=content,
                message_id=str(number_of_send),
                send_at=send_at,
                credits=size.segments,
                measured=size,
                options={"reject_link": reject_link, "send_date": parameters.get("send_date")},
            )
            for number in numbers
        ]
        # What a send answers is undocumented: the Node and PHP clients read "message", a WordPress test its id.
        return Answer.of_json(200, {"message": self._detailed(number_of_send, messages)})

    async def list_messages(self, call: Call) -> Answer:
        """List what was sent, newest first."""
        self._authenticate(call)
        page, limit = _positive(call.query, "page", 1), _positive(call.query, "limit", PAGE_SIZE)
        limit = min(limit, LARGEST_PAGE)
        total_pages = max(1, -(-len(self._sends) // limit))
        token = call.query["access_token"]

        def link(number: int) -> str:
            # The vendor prints the token, and a limit that is not the one asked for.
            return f"/messages?access_token={token}&limit={PAGE_SIZE}&page={number}"

        newest_first = list(self._sends)[::-1]
        listed = [
            {
                "id": number,
                "title": messages[0].sender,
                "content": messages[0].text,
                "recipients": ",".join(message.to.removeprefix("+") for message in messages),
                "created_at": _written(messages[0].received_at),
                "sent_as_single_sms": len(messages) == 1,
            }
            for number in newest_first[(page - 1) * limit : page * limit]
            if (messages := self.store.of_send(self.key, str(number)))
        ]
        paginate = {
            "total_pages": total_pages,
            "previous_page": link(page - 1) if page > 1 else None,
            "next_page": link(page + 1) if page < total_pages else None,
        }
        return Answer.of_json(200, {"messages": listed, "paginate": paginate})

    async def detail(self, call: Call) -> Answer:
        """Tell what became of a send, number by number."""
        self._authenticate(call)
        number = call.parameters["id"]
        messages = self.store.of_send(self.key, number)
        if not messages:
            raise Refused(_error(404, "Mesaj bulunamadı"))
        return Answer.of_json(200, {"message": self._detailed(int(number), messages)})

    async def me(self, call: Call) -> Answer:
        """Tell who this is, and what credit is left."""
        self._authenticate(call)
        return Answer.of_json(
            200,
            {
                "user": {"email": "ulak@ornek.com", "name": "Ulak Sandbox", "gsm": "905550000000"},
                "pbx": {
                    "name": "ulak",
                    "url": "ulak.bulutfon.net",
                    "state": "CONFIRMED",
                    "package": "LARGE",
                    "customer_type": "CORPORATE",
                },
                # The document's sample says sms_credits, its text sms_credit.
                "credit": {"balance": "300.06", "sms_credits": self.account.balance},
            },
        )

    async def titles(self, call: Call) -> Answer:
        """List the sender titles with their state."""
        self._authenticate(call)
        states = [(name, "CONFIRMED") for name in self.account.senders]
        states += [(name, "DRAFT") for name in self.account.draft_senders]
        titles = [{"id": n, "name": name, "state": state} for n, (name, state) in enumerate(states, start=1)]
        return Answer.of_json(200, {"message_titles": titles})

    def failure(self, status: int, allow: tuple[str, ...] = ()) -> Answer:
        """Answer with a bare HTTP status."""
        return _error(404, "Not Found") if status == 404 else super().failure(status, allow)

    def throttled(self) -> Answer:
        """Answer 429, which the vendor's README names without a number."""
        return _error(429, "Too Many Requests")

    def _authenticate(self, call: Call) -> None:
        token = call.query.get("access_token", "")
        if not secrets.compare_digest(token.encode(), self.account.access_token.get_secret_value().encode()):
            raise Refused(_error(401, "Geçersiz access_token"))

    def _title(self, parameters: Mapping[str, Any]) -> str:
        title = _required(parameters, "title")
        if title in self.account.draft_senders:
            raise Refused(_error(422, f"Mesaj başlığı onaylı değil: {title}"))
        if title not in self.account.senders:
            raise Refused(_error(422, f"Mesaj başlığı bulunamadı: {title}"))
        return title

    def _charge(self, numbers: Sequence[str], content: str, cost: int) -> None:
        """Take a send's price and count it against all limits, or refuse it for one of them."""
        now, limit = self.store.clock(), self.account.per_minute
        if limit is not None and self._minute.count() + len(numbers) > limit:
            raise Refused(self.throttled())
        # Every number is asked, so that each of those in excess is closed, and not only the first.
        times = Counter(numbers)
        spam = [number for number in times if self._spam.refuses(number, content, times[number], now)]
        if spam:
            sentence = f"Spam filtresi: {', '.join(spam)} numarasına gönderim 1 saat süresince engellendi"
            raise Refused(_error(422, sentence))
        if self.account.balance < cost:
            raise Refused(_error(422, "Yetersiz SMS kredisi"))
        self.account.balance -= cost
        self._minute.add(len(numbers))
        for number in numbers:
            self._spam.count(number, content, now)

    def _send_date(self, parameters: Mapping[str, Any]) -> float:
        written = _required(parameters, "send_date")
        try:
            moment = datetime.strptime(written, "%d/%m/%Y %H:%M").replace(tzinfo=ISTANBUL)
        except ValueError:
            raise Refused(_error(422, "send_date geçersiz: gun/ay/yıl saat:dakika")) from None
        if moment.timestamp() <= self.store.clock():
            raise Refused(_error(422, "send_date geçmiş bir tarih olamaz"))
        return moment.timestamp()

    def _detailed(self, number: int, messages: list[Message]) -> dict[str, object]:
        first, now = messages[0], self.store.clock()
        planned = first.steps[0][0] == "scheduled"
        return {
            "id": number,
            "title": first.sender,
            "content": first.text,
            "created_at": _written(first.received_at),
            "is_planned_sms": planned,
            "send_date": _written(first.steps[1][1]) if planned else None,
            # A bare number in the seed's sample, not a string.
            "recipients": [
                {"number": int(message.to), "state": WORDS[message.state(now)]} for message in messages
            ],
        }


def _error(status: int, sentence: str) -> Answer:
    return Answer.of_json(status, {"error": sentence, "code": status})


def _written(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).astimezone(ISTANBUL).isoformat(timespec="milliseconds")


def _parameters(call: Call) -> Mapping[str, Any]:
    """Return the fields of a form, as the Ruby and Node clients send them, or of JSON, as the PHP client does."""
    if call.media_type == "application/x-www-form-urlencoded":
        return dict(parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True))
    parameters = call.json_object()
    if parameters is None:
        raise Refused(_error(422, "İstek gövdesi okunamadı"))
    return parameters


def _required(parameters: Mapping[str, Any], name: str) -> str:
    value = parameters.get(name)
    if not isinstance(value, str) or not value.strip():
        raise Refused(_error(422, f"{name} zorunludur"))
    return value


def _boolean(parameters: Mapping[str, Any], name: str) -> bool:
    value = parameters.get(name, False)
    if value not in (True, False, "true", "false"):
        raise Refused(_error(422, f"{name} true ya da false olmalıdır"))
    return value in (True, "true")


def _positive(query: Mapping[str, str], name: str, default: int) -> int:
    value = query.get(name, str(default))
    if not re.fullmatch(r"[1-9][0-9]{0,8}", value):
        raise Refused(_error(422, f"{name} geçersiz"))
    return int(value)
