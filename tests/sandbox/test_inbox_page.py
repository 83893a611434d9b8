"""The inbox page, as a person meets it: in Chromium, over a sandbox that is sent to by plain HTTP."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from airflow_provider.engine.segments import Encoding, measure
from airflow_provider.sandbox.changes import OVERFLOW
from airflow_provider.sandbox.server import SandboxServer

PHONE = "905321234567"
WHATSAPP = "/vatansms/api/whatsapp/v1"
WHATSAPP_KEYS = {"client-id": "sandbox-client", "client-secret": "sandbox-vatansms-secret"}
LINKED = "2953401050"
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",  # the suite may run as root, where Chromium's own sandbox refuses to start
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LARGEST_PICTURE = 300_000
SHOP_MAIL = """\
<!doctype html>
<html><body style="margin:0;background:#f2efe8;font-family:Georgia,serif">
<div style="max-width:520px;margin:26px auto;background:#fff;border-radius:14px;overflow:hidden">
  <div style="background:#7b2d26;color:#fff;padding:22px 30px;font-size:24px">Çınaraltı Kitabevi</div>
  <div style="padding:24px 30px;color:#2b2622;font-size:16px;line-height:1.6">
    <p style="margin-top:0">Merhaba Ayşe Hanım,</p>
    <p><b>48213</b> numaralı siparişiniz bugün yola çıktı. Perşembe günü kapınızda olacak. 📦</p>
    <table style="width:100%;border-collapse:collapse;font-size:15px">
      <tr><td style="padding:7px 0;border-bottom:1px solid #e6dfd3">Tutunamayanlar, Oğuz Atay</td>
          <td align="right" style="border-bottom:1px solid #e6dfd3">189,90 TL</td></tr>
      <tr><td style="padding:7px 0;border-bottom:1px solid #e6dfd3">Çalıkuşu, Reşat Nuri Güntekin</td>
          <td align="right" style="border-bottom:1px solid #e6dfd3">124,50 TL</td></tr>
      <tr><td style="padding:7px 0"><b>Toplam</b></td><td align="right"><b>314,40 TL</b></td></tr>
    </table>
    <p style="text-align:center;margin:24px 0 4px"><a href="https://ornek.com/kargo/48213"
      style="background:#7b2d26;color:#fff;text-decoration:none;padding:12px 26px;border-radius:8px;
      display:inline-block">Kargomu takip et</a></p>
  </div>
  <div style="padding:14px 30px;background:#faf7f1;color:#857a6c;font-size:13px">İstiklal Caddesi 42, İstanbul</div>
</div></body></html>
"""


class Vendors:
    """Sends to the stand-ins as their customers do."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def turkeysms(self, text: str, to: str = PHONE) -> None:
        fields = {
            "title": "ULAK",
            "text": text,
            "sentto": to,
            "sms_lang": 1,
            "response_type": "json",
            "report": 1,
        }
        answer = self.client.post(
            "/turkeysms/api/v3/gonder/add-content", json={"api_key": "sandbox-turkeysms-key", **fields}
        )
        assert answer.json()["result_code"] == "TS-1024", answer.text

    def otp(self, to: str = PHONE) -> None:
        fields = {"mobile": to, "digits": 6, "lang": 1, "response_type": "json", "report": 1}
        self._sent(
            "/turkeysms/api/v3/otp_post/add-content", json={"api_key": "sandbox-turkeysms-key", **fields}
        )

    def basliklisms(self, text: str, *to: str) -> None:
        self._sent(
            "/basliklisms/v3/messages",
            headers={"Authorization": "Bearer sandbox-basliklisms-key"},
            json={"recipients": list(to or [PHONE]), "message": text, "title": "ULAK"},
        )

    def bulutfon(self, text: str, to: str = PHONE) -> None:
        self._sent(
            "/bulutfon/messages.json",
            params={"access_token": "sandbox-bulutfon-token"},
            data={"title": "ULAK", "receivers": to, "content": text},
        )

    def mail(self, to: str, subject: str, **fields: object) -> None:
        keys = {"apiKey": "nk_sandbox", "programKey": "ulak-sandbox"}
        self._sent(
            "/argepanel/api/send",
            json={**keys, "type": "email", "emails": [to], "subject": subject, **fields},
        )

    def whatsapp(self, text: str, to: str = f"+{PHONE}", file: tuple[str, bytes, str] | None = None) -> None:
        fields = {"reg_id": LINKED, "to": to, "message": text, "send_speed": "1"}
        body = {"json": fields} if file is None else {"data": fields, "files": {"attachment": file}}
        self._sent(f"{WHATSAPP}/messages/send", headers=WHATSAPP_KEYS, **body)

    def whatsapp_login(self, phone: str | None = None) -> str:
        way, fields = ("qr", {}) if phone is None else ("phone", {"phone": phone})
        answer = self._sent(f"{WHATSAPP}/login/{way}", headers=WHATSAPP_KEYS, json=fields)
        return answer.json()["data"]["regId"]

    def account(self, vendor: str, **settings: object) -> None:
        assert self.client.put(f"/_sandbox/accounts/{vendor}", json=settings).status_code == 200

    def fault(self, **fault: object) -> None:
        assert self.client.put("/_sandbox/faults", json=fault).status_code == 200

    def _sent(self, path: str, **request: object) -> httpx.Response:
        answer = self.client.post(path, **request)
        assert answer.status_code == 200, answer.text
        return answer


