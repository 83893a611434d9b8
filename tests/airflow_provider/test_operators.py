"""Operators in DAG runs of Airflow's own, against the sandbox."""

from __future__ import annotations

import importlib
import json
import re
import stat
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from airflow.sdk import task
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider.engine.messages import State
from airflow_provider.get_provider_info import get_provider_info
from airflow_provider.hooks.installation import open_ledger
from airflow_provider.operators.account import (
    CheckBalanceOperator,
    CheckDeliveryOperator,
    ListMessagesOperator,
    VerifyAccountOperator,
)
from airflow_provider.operators.base import MessagingOperator
from airflow_provider.operators.email import SendEmailOperator
from airflow_provider.operators.sms import ListSenderIdsOperator, SendOtpOperator, SendSmsOperator
from airflow_provider.operators.whatsapp import (
    ListDevicesOperator,
    ProfilePictureOperator,
    SendWhatsAppOperator,
    WhatsAppLoginOperator,
    WhatsAppLogoutOperator,
)

AYSE, ALI, VELI = "0532 123 45 67", "+90 533 765 43 21", "(0505) 111 22 33"
AYSE_E164, ALI_E164, VELI_E164 = "+905321234567", "+905337654321", "+905051112233"
AYSE_MASKED, ALI_MASKED = "+90 532 *** ** 67", "+90 533 *** ** 21"
LINKED = "2953401050"

pytestmark = pytest.mark.airflow

SOON = {"retries": 2, "retry_delay": timedelta(0)}


def _in_full(value: Any) -> list[str]:
    """Return whose number or address a value holds in full, however it is spaced."""
    text = re.sub(r"(?<=\d)[ ().-]+(?=\d)", "", json.dumps(value))
    return [who for who in ("5321234567", "5337654321", "5051112233", "ayse@", "ali@") if who in text]


# --- each operator, once --------------------------------------------------------------------------------


def test_every_operator_runs_and_returns_json_without_a_full_number(
    dag, run, sandbox_connections, inbox, control, tmp_path
) -> None:
    (tmp_path / "fatura.pdf").write_bytes(b"%PDF-1.7")
    turkeysms, bulutfon, vatansms = "turkeysms_default", "bulutfon_default", "vatansms_default"
    with dag:
        VerifyAccountOperator(task_id="verify", conn_id=turkeysms)
        balance = CheckBalanceOperator(task_id="balance", conn_id=turkeysms)
        ListSenderIdsOperator(task_id="sender_ids", conn_id=turkeysms)
        balance >> SendOtpOperator(task_id="otp", conn_id=turkeysms, to=AYSE, digits=6)
        sms = SendSmsOperator(task_id="sms", conn_id=bulutfon, to=[AYSE, ALI], text="Merhaba")
        report = CheckDeliveryOperator(
            task_id="delivery", conn_id=bulutfon, message_id="{{ ti.xcom_pull('sms')[0]['message_id'] }}"
        )
        listed = ListMessagesOperator(task_id="messages", conn_id=bulutfon, page="{{ 1 }}", limit=5)
        sms >> [report, listed]
        SendEmailOperator(
            task_id="email",
            conn_id="argepanel_default",
            to="ayse@example.com",
            bcc=["ali@example.com"],
            subject="Kargonuz",
            text="yolda",
        )
        one = SendWhatsAppOperator(task_id="one", conn_id=vatansms, to=AYSE, text="Merhaba")
        many = SendWhatsAppOperator(
            task_id="many",
            conn_id=vatansms,
            to=[AYSE, ALI],
            text="Ektedir",
            attachment=str(tmp_path / "fatura.pdf"),
            speed=2,
        )
        each = SendWhatsAppOperator(
            task_id="each",
            conn_id=vatansms,
            messages=[{"to": AYSE, "text": "Merhaba Ayşe"}, {"to": ALI, "text": "Merhaba Ali"}],
        )
        devices = ListDevicesOperator(task_id="devices", conn_id=vatansms)
        picture = ProfilePictureOperator(task_id="picture", conn_id=vatansms)
        [one, many, each, devices, picture] >> WhatsAppLogoutOperator(task_id="logout", conn_id=vatansms)

    ended = run(dag)

    assert {each.task_id: ended.state(each.task_id) for each in dag.tasks} == dict.fromkeys(
        dag.task_dict, "success"
    )
    returned = {each.task_id: ended.xcom(each.task_id) for each in dag.tasks}
    assert returned["verify"]["name"] == "Ulak Sandbox"
    assert (returned["balance"]["credits"], returned["balance"]["currency"]) == (1_000_000, "TRY")
    assert {"name": "ULAK", "state": "active"} in returned["sender_ids"]
    assert "code" not in returned["otp"]
    assert [receipt["to"] for receipt in returned["sms"]] == [AYSE_MASKED, ALI_MASKED]
    assert {report["to"] for report in returned["delivery"]["reports"]} == {AYSE_MASKED, ALI_MASKED}
    assert returned["messages"]["messages"][0]["recipients"] == [AYSE_MASKED, ALI_MASKED]
    assert "text" not in returned["messages"]["messages"][0]
    assert returned["email"][0]["to"] == "a***@example.com"
    assert [receipt["state"] for receipt in returned["many"]] == ["ACCEPTED", "ACCEPTED"]
    assert [receipt["to"] for receipt in returned["each"]] == [AYSE_MASKED, ALI_MASKED]
    assert returned["devices"][0]["device"] == LINKED
    assert returned["picture"]["url"].startswith("https://")
    assert returned["logout"] is None
    assert _in_full(returned) == []
    assert json.loads(json.dumps(returned)) == returned

    assert len(inbox(vendor="vatansms")) == 5
    assert len(inbox()) == 9
    (device,) = control.get("/_sandbox/devices").json()
    assert device["state"] == "logged_out"


