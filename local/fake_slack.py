"""A Slack on this machine: a real HTTPS server that takes what Slack documents that it takes, and fails when it is told to.

Incoming webhooks (`/services/…`), `chat.postMessage` (`/api/…`) and the response URLs of buttons (`/actions/…`), with
Block Kit's limits as https://docs.slack.dev/reference/block-kit states them. It keeps what it was sent, so a test can see
what people would see; `press` gives the request that Slack sends when somebody presses a button.
"""

from __future__ import annotations

import base64
import json
import ssl
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode
from urllib.request import install_opener

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from local.block_kit import mistake
from nodewarden.slack.signature import sign

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

HOST = "127.0.0.1"
CHANNEL = "C012AB3CD"
TOKEN = "xoxb-012345678901-example"  # noqa: S105 of this Slack
SIGNING_SECRET = "0123456789abcdef0123456789abcdef"  # noqa: S105
BOT = {"bot_token": TOKEN, "channel": CHANNEL, "signing_secret": SIGNING_SECRET}
WEBHOOK_PATH = "/services/T012AB3CD/B012AB3CD/example"
MOST_RESPONSES = 5  # that a response URL takes

type Payload = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is answered instead of the truth; `heard` where the message is taken all the same, and only its answer is lost.

    `raw` where it is answered by what stands before Slack, a proxy for example: then the Web API says no JSON either.
    """

    status: int = 0  # 0 for no answer at all
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    heard: bool = False
    slow: bool = False
    raw: bool = False


BUSY = Fault(status=429, body="ratelimited", headers={"Retry-After": "1"})
BROKEN = Fault(status=500, body="rollup_error")
SILENT = Fault(slow=True)
LOST = Fault(heard=True)
NO_BLOCKS = Fault(status=400, body="invalid_blocks")


@dataclass(slots=True, kw_only=True)
class Message:
    """A message that people see; `whispers` are what only one of them sees below it."""

    text: str
    blocks: list[Payload]
    responses: int = 0
    whispers: list[str] = field(default_factory=list)

    @property
    def words(self) -> str:
        """All that can be read, buttons too."""
        return json.dumps([self.text, self.blocks], ensure_ascii=False)

    @property
    def buttons(self) -> dict[str, Payload]:
        """The buttons, by their action."""
        rows = [block["elements"] for block in self.blocks if block["type"] == "actions"]
        return {button["action_id"]: button for row in rows for button in row}


class Slack:
    """A workspace with one channel, one app and one webhook. Serves while it is entered."""

    def __init__(self, folder: Path) -> None:
        """Make the certificate in `folder`; whoever trusts it (SSL_CERT_FILE) can connect."""
        self.certificate = folder / "slack.pem"
        _write_certificate(self.certificate)
        self.messages: list[Message] = []
        self.requests: list[tuple[str, int]] = []
        self.payloads: list[Payload] = []
        self.faults: deque[Fault] = deque()
        self.tokens = {TOKEN}
        self.webhooks = {WEBHOOK_PATH}
        self.closing = Event()
        self._turn = Lock()

    def __enter__(self) -> Self:
        """Begin to serve; what this process fetches from now on, it fetches with the certificates of SSL_CERT_FILE."""
        install_opener(None)  # urllib keeps what it trusted at first
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        self._server = _Server((HOST, 0), _handler_of(self))
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Serve no more."""
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def address(self) -> str:
        """Host and port."""
        return f"{HOST}:{self._server.server_address[1]}"

    @property
    def webhook_url(self) -> str:
        """The URL of the webhook."""
        return f"https://{self.address}{WEBHOOK_PATH}"

    @property
    def bot(self) -> dict[str, str]:
        """The secret for posting as a bot, with buttons."""
        api = f"https://{self.address}/api/"
        return {**BOT, "api_url": api}

    def fail(self, *faults: Fault) -> None:
        """Let the next requests come to this, one each."""
        self.faults.extend(faults)

    def press(self, button: str, user: str, message: int = -1, *, name: str = "alice") -> Payload:
        """Give the event of the function URL for a press of a button, signed now."""
        pressed = self.messages[message]
        payload = {
            "type": "block_actions",
            "user": {"id": user, "username": name, "team_id": "T012AB3CD"},
            "response_url": f"https://{self.address}/actions/{message % len(self.messages)}",
            "message": {"type": "message", "blocks": pressed.blocks, "text": pressed.text},
            "actions": [{**pressed.buttons[button], "type": "button", "action_ts": str(time.time_ns())}],
        }
        return request(urlencode({"payload": json.dumps(payload)}).encode())

    def answer(self, path: str, token: str, payload: Payload) -> tuple[int, str]:
        """Take a request, and give the status and the body that Slack would."""
        if path.startswith("/api/"):
            return self._called(path, token, payload)
        if path.startswith("/actions/"):
            return self._responded(self.messages[int(path.rpartition("/")[2])], payload)
        if path not in self.webhooks:
            return 404, "no_service"
        wrong = mistake(payload)
        return (400, wrong) if wrong else self._show(payload)

    def taken(self, path: str, token: str, payload: Payload) -> tuple[int, str, dict[str, str]] | None:
        """Answer a request or fail it as told; None for no answer."""
        with self._turn:
            fault = self.faults.popleft() if self.faults else None
            status, body, headers = 0, "", {}
            if fault is None or fault.heard:
                status, body = self.answer(path, token, payload)
            if fault is not None:
                status, body, headers = fault.status, fault.body, fault.headers
                if path.startswith("/api/") and 0 < status < 500 and not fault.raw:  # noqa: PLR2004 the Web API says most errors with 200
                    status, body = (status if status == 429 else 200), json.dumps({"ok": False, "error": body})  # noqa: PLR2004
            self.requests.append((path, status))
            self.payloads.append(payload)
        if fault is not None and fault.slow:
            self.closing.wait(60)
        return (status, body, headers) if status else None

    def _called(self, path: str, token: str, payload: Payload) -> tuple[int, str]:
        error = self._refusal(path, token, payload)
        if error:
            return 200, json.dumps({"ok": False, "error": error})
        self._show(payload)
        return 200, json.dumps({"ok": True, "channel": CHANNEL, "ts": str(len(self.messages))})

    def _refusal(self, path: str, token: str, payload: Payload) -> str:
        if path != "/api/chat.postMessage":
            return "unknown_method"
        if token not in {f"Bearer {known}" for known in self.tokens}:
            return "invalid_auth"
        return "channel_not_found" if payload.get("channel") != CHANNEL else mistake(payload)

    def _responded(self, message: Message, payload: Payload) -> tuple[int, str]:
        """Take what is sent to a response URL: a message's replacement, or something for one person's eyes."""
        message.responses += 1
        if message.responses > MOST_RESPONSES:
            return 404, "used_url"
        if wrong := mistake(payload):
            return 400, wrong
        if payload.get("replace_original"):
            message.text, message.blocks = payload["text"], payload.get("blocks", [])
        else:
            message.whispers.append(payload["text"])
        return 200, "ok"

    def _show(self, payload: Payload) -> tuple[int, str]:
        self.messages.append(Message(text=payload["text"], blocks=payload.get("blocks", [])))
        return 200, "ok"


