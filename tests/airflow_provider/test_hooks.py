"""Hooks against the sandbox: every operation of every vendor, asked both ways."""

from __future__ import annotations

import asyncio
import gc
import inspect
import json
import os
import re
import threading
import warnings
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from airflow.sdk import Connection

from airflow_provider.engine.errors import (
    AuthenticationFailed,
    CodeNotRetained,
    ConfigurationError,
    InvalidMessage,
    MessagingError,
    OutcomeUnknown,
    RateLimited,
    UnsupportedOperation,
)
from airflow_provider.engine.messages import Attachment, State
from airflow_provider.engine.vendors import VENDORS, load
from airflow_provider.engine.vendors.base import OPERATIONS, operations
from airflow_provider.hooks.base import MessagingHook, addresses
from airflow_provider.hooks.runtime import _loops

AYSE, ALI = "0532 123 45 67", "+90 533 765 43 21"
AYSE_E164, ALI_E164 = "+905321234567", "+905337654321"
PHONE = "0505 111 22 33"
LINKED = "2953401050"

Ask = Callable[..., Any]
Inbox = Callable[..., list[dict[str, Any]]]

PUSHED = {"read_callback"}
"""What a vendor tells by itself: nothing that a hook could ask."""

ASKED = [
    (key, operation.name)
    for key in VENDORS
    for operation in operations(load(key))
    if operation.name not in PUSHED
]

STORIES: dict[tuple[str, str], Callable[..., None]] = {}


