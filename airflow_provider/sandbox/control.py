"""The control plane under `/_sandbox`: what was taken, what goes wrong, who is linked, and who is told."""

from __future__ import annotations

import io
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

import segno
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from airflow_provider.sandbox.callbacks import Target, is_loopback
from airflow_provider.sandbox.devices import CannotScan, Device
from airflow_provider.sandbox.faults import Fault
from airflow_provider.sandbox.inbox import detail, summary
from airflow_provider.sandbox.store import Message, iso
from airflow_provider.sandbox.wire import StandIn

if TYPE_CHECKING:
    from airflow_provider.sandbox.app import SandboxApp

Endpoint = Callable[[Request], Awaitable[Response]]
KEEP_ALIVE = 10.0


def routes(app: SandboxApp) -> list[BaseRoute]:
    """Return the control plane of one sandbox."""
    plane = ControlPlane(app)
    table: list[tuple[str, str, Endpoint]] = [
        ("GET", "/messages", plane.messages),
        ("GET", "/messages/{id}", plane.message),
        ("POST", "/messages/{id}/state", plane.set_state),
        ("POST", "/reset", plane.reset),
        ("GET", "/faults", plane.faults),
        ("PUT", "/faults", plane.set_faults),
        ("DELETE", "/faults", plane.clear_faults),
        ("GET", "/devices", plane.devices),
        ("POST", "/whatsapp/{reg_id}/scan", plane.scan),
        ("GET", "/whatsapp/{reg_id}/qr.svg", plane.qr),
        ("PUT", "/callbacks", plane.set_callback),
        ("GET", "/accounts", plane.accounts),
        ("PUT", "/accounts/{vendor}", plane.set_account),
        ("GET", "/requests", plane.requests),
        ("GET", "/events", plane.events),
    ]
    return [
        Route(f"/_sandbox{path}", _plainly(endpoint), methods=[method]) for method, path, endpoint in table
    ]