def test_no_operator_is_left_without_a_test_of_its_own() -> None:
    modules = [
        importlib.import_module(name)
        for listed in get_provider_info()["operators"]
        for name in listed["python-modules"]
    ]
    offered = {
        value
        for module in modules
        for name in module.__all__
        if isinstance(value := getattr(module, name), type) and issubclass(value, MessagingOperator)
    }
    assert offered == {value for value in globals().values() if isinstance(value, type) and value in offered}
    assert len(offered) == 13


def test_a_shipped_template_is_filled_with_data_that_is_never_a_template(
    dag, run, sandbox_connections, inbox
) -> None:
    wicked = "{{ 6 * 7 }}"

    @task
    def customer() -> str:
        return wicked

    with dag:
        order = {"customer": customer(), "order": "TR-1", "tracking_url": "https://kargo.example/TR-1"}
        shipped = {"template": "order_shipped", "variables": order}
        SendSmsOperator(
            task_id="sms",
            conn_id="turkeysms_default",
            to=AYSE,
            template="order_shipped",
            variables=order,
            language="en",
        )
        SendEmailOperator(
            task_id="email",
            conn_id="argepanel_default",
            to="ayse@example.com",
            template="order_shipped",
            variables={**order, "customer": "<b>Ayşe</b>"},
        )
        SendWhatsAppOperator(task_id="whatsapp", conn_id="vatansms_default", to=AYSE, **shipped)
    run(dag)
    by_channel = {message["channel"]: message for message in inbox()}
    assert wicked in by_channel["sms"]["text"]
    assert wicked in by_channel["whatsapp"]["text"]
    assert "&lt;b&gt;Ayşe&lt;/b&gt;" in by_channel["email"]["html"]
    assert "TR-1" in by_channel["email"]["subject"]


# --- what Airflow shows ---------------------------------------------------------------------------------


def test_the_rendered_view_masks_everybody(dag, run, sandbox_connections, inbox) -> None:
    with dag:
        SendSmsOperator(
            task_id="one", conn_id="turkeysms_default", to="{{ params.to }}", text="Merhaba {{ 1 + 1 }}"
        )
        SendSmsOperator(
            task_id="two", conn_id="bulutfon_default", to=[AYSE, "{{ params.to }}"], text="Merhaba"
        )
        SendEmailOperator(
            task_id="email",
            conn_id="argepanel_default",
            to=["ayse@example.com"],
            cc="ali@example.com",
            bcc="{{ '' }}",
            subject="Konu",
            html="<p>Merhaba</p>",
        )
        SendWhatsAppOperator(
            task_id="each",
            conn_id="vatansms_default",
            messages=[{"to": "{{ params.to }}", "text": "Merhaba"}],
        )
        SendOtpOperator(task_id="otp", conn_id="turkeysms_default", to=AYSE, digits=6)
    dag.params["to"] = ALI
    ended = run(dag)
    assert [ended.state(each.task_id) for each in dag.tasks] == ["success"] * 5
    assert ended.rendered("one")["to"] == ALI_MASKED
    assert ended.rendered("one")["text"] == "Merhaba 2"
    assert ended.rendered("two")["to"] == [AYSE_MASKED, ALI_MASKED]
    assert (ended.rendered("email")["to"], ended.rendered("email")["cc"]) == (
        ["a***@example.com"],
        "a***@example.com",
    )
    assert ended.rendered("email")["bcc"] == ""
    assert ended.rendered("each")["messages"] == [{"to": ALI_MASKED, "text": "Merhaba"}]
    assert ended.rendered("otp")["to"] == AYSE_MASKED
    assert _in_full([ended.rendered(each.task_id) for each in dag.tasks]) == []
    assert {message["to"] for message in inbox(vendor="turkeysms")} == {ALI_E164, AYSE_E164}


