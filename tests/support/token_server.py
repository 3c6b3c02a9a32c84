"""A fake token server (OAuth2 client credentials)."""

import asyncio
import base64
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from support.serving import serving
from support.stub import answer

CLIENT = "the-client"
CLIENT_SECRET = "the secret of the client/+&"


@dataclass
class TokenServer:
    """A started token server; its tokens are `token-1`, `token-2` and so on."""

    lifetime: int = 3600
    raw: bytes | None = None
    """Its raw answer; None to issue tokens."""
    drips: bool = False
    """Whether it sends its answer byte by byte, without end."""
    port: int = 0
    tls: ssl.SSLContext | None = None
    heads: list[str] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)
    """The forms received, with the caller's credentials (`client`, `secret`) and how they were sent (`by`)."""
    open: threading.Event = field(default_factory=threading.Event)
    """While cleared, answers are held back."""

    @property
    def url(self) -> str:
        """The URL at which tokens are fetched."""
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}/oauth/token"

    @property
    def given(self) -> dict[str, Any]:
        """The settings of a client of this server."""
        return {"token_url": self.url, "client_id": CLIENT, "client_secret": CLIENT_SECRET}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
            body = await reader.readexactly(int(headers["content-length"]))
            self.heads.append(head)
            self.forms.append(_form(head, body))
            await asyncio.to_thread(self.open.wait, 30)
            writer.write(self._answer())
            while self.drips and not writer.is_closing():
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.05)
            await writer.drain()
        except (asyncio.IncompleteReadError, OSError, asyncio.CancelledError):
            pass  # the client has closed, or the test is over
        finally:
            writer.close()

    def _answer(self) -> bytes:
        if self.raw is not None:
            return self.raw
        if self.drips:
            return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 60000\r\n\r\n"
        form = self.forms[-1]
        if (form["client"], form["secret"]) != (CLIENT, CLIENT_SECRET):
            return answer(b'{"error": "invalid_client"}', status=401)
        token = {"access_token": f"token-{len(self.forms)}", "token_type": "Bearer", "expires_in": self.lifetime}
        return answer(json.dumps(token).encode())


def _form(head: str, body: bytes) -> dict[str, str]:
    form = dict(parse_qsl(body.decode()))
    for line in head.split("\r\n"):
        if line.lower().startswith("authorization: basic "):
            client, _, secret = base64.b64decode(line.split(" ")[2]).decode().partition(":")
            return form | {"client": unquote_plus(client), "secret": unquote_plus(secret), "by": "basic"}
    return form | {"client": form.pop("client_id", ""), "secret": form.pop("client_secret", ""), "by": "post"}


@contextmanager
def token_server(*, tls: ssl.SSLContext | None = None) -> Iterator[TokenServer]:
    """Start a token server until the end of the block."""
    started = TokenServer(tls=tls)
    started.open.set()
    with serving(started.serve, tls=tls) as started.port:
        try:
            yield started
        finally:
            started.open.set()