@dataclass
class Inbox:
    """The page in a browser, and what it complained of."""

    page: Page
    server: SandboxServer
    complaints: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    """Requests to any origin but the sandbox's own."""

    def open(self, address: str = "") -> None:
        self.page.goto(f"{self.server.url}/{address}")
        expect(self.page.get_by_text("Live", exact=True)).to_be_visible()

    def phone(self, name: str) -> Locator:
        return self.page.locator("#phones a", has_text=name)

    def message(self, text: str) -> Locator:
        return self.page.locator("li.message", has_text=text)

    def no_wider_than_the_screen(self) -> None:
        sticking_out = self.page.evaluate(
            """() => [...document.querySelectorAll('body *')]
                .filter((element) => element.checkVisibility() && !element.closest('.aside, .skip'))
                .filter((element) => element.getBoundingClientRect().right > innerWidth + 0.5)
                .map((element) => element.outerHTML.slice(0, 120))"""
        )
        assert sticking_out == []
        assert self.page.evaluate("document.documentElement.scrollWidth") <= self.page.viewport_size["width"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium with a profile of its own; without one on this machine these tests have nothing to look through."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sentence = "Chromium is not installed, so nobody has looked at the inbox page (Debian: apt install chromium)."
        if os.environ.get("CI") == "true":
            pytest.fail(sentence)
        pytest.skip(sentence)
    expect.set_options(timeout=20_000)  # what must come comes at once, unless the machine is busy
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        yield server


@pytest.fixture
def vendors(server: SandboxServer) -> Iterator[Vendors]:
    with httpx.Client(base_url=server.url, trust_env=False, timeout=10) as client:
        yield Vendors(client)


@pytest.fixture
def inbox(browser: Browser, server: SandboxServer) -> Iterator[Inbox]:
    """The page, not yet opened; at the end it must not have complained, nor asked anyone but its sandbox."""
    with browser.new_context(
        viewport={"width": 1360, "height": 860},
        timezone_id="Europe/Istanbul",
        permissions=["clipboard-read", "clipboard-write"],
    ) as context:
        page = context.new_page()
        inbox = Inbox(page, server)
        page.on(
            "console",
            lambda said: inbox.complaints.append(said.text) if said.type in {"error", "warning"} else None,
        )
        page.on("pageerror", lambda error: inbox.complaints.append(str(error)))
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((f"{server.url}/", "about:", "data:"))
                else inbox.strangers.append(request.url)
            ),
        )
        yield inbox
        assert inbox.complaints == []
        assert inbox.strangers == []


