"""Tokens for calls to a provider, by OAuth2 client credentials (RFC 6749, section 4.4).

One fetch at a time, whatever the number of calls: they share it. A token is replaced while it is still valid, by the
calls of its last stretch, none of which waits; one that nobody uses any more is left to end. While the token server is
out of order no more than one fetch is tried per pause, and the token in force stays in force.
"""

import asyncio
import re
import ssl
from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import quote_plus, urlsplit

import orjson
import structlog

from apientreprise_gateway import __version__
from apientreprise_gateway.net.content_coding import read_body
from apientreprise_gateway.observability import faults
from apientreprise_gateway.upstream.credentials import basic_value, bearer_line
from apientreprise_gateway.upstream.faults import CallError, Fault, words
from apientreprise_gateway.upstream.tls import system_context

FETCH_SECONDS: Final = 5.0
"""How long a fetch may take, unless told otherwise."""
MAX_ANSWER_BYTES: Final = 64 * 1024
"""Largest answer of a token server that is read."""
USUAL_SECONDS: Final = 300
"""Lifetime of a token whose server does not tell it."""
MIN_SECONDS: Final = 5
"""Shortest lifetime that is believed: a shorter one would mean a fetch for every call."""
MAX_SECONDS: Final = 86_400
"""Longest lifetime that is made use of."""
RENEWAL: Final = 0.8
"""The share of its lifetime after which a token is replaced."""
END: Final = 0.95
"""The share of its lifetime after which a token is not sent any more: it may be late at the provider."""
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 60.0
"""Seconds between two fetches, after one that failed; doubled from the first to the longest."""
REFUSAL_PAUSE: Final = 60.0
"""Seconds between two fetches because the provider refuses the token: it may not be the token that it minds."""
_REFUSALS: Final = frozenset({400, 401, 403})
_BEARER: Final = re.compile(r"\s*bearer[ _-]?(token)?\s*", re.IGNORECASE)
"""Of a token's type, as servers spell it."""
_ERROR: Final = re.compile(r"[a-z_]{1,40}")
_log = structlog.get_logger(__name__)


class _Token(NamedTuple):
    line: bytes
    """The header line that carries it."""
    renew_at: float
    ends_at: float
    """In the time of the loop."""


class _FetchError(Exception):
    """No token came."""

    def __init__(self, fault: Fault, why: str) -> None:
        super().__init__(why)
        self.fault = fault
        self.why = why