class ControlPlane:
    """The endpoints; errors are `{"error": sentence}`, and a sentence about a wrong word lists the right ones."""

    def __init__(self, app: SandboxApp) -> None:
        self._app = app

    async def messages(self, request: Request) -> Response:
        """List messages, oldest first; `vendor`, `to` and `limit` (the newest so many) narrow the list."""
        vendor, to, limit = (request.query_params.get(name) for name in ("vendor", "to", "limit"))
        if vendor is not None:
            self._vendor(vendor)
        if to is not None:
            to = to.strip()  # an unescaped + arrives as a space
            to = f"+{to}" if to[:1].isdigit() and "@" not in to else to
        found = self._app.store.messages(vendor=vendor, to=to)
        if limit is not None:
            found = found[-_whole(limit, "limit") :]
        now = self._app.store.clock()
        return JSONResponse([summary(message, now) for message in found])

    async def message(self, request: Request) -> Response:
        """Show one message with everything that belongs to it."""
        message = self._message(request)
        secrets = self._app.vendors[message.vendor].account.secrets()
        return JSONResponse(detail(message, self._app.store.clock(), secrets))

    async def set_state(self, request: Request) -> Response:
        """Move a message to another state by hand, with the callback that belongs to it."""
        message = self._message(request)
        state = _field(await _body(request), "state")
        states = self._app.vendors[message.vendor].states
        if state not in states:
            _refuse(f"{message.vendor} has no state {state!r}; choose one of {_listed(states)}.")
        self._app.store.set_state(message, state)
        return JSONResponse(summary(message, self._app.store.clock()))

    async def reset(self, _: Request) -> Response:
        """Put everything back to how it was at the start."""
        self._app.reset()
        return Response(status_code=204)

    async def faults(self, _: Request) -> Response:
        """List the faults, with how often each has hit."""
        return JSONResponse([fault.model_dump(mode="json") for fault in self._app.faults.all()])

    async def set_faults(self, request: Request) -> Response:
        """Set one fault, or with a list all of them."""
        asked = await _body(request, of=(dict, list))
        if isinstance(asked, list):
            self._app.faults.replace([self._fault(each) for each in asked])
        else:
            self._app.faults.set(self._fault(asked))
        self._app.changes.tell({"kind": "faults"})
        return await self.faults(request)

    async def clear_faults(self, _: Request) -> Response:
        """Let nothing go wrong."""
        self._app.faults.replace(())
        self._app.changes.tell({"kind": "faults"})
        return Response(status_code=204)

    async def devices(self, _: Request) -> Response:
        """List all WhatsApp devices, those that are not linked included."""
        return JSONResponse([self._device(device) for device in self._app.vatansms.devices.all()])

    async def scan(self, request: Request) -> Response:
        """Scan a device's QR, or type its code in; `number` says whose phone does so."""
        reg_id, number = request.path_params["reg_id"], None
        if await request.body():
            number = _field(await _body(request), "number")
        try:
            device = self._app.vatansms.devices.scan(reg_id, number=number)
        except KeyError:
            raise HTTPException(404, f"There is no device {reg_id}.") from None
        except CannotScan as exc:
            raise HTTPException(409, str(exc)) from exc
        self._app.changes.tell({"kind": "device", "vendor": "vatansms", "id": reg_id})
        return JSONResponse(self._device(device))

    async def qr(self, request: Request) -> Response:
        """Draw the QR that a device waits to have scanned."""
        reg_id = request.path_params["reg_id"]
        device = self._app.vatansms.devices.get(reg_id)
        if device is None or device.kind != "qr" or device.state(self._app.store.clock()) != "waiting":
            raise HTTPException(404, f"Device {reg_id} shows no QR now.")
        image = io.BytesIO()
        segno.make_qr(device.code).save(image, kind="svg", scale=4)
        return Response(image.getvalue(), media_type="image/svg+xml", headers={"Cache-Control": "no-store"})

    async def set_callback(self, request: Request) -> Response:
        """Tell a vendor where to call back; a null `url` ends it."""
        asked = await _body(request)
        vendor = self._vendor(_field(asked, "vendor"))
        if not vendor.has_callbacks:
            able = [each.key for each in self._app.vendors.values() if each.has_callbacks]
            _refuse(f"{vendor.key} does not call back; choose one of {_listed(able)}.")
        unknown = set(asked) - {"vendor", "url", "headers"}
        if unknown:
            _refuse(f"Unknown: {_listed(unknown)}; a callback has vendor, url and headers.")
        headers = asked.get("headers") or {}
        if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
            _refuse("headers is to be an object whose values are strings.")
        target = None if asked.get("url") is None else Target(self._url(_field(asked, "url")), headers)
        self._app.callbacks.set(vendor.key, target)
        return Response(status_code=204)

    async def accounts(self, _: Request) -> Response:
        """Show every account without its credentials, with its vendor's title and states."""
        return JSONResponse({key: _account(vendor) for key, vendor in self._app.vendors.items()})

    async def set_account(self, request: Request) -> Response:
        """Change some settings of one account; the others stay."""
        vendor = self._vendor(request.path_params["vendor"])
        try:
            vendor.change_account(await _body(request))
        except ValidationError as exc:
            _refuse(
                f"{_first(exc)} The settings of {vendor.key} are {_listed(type(vendor.account).model_fields)}."
            )
        self._app.changes.tell({"kind": "account", "vendor": vendor.key})
        return JSONResponse(_account(vendor))

    async def requests(self, request: Request) -> Response:
        """Count the requests that came, and list the last of them; `vendor` and `operation` narrow it."""
        vendor, operation = (request.query_params.get(name) for name in ("vendor", "operation"))
        if vendor is not None:
            self._vendor(vendor)
        arrivals = self._app.arrivals
        listed = [
            {**asdict(arrival), "at": iso(arrival.at)}
            for arrival in list(arrivals.latest)
            if vendor in {None, arrival.vendor} and operation in {None, arrival.operation}
        ]
        return JSONResponse({"count": arrivals.count(vendor, operation), "requests": listed})

    async def events(self, _: Request) -> Response:
        """Stream a `changed` event for every change, until the sandbox closes."""
        return StreamingResponse(
            self._stream(), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
        )

    async def _stream(self) -> AsyncIterator[str]:
        with self._app.changes.listener() as listener:
            yield ": listening\n\n"
            async for change in listener.changes(KEEP_ALIVE):
                yield (
                    ": still here\n\n"
                    if change is None
                    else f"event: changed\ndata: {json.dumps(change)}\n\n"
                )

    def _vendor(self, key: str) -> StandIn:
        vendor = self._app.vendors.get(key)
        if vendor is None:
            _refuse(f"There is no vendor {key!r}; choose one of {_listed(self._app.vendors)}.")
        return vendor

    def _message(self, request: Request) -> Message:
        message = self._app.store.get(request.path_params["id"])
        if message is None:
            raise HTTPException(404, f"There is no message {request.path_params['id']}.")
        return message

    def _fault(self, asked: object) -> Fault:
        try:
            fault = Fault.model_validate(asked)
        except ValidationError as exc:
            _refuse(_first(exc))
        vendors = list(self._app.vendors.values()) if fault.vendor == "*" else [self._vendor(fault.vendor)]
        operations = dict.fromkeys(operation for vendor in vendors for operation in vendor.operations)
        if fault.operation != "*" and fault.operation not in operations:
            _refuse(
                f"{fault.vendor} has no operation {fault.operation!r}; choose * or one of {_listed(operations)}."
            )
        return fault

    def _device(self, device: Device) -> dict[str, object]:
        now = self._app.store.clock()
        state = device.state(now)
        return {
            "reg_id": device.reg_id,
            "state": state,
            "kind": device.kind,
            # The code to type in; what the QR holds is shown as its picture alone.
            "code": device.code if device.kind == "phone" and state == "waiting" else None,
            "number": device.number,
            "user_name": device.user_name,
            "platform": device.platform,
            "created_at": iso(device.created_at),
            "expires_at": iso(device.expires_at) if state in {"waiting", "expired"} else None,
            "linked_at": None if device.linked_at is None else iso(device.linked_at),
        }

    def _url(self, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            _refuse("url is to be an http or https URL.")
        if self._app.loopback_only and not is_loopback(parts.hostname):
            _refuse("url is to name this machine (127.0.0.1 or localhost); this sandbox calls nobody else.")
        return url


def _account(vendor: StandIn) -> dict[str, object]:
    return {"title": vendor.title, "states": vendor.states, **vendor.settings()}


def _plainly(endpoint: Endpoint) -> Endpoint:
    """Turn an HTTPException into `{"error": sentence}`."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except HTTPException as exc:
            return JSONResponse({"error": exc.detail}, exc.status_code)

    return answer


def _refuse(sentence: str) -> NoReturn:
    raise HTTPException(422, sentence)


async def _body(request: Request, of: tuple[type, ...] = (dict,)) -> Any:
    try:
        payload = json.loads(await request.body())
    except ValueError:
        _refuse("The body is not JSON.")
    if not isinstance(payload, of):
        _refuse("The body is to be a JSON object.")
    return payload


def _field(payload: dict[str, Any], name: str) -> str:
    value = payload.get(name)
    if not isinstance(value, str) or not value:
        _refuse(f"{name} is missing, or no text.")
    return value


def _whole(text: str, name: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,8}", text):
        _refuse(f"{name} is to be a whole number from 1.")
    return int(text)


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in first['loc']) or 'The body'}: {first['msg']}."


def _listed(words: Iterable[str]) -> str:
    return ", ".join(sorted(words))