def test_mapped_tasks_have_keys_of_their_own_and_are_masked_alike(
    dag, run, sandbox_connections, inbox
) -> None:
    with dag:
        SendSmsOperator.partial(task_id="sms", conn_id="turkeysms_default", text="Merhaba").expand(
            to=[AYSE, ALI, AYSE]
        )
    ended = run(dag)
    # One number twice, by two tasks: two messages that somebody asked for.
    assert sorted(message["to"] for message in inbox()) == [AYSE_E164, AYSE_E164, ALI_E164]
    keys = {ended.xcom("sms", index)[0]["key"] for index in range(3)}
    assert len(keys) == 3
    assert [ended.rendered("sms", index)["to"] for index in range(3)] == [
        AYSE_MASKED,
        ALI_MASKED,
        AYSE_MASKED,
    ]
    assert [ended.xcom("sms", index)[0]["to"] for index in range(3)] == [AYSE_MASKED, ALI_MASKED, AYSE_MASKED]


class Order:
    """Something with template fields of its own, as Airflow renders them inside ours."""

    template_fields = ("number",)

    def __init__(self, number: str) -> None:
        self.number = number

    def __str__(self) -> str:
        return self.number


def test_template_fields_inside_a_field_do_not_mask_the_recipient_too_early(
    dag, run, sandbox_connections, inbox
) -> None:
    variables = {
        "customer": "Ayşe",
        "order": Order("TR-{{ 1 + 1 }}"),
        "tracking_url": "https://kargo.example",
    }
    with dag:
        SendSmsOperator(
            task_id="sms", conn_id="turkeysms_default", to=AYSE, template="order_shipped", variables=variables
        )
    ended = run(dag)
    assert ended.rendered("sms")["to"] == AYSE_MASKED
    (message,) = inbox()
    assert message["to"] == AYSE_E164
    assert "TR-2" in message["text"]


def test_recipients_are_told_in_full_to_who_asks_for_them(dag, run, sandbox_connections, log_watch) -> None:
    log_watch.allow("5321234567")
    with dag:
        SendSmsOperator(
            task_id="sms", conn_id="turkeysms_default", to=AYSE, text="Merhaba", reveal_recipients=True
        )
    ended = run(dag)
    assert ended.xcom("sms")[0]["to"] == AYSE_E164
    assert ended.rendered("sms")["to"] == AYSE_MASKED


def test_native_rendering_does_not_change_what_is_sent(dag, run, sandbox_connections, inbox) -> None:
    dag.render_template_as_native_obj = True
    with dag:
        SendSmsOperator(
            task_id="sms",
            conn_id="turkeysms_default",
            to="{{ '905321234567' }}",
            text="{{ '42' }}",
            key="{{ 7 }}",
        )
        SendWhatsAppOperator(
            task_id="each",
            conn_id="vatansms_default",
            messages="{{ [{'to': '+905337654321', 'text': '7'}] }}",
        )
    ended = run(dag)
    assert {(message["to"], message["text"]) for message in inbox()} == {(AYSE_E164, "42"), (ALI_E164, "7")}
    assert len(open_ledger().find("7")) == 1
    assert ended.rendered("sms")["to"] == AYSE_MASKED


@pytest.mark.parametrize(
    ("operator", "arguments", "sentence"),
    [
        (SendSmsOperator, {"to": AYSE}, "either `text` or `template`"),
        (SendSmsOperator, {"to": "12", "text": "Merhaba"}, "number"),
        (SendSmsOperator, {"to": AYSE, "text": "Merhaba", "send_at": "tomorrow"}, "send_at"),
        (SendSmsOperator, {"to": AYSE, "text": "Merhaba", "key": ""}, "The key is empty"),
        (SendSmsOperator, {"to": AYSE, "text": "Merhaba", "on_clear": "again"}, "one of continue, resend"),
        (
            SendSmsOperator,
            {"to": AYSE, "text": "Merhaba", "on_unknown": "again"},
            "one of fail, accept, resend",
        ),
        (SendWhatsAppOperator, {"text": "Merhaba"}, "neither `to` nor `messages`"),
        (SendWhatsAppOperator, {"messages": [{"to": AYSE, "text": None}]}, "must look like"),
        (SendWhatsAppOperator, {"messages": "no list"}, "must look like"),
        (SendWhatsAppOperator, {"messages": []}, "nobody to send to"),
        (SendWhatsAppOperator, {"messages": [{"to": AYSE, "text": "a"}], "to": ALI}, "one of the two forms"),
        (SendWhatsAppOperator, {"to": AYSE, "text": "a", "attachment": "/nowhere/a.pdf"}, "No such file"),
        (
            SendWhatsAppOperator,
            {"to": AYSE, "text": "a", "attachment": "nothing://a.pdf"},
            "'a.pdf' cannot be read",
        ),
        (SendEmailOperator, {"to": "ayse@example.com", "text": "a"}, "neither `subject` nor `template`"),
        (
            SendEmailOperator,
            {"to": "ayse@example.com", "subject": "a", "template": "b"},
            "use one of the two",
        ),
        (SendEmailOperator, {"to": "ayse@example.com", "template": "none"}, "There is no email template"),
        (ListMessagesOperator, {"page": "first"}, "'page' must be a whole number"),
        (CheckDeliveryOperator, {"message_id": "None"}, "There is no message id"),
    ],
)
def test_what_cannot_be_sent_fails_at_once_with_a_sentence(
    operator, arguments, sentence, sandbox_connections, inbox, alone
) -> None:
    vendor = {
        SendEmailOperator: "argepanel",
        SendWhatsAppOperator: "vatansms",
        ListMessagesOperator: "bulutfon",
    }
    conn_id = f"{vendor.get(operator, 'turkeysms')}_default"
    with pytest.raises(AirflowFailException, match=re.escape(sentence)):
        alone(operator(task_id="send", conn_id=conn_id, **arguments))
    assert inbox() == []