@pytest.fixture
def stranger() -> Iterator[tuple[str, list[str]]]:
    """A host that a mail might point at, with the list of all who so much as connected to it."""
    met: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def meet() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                met.append("somebody connected")
                connection.close()

        thread = threading.Thread(target=meet, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", met
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def test_the_page_may_run_only_its_own_files(server: SandboxServer):
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        page = client.get("/")
        named = re.findall(r'(?:src|href)="(/inbox/[^"]+)"', page.text)
        answers = {name: client.get(name) for name in named}
        assert client.get("/inbox/__init__.py").status_code == 404
        assert client.get("/inbox/..%2f..%2fserver.py").status_code == 404
    policy = dict(rule.split(" ", 1) for rule in page.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'self'"
    assert "script-src" not in policy
    assert policy["frame-src"] == policy["frame-ancestors"] == policy["form-action"] == "'none'"
    assert re.findall(r"<script(?![^>]* src=)|<style|\son\w+=|\sstyle=", page.text) == []
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(named, 200)
    assert answers["/inbox/inbox.js"].headers["content-type"] == "text/javascript; charset=utf-8"


@pytest.mark.browser
def test_the_first_visitor_is_told_what_to_do(inbox: Inbox, vendors: Vendors):
    inbox.open()
    expect(inbox.page.get_by_role("heading", name="No messages yet")).to_be_visible()
    commands = inbox.page.locator(".command code")
    expect(commands.first).to_have_text(f'eval "$(ulak sandbox env --port {inbox.server.port})"')

    # The shell reads the line as it stands, with a curl that only tells what it was given.
    line = f'curl() {{ printf "%s\\0" "$@"; }}\n{commands.last.inner_text()}'
    told = subprocess.run(["sh", "-c", line], capture_output=True, check=True, text=True).stdout
    url, *arguments = told.removesuffix("\0").split("\0")
    options = dict(zip(arguments[::2], arguments[1::2], strict=True))
    name, _, value = options["-H"].partition(": ")
    answer = vendors.client.post(url, headers={name: value}, content=options["-d"].encode())
    assert answer.json()["result_code"] == "TS-1024"
    expect(inbox.message("Siparişiniz yola çıktı 📦")).to_be_visible()


@pytest.mark.browser
def test_a_button_sends_the_first_message_and_another_copies_the_command(inbox: Inbox):
    inbox.open()
    inbox.page.get_by_role("button", name="Copy").first.click()
    expect(inbox.page.get_by_role("button", name="Copied")).to_be_visible()
    assert inbox.page.evaluate("navigator.clipboard.readText()").startswith('eval "$(ulak sandbox env')
    inbox.page.get_by_role("button", name="Send it now").click()
    expect(inbox.message("Siparişiniz yola çıktı 📦")).to_be_visible()
    expect(inbox.phone("+90 532 123 45 67")).to_be_visible()


@pytest.mark.browser
def test_messages_of_every_channel_and_vendor_appear_by_themselves(inbox: Inbox, vendors: Vendors):
    inbox.open()
    vendors.turkeysms("Siparişiniz alındı")
    expect(inbox.message("Siparişiniz alındı")).to_contain_text("ULAK via TurkeySMS")
    vendors.basliklisms("Kargoya verildi")
    expect(inbox.message("Kargoya verildi")).to_contain_text("ULAK via BaslikliSMS")
    vendors.bulutfon("Bugün kapınızda")
    expect(inbox.message("Bugün kapınızda")).to_contain_text("ULAK via Bulutfon")
    vendors.whatsapp("Kuryeniz yolda 🛵", file=("Şubeler.pdf", b"%PDF" + b"x" * 5000, "application/pdf"))
    expect(inbox.message("Kuryeniz yolda 🛵")).to_contain_text("+90 555 000 00 00 via VatanSMS")
    expect(inbox.message("Kuryeniz yolda 🛵").locator(".file")).to_contain_text("Şubeler.pdf")

    row = inbox.phone("+90 532 123 45 67")
    expect(row).to_contain_text("Kuryeniz yolda 🛵")
    expect(row.get_by_role("img", name="SMS")).to_be_visible()
    expect(row.get_by_role("img", name="WhatsApp")).to_be_visible()

    vendors.mail("ayse@ornek.com", "Hoş geldiniz", message="Hesabınız açıldı.")
    mail = inbox.phone("ayse@ornek.com")
    expect(mail.locator(".count")).to_contain_text("1")
    mail.click()
    expect(inbox.message("Hoş geldiniz")).to_contain_text("Hesabınız açıldı.")
    expect(mail.locator(".count")).to_have_count(0)
    vendors.turkeysms("Teslim edildi")
    expect(row.locator(".count")).to_contain_text("1")
    expect(inbox.page).to_have_title("(1) Ulak sandbox")


@pytest.mark.browser
def test_what_was_read_stays_read_after_a_reload(inbox: Inbox, vendors: Vendors):
    vendors.turkeysms("Birinci", to="905061234567")
    vendors.turkeysms("İkinci", to="905427778899")
    vendors.turkeysms("Üçüncü")
    inbox.open()
    expect(inbox.message("Üçüncü")).to_be_visible()
    inbox.phone("+90 542").click()
    expect(inbox.message("İkinci")).to_be_visible()
    inbox.page.reload()
    expect(inbox.phone("+90 506").locator(".count")).to_contain_text("1")
    expect(inbox.phone("+90 542").locator(".count")).to_have_count(0)
    expect(inbox.phone("+90 532").locator(".count")).to_have_count(0)


@pytest.mark.browser
@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        (Encoding.GSM7, "a" * 152 + "{b}" + "c" * 160),
        (Encoding.TURKISH_SINGLE, "Sayın yolcumuz, " + "uçuş " * 30),
        (Encoding.TURKISH_LOCKING, "ığşçİŞĞ" * 30 + "€~ biter"),
        (Encoding.UCS2, "a" * 66 + "📦" + "â" * 70),
        (Encoding.GSM7, "a" * 153 + "b" * 151),  # the last segment holds nothing but the operator's code
        (Encoding.TURKISH_SINGLE, "dag\u0306 " + "a" * 200),  # composed before it is cut
    ],
)
def test_a_mark_stands_where_the_next_segment_begins(
    inbox: Inbox, vendors: Vendors, encoding: Encoding, text: str
):
    size = measure(text)
    assert (size.encoding, size.segments > 1) == (encoding, True)
    vendors.basliklisms(text)
    inbox.open()
    parts = inbox.page.locator("li.message .part")
    expect(parts).to_have_count(size.segments)
    assert tuple(parts.evaluate_all("parts => parts.map((part) => part.textContent)")) == size.parts
    marks = [f"Segment {number}" for number in range(2, size.segments + 1)]
    assert inbox.page.locator(".seam").evaluate_all("marks => marks.map((m) => m.ariaLabel)") == marks
    expect(inbox.page.locator(".below .facts")).to_contain_text(f"{size.segments} segments")
    expect(inbox.page.locator(".below .facts")).to_contain_text(f"{size.segments} credits")


@pytest.mark.browser
def test_hostile_texts_are_shown_as_they_are(inbox: Inbox, vendors: Vendors, stranger: tuple[str, list[str]]):
    host, met = stranger
    text = f"<img src={host}/x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    vendors.turkeysms(text)
    vendors.whatsapp(text)
    vendors.mail("kurban@ornek.com", text, message=text)
    inbox.open()
    inbox.phone("+90 532").click()
    expect(inbox.page.locator(".sms .text")).to_have_text(text)
    expect(inbox.page.locator(".whatsapp .text")).to_have_text(text)
    inbox.phone("kurban@ornek.com").click()
    expect(inbox.page.locator(".email .subject")).to_have_text(text)
    expect(inbox.page.locator(".email .plain")).to_have_text(text)
    inbox.page.get_by_role("button", name="Details").click()
    expect(inbox.page.locator(".details .raw").first).to_contain_text("document.title='owned'")
    assert inbox.page.title() == "Ulak sandbox"
    assert met == []