def story(vendor: str, operation: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Tell what asking a vendor for an operation comes to."""

    def tell(function: Callable[..., None]) -> Callable[..., None]:
        STORIES[vendor, operation] = function
        return function

    return tell


@pytest.fixture(params=["sync", "async"])
def hook_of(request: pytest.FixtureRequest, sandbox_connections: dict) -> Iterator[Callable[[str], Ask]]:
    """Return how a vendor's hook is asked: by its methods, or by its coroutines in one event loop."""
    runner = asyncio.Runner()

    def hook_of(vendor: str) -> Ask:
        hook = MessagingHook.of(f"{vendor}_default")

        def ask(operation: str, *args: Any, **kwargs: Any) -> Any:
            if request.param == "sync":
                return getattr(hook, operation)(*args, **kwargs)
            return runner.run(getattr(hook, f"a{operation}")(*args, **kwargs))

        return ask

    yield hook_of
    runner.close()


@pytest.mark.parametrize(("vendor", "operation"), ASKED)
def test_every_operation_of_every_vendor(vendor, operation, hook_of, inbox) -> None:
    assert (vendor, operation) in STORIES, f"{vendor} has learned {operation}: tell its story here"
    STORIES[vendor, operation](hook_of(vendor), inbox)


def test_no_story_is_about_what_a_vendor_cannot_do() -> None:
    assert set(STORIES) == set(ASKED)


def test_a_hook_offers_every_operation_twice() -> None:
    for operation in set(OPERATIONS) - PUSHED:
        assert callable(getattr(MessagingHook, operation))
        assert asyncio.iscoroutinefunction(getattr(MessagingHook, f"a{operation}"))


def test_help_shows_the_methods_that_people_call() -> None:
    for method, name in ((MessagingHook.send_sms, "send_sms"), (MessagingHook.asend_sms, "asend_sms")):
        shown = inspect.signature(method)
        assert (method.__name__, method.__qualname__) == (name, f"MessagingHook.{name}")
        assert shown.return_annotation == "list[Receipt]"
        assert {"to", "text", "key", "on_unknown"} <= shown.parameters.keys()
    assert "Ask what is left" in (MessagingHook.abalance.__doc__ or "")


# --- what each operation comes to -----------------------------------------------------------------------


def _sends_one_sms(vendor: str, charged: Decimal | None) -> None:
    def tell(ask: Ask, inbox: Inbox) -> None:
        (receipt,) = ask("send_sms", AYSE, "Kargonuz yola çıktı")
        (message,) = inbox(vendor=vendor)
        assert (message["to"], message["text"]) == (AYSE_E164, "Kargonuz yola çıktı")
        assert (receipt.state, receipt.to, receipt.vendor) == (State.ACCEPTED, AYSE_E164, vendor)
        assert (receipt.attempt, receipt.replayed, receipt.recorded) == (1, False, True)
        assert (receipt.segments, receipt.credits, receipt.charged) == (1, 1, charged)
        assert receipt.message_id

    story(vendor, "send_sms")(tell)


_sends_one_sms("turkeysms", Decimal(1))
_sends_one_sms("basliklisms", Decimal(1))
_sends_one_sms("argepanel", None)


@story("bulutfon", "send_sms")
def _(ask: Ask, inbox: Inbox) -> None:
    receipts = ask("send_sms", [AYSE, ALI], "Kargonuz yola çıktı")
    assert [message["to"] for message in inbox(vendor="bulutfon")] == [AYSE_E164, ALI_E164]
    assert [(receipt.to, receipt.state) for receipt in receipts] == [
        (AYSE_E164, State.ACCEPTED),
        (ALI_E164, State.ACCEPTED),
    ]
    assert len({receipt.message_id for receipt in receipts}) == 1


@story("turkeysms", "send_otp")
def _(ask: Ask, inbox: Inbox) -> None:
    (receipt,) = ask("send_otp", AYSE, digits=6, key="login 1")
    code = receipt.code.get_secret_value()
    (message,) = inbox(vendor="turkeysms")
    assert re.fullmatch(r"\d{6}", code)
    assert code in message["text"]
    assert code not in str(receipt)
    assert code not in json.dumps(receipt.as_json(full=True))
    with pytest.raises(CodeNotRetained, match="a new key") as raised:
        ask("send_otp", AYSE, digits=6, key="login 1")
    assert raised.value.receipts[0].code is None
    assert len(inbox(vendor="turkeysms")) == 1


@story("argepanel", "send_email")
def _(ask: Ask, inbox: Inbox) -> None:
    (receipt,) = ask(
        "send_email",
        "ayse@example.com",
        "Kargonuz",
        text="yolda",
        html="<b>yolda</b>",
        cc=["ali@example.com"],
    )
    (message,) = inbox(vendor="argepanel")
    assert (message["to"], message["subject"], message["html"]) == (
        "ayse@example.com",
        "Kargonuz",
        "<b>yolda</b>",
    )
    assert receipt.state is State.ACCEPTED
    assert receipt.as_json()["to"] == "a***@example.com"


@story("vatansms", "send_whatsapp")
def _(ask: Ask, inbox: Inbox) -> None:
    receipts = ask(
        "send_whatsapp",
        [AYSE, ALI],
        "Faturanız ektedir",
        attachment=Attachment(name="fatura.pdf", media_type="application/pdf", content=b"%PDF-1.7"),
        speed=2,
    )
    assert [message["to"] for message in inbox(vendor="vatansms")] == [AYSE_E164, ALI_E164]
    assert all(receipt.state is State.ACCEPTED and receipt.report_id for receipt in receipts)


@story("vatansms", "send_whatsapp_each")
def _(ask: Ask, inbox: Inbox) -> None:
    receipts = ask("send_whatsapp_each", [(AYSE, "Merhaba Ayşe"), (ALI, "Merhaba Ali")])
    assert [(message["to"], message["text"]) for message in inbox(vendor="vatansms")] == [
        (AYSE_E164, "Merhaba Ayşe"),
        (ALI_E164, "Merhaba Ali"),
    ]
    assert [receipt.to for receipt in receipts] == [AYSE_E164, ALI_E164]


def _reports_what_it_sent(vendor: str, *, names_the_recipient: bool = False) -> None:
    def tell(ask: Ask, inbox: Inbox) -> None:
        (receipt,) = ask("send_sms", AYSE, "Kargonuz yola çıktı")
        delivery = ask("delivery", receipt.message_id)
        (report,) = delivery.reports
        assert delivery.message_id == receipt.message_id
        assert report.state in {State.ACCEPTED, State.DELIVERED}
        assert report.word
        assert report.to == (AYSE_E164 if names_the_recipient else None)

    story(vendor, "delivery")(tell)


_reports_what_it_sent("turkeysms")
_reports_what_it_sent("basliklisms")
_reports_what_it_sent("bulutfon", names_the_recipient=True)


@story("turkeysms", "balance")
def _(ask: Ask, inbox: Inbox) -> None:
    balance = ask("balance")
    assert (balance.credits, balance.money, balance.currency) == (1_000_000, 1_000, "TRY")


@story("basliklisms", "balance")
@story("bulutfon", "balance")
def _(ask: Ask, inbox: Inbox) -> None:
    before = ask("balance").credits
    ask("send_sms", AYSE, "Kargonuz yola çıktı")
    assert ask("balance").credits == before - 1


@story("turkeysms", "sender_ids")
@story("bulutfon", "sender_ids")
def _(ask: Ask, inbox: Inbox) -> None:
    assert "ULAK" in {sender.name for sender in ask("sender_ids")}


@story("bulutfon", "list_messages")
def _(ask: Ask, inbox: Inbox) -> None:
    for text in ("birinci", "ikinci", "üçüncü"):
        ask("send_sms", AYSE, text)
    page = ask("list_messages", page=1, limit=2)
    assert [message.text for message in page.messages] == ["üçüncü", "ikinci"]
    assert (page.total_pages, page.next_page) == (2, 2)
    last = ask("list_messages", page=2, limit=2)
    assert [message.recipients for message in last.messages] == [(AYSE_E164,)]
    assert last.next_page is None


@story("turkeysms", "verify")
def _(ask: Ask, inbox: Inbox) -> None:
    identity = ask("verify")
    assert (identity.account_id, identity.name, identity.note) == ("1001", "Ulak Sandbox", None)


@story("argepanel", "verify")
def _(ask: Ask, inbox: Inbox) -> None:
    assert "not yet proof" in ask("verify").note
    assert inbox() == []


@story("vatansms", "login_phone")
def _(ask: Ask, inbox: Inbox) -> None:
    pairing = ask("login_phone", PHONE)
    assert re.fullmatch(r"\w{4}-\w{4}", pairing.code.get_secret_value())
    assert pairing.code.get_secret_value() not in repr(pairing)


@story("vatansms", "login_qr")
def _(ask: Ask, inbox: Inbox) -> None:
    pairing = ask("login_qr")
    assert pairing.qr.get_secret_value().startswith("2@")
    assert pairing.qr.get_secret_value() not in repr(pairing)


@story("vatansms", "check_login")
def _(ask: Ask, inbox: Inbox) -> None:
    assert ask("check_login", LINKED).connected is True


@story("vatansms", "check_active")
def _(ask: Ask, inbox: Inbox) -> None:
    link = ask("check_active")
    assert (link.device, link.connected, link.number) == (LINKED, True, "+905550000000")


@story("vatansms", "devices")
def _(ask: Ask, inbox: Inbox) -> None:
    (device,) = ask("devices")
    assert (device.device, device.number) == (LINKED, "+905550000000")


@story("vatansms", "profile_picture")
def _(ask: Ask, inbox: Inbox) -> None:
    assert ask("profile_picture", LINKED).url.startswith("https://")


@story("vatansms", "logout")
def _(ask: Ask, inbox: Inbox) -> None:
    ask("logout")
    assert ask("devices") == ()
    assert ask("check_active", LINKED).connected is False


# --- what a vendor cannot do ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("vendor", "operation", "arguments", "able"),
    [
        ("turkeysms", "send_email", ("a@example.com", "Konu"), ["argepanel"]),
        ("turkeysms", "send_whatsapp", (AYSE, "Merhaba"), ["vatansms"]),
        ("basliklisms", "send_otp", (AYSE,), ["turkeysms"]),
        ("argepanel", "balance", (), ["turkeysms", "basliklisms", "bulutfon"]),
        ("vatansms", "send_sms", (AYSE, "Merhaba"), ["turkeysms", "basliklisms", "bulutfon", "argepanel"]),
        ("bulutfon", "devices", (), ["vatansms"]),
    ],
)
def test_an_unsupported_operation_names_the_vendors_that_have_it(
    vendor, operation, arguments, able, hook_of, inbox
) -> None:
    kwargs = {"text": "Merhaba"} if operation == "send_email" else {}
    with pytest.raises(UnsupportedOperation) as raised:
        hook_of(vendor)(operation, *arguments, **kwargs)
    sentence = str(raised.value)
    assert sentence.startswith(f"{vendor} {operation}: {VENDORS[vendor].title} has no operation")
    assert f"a vendor that has it: {', '.join(able)}." in sentence
    assert inbox() == []