@pytest.fixture
def alone() -> Callable[..., Any]:
    """Execute one operator without Airflow's database, as the task ``send`` of a run."""

    class Ti:
        dag_id, run_id, task_id, map_index, max_tries = "d", "r", "send", -1, 0

        def get_first_reschedule_date(self, _context: Any) -> None:
            return None

    def alone(operator: MessagingOperator, **ti: Any) -> Any:
        instance = Ti()
        for name, value in ti.items():
            setattr(instance, name, value)
        return operator.execute({"ti": instance})

    return alone


# --- tries ----------------------------------------------------------------------------------------------

UNKNOWN, TAKEN_AND_UNKNOWN, FINE = ("failed", 1, 0), ("failed", 1, 1), ("success", 1, 1)

FAULTS: dict[str, tuple[dict[str, Any], tuple[str, int, int]]] = {
    # What goes wrong at the first try: what becomes of the task, after how many tries, with how many messages.
    "drop_before_read": ({"mode": "drop_before_read"}, UNKNOWN),
    "accept_then_drop": ({"mode": "accept_then_drop"}, TAKEN_AND_UNKNOWN),
    "accept_then_reset": ({"mode": "accept_then_reset"}, TAKEN_AND_UNKNOWN),
    "accept_then_hang": ({"mode": "accept_then_hang"}, TAKEN_AND_UNKNOWN),
    "http_500": ({"mode": "http_500"}, UNKNOWN),
    "http_500_accepted": ({"mode": "http_500", "accept": True}, TAKEN_AND_UNKNOWN),
    "http_502_accepted": ({"mode": "http_502", "accept": True}, TAKEN_AND_UNKNOWN),
    "malformed_json": ({"mode": "malformed_json"}, TAKEN_AND_UNKNOWN),
    "html_page": ({"mode": "html_page"}, TAKEN_AND_UNKNOWN),
    "print_r": ({"mode": "print_r"}, TAKEN_AND_UNKNOWN),
    "wrong_types": ({"mode": "wrong_types"}, TAKEN_AND_UNKNOWN),
    "truncated_body": ({"mode": "truncated_body"}, TAKEN_AND_UNKNOWN),
    "endless_drip": ({"mode": "drip", "seconds": 0.2}, TAKEN_AND_UNKNOWN),
    "drip": ({"mode": "drip", "seconds": 0.0005}, FINE),
    "slow": ({"mode": "slow", "seconds": 0.2}, FINE),
    "http_429": ({"mode": "http_429", "retry_after": 1}, FINE),
}


@pytest.fixture
def hasty(sandbox_connections: dict, monkeypatch: pytest.MonkeyPatch) -> str:
    """A connection that waits for one second at most."""
    connection = sandbox_connections["turkeysms_default"]
    extra = {**connection["extra"], "read_timeout": 0.8, "deadline": 1}
    monkeypatch.setenv("AIRFLOW_CONN_HASTY", json.dumps({**connection, "extra": extra}))
    return "hasty"