@pytest.mark.browser
def test_a_mails_html_is_shown_but_can_do_nothing(
    inbox: Inbox, vendors: Vendors, stranger: tuple[str, list[str]]
):
    host, met = stranger
    html = f"""
        <head><base href="{host}"><meta http-equiv="refresh" content="0;url={host}/refresh">
        <link rel="preconnect" href="{host}"><link rel="stylesheet" href="{host}/a.css">
        <style>@import url({host}/b.css); @font-face {{font-family: a; src: url({host}/a.woff)}}
        p {{font-family: a; background: url({host}/c.png)}}</style></head>
        <body onload="top.document.title='owned'"><p style="color: rgb(1, 2, 3)">Merhaba Ayşe</p>
        <img src="{host}/pixel.png" onerror="top.document.title='owned'"><iframe src="{host}/frame"></iframe>
        <img src="/turkeysms/api/v3/get/get.php?api_key=sandbox-turkeysms-key">
        <img id="inside" src="data:image/gif;base64,R0lGODlhAQABAIAAAP///wAAACwAAAAAAQABAAACAkQBADs=">
        <video src="{host}/v" poster="{host}/v.png" autoplay></video><object data="{host}/o"></object>
        <div><template shadowrootmode="open"><link rel="preconnect" href="{host}"></template></div>
        <script>top.document.title = 'owned'; fetch('{host}/script')</script>
        <form action="{host}/form"><button>Gönder</button></form>
        <a href="{host}/link">Bağlantı</a> <a href="#inside" target="_top">Aşağı</a></body>"""
    vendors.mail("ayse@ornek.com", "Kampanya", html=html, message="Merhaba, düz yazı")
    inbox.open()
    frame = inbox.page.frame_locator("iframe")
    expect(frame.get_by_text("Merhaba Ayşe")).to_have_css("color", "rgb(1, 2, 3)")
    expect(frame.locator("#inside")).to_have_js_property("naturalWidth", 1)
    expect(inbox.page.get_by_text("are not loaded")).to_be_visible()
    assert inbox.page.locator("iframe").get_attribute("sandbox") == ""
    expect(frame.get_by_role("link", name="Bağlantı")).to_have_attribute("title", f"{host}/link")
    for name in ("Bağlantı", "Aşağı", "Gönder"):
        frame.get_by_text(name).click()
        expect(frame.get_by_text("Merhaba Ayşe")).to_be_visible()

    inbox.page.get_by_role("tab", name="HTML").press("ArrowRight")
    expect(inbox.page.get_by_role("tab", name="Text")).to_be_focused()
    expect(inbox.page.get_by_role("tabpanel")).to_have_text("Merhaba, düz yazı")
    inbox.page.get_by_role("tab", name="Source").click()
    expect(inbox.page.get_by_role("tabpanel")).to_contain_text(f'<link rel="preconnect" href="{host}">')

    assert inbox.page.title() == "Ulak sandbox"
    assert inbox.page.url == f"{inbox.server.url}/#/to/ayse%40ornek.com"
    assert met == []
    assert vendors.client.get("/_sandbox/requests", params={"vendor": "turkeysms"}).json()["count"] == 0
    refusals = re.compile(r"Content Security Policy|sandboxed", re.IGNORECASE)
    assert [said for said in inbox.complaints if not refusals.search(said)] == []
    inbox.complaints.clear()
    inbox.strangers.clear()  # asked for, refused by the browser before it connected to anyone


@pytest.mark.browser
def test_details_tell_the_way_of_a_message_and_the_exchange_that_brought_it(inbox: Inbox, vendors: Vendors):
    vendors.account("turkeysms", deliver_after=0.2)
    inbox.open()
    vendors.turkeysms("Kargonuz yola çıktı, takip no ŞĞİ 4")
    message = inbox.message("Kargonuz yola çıktı")
    expect(message.get_by_role("combobox", name="State")).to_have_value("delivered")
    message.get_by_role("button", name="Details").click()
    details = inbox.page.get_by_role("complementary", name="Message details")
    expect(details.locator(".timeline li strong")).to_have_text(["accepted", "delivered"])
    expect(details.locator(".timeline li").last).to_contain_text("+0.20 s")
    expect(details.locator(".facts-list")).to_contain_text("Turkish single shift")
    request, response = details.locator("details").first, details.locator("details").last
    expect(request).to_contain_text("POST /turkeysms/api/v3/gonder/add-content")
    expect(request.locator("pre")).to_contain_text('"sentto": "905321234567"')
    expect(request.locator("pre")).to_contain_text('"api_key": "[redacted]"')
    expect(response).to_contain_text("HTTP 200")
    expect(response.locator("pre")).to_contain_text('"result_code": "TS-1024"')
    response.locator("summary").click()
    expect(response.locator("pre")).to_be_hidden()
    details.get_by_role("button", name="Close details").click()
    expect(details).to_be_hidden()