def request(body: bytes, *, secret: str = SIGNING_SECRET, at: datetime | None = None) -> Payload:
    """Give a function URL's event with a body that Slack signs (payload format 2.0); a form comes as base64."""
    timestamp = str(int((at or datetime.now(UTC)).timestamp()))
    return {
        "version": "2.0",
        "rawPath": "/",
        "headers": {
            "content-type": "application/x-www-form-urlencoded",
            "x-slack-request-timestamp": timestamp,
            "x-slack-signature": sign(body, timestamp, secret),
        },
        "requestContext": {"http": {"method": "POST", "path": "/", "sourceIp": "192.0.2.10"}},
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients hang up, as they are meant to in some tests."""


def _handler_of(slack: Slack) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_POST(self) -> None:
            payload = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = slack.taken(self.path, self.headers.get("Authorization", ""), payload)
            if answer is None:
                self.close_connection = True
                return
            status, text, headers = answer
            body = text.encode("utf-8", "surrogateescape")
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            """Nobody has anything to get here: whoever does has followed a redirect."""
            slack.requests.append((self.path, 200))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: Any) -> None:
            """Keep quiet."""

    return Handler


def _write_certificate(file: Path) -> None:
    """Write a key and the certificate that it signs for itself, for an hour."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Slack on this machine")])
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
