"""Bearer tokens for tests: an issuer with a key set in a file."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

ISSUER = "https://id.example.org"
KEY_ID = "first"


class Issuer:
    """Signs tokens; its public keys are in the file `jwks`."""

    def __init__(self, folder: Path) -> None:
        self.key = rsa.generate_private_key(65537, 2048)
        public: dict[str, Any] = RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        self.jwks = folder / "jwks.json"
        self.jwks.write_text(json.dumps({"keys": [public | {"kid": KEY_ID, "use": "sig", "alg": "RS256"}]}))

    @property
    def public_pem(self) -> bytes:
        return self.key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    def token(self, *roles: str, **changes: Any) -> str:
        """Signs a token for ada with these roles; `changes` replaces claims, None leaves one out."""
        return jwt.encode(self.claims(*roles, **changes), self.key, "RS256", {"kid": KEY_ID})

    def claims(self, *roles: str, **changes: Any) -> dict[str, Any]:
        now = datetime.now(UTC)
        claims = {
            "iss": ISSUER,
            "aud": "ballast",
            "sub": "ada",
            "iat": now,
            "exp": now + timedelta(minutes=5),
            "ballast_roles": list(roles),
        }
        return {key: value for key, value in (claims | changes).items() if value is not None}
