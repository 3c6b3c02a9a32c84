"""Fetches a token from an OAuth2 token endpoint (RFC 6749, section 3.2), and reads the answer."""

import asyncio
import re
import ssl
from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import quote_plus, urlsplit

import orjson

from apientreprise_gateway import __version__
from apientreprise_gateway.net.content_coding import read_body
from apientreprise_gateway.observability import faults
from apientreprise_gateway.upstream.credentials import basic_value, bearer_line
from apientreprise_gateway.upstream.faults import Fault, words
from apientreprise_gateway.upstream.tls import system_context

FETCH_SECONDS: Final = 5.0
"""Seconds that a fetch may take, by default."""
MAX_ANSWER_BYTES: Final = 64 * 1024
"""Bytes of the largest answer that is read."""
USUAL_SECONDS: Final = 300
"""Lifetime in seconds of a token whose server does not give one."""
MIN_SECONDS: Final = 5
"""Shortest lifetime in seconds; a shorter one is raised to this, as it would mean a fetch for every call."""
MAX_SECONDS: Final = 86_400
"""Longest lifetime in seconds that is used."""
_REFUSALS: Final = frozenset({400, 401, 403})
_BEARER: Final = re.compile(r"\s*bearer[ _-]?(token)?\s*", re.IGNORECASE)
"""The `token_type` of a bearer token, in the spellings that servers use."""
_ERROR: Final = re.compile(r"[a-z_]{1,40}")


class FetchedToken(NamedTuple):
    """A token, ready to be sent."""

    line: bytes
    """The header line that carries it."""
    lifetime: float
    """Seconds for which it may be used."""


class TokenError(Exception):
    """The token endpoint gave no token; the text says why, without a secret."""

    def __init__(self, fault: Fault, reason: str) -> None:
        super().__init__(reason)
        self.fault = fault
        self.reason = reason


class TokenEndpoint:
    """Fetches tokens of one client from one endpoint (client credentials, RFC 6749, section 4.4)."""

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
        """Configure it; nothing is fetched yet.

        Args:
            token_url: URL of the token endpoint.
            client_id: our client id.
            client_secret: our client secret.
            scope: scopes to ask for, separated by blanks.
            audience: audience to ask for, if the server requires one.
            client_auth: whether id and secret go in a header (`basic`) or in the body (`post`).
            tls: TLS context for `https`; one with the system's authorities by default.
            proxy: URL of a proxy, `http://[user:password@]host:port`.
            timeout: seconds that a fetch may take.
        """
        self._url = token_url
        self._tls = tls
        self._proxy = proxy
        self._timeout = timeout
        optional = {"scope": scope, "audience": audience}
        self._form = {"grant_type": "client_credentials"} | {k: v for k, v in optional.items() if v is not None}
        self._headers = {
            "User-Agent": f"apientreprise-gateway/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
        }
        if client_auth == "post":
            self._form |= {"client_id": client_id, "client_secret": client_secret}
        else:
            self._headers["Authorization"] = basic_value(quote_plus(client_id), quote_plus(client_secret))

    @property
    def place(self) -> str:
        """Its URL, without the parts that may be secret."""
        parts = urlsplit(self._url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    async def fetch(self) -> FetchedToken:
        """Fetch a new token.

        Raises:
            TokenError: the endpoint gave none, for whatever reason.
        """
        try:
            async with asyncio.timeout(self._timeout):
                status, body = await self._post()
            return _read(status, body)
        except TimeoutError:
            raise TokenError(Fault.NO_CREDENTIALS, f"no answer within {self._timeout:g} s") from None
        except TokenError:
            raise
        except Exception as error:  # any other failure is reported and retried as well
            raise TokenError(Fault.NO_CREDENTIALS, faults.words(error)) from None

    async def _post(self) -> tuple[int, bytes]:
        """Status and body of the answer."""
        # In a thread, and imported only here: importing httpx and reading the CA certificates are slow.
        client = await asyncio.to_thread(self._client)
        from httpx import HTTPError, InvalidURL  # noqa: PLC0415 - see above

        try:
            async with client, client.stream("POST", self._url, data=self._form) as response:
                body = await read_body(response, MAX_ANSWER_BYTES)
                if body is None and response.is_success:
                    raise TokenError(Fault.NO_CREDENTIALS, "its answer is too long")
                return response.status_code, body or b""
        except (HTTPError, InvalidURL) as error:
            raise TokenError(Fault.NO_CREDENTIALS, f"{type(error).__name__}: {error}") from None
        except OSError as error:
            raise TokenError(Fault.NO_CREDENTIALS, words(error)) from None

    def _client(self) -> Any:
        import httpx  # noqa: PLC0415 - see `_post`

        return httpx.AsyncClient(
            verify=self._tls or system_context(),
            proxy=self._proxy,
            headers=self._headers,
            timeout=self._timeout,
            trust_env=False,
        )


def _read(status: int, body: bytes) -> FetchedToken:
    """The token in an answer."""
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        content = None
    given: Mapping[str, Any] = content if isinstance(content, dict) else {}
    if not 200 <= status < 300:
        error = given.get("error")
        code = f" ({error})" if isinstance(error, str) and _ERROR.fullmatch(error) else ""
        fault = Fault.CREDENTIALS if status in _REFUSALS else Fault.NO_CREDENTIALS
        raise TokenError(fault, f"it answered {status}{code}")
    token, kind = given.get("access_token"), given.get("token_type") or "bearer"
    if not isinstance(token, str) or not isinstance(kind, str) or not _BEARER.fullmatch(kind):
        raise TokenError(Fault.NO_CREDENTIALS, "its answer is not a bearer token")
    try:
        return FetchedToken(bearer_line(token), _lifetime(given.get("expires_in")))
    except ValueError:
        raise TokenError(Fault.NO_CREDENTIALS, "its token cannot be sent in a header") from None


def _lifetime(told: object) -> float:
    """The lifetime of a token in seconds, by the `expires_in` of its server."""
    if isinstance(told, str) and told.isdecimal():
        told = int(told)
    if isinstance(told, bool) or not isinstance(told, int | float):
        return USUAL_SECONDS
    return min(max(told, MIN_SECONDS), MAX_SECONDS)