def test_no_fault_makes_a_task_send_twice(dag, run, hasty, inbox, control) -> None:
    def at_first(fault: dict[str, Any]) -> Callable[[Any], None]:
        def set_fault(context: Any) -> None:
            rescheduled = context["task_reschedule_count"]
            first = context["ti"].try_number == 1 and not rescheduled
            faults = [{"vendor": "turkeysms", "operation": "send_sms", "times": 1, **fault}] if first else []
            assert control.put("/_sandbox/faults", json=faults).status_code == 200

        return set_fault

    with dag:
        for name, (fault, expected) in FAULTS.items():
            # Only what never ends needs a short deadline; what takes a while has all the time it wants.
            conn_id = "turkeysms_default" if expected == FINE else hasty
            SendSmsOperator(
                task_id=name, conn_id=conn_id, to=AYSE, text=name, pre_execute=at_first(fault), **SOON
            )
    ended = run(dag)
    came_of_it = {
        name: (
            ended.state(name),
            ended.ti(name).try_number,
            sum(message["text"] == name for message in inbox()),
        )
        for name in FAULTS
    }
    assert came_of_it == {name: expected for name, (_, expected) in FAULTS.items()}
    assert {name: ended.rescheduled(name) for name in FAULTS if ended.rescheduled(name)} == {"http_429": 1}
    # A person clears what failed, perhaps without reading why. What may have gone out still does not go out again.
    before = len(inbox())
    for name, (_, expected) in FAULTS.items():
        if expected[0] == "failed":
            ended.clear(name)
            assert ended.state(name) == "failed"
    assert len(inbox()) == before


@pytest.mark.parametrize(
    ("operator", "conn_id", "arguments"),
    [
        (SendSmsOperator, "basliklisms_default", {"to": AYSE, "text": "Merhaba"}),
        (SendSmsOperator, "bulutfon_default", {"to": [AYSE, ALI], "text": "Merhaba"}),
        (SendSmsOperator, "argepanel_default", {"to": [AYSE, ALI], "text": "Merhaba"}),
        (SendOtpOperator, "turkeysms_default", {"to": AYSE, "digits": 6}),
        (
            SendEmailOperator,
            "argepanel_default",
            {"to": "ayse@example.com", "subject": "Konu", "text": "Merhaba"},
        ),
        (SendWhatsAppOperator, "vatansms_default", {"to": [AYSE, ALI], "text": "Merhaba"}),
        (SendWhatsAppOperator, "vatansms_default", {"messages": [{"to": AYSE, "text": "Merhaba"}]}),
    ],
)
def test_no_vendor_gets_a_message_twice(
    operator, conn_id, arguments, dag, run, sandbox_connections, inbox, fault
) -> None:
    fault(conn_id.removesuffix("_default"), "accept_then_drop", times=1)
    with dag:
        operator(task_id="send", conn_id=conn_id, **arguments, **SOON)
    ended = run(dag)
    assert (ended.state("send"), ended.ti("send").try_number) == ("failed", 1)
    ended.clear("send")
    sent = [message["to"] for message in inbox()]
    assert len(sent) == len(set(sent))
    assert sent


def test_what_provably_never_left_is_tried_again(dag, run, sandbox_connections, monkeypatch, inbox) -> None:
    nowhere = {**sandbox_connections["turkeysms_default"], "host": "http://127.0.0.1:9"}
    monkeypatch.setenv("AIRFLOW_CONN_NOWHERE", json.dumps(nowhere))
    with dag:
        SendSmsOperator(
            task_id="send",
            conn_id="{{ 'nowhere' if ti.try_number == 1 else 'turkeysms_default' }}",
            to=AYSE,
            text="Merhaba",
            **SOON,
        )
    ended = run(dag)
    assert (ended.state("send"), ended.ti("send").try_number) == ("success", 2)
    assert len(inbox()) == 1
    assert ended.xcom("send")[0]["attempt"] == 2


def test_a_task_that_runs_out_of_time_in_the_middle_of_a_send_does_not_send_again(
    dag, run, sandbox_connections, inbox, fault
) -> None:
    fault("turkeysms", "accept_then_hang", times=1)
    with dag:
        SendSmsOperator(
            task_id="send",
            conn_id="turkeysms_default",
            to=AYSE,
            text="Merhaba",
            execution_timeout=timedelta(seconds=2),
            **SOON,
        )
    ended = run(dag)
    # Airflow itself tries again after its timeout; that try meets the doubt.
    assert (ended.state("send"), ended.ti("send").try_number) == ("failed", 2)
    assert len(inbox()) == 1
    (entry,) = open_ledger().entries()
    assert entry.state is State.UNKNOWN


def test_only_those_who_were_left_out_get_the_next_try(
    dag, run, sandbox_connections, inbox, account, control
) -> None:
    def let_one_through(context: Any) -> None:
        # The minute is full after one message; before the second try it is wide again.
        account("argepanel", per_minute=1 if context["task_reschedule_count"] == 0 else None)

    with dag:
        SendSmsOperator(
            task_id="send",
            conn_id="argepanel_default",
            to=[AYSE, ALI],
            text="Merhaba",
            pre_execute=let_one_through,
        )
    control.put(
        "/_sandbox/faults",
        json=[
            {"vendor": "argepanel", "operation": "send_sms", "mode": "slow", "seconds": 0, "times": 1},
            {
                "vendor": "argepanel",
                "operation": "send_sms",
                "mode": "http_429",
                "retry_after": 1,
                "times": 1,
            },
        ],
    )
    ended = run(dag)
    assert (ended.state("send"), ended.rescheduled("send")) == ("success", 1)
    assert [message["to"] for message in inbox()] == [AYSE_E164, ALI_E164]
    assert [receipt["replayed"] for receipt in ended.xcom("send")] == [True, False]