@pytest.mark.browser
def test_a_person_moves_a_message_to_another_state(inbox: Inbox, vendors: Vendors):
    vendors.account("turkeysms", deliver_after=None)
    vendors.turkeysms("Merhaba")
    inbox.open()
    state = inbox.message("Merhaba").get_by_role("combobox", name="State")
    expect(state).to_have_value("accepted")
    assert state.locator("option").all_text_contents() == [
        "scheduled", "accepted", "unreachable", "delivered", "failed",
    ]  # fmt: skip
    inbox.message("Merhaba").get_by_role("button", name="Details").click()
    steps = inbox.page.locator(".timeline li strong")
    expect(steps).to_have_text(["accepted"])
    state.select_option("failed")
    expect(steps).to_have_text(["accepted", "failed"])
    assert [each["state"] for each in vendors.client.get("/_sandbox/messages").json()] == ["failed"]


@pytest.mark.browser
def test_the_states_on_offer_are_those_that_each_vendor_has(inbox: Inbox, vendors: Vendors):
    for key in ("turkeysms", "bulutfon"):
        vendors.account(key, deliver_after=None)
    vendors.turkeysms("a")
    vendors.basliklisms("b")
    vendors.bulutfon("c")
    vendors.whatsapp("d")
    vendors.mail("ayse@ornek.com", "e", message="e")
    inbox.open("#/to/%2B905321234567")
    expect(inbox.page.locator("li.message")).to_have_count(4)
    offered = [
        tuple(menu.locator("option").all_text_contents())
        for menu in inbox.page.get_by_role("combobox", name="State").all()
    ]
    inbox.phone("ayse@ornek.com").click()
    expect(inbox.page.locator("li.message")).to_have_count(1)
    offered.append(
        tuple(inbox.page.get_by_role("combobox", name="State").locator("option").all_text_contents())
    )
    known = [
        inbox.server.app.vendors[key].states for key in ("turkeysms", "basliklisms", "bulutfon", "vatansms")
    ]
    assert offered == [*known, inbox.server.app.vendors["argepanel"].states]

    inbox.phone("+90 532").click()
    for text, key in (("a", "turkeysms"), ("c", "bulutfon")):  # as many states, but not the same
        inbox.page.locator("li.message", has=inbox.page.get_by_text(text, exact=True)).get_by_role(
            "button", name="Details"
        ).click()
        menu = inbox.page.locator(".details").get_by_role("combobox", name="State")
        expect(menu.locator("option")).to_have_text(list(inbox.server.app.vendors[key].states))


@pytest.mark.browser
def test_scanning_a_qr_links_the_device(inbox: Inbox, vendors: Vendors):
    vendors.turkeysms("Merhaba")
    inbox.open()
    expect(inbox.page.locator("#devices-entry")).to_contain_text("1 linked")
    reg_id = vendors.whatsapp_login()
    expect(inbox.page.locator(".banner")).to_contain_text("A WhatsApp login shows a QR")
    inbox.page.get_by_role("link", name="Show").click()
    card = inbox.page.locator(".device", has_text=f"Device {reg_id}")
    expect(card.get_by_role("img", name=f"QR of device {reg_id}")).to_have_js_property("complete", value=True)
    assert card.get_by_role("img").evaluate("image => image.naturalWidth") > 100
    expect(card.get_by_role("timer")).to_have_text(re.compile(r"\d+ s left"))
    card.get_by_role("button", name="Scan").click()
    expect(card).to_contain_text("linked")
    expect(inbox.page.locator("#devices-entry")).to_contain_text("2 linked")
    active = vendors.client.post(
        f"{WHATSAPP}/login/check/active", headers=WHATSAPP_KEYS, json={"reg_id": reg_id}
    )
    assert active.json()["is_connect"] is True


@pytest.mark.browser
def test_a_pairing_code_is_entered_from_the_banner_and_late_codes_expire(inbox: Inbox, vendors: Vendors):
    inbox.open("#/devices")
    vendors.whatsapp_login("+905321112233")
    card = inbox.page.locator(".device", has_text="A code for +90 532 111 22 33")
    expect(card.get_by_label("Pairing code")).to_have_text(re.compile(r"[A-Z0-9]{4}-[A-Z0-9]{4}"))
    inbox.page.goto(f"{inbox.server.url}/#/")
    inbox.page.locator(".banner").get_by_role("button", name="Enter the code").click()
    expect(inbox.page.locator(".banner")).to_be_hidden()
    expect(inbox.page.locator("#devices-entry")).to_contain_text("2 linked")

    vendors.account("vatansms", code_lifetime=1)
    late = vendors.whatsapp_login()
    inbox.page.locator("#devices-entry").click()
    inbox.page.get_by_text("Expired and logged out").click()
    expect(inbox.page.locator(".past .device", has_text=late)).to_contain_text("Nobody scanned in time")


