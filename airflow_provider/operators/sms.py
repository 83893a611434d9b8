"""Send texts and one-time codes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from airflow.sdk import Context

from airflow_provider.engine.messages import Otp, Sms
from airflow_provider.hooks.arguments import Recipients, numbers
from airflow_provider.operators.base import MessagingOperator, SendOperator, WriteOperator

__all__ = ["ListSenderIdsOperator", "SendOtpOperator", "SendSmsOperator"]


class SendSmsOperator(WriteOperator):
    """Send one text to one or more numbers; returns a receipt for each.

    :param to: A number, or a list of them, as people write them: ``0532 123 45 67``, ``+90532...``.
    :param sender: The sender id; the connection's by default.
    :param content_type: TurkeySMS only: 0 transactional, 1 high quality, 2 advertising.
    :param sms_lang: TurkeySMS only: 0 plain, 1 Turkish, 2 Unicode; from the text by default.
    :param send_at: When the vendor should send it (with a time zone, or ISO 8601); now by default.
    :param reject_link: Bulutfon only: add a link that refuses further messages.
    :param reserve_suffix: Count the five characters that Turkish operators append.
    """

    template_fields: Sequence[str] = (*WriteOperator.template_fields, "to", "sender", "send_at")

    def __init__(
        self,
        *,
        to: Recipients,
        sender: str | None = None,
        content_type: Literal[0, 1, 2] | None = None,
        sms_lang: Literal[0, 1, 2] | None = None,
        send_at: datetime | str | None = None,
        reject_link: bool | None = None,
        reserve_suffix: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.to = to
        self.sender = sender
        self.content_type = content_type
        self.sms_lang = sms_lang
        self.send_at = send_at
        self.reject_link = reject_link
        self.reserve_suffix = reserve_suffix

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Send, and return the receipts."""
        receipts = self.send(
            context,
            "send_sms",
            lambda _: [
                Sms(
                    to=numbers(self.private("to")),
                    text=self.written("sms"),
                    sender=self.sender,
                    content_type=self.content_type,
                    sms_lang=self.sms_lang,
                    send_at=self.send_at,  # type: ignore[arg-type]  # pydantic reads ISO 8601
                    reject_link=self.reject_link,
                    reserve_suffix=self.reserve_suffix,
                )
            ],
        )
        return self.as_xcom(receipts)


class SendOtpOperator(SendOperator):
    """Have the vendor make and send a one-time code.

    The code is never kept: a retry after it went out fails with a sentence, and a new code needs a new ``key``.

    :param to: One number.
    :param digits: Length of the code, 4 to 6.
    :param language: 0 English, 1 Turkish, 2 Arabic.
    :param text: A text of one's own with ``TS_CODE`` where the code goes.
    :param sender: The sender id for a text of one's own.
    :param reveal_code: Put the code into XCom, where whoever can see XComs can read it. Off by default.
    """

    template_fields: Sequence[str] = (*SendOperator.template_fields, "to", "text", "sender")

    def __init__(
        self,
        *,
        to: str,
        digits: int = 6,
        language: Literal[0, 1, 2] = 1,
        text: str | None = None,
        sender: str | None = None,
        reveal_code: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.to = to
        self.digits = digits
        self.language = language
        self.text = text
        self.sender = sender
        self.reveal_code = reveal_code

    def execute(self, context: Context) -> dict[str, Any]:
        """Send, and return the receipt, with the code when it was asked for."""
        (receipt,) = self.send(
            context,
            "send_otp",
            lambda _: [
                Otp(
                    to=numbers(self.private("to")),
                    digits=self.digits,
                    language=self.language,
                    text=self.text,
                    sender=self.sender,
                )
            ],
        )
        (value,) = self.as_xcom([receipt])
        if self.reveal_code and receipt.code is not None:
            value["code"] = receipt.code.get_secret_value()
        return value


class ListSenderIdsOperator(MessagingOperator):
    """List the account's senders and the vendor's word on their approval."""

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Ask, and return the senders."""
        return [
            {"name": sender.name, "state": sender.state}
            for sender in self.ask(context, lambda hook: hook.sender_ids())
        ]
