"""One hook for five vendors.

Each operation is written once, as the steps that a driver runs (``_send_sms``, ``_balance``, ...), and offered
twice: ``hook.balance()`` and ``await hook.abalance()``. A vendor's own hook adds its connection type.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from datetime import datetime
from typing import Any, ClassVar, Literal, Self, TypeVar, get_args

from airflow.sdk import BaseHook, Connection

from airflow_provider.engine import dispatch
from airflow_provider.engine.account import Account, Network
from airflow_provider.engine.errors import (
    ConfigurationError,
    InvalidMessage,
    MessagingError,
    UnsupportedOperation,
)
from airflow_provider.engine.exchange import (
    Balance,
    Delivery,
    Device,
    Identity,
    Link,
    MessagePage,
    Pairing,
    ProfilePicture,
    SenderId,
    Step,
    Work,
)
from airflow_provider.engine.ledger.claims import Ledger, Origin
from airflow_provider.engine.ledger.states import OnUnknown
from airflow_provider.engine.messages import Attachment, Email, Message, Otp, Receipt, Sms, WhatsApp
from airflow_provider.engine.vendors import VENDORS, load
from airflow_provider.engine.vendors.base import Vendor, find
from airflow_provider.hooks.arguments import Recipients, addresses, named, numbers
from airflow_provider.hooks.calling import later, now
from airflow_provider.hooks.connections import (
    account_of,
    afind_connection,
    entry_of,
    extra_of,
    find_connection,
    network_of,
)
from airflow_provider.hooks.installation import open_ledger
from airflow_provider.hooks.runtime import async_driver, close_async_drivers, sync_driver

__all__ = ["MessagingHook", "Recipients", "addresses", "named", "numbers"]

T = TypeVar("T")


class MessagingHook(BaseHook):
    """Talk to a messaging vendor through an Airflow connection.

    Every send goes through the ledger: under one ``key`` a recipient gets at most one message. Without a key
    each call is a new message. Sends return one receipt per recipient and raise when one of them did not go
    out; the error's ``receipts`` then holds them all.

    Args:
        conn_id: The connection's id, or a ready Connection.

    Raises:
        UnsupportedOperation: From any method, when the vendor's API has no such operation.
    """

    conn_name_attr: ClassVar[str] = "conn_id"
    default_conn_name: ClassVar[str] = "ulak_default"
    conn_type: ClassVar[str] = ""
    hook_name: ClassVar[str] = "Ulak"

    def __init__(self, conn_id: str | Connection | None = None) -> None:
        super().__init__()
        self._given = conn_id if conn_id is not None else self.default_conn_name
        self._loaded: tuple[Vendor, Network] | None = None

    @property
    def conn_id(self) -> str:
        """The connection's id."""
        return self._given if isinstance(self._given, str) else self._given.conn_id

    @staticmethod
    def of(conn_id: str | Connection) -> MessagingHook:
        """Return the hook of a connection's own vendor.

        Raises:
            ConfigurationError: There is no such connection, or it is none of ours.
        """
        hook = MessagingHook(find_connection(conn_id) if isinstance(conn_id, str) else conn_id)
        hook._load()
        return hook

    # --- connection -----------------------------------------------------------------------------------

    @property
    def vendor(self) -> Vendor:
        """The vendor's object with its account; the connection is read on first use."""
        return self._load()[0]

    @property
    def network(self) -> Network:
        """How the vendor is reached."""
        return self._load()[1]

    @property
    def account(self) -> Account:
        """What the vendor knows of the connection."""
        return self.vendor.account

    async def aload(self) -> Self:
        """Read the connection without blocking the loop; other coroutine methods do it by themselves."""
        if self._loaded is None:
            given = self._given
            connection = await afind_connection(given) if isinstance(given, str) else given
            self._adopt(connection)
        return self

    def _load(self) -> tuple[Vendor, Network]:
        if self._loaded is None:
            given = self._given
            connection = find_connection(given) if isinstance(given, str) else given
            return self._adopt(connection)
        return self._loaded

    def _adopt(self, connection: Connection) -> tuple[Vendor, Network]:
        entry = entry_of(connection)
        if self.conn_type and entry.key != self.conn_type:
            raise ConfigurationError(
                f"{type(self).__name__} needs a connection of type {self.conn_type!r}, and"
                f" {connection.conn_id!r} is of type {entry.key!r}.",
                advice="Use MessagingHook.of(conn_id), or the other vendor's hook.",
            )
        extra = extra_of(connection)
        self._loaded = (load(entry.key)(account_of(connection, extra)), network_of(connection, extra))
        # A Connection shows its password to whoever prints it; the account does not.
        self._given = connection.conn_id
        return self._loaded

    def get_conn(self) -> Vendor:
        """Return the vendor's object, as Airflow's hooks do."""
        return self.vendor

    # --- running --------------------------------------------------------------------------------------

    def run(self, steps: Generator[Step, Any, T]) -> T:
        """Run steps with this process's driver."""
        return sync_driver(self.network).run(steps)

    async def arun(self, steps: Generator[Step, Any, T]) -> T:
        """Run steps with the running loop's driver."""
        return await (await async_driver(self.network)).run(steps)

    async def aclose(self) -> None:
        """Close the running loop's connections now. They close by themselves when the loop ends."""
        await close_async_drivers()

    def _ask(self, operation: str, *args: Any, **kwargs: Any) -> Generator[Step, Any, Any]:
        try:
            return (yield from find(self.vendor, operation)(*args, **kwargs))
        except MessagingError as error:
            # A driver does not know whom it asks what.
            error.vendor = error.vendor or self.vendor.key
            error.operation = error.operation or operation
            raise

    def send(
        self,
        operation: str,
        messages: Sequence[Message],
        *,
        origin: Origin,
        on_unknown: OnUnknown = "fail",
    ) -> Generator[Step, Any, list[Receipt]]:
        """Return the steps of a send with a key's origin of one's own; operators use it."""
        if on_unknown not in get_args(OnUnknown):
            raise InvalidMessage(
                f"on_unknown is {on_unknown!r}.", advice=f"Choose one of {', '.join(get_args(OnUnknown))}."
            )
        policy = dispatch.Policy(on_unknown=on_unknown, deadline=self.network.deadline)
        ledger: Ledger = yield Work(open_ledger)
        return (
            yield from dispatch.send(
                self.vendor, operation, messages, origin=origin, ledger=ledger, policy=policy
            )
        )

    def _send(
        self, operation: str, messages: Sequence[Message], key: str | None, on_unknown: OnUnknown
    ) -> Generator[Step, Any, list[Receipt]]:
        shown = {"kind": "hook"}
        origin = Origin.fresh(shown) if key is None else named(key, shown)
        return (yield from self.send(operation, messages, origin=origin, on_unknown=on_unknown))

    # --- operations -----------------------------------------------------------------------------------

    def _send_sms(
        self,
        to: Recipients,
        text: str,
        *,
        sender: str | None = None,
        content_type: Literal[0, 1, 2] | None = None,
        sms_lang: Literal[0, 1, 2] | None = None,
        send_at: datetime | None = None,
        reject_link: bool | None = None,
        reserve_suffix: bool = True,
        key: str | None = None,
        on_unknown: OnUnknown = "fail",
    ) -> Generator[Step, Any, list[Receipt]]:
        """Send one text to one or more numbers; see :class:`~airflow_provider.engine.messages.Sms`."""
        sms = Sms(
            to=numbers(to),
            text=text,
            sender=sender,
            content_type=content_type,
            sms_lang=sms_lang,
            send_at=send_at,
            reject_link=reject_link,
            reserve_suffix=reserve_suffix,
        )
        return self._send("send_sms", [sms], key, on_unknown)

    def _send_otp(
        self,
        to: str,
        *,
        digits: int = 6,
        language: Literal[0, 1, 2] = 1,
        text: str | None = None,
        sender: str | None = None,
        key: str | None = None,
        on_unknown: OnUnknown = "fail",
    ) -> Generator[Step, Any, list[Receipt]]:
        """Have the vendor send a one-time code; ``receipts[0].code`` holds it, this once.

        See :class:`~airflow_provider.engine.messages.Otp`.
        """
        otp = Otp(to=numbers(to), digits=digits, language=language, text=text, sender=sender)
        return self._send("send_otp", [otp], key, on_unknown)

    def _send_email(
        self,
        to: Recipients,
        subject: str,
        *,
        text: str | None = None,
        html: str | None = None,
        sender: str | None = None,
        cc: Recipients = (),
        bcc: Recipients = (),
        reply_to: Recipients = (),
        key: str | None = None,
        on_unknown: OnUnknown = "fail",
    ) -> Generator[Step, Any, list[Receipt]]:
        """Send one e-mail; see :class:`~airflow_provider.engine.messages.Email`."""
        email = Email(
            to=addresses(to),
            subject=subject,
            text=text,
            html=html,
            sender=sender,
            cc=addresses(cc),
            bcc=addresses(bcc),
            reply_to=addresses(reply_to),
        )
        return self._send("send_email", [email], key, on_unknown)

    def _send_whatsapp(
        self,
        to: Recipients,
        text: str,
        *,
        attachment: Attachment | None = None,
        device: str | None = None,
        speed: int | None = None,
        key: str | None = None,
        on_unknown: OnUnknown = "fail",
    ) -> Generator[Step, Any, list[Receipt]]:
        """Send one text to one or more WhatsApp accounts.

        See :class:`~airflow_provider.engine.messages.WhatsApp`.
        """
        message = WhatsApp(to=numbers(to), text=text, attachment=attachment, device=device, speed=speed)
        return self._send("send_whatsapp", [message], key, on_unknown)

    def _send_whatsapp_each(
        self,
        texts: Sequence[tuple[str, str]],
        *,
        attachment: Attachment | None = None,
        device: str | None = None,
        speed: int | None = None,
        key: str | None = None,
        on_unknown: OnUnknown = "fail",
    ) -> Generator[Step, Any, list[Receipt]]:
        """Send each of several (recipient, text) pairs, many in one request."""
        messages = [
            WhatsApp(to=numbers(to), text=text, attachment=attachment, device=device, speed=speed)
            for to, text in texts
        ]
        return self._send("send_whatsapp_each", messages, key, on_unknown)

    def _verify(self) -> Generator[Step, Any, Identity]:
        """Ask whom the vendor takes us for."""
        return self._ask("verify")

    def _delivery(self, message_id: str) -> Generator[Step, Any, Delivery]:
        """Ask what became of a message."""
        return self._ask("delivery", message_id)

    def _balance(self) -> Generator[Step, Any, Balance]:
        """Ask what is left."""
        return self._ask("balance")

    def _sender_ids(self) -> Generator[Step, Any, tuple[SenderId, ...]]:
        """List the account's senders."""
        return self._ask("sender_ids")

    def _list_messages(self, *, page: int = 1, limit: int = 50) -> Generator[Step, Any, MessagePage]:
        """List sent messages, newest first."""
        return self._ask("list_messages", page=page, limit=limit)

    def _login_phone(self, phone_number: str) -> Generator[Step, Any, Pairing]:
        """Begin to link a WhatsApp account by a code that is typed on its phone."""
        (number,) = numbers(phone_number)
        return self._ask("login_phone", number)

    def _login_qr(self) -> Generator[Step, Any, Pairing]:
        """Begin to link a WhatsApp account by a QR."""
        return self._ask("login_qr")

    def _check_login(self, device: str) -> Generator[Step, Any, Link]:
        """Wait up to 30 seconds for a first link."""
        return self._ask("check_login", device)

    def _check_active(self, device: str | None = None) -> Generator[Step, Any, Link]:
        """Ask whether a device (the connection's when None) is still linked."""
        return self._ask("check_active", self.device(device))

    def _devices(self) -> Generator[Step, Any, tuple[Device, ...]]:
        """List the linked devices."""
        return self._ask("devices")

    def _profile_picture(self, device: str | None = None) -> Generator[Step, Any, ProfilePicture]:
        """Ask where a device's profile picture is."""
        return self._ask("profile_picture", self.device(device))

    def _logout(self, device: str | None = None) -> Generator[Step, Any, None]:
        """Unlink a device."""
        return self._ask("logout", self.device(device))

    def device(self, device: str | None = None) -> str:
        """Return the device asked for, or else the connection's.

        Raises:
            ConfigurationError: Neither is given.
        """
        chosen = device or self.account.options.get("reg_id")
        if not chosen:
            raise ConfigurationError(
                f"No device is given, and connection {self.conn_id!r} has none.",
                advice='Pass device=..., or set "reg_id" in the connection\'s extra.',
            )
        return str(chosen)

    send_sms = now(_send_sms)
    send_otp = now(_send_otp)
    send_email = now(_send_email)
    send_whatsapp = now(_send_whatsapp)
    send_whatsapp_each = now(_send_whatsapp_each)
    verify = now(_verify)
    delivery = now(_delivery)
    balance = now(_balance)
    sender_ids = now(_sender_ids)
    list_messages = now(_list_messages)
    login_phone = now(_login_phone)
    login_qr = now(_login_qr)
    check_login = now(_check_login)
    check_active = now(_check_active)
    devices = now(_devices)
    profile_picture = now(_profile_picture)
    logout = now(_logout)

    asend_sms = later(_send_sms)
    asend_otp = later(_send_otp)
    asend_email = later(_send_email)
    asend_whatsapp = later(_send_whatsapp)
    asend_whatsapp_each = later(_send_whatsapp_each)
    averify = later(_verify)
    adelivery = later(_delivery)
    abalance = later(_balance)
    asender_ids = later(_sender_ids)
    alist_messages = later(_list_messages)
    alogin_phone = later(_login_phone)
    alogin_qr = later(_login_qr)
    acheck_login = later(_check_login)
    acheck_active = later(_check_active)
    adevices = later(_devices)
    aprofile_picture = later(_profile_picture)
    alogout = later(_logout)

    # --- Airflow's "Test" button ----------------------------------------------------------------------

    def test_connection(self) -> tuple[bool, str]:
        """Ask the vendor something that changes nothing, and say what came of it."""
        try:
            return self.run(self._test())
        except MessagingError as error:
            return False, str(error)

    def _test(self) -> Generator[Step, Any, tuple[bool, str]]:
        title = VENDORS[self.vendor.key].title
        able = [
            name for name in ("verify", "balance", "devices") if callable(getattr(self.vendor, name, None))
        ]
        if not able:
            return False, f"{title} cannot be tested without a send: its API has nothing to ask."
        try:
            answer = yield from self._ask(able[0])
        except UnsupportedOperation as error:
            # BaslikliSMS: what can be asked depends on the contract.
            return False, f"{title} cannot be tested without a send: {error.sentence}"
        match answer:
            case Identity(note=str(note)):
                return False, f"{title}: {note}"
            case Identity(name=name, account_id=account_id):
                return True, f"{title} knows this account as {name or account_id}."
            case Balance(credits=credits, money=money, currency=currency):
                left = [f"{credits} credits"] if credits is not None else []
                left += [f"{money} {currency}"] if money is not None else []
                return True, f"{title} answers; balance: {', '.join(left) or 'not told'}."
            case _:
                return True, f"{title} answers; {len(answer)} device(s) linked."