@pytest.mark.browser
def test_search_finds_numbers_and_turkish_texts_however_they_are_typed(inbox: Inbox, vendors: Vendors):
    vendors.turkeysms("Siparişiniz İSTANBUL'dan çıktı")
    vendors.basliklisms("Randevunuz yarın 10:30", "905427778899")
    vendors.mail("isil@ornek.com", "Ekstreniz hazır", message="Toplam borç 4.318,75 TL")
    inbox.open()
    expect(inbox.page.locator("#phones li")).to_have_count(3)
    inbox.page.keyboard.press("/")
    search = inbox.page.get_by_role("searchbox")
    expect(search).to_be_focused()
    for query, found in {
        "siparis": "+90 532 123 45 67",
        "istanbul": "+90 532 123 45 67",
        "cikti": "+90 532 123 45 67",
        "0542 777": "+90 542 777 88 99",
        "+90 542 777 88 99": "+90 542 777 88 99",
        "basliklisms": "+90 542 777 88 99",
        "ekstre": "isil@ornek.com",
        "BORÇ": "isil@ornek.com",
        "e-mail": "isil@ornek.com",
    }.items():
        search.fill(query)
        expect(inbox.page.locator("#phones li strong")).to_have_text([found])
    search.fill("yok böyle bir şey")
    expect(inbox.page.get_by_text("Nothing fits “yok böyle bir şey”.")).to_be_visible()
    search.fill("randevu")
    inbox.phone("+90 542").click()
    expect(inbox.page.locator("li.message.found")).to_contain_text("Randevunuz")


@pytest.mark.browser
def test_everything_is_within_reach_of_the_keyboard(inbox: Inbox, vendors: Vendors):
    vendors.turkeysms("Birinci")
    vendors.turkeysms("İkinci", to="905427778899")
    inbox.open()
    expect(inbox.page.locator("#phones li")).to_have_count(2)
    keyboard = inbox.page.keyboard
    keyboard.press("/")
    for _ in range(3):
        keyboard.press("ArrowDown")
    expect(inbox.phone("+90 532")).to_be_focused()
    keyboard.press("Enter")
    expect(inbox.message("Birinci")).to_be_visible()
    keyboard.press("Tab")
    while inbox.page.evaluate("document.activeElement.getAttribute('aria-label')") != "State":
        keyboard.press("Tab")
        assert inbox.page.evaluate("document.activeElement !== document.body"), "Tab left the page"
    keyboard.press("f")
    expect(inbox.message("Birinci").get_by_role("combobox")).to_have_value("failed")
    keyboard.press("Tab")
    keyboard.press("Enter")
    expect(inbox.page.locator(".details h2")).to_be_focused()
    keyboard.press("Escape")
    expect(inbox.page.locator(".details")).to_be_hidden()
    expect(inbox.message("Birinci").get_by_role("button", name="Details")).to_be_focused()


@pytest.mark.browser
def test_balances_and_faults_stand_at_the_foot(inbox: Inbox, vendors: Vendors):
    inbox.open()
    bar = inbox.page.locator("#bar")
    expect(bar).to_contain_text("TurkeySMS1,000,000")
    expect(bar).to_contain_text("No faults")
    vendors.turkeysms("a" * 200)
    expect(bar).to_contain_text("TurkeySMS999,998")
    vendors.fault(vendor="bulutfon", operation="send_sms", mode="http_502", times=3)
    expect(bar).to_contain_text("Bulutfon send_sms: http_502 3 to go")
    with pytest.raises(AssertionError, match="502 Bad Gateway"):
        vendors.bulutfon("Kayıp")  # refused: no message comes that would tell of it
    expect(bar).to_contain_text("Bulutfon send_sms: http_502 2 to go")
    vendors.fault(vendor="turkeysms", mode="accept_then_drop", times=1)
    with pytest.raises(httpx.HTTPError):
        vendors.turkeysms("Cevapsız")
    inbox.message("Cevapsız").get_by_role("button", name="Details").click()
    expect(inbox.page.locator(".details")).to_contain_text("The fault accept_then_drop hit this request.")
    expect(inbox.page.locator(".details")).to_contain_text("The client got no answer to read.")
    expect(bar).not_to_contain_text("accept_then_drop")
    bar.get_by_role("button", name="Clear").click()
    expect(bar).to_contain_text("No faults")


@pytest.mark.browser
def test_a_reset_asks_first(inbox: Inbox, vendors: Vendors):
    vendors.turkeysms("Merhaba")
    inbox.open()
    expect(inbox.message("Merhaba")).to_be_visible()
    inbox.page.get_by_role("button", name="Reset").click()
    dialog = inbox.page.get_by_role("dialog", name="Reset the sandbox?")
    dialog.get_by_role("button", name="Keep everything").click()
    expect(dialog).to_be_hidden()
    expect(inbox.message("Merhaba")).to_be_visible()
    inbox.page.get_by_role("button", name="Reset").click()
    dialog.get_by_role("button", name="Reset").click()
    expect(inbox.page.get_by_role("heading", name="No messages yet")).to_be_visible()

    vendors.turkeysms("Uzun " * 50)
    expect(inbox.message("Uzun")).to_contain_text("2 segments")
    assert vendors.client.post("/_sandbox/reset").status_code == 204
    vendors.bulutfon("Yeniden")  # takes the id that the long one had, before the page has seen that one go
    expect(inbox.message("Yeniden")).to_contain_text("via Bulutfon")
    expect(inbox.message("Yeniden")).to_contain_text("1 segment1 credit")
    expect(inbox.page.locator("li.message")).to_have_count(1)
    for subject in ("Eski", "Yeni"):
        assert vendors.client.post("/_sandbox/reset").status_code == 204
        vendors.mail("ayse@ornek.com", subject, message=f"{subject} metin")
        expect(inbox.message(f"{subject} metin")).to_contain_text(f"{subject}From")