# --- sending under a key --------------------------------------------------------------------------------


def test_the_same_key_is_one_message_whoever_asks_how(sandbox_connections, inbox) -> None:
    hook = MessagingHook.of("turkeysms_default")
    (first,) = hook.send_sms(AYSE, "Merhaba", key="order 7")
    (second,) = asyncio.run(hook.asend_sms("+905321234567", "Merhaba", key="order 7"))
    assert len(inbox()) == 1
    assert (second.replayed, second.message_id, second.key) == (True, first.message_id, first.key)


def test_without_a_key_each_call_is_a_new_message(sandbox_connections, inbox) -> None:
    hook = MessagingHook.of("turkeysms_default")
    hook.send_sms(AYSE, "Merhaba")
    hook.send_sms(AYSE, "Merhaba")
    assert len(inbox()) == 2


def test_an_unknown_outcome_is_raised_kept_and_resent_only_when_asked(hook_of, inbox, fault) -> None:
    ask = hook_of("turkeysms")
    fault("turkeysms", "accept_then_drop", times=1)
    with pytest.raises(OutcomeUnknown, match="may or may not have gone out"):
        ask("send_sms", AYSE, "Merhaba", key="order 7")
    with pytest.raises(OutcomeUnknown):
        ask("send_sms", AYSE, "Merhaba", key="order 7")
    (receipt,) = ask("send_sms", AYSE, "Merhaba", key="order 7", on_unknown="accept")
    assert (receipt.state, receipt.replayed) == (State.UNKNOWN, True)
    assert len(inbox()) == 1
    (receipt,) = ask("send_sms", AYSE, "Merhaba", key="order 7", on_unknown="resend")
    assert (receipt.state, receipt.attempt) == (State.ACCEPTED, 2)
    assert len(inbox()) == 2