def test_a_vendor_that_wants_too_long_a_wait_fails_the_task(
    dag, run, sandbox_connections, inbox, fault
) -> None:
    fault("turkeysms", "http_429", retry_after=600)
    with dag:
        SendSmsOperator(
            task_id="send", conn_id="turkeysms_default", to=AYSE, text="Merhaba", max_wait=60, **SOON
        )
    ended = run(dag)
    assert (ended.state("send"), ended.ti("send").try_number, ended.rescheduled("send")) == ("failed", 1, 0)
    assert inbox() == []


def test_the_waits_of_a_task_add_up_to_max_wait(dag, run, sandbox_connections, inbox, fault) -> None:
    fault("turkeysms", "http_429", retry_after=1, times=5)
    with dag:
        SendSmsOperator(task_id="send", conn_id="turkeysms_default", to=AYSE, text="Merhaba", max_wait=2)
    ended = run(dag)
    assert ended.state("send") == "failed"
    assert 1 <= ended.rescheduled("send") <= 2


@pytest.mark.parametrize(
    ("settings", "password"),
    [
        ({"balance": 0}, None),
        ({"active": False}, None),
        ({}, "a-wrong-secret-9f2c"),
        ({"senders": ["BASKA"]}, None),
    ],
)
def test_what_a_retry_cannot_cure_is_not_retried_and_goes_out_once_it_is_cured(
    settings, password, dag, run, sandbox_connections, monkeypatch, inbox, account, control
) -> None:
    connection = sandbox_connections["turkeysms_default"]
    if settings:
        account("turkeysms", **settings)
    if password:
        monkeypatch.setenv("AIRFLOW_CONN_TURKEYSMS_DEFAULT", json.dumps({**connection, "password": password}))
    with dag:
        SendSmsOperator(task_id="send", conn_id="turkeysms_default", to=AYSE, text="Merhaba", **SOON)
    ended = run(dag)
    assert (ended.state("send"), ended.ti("send").try_number) == ("failed", 1)
    assert control.get("/_sandbox/requests", params={"vendor": "turkeysms"}).json()["count"] == 1
    account("turkeysms", balance=10, active=True, senders=["ULAK"])
    monkeypatch.setenv("AIRFLOW_CONN_TURKEYSMS_DEFAULT", json.dumps(connection))
    ended.clear("send")
    assert ended.state("send") == "success"
    assert len(inbox()) == 1


def test_a_refused_recipient_stays_refused_and_the_others_are_served(
    dag, run, sandbox_connections, inbox
) -> None:
    abroad = "+49 1512 3456789"
    with dag:
        SendSmsOperator(task_id="send", conn_id="bulutfon_default", to=[AYSE, abroad], text="Merhaba", **SOON)
    ended = run(dag)
    assert ended.state("send") == "failed"
    first = len(inbox())
    ended.clear("send")
    assert ended.state("send") == "failed"
    assert len(inbox()) == first


# --- Clear ----------------------------------------------------------------------------------------------


def test_a_cleared_task_keeps_what_was_accepted(dag, run, sandbox_connections, inbox) -> None:
    with dag:
        SendSmsOperator(task_id="send", conn_id="turkeysms_default", to=AYSE, text="Merhaba")
    ended = run(dag)
    first = ended.xcom("send")
    ended.clear("send")
    (again,) = ended.xcom("send")
    assert ended.state("send") == "success"
    assert again == {**first[0], "replayed": True}
    assert len(inbox()) == 1


def test_a_cleared_task_that_shall_resend_does_so_once_for_each_clear(
    dag, run, sandbox_connections, inbox, fault
) -> None:
    with dag:
        SendSmsOperator(
            task_id="send", conn_id="turkeysms_default", to=AYSE, text="Merhaba", on_clear="resend", **SOON
        )
    ended = run(dag)
    assert len(inbox()) == 1
    ended.clear("send")
    assert len(inbox()) == 2
    ended.clear("send")
    assert len(inbox()) == 3
    assert ended.xcom("send")[0]["replayed"] is False