@pytest.mark.browser
def test_a_lost_sandbox_is_told_of_and_found_again(inbox: Inbox, vendors: Vendors):
    vendors.turkeysms("Merhaba")
    inbox.open()
    expect(inbox.message("Merhaba")).to_be_visible()
    inbox.server.stop()
    expect(inbox.page.get_by_text("Disconnected, trying again")).to_be_visible()
    inbox.message("Merhaba").get_by_role("combobox").select_option("failed")
    expect(inbox.page.get_by_role("alert")).to_have_text(
        "The sandbox cannot be reached. Is it still running?"
    )
    with SandboxServer(port=inbox.server.port):
        expect(inbox.page.get_by_text("Live", exact=True)).to_be_visible()
        expect(inbox.page.get_by_role("heading", name="No messages yet")).to_be_visible()
    assert all("net::ERR_" in said for said in inbox.complaints)
    inbox.complaints.clear()


@pytest.mark.browser
def test_of_thousands_of_messages_the_newest_are_shown_and_the_rest_on_demand(inbox: Inbox, vendors: Vendors):
    for start in range(0, 1200, 100):
        vendors.basliklisms(f"Toplu {start}", *(f"90542{number:07}" for number in range(start, start + 100)))
    inbox.open()
    older = inbox.page.get_by_role("button", name="Load older ones")
    expect(older).to_have_text("Showing the newest 1,000 messages. Load older ones")
    expect(inbox.page.locator("#phones li")).to_have_count(300)
    expect(inbox.page.get_by_text("These are the 300 latest of 1,000 recipients.")).to_be_visible()
    for _ in range(3):
        vendors.basliklisms("Sıradan", *[PHONE] * 100)
    inbox.phone("+90 532").click()
    expect(inbox.page.locator(".conversation .head")).to_contain_text("300 messages")
    expect(inbox.page.locator("li.message")).to_have_count(200)
    inbox.page.get_by_role("button", name="Showing the newest 200. Show 100 earlier").click()
    expect(inbox.page.locator("li.message")).to_have_count(300)
    for _ in range(10):
        vendors.basliklisms("Öteki", *["905427778899"] * 100)
    expect(inbox.page.get_by_text("Older than the messages that are loaded")).to_be_visible()
    expect(inbox.page.locator("li.message")).to_have_count(300)  # what is being read stays
    older.click()
    expect(inbox.page.locator(".conversation .head")).to_contain_text("300 messages")
    older.click()
    expect(older).to_be_hidden()
    inbox.page.get_by_role("searchbox").fill("0542 000 00 00")
    expect(inbox.page.locator("#phones li strong")).to_have_text(["+90 542 000 00 00"])


@pytest.mark.browser
def test_a_burst_of_messages_ends_with_the_truth_on_the_page(inbox: Inbox, vendors: Vendors):
    vendors.account("turkeysms", deliver_after=0.1)
    inbox.open()
    for number in range(60):
        vendors.turkeysms(f"Mesaj {number}")
    expect(inbox.page.locator("li.message")).to_have_count(60)
    expect(inbox.page.locator("li.message .state[data-state=delivered]")).to_have_count(60)
    texts = inbox.page.locator("li.message .text").all_text_contents()
    assert texts == [f"Mesaj {number}" for number in range(60)]
    expect(inbox.message("Mesaj 59")).to_be_in_viewport()


@pytest.mark.browser
def test_what_no_event_had_room_for_is_asked_for_and_what_is_there_stays(inbox: Inbox, vendors: Vendors):
    vendors.turkeysms("Birinci")
    inbox.open()
    button = inbox.message("Birinci").get_by_role("button", name="Details")
    button.focus()
    inbox.server.store.on_change = lambda _: None
    vendors.turkeysms("Duyulmadı")
    inbox.server.app.changes.tell(OVERFLOW)
    expect(inbox.message("Duyulmadı")).to_be_visible()
    expect(inbox.message("Birinci")).to_contain_text("1 segment")
    expect(button).to_be_focused()
    expect(inbox.page.locator("#bar")).to_contain_text("TurkeySMS999,998")


