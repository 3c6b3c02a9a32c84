"""An issuer of tokens that publishes its keys, as a portal or an identity provider does."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from support.stub import Stub, always, answer, stub
from support.tokens import claims


@dataclass
class Issuer:
    """Keys by `kid`; what it publishes and what it signs with may differ."""

    private: dict[str, ec.EllipticCurvePrivateKey] = field(default_factory=dict)

    def key(self, kid: str) -> ec.EllipticCurvePrivateKey:
        """The key of that name, made when it is first asked for."""
        return self.private.setdefault(kid, ec.generate_private_key(ec.SECP256R1()))

    def entry(self, kid: str, **changes: Any) -> dict[str, Any]:
        """A public key, as a set lists it."""
        public: dict[str, Any] = json.loads(ECAlgorithm.to_jwk(self.key(kid).public_key()))
        return public | {"kid": kid, "use": "sig"} | changes

    def published(self, *kids: str) -> bytes:
        """The set of these keys."""
        return json.dumps({"keys": [self.entry(kid) for kid in kids]}).encode()

    def token(self, kid: str, **changes: Any) -> str:
        """A token of its own, signed with a key."""
        said = claims(**({"jti": str(uuid.uuid4())} | changes))
        return jwt.encode(said, self.key(kid), algorithm="ES256", headers={"kid": kid})


@contextmanager
def publishing(body: bytes, *, status: int = 200) -> Iterator[Stub]:
    """A server that publishes a key set; its handler may be changed meanwhile."""
    with stub(always(answer(body, status=status))) as server:
        yield server
