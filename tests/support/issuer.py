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
    """An issuer with keys by `kid`; it may sign with keys that it does not publish."""

    private: dict[str, ec.EllipticCurvePrivateKey] = field(default_factory=dict)

    def key(self, kid: str) -> ec.EllipticCurvePrivateKey:
        """The key with this `kid`, made at the first call."""
        return self.private.setdefault(kid, ec.generate_private_key(ec.SECP256R1()))

    def entry(self, kid: str, **changes: Any) -> dict[str, Any]:
        """A public key as an entry of a JWKS, with changes."""
        public: dict[str, Any] = json.loads(ECAlgorithm.to_jwk(self.key(kid).public_key()))
        return public | {"kid": kid, "use": "sig"} | changes

    def published(self, *kids: str) -> bytes:
        """The JWKS of these keys."""
        return json.dumps({"keys": [self.entry(kid) for kid in kids]}).encode()

    def token(self, kid: str, **changes: Any) -> str:
        """A token signed with a key, with changes to the claims."""
        said = claims(**({"jti": str(uuid.uuid4())} | changes))
        return jwt.encode(said, self.key(kid), algorithm="ES256", headers={"kid": kid})


@contextmanager
def publishing(body: bytes, *, status: int = 200) -> Iterator[Stub]:
    """Start a server that publishes a key set, until the end of the block; its handler may be replaced."""
    with stub(always(answer(body, status=status))) as server:
        yield server
