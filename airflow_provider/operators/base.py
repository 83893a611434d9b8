"""What every operator shares: its hook, its key, private recipients, and errors in Airflow's own terms."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NoReturn, TypeVar, get_args

from airflow.sdk import BaseOperator, Context, ObjectStoragePath
from airflow.sdk.exceptions import AirflowFailException, AirflowRescheduleException

from airflow_provider.engine.errors import (
    InvalidMessage,
    MessagingError,
    NotSent,
    RateLimited,
    UnreadableResponse,
)
from airflow_provider.engine.ledger.claims import Origin
from airflow_provider.engine.ledger.states import OnUnknown
from airflow_provider.engine.messages import Attachment, Message, Receipt
from airflow_provider.engine.redaction import mask
from airflow_provider.engine.templates import render_text
from airflow_provider.hooks.arguments import named, numbers
from airflow_provider.hooks.base import MessagingHook

if TYPE_CHECKING:
    import jinja2

__all__ = ["MessagingOperator", "SendOperator", "WriteOperator", "read_attachment"]

T = TypeVar("T")

OnClear = Literal["continue", "resend"]


class MessagingOperator(BaseOperator):
    """Ask a vendor something through a connection.

    :param conn_id: Connection of any vendor that has the operation.
    :param max_wait: Seconds for which a vendor's "too many requests" reschedules the task before it fails.
    """

    template_fields: Sequence[str] = ("conn_id",)
    private_fields: ClassVar[tuple[str, ...]] = ()
    """Template fields that name people: Airflow's Rendered view shows them masked."""
    ui_color = "#e0f2ea"

    def __init__(self, *, conn_id: str, max_wait: float = 3600.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.conn_id = conn_id
        self.max_wait = max_wait

    @cached_property
    def hook(self) -> MessagingHook:
        """The hook of the connection's vendor; read on first use, in the task."""
        return MessagingHook.of(self.conn_id)

    def ask(self, context: Context, call: Callable[[MessagingHook], T]) -> T:
        """Call the hook, and turn what it raises into what Airflow understands."""
        try:
            return call(self.hook)
        except MessagingError as error:
            self._translate(context, error)

    def _translate(self, context: Context, error: MessagingError) -> NoReturn:
        if isinstance(error, RateLimited) and error.retry_at is not None:
            self._reschedule(context, error, error.retry_at)
        if isinstance(error, NotSent | UnreadableResponse):
            # Provably not sent, or only a question: Airflow's retries may try again.
            raise error
        raise AirflowFailException(str(error)) from error

    def _reschedule(self, context: Context, error: RateLimited, retry_at: datetime) -> NoReturn:
        began = context["ti"].get_first_reschedule_date(context) or datetime.now(UTC)
        if retry_at - began > timedelta(seconds=self.max_wait):
            raise AirflowFailException(
                f"{error} Waiting until {retry_at.isoformat(timespec='seconds')} would take the task beyond its"
                f" max_wait of {self.max_wait:.0f} s."
            ) from error
        self.log.warning("%s The task comes back at %s.", error, retry_at.isoformat(timespec="seconds"))
        raise AirflowRescheduleException(retry_at)  # type: ignore[no-untyped-call]  # Airflow left it untyped

    def _do_render_template_fields(
        self,
        parent: Any,
        template_fields: Iterable[str],
        context: Context,
        jinja_env: jinja2.Environment,
        seen_oids: set[int],
    ) -> None:
        super()._do_render_template_fields(parent, template_fields, context, jinja_env, seen_oids)
        if parent is not self:
            # Something inside one of our fields that has template fields of its own.
            return
        # Airflow stores rendered fields for its Rendered view; people's numbers do not belong there in full.
        self._in_full = {name: getattr(self, name) for name in self.private_fields}
        for name, value in self._in_full.items():
            setattr(self, name, _masked(value))

    def private(self, name: str) -> Any:
        """Return a private field as rendered, in full."""
        return getattr(self, "_in_full", {}).get(name, getattr(self, name))


def _masked(value: Any) -> Any:
    if isinstance(value, str | int):
        # As people write it, a number would not be masked the way it is everywhere else.
        try:
            return mask(numbers(str(value))[0])
        except InvalidMessage:
            return mask(str(value)) if value else value
    if isinstance(value, dict):
        return {key: _masked(item) if key == "to" else item for key, item in value.items()}
    if isinstance(value, Iterable):
        return [_masked(item) for item in value]
    return value


class SendOperator(MessagingOperator):
    """Send through the ledger under keys made of the task, so that no retry sends a second message.

    :param key: A key of one's own in place of the task's; the same key anywhere is the same message.
    :param on_unknown: What to do when an earlier try ended with an unknown outcome: ``fail`` (default), ``accept``
        the doubt, or ``resend`` at the risk of a second message.
    :param on_clear: ``continue`` (default): a cleared task keeps its keys, so what went out stays out. ``resend``:
        clearing sends again.
    :param reveal_recipients: Put numbers and addresses into XCom in full; masked by default.
    """

    template_fields: Sequence[str] = (*MessagingOperator.template_fields, "key")
    private_fields: ClassVar[tuple[str, ...]] = ("to",)

    def __init__(
        self,
        *,
        key: str | None = None,
        on_unknown: OnUnknown = "fail",
        on_clear: OnClear = "continue",
        reveal_recipients: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.key = key
        self.on_unknown = on_unknown
        self.on_clear = on_clear
        self.reveal_recipients = reveal_recipients

    def origin(self, context: Context) -> Origin:
        """Return what this task's keys are made of: never the number of the try."""
        ti = context["ti"]
        if self.on_clear not in get_args(OnClear):
            raise InvalidMessage(
                f"on_clear is {self.on_clear!r}.", advice=f"Choose one of {', '.join(get_args(OnClear))}."
            )
        if self.key is not None:
            return named(
                self.key, {"kind": "task", "dag_id": ti.dag_id, "run_id": ti.run_id, "task_id": ti.task_id}
            )
        # Only a Clear changes max_tries; the DAG file's `retries` may change between tries of one life.
        clear = ti.max_tries if self.on_clear == "resend" else None
        return Origin.task(ti.dag_id, ti.run_id, ti.task_id, _map_index(ti), clear=clear)

    def send(
        self, context: Context, operation: str, compose: Callable[[MessagingHook], Sequence[Message]]
    ) -> list[Receipt]:
        """Compose messages and send them under this task's keys."""

        def deliver(hook: MessagingHook) -> list[Receipt]:
            messages = compose(hook)
            steps = hook.send(operation, messages, origin=self.origin(context), on_unknown=self.on_unknown)
            try:
                receipts = hook.run(steps)
            except MessagingError as error:
                self._tell(operation, error.receipts)
                raise
            self._tell(operation, receipts)
            return receipts

        return self.ask(context, deliver)

    def _tell(self, operation: str, receipts: Sequence[Receipt]) -> None:
        for receipt in receipts:
            self.log.info(
                "%s %s: %s to %s, message id %s, credits %s%s",
                receipt.vendor,
                operation,
                receipt.state,
                mask(receipt.to),
                receipt.message_id,
                receipt.credits,
                f" ({note})" if (note := receipt.error or receipt.cost_note) else "",
            )

    def as_xcom(self, receipts: Sequence[Receipt]) -> list[dict[str, Any]]:
        """Return receipts as JSON-able values for XCom."""
        return [receipt.as_json(full=self.reveal_recipients) for receipt in receipts]


class WriteOperator(SendOperator):
    """Send a text of one's own, or one rendered from a template that ships with Ulak.

    :param text: The text; a file name that ends with ``.j2`` or ``.txt`` is read, as everywhere in Airflow.
    :param template: Name of a template, in place of ``text``.
    :param variables: What the template is filled with. They are data: never read as a template themselves.
    :param language: The template's language.
    """

    template_fields: Sequence[str] = (
        *SendOperator.template_fields,
        "text",
        "template",
        "variables",
        "language",
    )
    template_ext: Sequence[str] = (".j2", ".txt")

    def __init__(
        self,
        *,
        text: str | None = None,
        template: str | None = None,
        variables: Mapping[str, Any] | None = None,
        language: str = "tr",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.text = text
        self.template = template
        self.variables = variables
        self.language = language

    def written(self, channel: Literal["sms", "whatsapp"]) -> str:
        """Return the text to send.

        Raises:
            InvalidMessage: Neither or both of ``text`` and ``template`` are given, or the template fails.
        """
        if (self.text is None) == (self.template is None):
            raise InvalidMessage(
                "The task needs either `text` or `template`.",
                advice="Where the text comes from another task, see what that task returned.",
            )
        if self.template is None:
            # A DAG that renders native objects turns "42" into a number.
            return str(self.text)
        return render_text(channel, self.template, self.language, self.variables or {})


def _map_index(ti: Any) -> int:
    index = getattr(ti, "map_index", None)
    return -1 if index is None else int(index)


def read_attachment(path: str) -> Attachment:
    """Read a file from a local or object-storage path.

    Raises:
        InvalidMessage: It cannot be read.
    """
    try:
        place = ObjectStoragePath(path)
        content = place.read_bytes()
    except (OSError, ValueError, ImportError) as error:
        # ValueError and ImportError: a scheme that nobody knows, or whose file system is not installed.
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise InvalidMessage(
            f"The attachment {path.rpartition('/')[2]!r} cannot be read: {reason}.",
            advice="Check the path, and that the worker may read it.",
        ) from None
    media_type = mimetypes.guess_type(place.name)[0] or "application/octet-stream"
    return Attachment(name=place.name, media_type=media_type, content=content)
