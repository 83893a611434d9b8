"""Send e-mail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from airflow.sdk import Context

from airflow_provider.engine.errors import InvalidMessage
from airflow_provider.engine.messages import Email
from airflow_provider.engine.templates import RenderedEmail, render_email
from airflow_provider.hooks.arguments import Recipients, addresses
from airflow_provider.operators.base import WriteOperator

__all__ = ["SendEmailOperator"]


class SendEmailOperator(WriteOperator):
    """Send one e-mail; returns a receipt for each ``to`` address.

    :param to: An address, or a list of them; all stand in one envelope.
    :param subject: One line; a template brings its own.
    :param html: The HTML part, or a file name that ends with ``.html`` or ``.j2``; this or ``text`` or both.
    :param sender: The From address; the vendor's default otherwise.
    :param cc: Further visible recipients.
    :param bcc: Further hidden recipients.
    :param reply_to: Where answers go.
    """

    template_fields: Sequence[str] = (
        *WriteOperator.template_fields,
        "to",
        "subject",
        "html",
        "sender",
        "cc",
        "bcc",
        "reply_to",
    )
    template_ext: Sequence[str] = (".j2", ".txt", ".html")
    template_fields_renderers = {"html": "html"}  # noqa: RUF012  # Airflow declares it so
    private_fields: ClassVar[tuple[str, ...]] = ("to", "cc", "bcc", "reply_to")

    def __init__(
        self,
        *,
        to: Recipients,
        subject: str | None = None,
        html: str | None = None,
        sender: str | None = None,
        cc: Recipients = (),
        bcc: Recipients = (),
        reply_to: Recipients = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.to = to
        self.subject = subject
        self.html = html
        self.sender = sender
        self.cc = cc
        self.bcc = bcc
        self.reply_to = reply_to

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Send, and return the receipts."""
        return self.as_xcom(self.send(context, "send_email", lambda _: [self._compose()]))

    def _compose(self) -> Email:
        parts = self._parts()
        return Email(
            to=addresses(self.private("to")),
            subject=parts.subject,
            text=parts.text,
            html=parts.html,
            sender=self.sender,
            # An empty text is what a template leaves where there is nobody.
            cc=addresses(self.private("cc") or ()),
            bcc=addresses(self.private("bcc") or ()),
            reply_to=addresses(self.private("reply_to") or ()),
        )

    def _parts(self) -> RenderedEmail:
        if self.template is not None:
            if (self.subject, self.text, self.html) != (None, None, None):
                raise InvalidMessage(
                    "The task has a `template` beside `subject`, `text` or `html`; use one of the two."
                )
            return render_email(self.template, self.language, self.variables or {})
        if self.subject is None:
            raise InvalidMessage("The task has neither `subject` nor `template`.")
        return RenderedEmail(str(self.subject), self.text, self.html)
