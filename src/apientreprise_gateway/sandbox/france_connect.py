"""FranceConnect, as the sandbox plays it: test access tokens of the fictive persons, and what it says of them.

Its keys are made when they are first needed, and so is the key of the gateway that asks: a gateway beside the sandbox
fetches it, as nothing here is secret.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, Final
from urllib.parse import parse_qs

import orjson
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jwt import PyJWS
from jwt.algorithms import ECAlgorithm

from apientreprise_gateway.net.asgi import Receive, Scope, Send
from apientreprise_gateway.providers.product import Product
from apientreprise_gateway.sandbox.exchange import JSON, AsgiPage, Sleep, send_head
from apientreprise_gateway.sandbox.faults import TIMEOUT_SECONDS
from apientreprise_gateway.sandbox.particulier.persons import PERSONS
from apientreprise_gateway.sandbox.particulier.specials import BY_NAME

INTROSPECTION: Final = "/france_connect/introspection"
KEYS: Final = "/france_connect/jwks"
GATEWAY_KEY: Final = "/france_connect/cle.pem"
TOKENS: Final = "/france_connect/jetons"
CLIENT: Final = ("bac-a-sable", "secret-du-bac-a-sable")
"""Client id and client secret of the gateway that asks."""
PREFIX: Final = "fc-"
"""What test access tokens begin with; the key of a person follows, or the name of a special one."""
SCOPES_FROM: Final = "~"
"""What separates a token from the scopes that it has in place of all, and these from each other."""
_SERVICE: Final = "service-du-bac-a-sable"
_LIFETIME: Final = 60
_KID: Final = "bac-a-sable"
_SIGNED: Final = "ES256"
_LONGEST_FORM: Final = 16 * 1024
_PERSONS: Final = {person.key: person for person in PERSONS}
_NAMED: Final = {**_PERSONS, **{f"nom-{special.person.key}": special.person for special in BY_NAME.values()}}
"""Whom tokens stand for: the fictive persons, and those whose name stands for an error."""
_ORDINARY: Final = PERSONS[0]

SPECIALS: Final[Mapping[str, str]] = {
    "inactif": "n'est plus en vigueur : 401 `50002`",
    "expire": "a expiré : 401 `50002`",
    "malforme": "est mal formé, dit FranceConnect (400) : 401 `50001`",
    "incomplet": "ne donne pas le lieu de naissance : 401 `50003`",
    "sans-droit": "n'a aucun droit sur les données : 403 `00100`",
    "secret-refuse": "FranceConnect refuse le secret de la passerelle : 502 `51006`",
    "indisponible": "FranceConnect répond 503 : 502 `51001`",
    "lent": "FranceConnect ne répond pas à temps : 504 `51002`",
    "illisible": "FranceConnect répond une page qui n'est pas chiffrée : 502 `51999`",
    "autre-cle": "FranceConnect chiffre pour une autre clé que celle de la passerelle : 502 `51999`",
    "autre-signature": "la signature n'est pas celle de la clé annoncée : 502 `51999`",
    "cle-inconnue": "la clé de la signature n'est pas publiée : 502 `51999`",
    "enorme": "FranceConnect répond plus que ce qui est lu : 502 `51999`",
}
"""The test access tokens that have a fault, without their prefix, and what comes of each."""


class FranceConnect:
    """Answers introspections of test access tokens."""

    def __init__(self, products: tuple[Product, ...], *, sleep: Sleep, now: Callable[[], float] = time.time) -> None:
        """Make no key yet.

        Args:
            products: the products whose scopes the tokens have.
            sleep: waits a number of seconds.
            now: Unix time in seconds.
        """
        self._scopes = sorted({scope for product in products for scope in _scopes_of(product)})
        self._sleep = sleep
        self._now = now

    @property
    def pages(self) -> Mapping[bytes, AsgiPage]:
        """What answers at which path."""
        return {
            INTROSPECTION.encode(): self._introspect,
            KEYS.encode(): _shown(lambda: self.jwks),
            GATEWAY_KEY.encode(): _shown(lambda: self.gateway_pem, "application/x-pem-file"),
            TOKENS.encode(): _shown(lambda: orjson.dumps(self._listing())),
        }

    @property
    def tokens(self) -> Mapping[str, str]:
        """The test access token of each person, by the person's name."""
        return {f"{' '.join(person.first_names)} {person.birth_name}": PREFIX + key for key, person in _PERSONS.items()}

    @cached_property
    def _gateway_key(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(65537, 2048)

    @cached_property
    def _signing_key(self) -> ec.EllipticCurvePrivateKey:
        return ec.generate_private_key(ec.SECP256R1())

    @property
    def gateway_pem(self) -> bytes:
        """The private key of the gateway that asks, as GATEWAY_FRANCE_CONNECT_KEY names it."""
        return self._gateway_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def jwks(self) -> bytes:
        """The key that signs the answers."""
        public = ECAlgorithm.to_jwk(self._signing_key.public_key(), as_dict=True)
        return orjson.dumps({"keys": [{**public, "kid": _KID, "use": "sig", "alg": _SIGNED}]})

    def _listing(self) -> dict[str, Any]:
        return {
            "jetons": [
                {"jeton": PREFIX + key, "personne": " ".join((*person.first_names, person.birth_name)), "cle": key}
                for key, person in _PERSONS.items()
            ],
            "jetons_speciaux": [{"jeton": PREFIX + name, "description": text} for name, text in SPECIALS.items()],
            "droits": self._scopes,
        }

    async def _introspect(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            await _send(send, 405, _error("invalid_request"), headers={"allow": "POST"})
            return
        given = parse_qs((await _body_of(receive)).decode("latin-1"))
        client = tuple(given.get(name, [""])[-1] for name in ("client_id", "client_secret"))
        token = given.get("token", [""])[-1]
        name, *scopes = token.removeprefix(PREFIX).split(SCOPES_FROM)
        if client != CLIENT or name == "secret-refuse":
            await _send(send, 401, _error("invalid_client"))
        elif not token or name == "malforme":
            await _send(send, 400, _error("invalid_request"))
        elif name == "indisponible":
            await _send(send, 503, b"")
        else:
            if name == "lent":
                await self._sleep(TIMEOUT_SECONDS)
            await _send(send, 200, self._answer(name, scopes), "application/token-introspection+jwt")

    def _answer(self, name: str, scopes: list[str]) -> bytes:
        """The body of an answer."""
        match name:
            case "illisible":
                return b"<!DOCTYPE html><title>Erreur</title>"
            case "enorme":
                return b"e" * 1024 * 1024
            case "autre-cle":
                return _encrypted(self._signed(name, scopes), rsa.generate_private_key(65537, 2048))
        return _encrypted(self._signed(name, scopes), self._gateway_key)

    def _signed(self, name: str, scopes: list[str]) -> str:
        key, kid = self._signing_key, _KID
        if name in ("autre-signature", "cle-inconnue"):
            key = ec.generate_private_key(ec.SECP256R1())
            kid = "inconnue" if name == "cle-inconnue" else _KID
        content = {
            "iss": "https://france-connect.exemple.test/api/v2",
            "aud": CLIENT[0],
            "iat": int(self._now()),
            "token_introspection": self._said(name, scopes),
        }
        headers = {"kid": kid, "typ": "token-introspection+jwt"}
        return PyJWS().encode(orjson.dumps(content), key, algorithm=_SIGNED, headers=headers)

    def _said(self, name: str, scopes: list[str]) -> dict[str, Any]:
        """What is said of a token."""
        now = int(self._now())
        if name == "inactif" or (name not in _NAMED and name not in SPECIALS):
            return {"active": False}
        claims = _NAMED.get(name, _ORDINARY).pivot()
        if name == "incomplet":
            del claims["birthplace"]
        opened = [] if name == "sans-droit" else scopes or self._scopes
        return {
            "active": True,
            "aud": _SERVICE,
            "iat": now - _LIFETIME,
            "exp": now - 1 if name == "expire" else now + _LIFETIME,
            "acr": "eidas1",
            "scope": " ".join(("openid", "identite_pivot", *opened)),
            **claims,
        }


def _scopes_of(product: Product) -> Iterable[str]:
    """The scopes of the operations that take access tokens."""
    for endpoint in product.endpoints:
        if endpoint.person is not None and endpoint.person.france_connect:
            yield from endpoint.scopes


def _encrypted(text: str, key: rsa.RSAPrivateKey) -> bytes:
    # Imported only here: it takes long, and few runs of a sandbox need it.
    from joserfc import jwe  # noqa: PLC0415
    from joserfc.jwk import RSAKey  # noqa: PLC0415

    public = RSAKey.import_key(key.public_key())
    algorithms = ["RSA-OAEP", "A256GCM"]
    header = {"alg": algorithms[0], "enc": algorithms[1], "cty": "JWT"}
    return jwe.encrypt_compact(header, text, public, algorithms=algorithms).encode("ascii")


def _shown(content: Callable[[], bytes], kind: str = JSON) -> AsgiPage:
    """A page that shows something."""

    async def page(scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["method"] in {"GET", "HEAD"}:
            await _send(send, 200, content(), kind)
        else:
            await _send(send, 405, _error("invalid_request"), headers={"allow": "GET, HEAD"})

    return page


def _error(word: str) -> bytes:
    return orjson.dumps({"error": word})


async def _body_of(receive: Receive) -> bytes:
    """The body of a request, up to the longest that is read."""
    body = bytearray()
    while len(body) <= _LONGEST_FORM:
        message = await receive()
        body += message.get("body", b"")
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            break
    return bytes(body[:_LONGEST_FORM])


async def _send(
    send: Send, status: int, body: bytes, kind: str = JSON, *, headers: Mapping[str, str] | None = None
) -> None:
    await send_head(
        send, status, len(body), content_type=kind, headers={"cache-control": "no-store", **(headers or {})}
    )
    await send({"type": "http.response.body", "body": body})