@pytest.mark.parametrize("key", ["", "  "])
def test_an_empty_key_is_refused_for_all_messages_under_it_would_be_one(key, hook_of, inbox) -> None:
    with pytest.raises(InvalidMessage, match="The key is empty"):
        hook_of("turkeysms")("send_sms", AYSE, "Merhaba", key=key)
    assert inbox() == []


def test_a_choice_that_does_not_exist_is_refused_before_it_matters(hook_of, inbox) -> None:
    with pytest.raises(InvalidMessage, match="Choose one of fail, accept, resend"):
        hook_of("turkeysms")("send_sms", AYSE, "Merhaba", on_unknown="ignore")
    assert inbox() == []


def test_too_many_requests_say_when_to_come_back(hook_of, fault) -> None:
    fault("turkeysms", "http_429", retry_after=7)
    with pytest.raises(RateLimited) as raised:
        hook_of("turkeysms")("send_sms", AYSE, "Merhaba")
    assert raised.value.retry_at is not None
    assert raised.value.receipts[0].state is State.NOT_SENT


@pytest.mark.parametrize("to", [None, b"x", {"to": AYSE}, [None], 3.5, []])
def test_recipients_of_another_kind_are_refused_with_a_sentence(sandbox_connections, to) -> None:
    with pytest.raises(InvalidMessage):
        MessagingHook.of("turkeysms_default").send_sms(to, "Merhaba")


def test_numbers_that_became_numbers_are_read_like_texts() -> None:
    assert addresses(905321234567) == ("905321234567",)
    assert addresses([905321234567, AYSE]) == ("905321234567", AYSE)


# --- connections ----------------------------------------------------------------------------------------


def _connection(sandbox_connections: dict, conn_id: str, **changes: Any) -> Connection:
    return Connection.from_json(json.dumps({**sandbox_connections[conn_id], **changes}), conn_id=conn_id)


def test_a_ready_connection_in_place_of_an_id(sandbox_connections, monkeypatch, inbox) -> None:
    connection = _connection(sandbox_connections, "turkeysms_default")
    monkeypatch.delenv("AIRFLOW_CONN_TURKEYSMS_DEFAULT")
    hook = MessagingHook.of(connection)
    assert hook.conn_id == "turkeysms_default"
    hook.send_sms(AYSE, "Merhaba")
    asyncio.run(MessagingHook(connection).asend_sms(AYSE, "Merhaba"))
    assert len(inbox()) == 2


