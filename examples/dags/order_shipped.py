"""Tell a customer through every vendor that the order is on its way, and read back what came of it.

`make demo` runs this DAG against the sandbox. With real connections it runs unchanged.
"""

from __future__ import annotations

from datetime import datetime

from airflow.sdk import DAG, Param, task

from airflow_provider.operators.account import (
    CheckBalanceOperator,
    CheckDeliveryOperator,
    VerifyAccountOperator,
)
from airflow_provider.operators.email import SendEmailOperator
from airflow_provider.operators.sms import SendOtpOperator, SendSmsOperator
from airflow_provider.operators.whatsapp import SendWhatsAppOperator

ORDER = {
    "template": "order_shipped",
    "variables": {
        "customer": "{{ params.customer }}",
        "order": "{{ params.order }}",
        "tracking_url": "https://kargo.example/{{ params.order }}",
    },
    "language": "{{ params.language }}",
}

with DAG(
    "order_shipped",
    schedule=None,
    start_date=datetime(2026, 1, 1),
    catchup=False,
    tags=["ulak"],
    params={
        "customer": "Ayşe Yılmaz",
        "order": "TR-2026-118",
        "language": Param("tr", enum=["tr", "en"]),
        "phone": "0532 123 45 67",
        "second_phone": "+90 533 765 43 21",
        "email": "ayse@example.com",
    },
):
    verified = VerifyAccountOperator(task_id="verify_turkeysms", conn_id="turkeysms_default")
    funded = CheckBalanceOperator(task_id="balance_turkeysms", conn_id="turkeysms_default")

    sends = [
        SendSmsOperator(
            task_id="sms_turkeysms", conn_id="turkeysms_default", to="{{ params.phone }}", **ORDER
        ),
        SendSmsOperator(
            task_id="sms_basliklisms", conn_id="basliklisms_default", to="{{ params.phone }}", **ORDER
        ),
        SendSmsOperator(
            task_id="sms_bulutfon",
            conn_id="bulutfon_default",
            to=["{{ params.phone }}", "{{ params.second_phone }}"],
            **ORDER,
        ),
        SendSmsOperator(
            task_id="sms_argepanel", conn_id="argepanel_default", to="{{ params.phone }}", **ORDER
        ),
        SendEmailOperator(
            task_id="email_argepanel", conn_id="argepanel_default", to="{{ params.email }}", **ORDER
        ),
        SendWhatsAppOperator(
            task_id="whatsapp_vatansms", conn_id="vatansms_default", to="{{ params.phone }}", **ORDER
        ),
        SendOtpOperator(task_id="otp_turkeysms", conn_id="turkeysms_default", to="{{ params.phone }}"),
    ]
    verified >> funded >> sends

    # Three of the five have a delivery report to ask for; the others have none, or push it.
    reports = [
        CheckDeliveryOperator(
            task_id=f"report_{vendor}",
            conn_id=f"{vendor}_default",
            message_id=f"{{{{ ti.xcom_pull('sms_{vendor}')[0]['message_id'] }}}}",
        )
        for vendor in ("turkeysms", "basliklisms", "bulutfon")
    ]
    for send, report in zip(sends, reports, strict=False):
        send >> report

    @task(trigger_rule="all_done")
    def summary(**context) -> list[dict]:
        """Collect all receipts of the run."""
        receipts = context["ti"].xcom_pull(task_ids=[send.task_id for send in sends])
        return [one for some in receipts for one in (some if isinstance(some, list) else [some])]

    [*sends, *reports] >> summary()