@pytest.mark.parametrize(
    ("on_unknown", "state", "sent"),
    [("fail", "failed", 1), ("accept", "success", 1), ("resend", "success", 2)],
)
def test_doubt_is_handled_as_the_task_says(
    on_unknown, state, sent, dag, run, sandbox_connections, inbox, fault
) -> None:
    fault("turkeysms", "accept_then_drop", times=1)
    with dag:
        SendSmsOperator(
            task_id="send",
            conn_id="turkeysms_default",
            to=AYSE,
            text="Merhaba",
            on_unknown=on_unknown,
            **SOON,
        )
    ended = run(dag)
    assert (ended.state("send"), ended.ti("send").try_number) == ("failed", 1)
    ended.clear("send")
    assert ended.state("send") == state
    assert len(inbox()) == sent


def test_two_tasks_with_one_key_send_one_message(dag, run, sandbox_connections, inbox) -> None:
    with dag:
        for name in ("first", "second"):
            SendSmsOperator(
                task_id=name, conn_id="turkeysms_default", to=AYSE, text="Merhaba", key="order {{ 3 + 4 }}"
            )
    ended = run(dag)
    assert len(inbox()) == 1
    assert {ended.xcom("first")[0]["replayed"], ended.xcom("second")[0]["replayed"]} == {True, False}
    (entry,) = open_ledger().find("order 7")
    assert entry.origin["task_id"] in {"first", "second"}


def test_keys_are_made_of_the_task_and_never_of_the_try(alone, sandbox_connections, inbox) -> None:
    def send(to: Any = AYSE, **ti: Any) -> str:
        operator = SendSmsOperator(task_id="send", conn_id="turkeysms_default", to=to, text="Merhaba")
        return str(alone(operator, **ti)[0]["key"])

    key = send()
    assert send(try_number=5, max_tries=9) == key
    assert send(to=AYSE_E164) == key
    others = [send(to=ALI), send(dag_id="e"), send(run_id="s"), send(task_id="other"), send(map_index=0)]
    assert len({key, *others}) == 6
    assert len(inbox()) == 6


# --- one-time codes -------------------------------------------------------------------------------------


def test_a_code_is_told_only_to_who_asks_and_only_once(
    dag, run, sandbox_connections, inbox, log_watch
) -> None:
    with dag:
        SendOtpOperator(
            task_id="otp", conn_id="turkeysms_default", to=AYSE, digits=6, reveal_code=True, **SOON
        )
    ended = run(dag)
    code = ended.xcom("otp")["code"]
    # Airflow's own DEBUG log shows what is pushed to XCom.
    log_watch.allow(code)
    (message,) = inbox()
    assert code in message["text"]
    ended.clear("otp")
    assert (ended.state("otp"), ended.xcom("otp")) == ("failed", None)
    assert len(inbox()) == 1


def test_without_being_asked_for_a_code_stays_between_vendor_and_phone(
    dag, run, sandbox_connections, inbox, installation
) -> None:
    with dag:
        SendOtpOperator(task_id="otp", conn_id="turkeysms_default", to=AYSE, digits=6, text="Kod: TS_CODE")
    ended = run(dag)
    (message,) = inbox()
    code = re.search(r"\d{6}", message["text"])[0]
    assert code not in json.dumps(ended.xcom("otp"))
    assert code not in json.dumps(ended.rendered("otp"))
    open_ledger()
    for file in installation.parent.glob("ulak.db*"):
        assert code.encode() not in file.read_bytes()


# --- linking a device -----------------------------------------------------------------------------------


class Phone(threading.Thread):
    """Somebody who waits for a QR to appear, looks at the file, and scans it (from the sandbox's page)."""

    def __init__(self, sandbox: Any, shown: Path, *, number: str, after: int = 1) -> None:
        super().__init__()
        self._sandbox = sandbox
        self._shown = shown
        self._number = number
        self._after = after
        self.saw: list[bytes] = []
        self.modes: set[int] = set()

    def run(self) -> None:
        ends = time.monotonic() + 20
        with httpx.Client(base_url=self._sandbox.url, trust_env=False) as client:
            while time.monotonic() < ends:
                waiting = [
                    device
                    for device in client.get("/_sandbox/devices").json()
                    if device["state"] == "waiting"
                ]
                if waiting and self._shown.exists():
                    content = self._shown.read_bytes()
                    if content not in self.saw:
                        self.saw.append(content)
                        self.modes.add(stat.S_IMODE(self._shown.stat().st_mode))
                    if len(self.saw) >= self._after:
                        path = f"/_sandbox/whatsapp/{waiting[-1]['reg_id']}/scan"
                        client.post(path, json={"number": self._number})
                        return
                threading.Event().wait(0.02)