@pytest.mark.parametrize("key", VENDORS)
def test_a_vendors_own_hook_knows_its_connection_by_default(key, sandbox_connections) -> None:
    module, _, name = VENDORS[key].hook_class.rpartition(".")
    own = getattr(__import__(module, fromlist=[name]), name)
    assert own().account.conn_id == f"{key}_default"
    assert own().get_conn().key == key


def test_a_vendors_own_hook_refuses_another_vendors_connection(sandbox_connections) -> None:
    from airflow_provider.hooks.bulutfon import BulutfonHook

    for ask in (
        lambda: BulutfonHook("turkeysms_default").balance(),
        lambda: asyncio.run(BulutfonHook("turkeysms_default").abalance()),
    ):
        with pytest.raises(ConfigurationError) as raised:
            ask()
        assert "BulutfonHook needs a connection of type 'bulutfon'" in str(raised.value)
        assert "'turkeysms'" in str(raised.value)


def test_a_missing_connection_is_a_sentence_both_ways(sandbox) -> None:
    for ask in (
        lambda: MessagingHook("nowhere").balance(),
        lambda: asyncio.run(MessagingHook("nowhere").abalance()),
        lambda: MessagingHook.of("nowhere"),
    ):
        with pytest.raises(ConfigurationError, match="There is no connection 'nowhere'") as raised:
            ask()
        assert "AIRFLOW_CONN_NOWHERE" in str(raised.value)


def test_nothing_is_read_before_it_is_needed() -> None:
    hook = MessagingHook("nowhere")
    assert hook.conn_id == "nowhere"


@pytest.mark.parametrize(
    ("vendor", "missing", "sentence"),
    [
        ("turkeysms", "password", "'turkeysms_default' has no API key"),
        ("basliklisms", "password", "'basliklisms_default' has no API key"),
        ("bulutfon", "password", "'bulutfon_default' has no access token"),
        ("argepanel", "login", "'argepanel_default' has no program key"),
        ("vatansms", "login", "'vatansms_default' has no client id"),
        ("vatansms", "password", "'vatansms_default' has no client secret"),
    ],
)
def test_a_missing_key_is_a_sentence(vendor, missing, sentence, sandbox_connections) -> None:
    hook = MessagingHook.of(_connection(sandbox_connections, f"{vendor}_default", **{missing: ""}))
    good, said = hook.test_connection()
    assert not good
    assert sentence in said


def test_without_a_device_anywhere_a_question_about_one_says_where_to_put_it(sandbox_connections) -> None:
    hook = MessagingHook.of(_connection(sandbox_connections, "vatansms_default", extra={}))
    with pytest.raises(ConfigurationError, match='set "reg_id"'):
        hook.check_active()


# --- one driver for a process, one for an event loop ----------------------------------------------------


def test_the_async_driver_is_closed_with_its_loop(sandbox_connections) -> None:
    hook = MessagingHook.of("turkeysms_default")
    left = len(_loops)

    async def ask() -> None:
        await asyncio.gather(*(hook.abalance() for _ in range(5)))

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            asyncio.run(ask())
        gc.collect()
    assert [str(warning.message) for warning in caught if issubclass(warning.category, ResourceWarning)] == []
    assert len(_loops) == left
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("ulak-ledger")] == []


def test_aclose_closes_now_and_the_next_question_opens_again(sandbox_connections, control) -> None:
    hook = MessagingHook.of("turkeysms_default")

    async def ask() -> None:
        await hook.abalance()
        await hook.aclose()
        assert list(_loops.get(asyncio.get_running_loop(), {})) == []
        await hook.aclose()
        await hook.abalance()

    asyncio.run(ask())
    assert control.get("/_sandbox/requests", params={"vendor": "turkeysms"}).json()["count"] == 2