class ClientCredentials:
    """Tokens that are fetched as they are needed."""

    def __init__(
        self,
        *,
        token_url: str,
        client_id: str,
        client_secret: str,
        scope: str | None = None,
        audience: str | None = None,
        client_auth: Literal["basic", "post"] = "basic",
        tls: ssl.SSLContext | None = None,
        proxy: str | None = None,
        timeout: float = FETCH_SECONDS,
    ) -> None:
        """Fetch nothing yet.

        Args:
            token_url: where tokens are fetched.
            client_id: who we are there.
            client_secret: how we prove it.
            scope: what to ask for, separated by blanks.
            audience: for whom, where the server wants to know.
            client_auth: whether id and secret go in a header (`basic`) or in the body (`post`).
            tls: for `https`; the system's authorities by default.
            proxy: `http://[user:password@]host:port` to go through.
            timeout: seconds that a fetch may take.
        """
        self._url = token_url
        self._form = {"grant_type": "client_credentials"}
        self._headers = {
            "User-Agent": f"apientreprise-gateway/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
        }
        if scope is not None:
            self._form["scope"] = scope
        if audience is not None:
            self._form["audience"] = audience
        if client_auth == "post":
            self._form |= {"client_id": client_id, "client_secret": client_secret}
        else:
            self._headers["Authorization"] = basic_value(quote_plus(client_id), quote_plus(client_secret))
        self._tls = tls
        self._proxy = proxy
        self._timeout = timeout
        self._token: _Token | None = None
        self._fetching: asyncio.Task[None] | None = None
        self._failure: _FetchError | None = None
        """Of the last fetch."""
        self._pause = FIRST_PAUSE
        self._retry_at = 0.0
        self._refusals_until = 0.0

    async def headers(self, deadline: float, *, refused: bytes = b"") -> bytes:
        """See `Credentials.headers`."""
        now = asyncio.get_running_loop().time()
        token = self._token
        if token is None or now >= token.ends_at:
            return await self._fetched(now, deadline)
        if token.line == refused:
            return await self._replaced(token, now, deadline)
        if now >= token.renew_at and now >= self._retry_at:
            self._fetch_once()
        return token.line

    def close(self) -> None:
        """See `Credentials.close`."""
        if self._fetching is not None:
            self._fetching.cancel()

    async def _fetched(self, now: float, deadline: float) -> bytes:
        """A token that is waited for."""
        if self._is_idle and self._failure is not None and now < self._retry_at:
            raise CallError(self._failure.fault, self._failure.why)
        await self._wait(deadline)
        if self._token is None or self._failure is not None:
            raise CallError(*self._outcome())
        return self._token.line

    async def _replaced(self, token: _Token, now: float, deadline: float) -> bytes:
        """Another token than one that the provider refuses; others may use that one until then."""
        if self._is_idle:
            if now < max(self._refusals_until, self._retry_at):
                return token.line
            self._refusals_until = now + REFUSAL_PAUSE
        await self._wait(deadline)
        return token.line if self._token is None else self._token.line

    async def _wait(self, deadline: float) -> None:
        """Wait for the fetch that is under way, or for a new one."""
        try:
            async with asyncio.timeout_at(deadline):
                await asyncio.shield(self._fetch_once())
        except TimeoutError:
            raise CallError(Fault.TIMEOUT, "the token did not come in time") from None

    def _outcome(self) -> tuple[Fault, str]:
        return (Fault.NO_CREDENTIALS, "") if self._failure is None else (self._failure.fault, self._failure.why)

    # Fetches.

    @property
    def _is_idle(self) -> bool:
        return self._fetching is None or self._fetching.done()

    def _fetch_once(self) -> "asyncio.Task[None]":
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.get_running_loop().create_task(self._fetch())
        return self._fetching

    async def _fetch(self) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            async with asyncio.timeout(self._timeout):
                answer = await self._post()
            line, seconds = _read(answer)
        except TimeoutError:
            self._fails(_FetchError(Fault.NO_CREDENTIALS, f"no answer within {self._timeout:g} s"), loop.time())
        except _FetchError as error:
            self._fails(error, loop.time())
        except Exception as error:  # whatever else comes up: it is told, and tried again after a pause
            self._fails(_FetchError(Fault.NO_CREDENTIALS, faults.words(error)), loop.time())
        else:
            if self._failure is not None:
                _log.info("token_fetched", server=_place(self._url))
            self._failure, self._pause = None, FIRST_PAUSE
            self._token = _Token(line, started + RENEWAL * seconds, started + END * seconds)

    def _fails(self, failure: _FetchError, now: float) -> None:
        if self._failure is None:
            _log.error(
                "token_not_fetched",
                server=_place(self._url),
                reason=failure.why,
                effect="the token in force is used until it ends" if self._token else "calls are refused",
            )
        self._failure = failure
        self._retry_at = now + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE)

    async def _post(self) -> tuple[int, bytes]:
        """Status and body of the token server's answer."""
        # Late, and in a thread: the import takes long, and so does reading the certificates of the authorities.
        client = await asyncio.to_thread(self._client)
        from httpx import HTTPError, InvalidURL  # noqa: PLC0415 - see above

        try:
            async with client, client.stream("POST", self._url, data=self._form) as response:
                body = await read_body(response, MAX_ANSWER_BYTES)
                if body is None and response.is_success:
                    raise _FetchError(Fault.NO_CREDENTIALS, "its answer is too long")
                return response.status_code, body or b""
        except (HTTPError, InvalidURL) as error:
            raise _FetchError(Fault.NO_CREDENTIALS, f"{type(error).__name__}: {error}") from None
        except OSError as error:
            raise _FetchError(Fault.NO_CREDENTIALS, words(error)) from None

    def _client(self) -> Any:
        import httpx  # noqa: PLC0415 - see `_post`

        return httpx.AsyncClient(
            verify=self._tls or system_context(),
            proxy=self._proxy,
            headers=self._headers,
            timeout=self._timeout,
            trust_env=False,
        )


def _read(answer: tuple[int, bytes]) -> tuple[bytes, float]:
    """Header line and lifetime in seconds of the token in an answer."""
    status, body = answer
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        content = None
    given: Mapping[str, Any] = content if isinstance(content, dict) else {}
    if not 200 <= status < 300:
        said = given.get("error")
        code = f" ({said})" if isinstance(said, str) and _ERROR.fullmatch(said) else ""
        raise _FetchError(
            Fault.CREDENTIALS if status in _REFUSALS else Fault.NO_CREDENTIALS, f"it answered {status}{code}"
        )
    token, kind = given.get("access_token"), given.get("token_type") or "bearer"
    if not isinstance(token, str) or not isinstance(kind, str) or not _BEARER.fullmatch(kind):
        raise _FetchError(Fault.NO_CREDENTIALS, "its answer is not a bearer token")
    try:
        return bearer_line(token), _lifetime(given.get("expires_in"))
    except ValueError:
        raise _FetchError(Fault.NO_CREDENTIALS, "its token cannot be sent in a header") from None


def _lifetime(told: object) -> float:
    """The seconds for which a token may be used."""
    if isinstance(told, str) and told.isdecimal():
        told = int(told)
    if isinstance(told, bool) or not isinstance(told, int | float):
        return USUAL_SECONDS
    return min(max(told, MIN_SECONDS), MAX_SECONDS)


def _place(url: str) -> str:
    """A URL without what may be secret in it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
