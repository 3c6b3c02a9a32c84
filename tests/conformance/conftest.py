"""The reference facts: what the published API does, which is no part of this repository."""

import json
from pathlib import Path
from typing import Any

import pytest

from apientreprise_gateway.contract.endpoint import Endpoint, Provider
from apientreprise_gateway.providers.entreprise.product import PROVIDERS

Json = dict[str, Any]

REFERENCE = Path(__file__).resolve().parents[2].parent / "shared" / "reference"
OURS: frozenset[str] = frozenset()
"""Operations that API Entreprise has never had: there is nothing to compare them with."""
NEWER = frozenset({"api_entreprise_v3_dgfip_tva", "api_entreprise_v4_dgfip_liasses_fiscales"})
"""Operations that are published since the lists were made; `test_newer.py` compares them with what tells of them."""
NEWER_PINGS = frozenset({"dgfip/numero_tva"})
"""Likewise."""
CATALOGUE: dict[str, tuple[Endpoint, Provider]] = {
    endpoint.operation: (endpoint, provider)
    for provider in PROVIDERS
    for endpoint in provider.endpoints
    if endpoint.operation not in OURS | NEWER
}
"""Our endpoints by operation."""


def load_facts() -> Json:
    """All that is published of operations and pings; skips the module that asks where it is absent."""
    facts: Json = json.loads(_read("endpoints.json"))
    return facts


def load_masks() -> Json:
    """Which scope shows which field, by operation; skips the module that asks where it is absent."""
    masks: Json = json.loads(_read("particulier_masks.json"))["masks"]
    return masks


def load_schemas() -> Json:
    """The published schemas; skips the module that asks where they are absent."""
    schemas: Json = json.loads(_read("schemas.json"))
    return schemas


def load_errors() -> Json:
    """The published errors; skips the module that asks where they are absent."""
    errors: Json = json.loads(_read("errors.json"))
    return errors


def load_operations() -> dict[str, Json]:
    """The published operations by `uid`; skips the module that asks where they are absent."""
    facts = load_facts()
    return {operation["uid"]: operation for operation in (*facts["operations"]["api_entreprise"], *facts["legacy_v2"])}


def load_particulier() -> list[Json]:
    """The published operations of API Particulier; skips the module that asks where they are absent."""
    operations = json.loads(_read("endpoints.json"))["operations"]
    return [*operations["api_particulier_v3_plus"], *operations["api_particulier_v2"]]


def load_pings() -> dict[str, Json]:
    """The published pings of this API by key; skips the module that asks where they are absent."""
    pings = load_facts()["pings"]
    return {ping["key"]: ping for ping in pings if ping["api"] == "api_entreprise"}


def load_cases() -> list[Json]:
    """The published sandbox cases; skips the module that asks where they are absent."""
    return [json.loads(line) for line in _read("sandbox_cases.json").splitlines()]


def load_newer() -> str:
    """What is published since the lists were made, in words; skips the module that asks where it is absent."""
    return _read("newer.md")


def _read(name: str) -> str:
    path = REFERENCE / name
    if not path.exists():
        pytest.skip(
            f"the reference facts (../shared/reference/{name}) are not part of this clone", allow_module_level=True
        )
    return path.read_text()