def realistic(vendors: Vendors) -> None:
    """A morning of a bookshop."""
    vendors.bulutfon("Su faturanız kesildi: 214,60 TL. Son ödeme 05.12.2026.", "905355551020")
    vendors.basliklisms(
        "Randevunuz 24.11.2026 10:30, Dr. Işıl Öztürk. İptal: 0212 555 00 00.", "905427778899"
    )
    vendors.account("bulutfon", final_state="failed")
    vendors.bulutfon("Kargonuz şubede bekliyor, 3 gün içinde teslim alınız.", "905061234567")
    vendors.turkeysms("Your order 48213 has left Istanbul.", "4915123456789")
    vendors.mail("mehmet.kaya@ornek.com", "Kasım ayı ekstreniz hazır", message="Toplam borç: 4.318,75 TL.")
    vendors.whatsapp(
        "Merhaba Zeynep, masanız hazır 🎉\n\nBu akşam 20.00, 4 kişi, cam kenarı.", "+905559876543"
    )
    menu = ("Akşam menüsü.pdf", b"%PDF" + b"x" * 184_000, "application/pdf")
    vendors.whatsapp("Menümüz ektedir. Afiyet olsun!", "+905559876543", file=menu)
    vendors.mail("ayse.yilmaz@ornek.com", "Hoş geldiniz, Ayşe Hanım", message="Hesabınız açıldı.")
    vendors.mail(
        "ayse.yilmaz@ornek.com",
        "Siparişiniz yola çıktı 📦",
        html=SHOP_MAIL,
        message="Merhaba Ayşe Hanım, 48213 numaralı siparişiniz yola çıktı.",
        ccs=["depo@ornek.com"],
        replyTo=["destek@ornek.com"],
    )
    vendors.otp()
    vendors.turkeysms("Siparişiniz alındı. Sipariş no: 48213. Teşekkür ederiz.")
    vendors.turkeysms(
        "Sayın Ayşe Yılmaz, 48213 numaralı siparişiniz Çınaraltı Kitabevi deposundan yola çıktı. Kurye Oğuz Bey "
        "perşembe günü 14.00 ile 18.00 arasında Şişli, Güneş Sokak 7 adresine uğrayacak. Evde yoksanız komşunuz "
        "Işıl Hanıma bırakılmasını isteyebilir veya yeni bir gün seçebilirsiniz: https://ornek.com/kargo/48213"
    )
    vendors.whatsapp("Kuryeniz 10 dakika uzakta 🛵")
    vendors.account("turkeysms", deliver_after=None)
    vendors.turkeysms(
        "Kargonuz teslim edildi 🎁 Keyifli okumalar! Yorumunuzu bekliyoruz, ilk yorumda 50 TL indirim."
    )
    vendors.fault(vendor="bulutfon", operation="send_sms", mode="http_502", times=3)


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_sticks_out_on_a_phone(inbox: Inbox, vendors: Vendors, scheme: str):
    inbox.page.set_viewport_size({"width": 390, "height": 844})
    inbox.page.emulate_media(color_scheme=scheme)
    inbox.open()
    expect(inbox.page.get_by_role("heading", name="No messages yet")).to_be_visible()
    inbox.no_wider_than_the_screen()
    realistic(vendors)
    vendors.turkeysms("uzunkelime" * 40)
    expect(inbox.phone("+90 532")).to_be_visible()
    inbox.no_wider_than_the_screen()
    inbox.phone("+90 532").click()
    expect(inbox.message("uzunkelime")).to_be_visible()
    expect(inbox.page.locator("nav")).to_be_hidden()
    inbox.no_wider_than_the_screen()
    inbox.message("uzunkelime").get_by_role("button", name="Details").click()
    expect(inbox.page.locator(".details pre").first).to_be_visible()
    inbox.no_wider_than_the_screen()
    inbox.page.go_back()
    expect(inbox.page.locator(".details")).to_be_hidden()
    inbox.page.get_by_role("link", name="Back to all recipients").click()
    inbox.phone("ayse.yilmaz@ornek.com").click()
    expect(inbox.page.frame_locator("iframe").get_by_text("Kargomu takip et")).to_be_visible()
    inbox.no_wider_than_the_screen()
    vendors.whatsapp_login()
    vendors.whatsapp_login("+905321112233")
    expect(inbox.page.locator(".banner")).to_contain_text("2 logins in all")
    inbox.no_wider_than_the_screen()
    inbox.page.get_by_role("link", name="Show").click()
    expect(inbox.page.get_by_role("img", name="QR of device")).to_be_visible()
    inbox.no_wider_than_the_screen()


@pytest.mark.browser
def test_pictures_of_the_inbox(inbox: Inbox, vendors: Vendors, tmp_path: Path):
    """Makes the pictures under docs/, if asked to: `INBOX_PICTURES=docs pytest tests/sandbox -k pictures`."""
    folder = Path(os.environ.get("INBOX_PICTURES") or tmp_path)
    realistic(vendors)
    inbox.page.set_viewport_size({"width": 1360, "height": 900})
    inbox.open("#/to/%2B905321234567")
    expect(inbox.page.locator(".state[data-state=delivered]")).to_have_count(4)
    long = inbox.message("Sayın Ayşe Yılmaz")
    long.get_by_role("button", name="Details").click()
    expect(inbox.page.locator(".timeline li")).to_have_count(2)
    expect(inbox.page.locator(".facts span").filter(has_text="segment")).to_have_count(4)
    inbox.page.screenshot(path=folder / "inbox.png")

    inbox.page.emulate_media(color_scheme="dark")
    inbox.phone("ayse.yilmaz@ornek.com").click()
    expect(inbox.page.frame_locator("iframe").get_by_text("Kargomu takip et")).to_be_visible()
    inbox.page.screenshot(path=folder / "inbox-mail.png")

    inbox.page.emulate_media(color_scheme="light")
    vendors.whatsapp_login("+905321112233")
    vendors.whatsapp_login()
    inbox.page.locator("#devices-entry").click()
    code = inbox.page.get_by_role("img", name="QR of device")
    expect(code).to_have_js_property("complete", value=True)
    inbox.page.screenshot(path=folder / "inbox-whatsapp.png")
    for picture in ("inbox.png", "inbox-mail.png", "inbox-whatsapp.png"):
        assert 10_000 < (folder / picture).stat().st_size < LARGEST_PICTURE