def test_hooks_of_one_network_share_a_driver(sandbox_connections) -> None:
    from airflow_provider.hooks.runtime import sync_driver

    one, other = MessagingHook.of("turkeysms_default"), MessagingHook.of("bulutfon_default")
    slower = MessagingHook.of(
        _connection(sandbox_connections, "turkeysms_default", extra={"sender": "ULAK", "read_timeout": 3})
    )
    assert sync_driver(one.network) is sync_driver(other.network)
    assert sync_driver(one.network) is not sync_driver(slower.network)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_sends_with_what_it_inherited_and_so_does_its_parent(
    sandbox_connections, inbox
) -> None:
    hook = MessagingHook.of("turkeysms_default")
    hook.send_sms(AYSE, "parent, before", key="1")
    child = os.fork()
    if child == 0:
        status = 1
        try:
            hook.send_sms(AYSE, "child", key="2")
            (replayed,) = hook.send_sms(AYSE, "parent, before", key="1")
            status = 0 if replayed.replayed else 2
        finally:
            os._exit(status)
    hook.send_sms(AYSE, "parent, meanwhile", key="3")
    _, ended = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(ended) == 0
    hook.send_sms(AYSE, "parent, after", key="4")
    assert sorted(message["text"] for message in inbox()) == [
        "child",
        "parent, after",
        "parent, before",
        "parent, meanwhile",
    ]


# --- Airflow's "Test" button ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("vendor", "good", "said"),
    [
        ("turkeysms", True, "TurkeySMS knows this account as Ulak Sandbox."),
        ("basliklisms", True, "BaslikliSMS answers; balance: 1000000 credits."),
        ("bulutfon", True, "Bulutfon answers; balance: 1000000 credits."),
        (
            "argepanel",
            False,
            "Arge notification API: The keys were not refused, which is not yet proof that they are right.",
        ),
        ("vatansms", True, "VatanSMS WhatsApp answers; 1 device(s) linked."),
    ],
)
def test_a_connection_is_tested_without_side_effects(
    vendor, good, said, sandbox_connections, inbox, control
) -> None:
    assert MessagingHook.of(f"{vendor}_default").test_connection() == (good, said)
    assert inbox() == []
    assert control.get("/_sandbox/requests", params={"vendor": vendor}).json()["count"] == 1


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_wrong_key_is_said_and_not_shown(vendor, sandbox_connections) -> None:
    wrong = "a-wrong-secret-9f2c"
    good, said = MessagingHook.of(
        _connection(sandbox_connections, f"{vendor}_default", password=wrong)
    ).test_connection()
    assert not good
    assert wrong not in said
    assert re.search(r"key|secret|token|credentials", said)


def test_a_contract_without_a_balance_cannot_be_tested(sandbox_connections) -> None:
    extra = sandbox_connections["basliklisms_default"]["extra"]
    profile = {name: section for name, section in extra["profile"].items() if name != "balance"}
    hook = MessagingHook.of(
        _connection(sandbox_connections, "basliklisms_default", extra={**extra, "profile": profile})
    )
    good, said = hook.test_connection()
    assert not good
    assert said.startswith("BaslikliSMS cannot be tested without a send")


def test_an_unreachable_vendor_is_said(sandbox_connections) -> None:
    hook = MessagingHook.of(_connection(sandbox_connections, "turkeysms_default", host="http://127.0.0.1:9"))
    good, said = hook.test_connection()
    assert not good
    assert "connection to the vendor was refused" in said


def test_errors_of_a_hook_are_all_of_one_tree(sandbox_connections) -> None:
    with pytest.raises(MessagingError):
        MessagingHook.of(_connection(sandbox_connections, "turkeysms_default", password="wrong")).balance()
    with pytest.raises(AuthenticationFailed):
        MessagingHook.of(_connection(sandbox_connections, "turkeysms_default", password="wrong")).balance()


@pytest.mark.parametrize("mode", ["accept_then_drop", "http_500"])
def test_a_login_with_an_unknown_end_speaks_of_no_message(sandbox_connections, fault, mode) -> None:
    fault("vatansms", mode)
    with pytest.raises(OutcomeUnknown) as failure:
        MessagingHook.of(_connection(sandbox_connections, "vatansms_default")).login_qr()
    said = str(failure.value)
    assert said.startswith("vatansms login_qr: ")
    assert "Look whether it happened before you ask again." in said
    assert "message" not in said
    assert "ulak ledger" not in said


def test_what_the_vendors_support_asks_for_is_on_the_receipt(sandbox_connections, control) -> None:
    hook = MessagingHook.of(_connection(sandbox_connections, "argepanel_default"))
    (receipt,) = hook.send_sms("0532 123 45 67", "Merhaba")
    (taken,) = control.get("/_sandbox/messages").json()
    exchange = control.get(f"/_sandbox/messages/{taken['id']}").json()["exchange"]
    assert receipt.message_id
    assert receipt.message_id in exchange["response"]["body"]