def test_a_device_is_linked_by_a_qr_that_only_the_task_shows(
    dag, run, sandbox, sandbox_connections, tmp_path
) -> None:
    shown = tmp_path / "folder" / "qr.png"
    with dag:
        WhatsAppLoginOperator(task_id="login", conn_id="vatansms_default", save_to=str(shown), timeout=20)
    phone = Phone(sandbox, shown, number=VELI_E164)
    phone.start()
    ended = run(dag)
    phone.join()
    assert ended.state("login") == "success"
    (picture,) = phone.saw
    assert picture.startswith(b"\x89PNG\r\n")
    assert phone.modes == {0o600}
    assert list(shown.parent.iterdir()) == []
    device = sandbox.app.vatansms.devices.get(ended.xcom("login")["device"])
    assert (device.number, device.code in json.dumps(ended.xcom("login"))) == (VELI_E164, False)


def test_a_device_is_linked_by_a_code_and_its_number_stays_private(
    dag, run, sandbox, sandbox_connections, tmp_path
) -> None:
    shown = tmp_path / "code.txt"
    with dag:
        WhatsAppLoginOperator(
            task_id="login",
            conn_id="vatansms_default",
            method="phone",
            phone=VELI,
            save_to=str(shown),
            timeout=20,
        )
    phone = Phone(sandbox, shown, number=VELI_E164)
    phone.start()
    ended = run(dag)
    phone.join()
    assert ended.state("login") == "success"
    device = sandbox.app.vatansms.devices.get(ended.xcom("login")["device"])
    assert phone.saw == [f"{device.code}\n".encode()]
    assert phone.modes == {0o600}
    assert ended.rendered("login")["phone"] == "+90 505 *** ** 33"
    assert not shown.exists()


def test_a_qr_that_nobody_scans_is_replaced_and_at_last_given_up(
    dag, run, sandbox_connections, account, control, monkeypatch, tmp_path
) -> None:
    account("vatansms", check_seconds=0)
    shown = tmp_path / "qr.png"
    monkeypatch.setattr("airflow_provider.engine.vendors.vatansms.Pairing", _short_lived)
    with dag:
        WhatsAppLoginOperator(
            task_id="login", conn_id="vatansms_default", save_to=str(shown), timeout=1, **SOON
        )
    ended = run(dag)
    assert (ended.state("login"), ended.ti("login").try_number) == ("failed", 1)
    assert list(tmp_path.glob("*qr*")) == []
    assert control.get("/_sandbox/requests", params={"operation": "login_qr"}).json()["count"] > 1


def _short_lived(*arguments: Any, **named: Any) -> Any:
    from airflow_provider.engine.exchange import Pairing

    return Pairing(*arguments, **named, expires_in=0)


def test_a_task_that_is_killed_takes_its_qr_along(sandbox_connections, tmp_path) -> None:
    shown = tmp_path / "qr.png"
    shown.touch()
    WhatsAppLoginOperator(task_id="login", conn_id="vatansms_default", save_to=str(shown)).on_kill()
    assert not shown.exists()


def test_nobody_can_prepare_the_file_of_the_qr(alone, sandbox_connections, account, tmp_path) -> None:
    theirs = tmp_path / "theirs"
    theirs.touch(mode=0o666)
    (tmp_path / "qr.png").symlink_to(theirs)
    account("vatansms", check_seconds=0)
    with pytest.raises(AirflowFailException, match="Nobody linked"):
        alone(
            WhatsAppLoginOperator(
                task_id="login", conn_id="vatansms_default", save_to=str(tmp_path / "qr.png"), timeout=0.1
            )
        )
    assert theirs.read_bytes() == b""


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"method": "phone", "save_to": "/tmp/unused"}, 'method="phone" with `phone`'),
        ({"method": "fax", "save_to": "/tmp/unused"}, 'needs method="qr"'),
        ({"save_to": "/proc/nowhere/qr.png"}, "cannot be written"),
    ],
)
def test_a_login_that_cannot_begin_says_why(arguments, sentence, alone, sandbox_connections) -> None:
    with pytest.raises(AirflowFailException, match=re.escape(sentence)):
        alone(WhatsAppLoginOperator(task_id="login", conn_id="vatansms_default", **arguments))


# --- without a run --------------------------------------------------------------------------------------


def test_nothing_is_read_or_opened_when_a_dag_is_parsed(installation) -> None:
    operator = SendSmsOperator(task_id="send", conn_id="nowhere", to="{{ anything }}", text="Merhaba")
    assert operator.to == "{{ anything }}"
    assert not installation.exists()


def test_what_went_wrong_with_whom_is_in_the_log(alone, sandbox_connections, log_watch, inbox) -> None:
    with pytest.raises(AirflowFailException, match="sender"):
        alone(
            SendSmsOperator(
                task_id="send", conn_id="turkeysms_default", to=[AYSE, ALI], text="Merhaba", sender="YOK"
            )
        )
    told = "\n".join(text for _, text in log_watch.seen)
    assert f"turkeysms send_sms: {State.REJECTED} to {AYSE_MASKED}" in told
    assert f"turkeysms send_sms: {State.NOT_SENT} to {ALI_MASKED}" in told
    assert inbox() == []
