"""Ask about the account and about messages that went out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import Context

from airflow_provider.engine.errors import InvalidMessage
from airflow_provider.engine.exchange import as_json
from airflow_provider.engine.redaction import mask
from airflow_provider.operators.base import MessagingOperator

__all__ = ["CheckBalanceOperator", "CheckDeliveryOperator", "ListMessagesOperator", "VerifyAccountOperator"]


class VerifyAccountOperator(MessagingOperator):
    """Ask whom the vendor takes us for; fails when the key is refused."""

    def execute(self, context: Context) -> dict[str, Any]:
        """Ask, and return account id, name and a note."""
        return dict(as_json(self.ask(context, lambda hook: hook.verify())))


class CheckBalanceOperator(MessagingOperator):
    """Ask what is left; returns credits, money and currency."""

    def execute(self, context: Context) -> dict[str, Any]:
        """Ask, and return the balance."""
        balance = self.ask(context, lambda hook: hook.balance())
        self.log.info("%s: %s credits, %s %s", self.conn_id, balance.credits, balance.money, balance.currency)
        return dict(as_json(balance))


class CheckDeliveryOperator(MessagingOperator):
    """Ask what became of a message; returns its id and a report for each recipient, recipients masked.

    :param message_id: The vendor's id, for example ``{{ ti.xcom_pull("send")[0]["message_id"] }}``.
    """

    template_fields: Sequence[str] = (*MessagingOperator.template_fields, "message_id")

    def __init__(self, *, message_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.message_id = message_id

    def execute(self, context: Context) -> dict[str, Any]:
        """Ask, and return the delivery."""
        delivery = self.ask(context, lambda hook: hook.delivery(_known(self.message_id)))
        value = dict(as_json(delivery))
        for report in value["reports"]:
            report["to"] = None if report["to"] is None else mask(report["to"])
            self.log.info(
                "%s to %s: %s (%s)", delivery.message_id, report["to"], report["state"], report["word"]
            )
        return value


class ListMessagesOperator(MessagingOperator):
    """List what the vendor says was sent, newest first, recipients masked and without texts.

    :param page: Which page, from 1.
    :param limit: Messages on a page.
    """

    template_fields: Sequence[str] = (*MessagingOperator.template_fields, "page", "limit")

    def __init__(self, *, page: int | str = 1, limit: int | str = 50, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.page = page
        self.limit = limit

    def execute(self, context: Context) -> dict[str, Any]:
        """Ask, and return the page."""
        listed = self.ask(
            context,
            lambda hook: hook.list_messages(
                page=_whole("page", self.page), limit=_whole("limit", self.limit)
            ),
        )
        value = dict(as_json(listed))
        for message in value["messages"]:
            del message["text"]
            message["recipients"] = [mask(to) for to in message["recipients"]]
        return value


def _known(message_id: str) -> str:
    # What a template makes of the null of a receipt whose vendor gives no ids.
    if str(message_id) in {"", "None"}:
        raise InvalidMessage(
            "There is no message id to ask about.",
            advice="Not every vendor gives one; see what the sending task returned.",
        )
    return str(message_id)


def _whole(name: str, value: int | str) -> int:
    # A template leaves text.
    if isinstance(value, int) or (value.isascii() and value.isdigit()):
        return int(value)
    raise InvalidMessage(f"{name!r} must be a whole number.", advice="")
