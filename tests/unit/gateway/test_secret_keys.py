"""Secret keys among the settings: as they are, or by where they are."""

import json
from pathlib import Path

import pytest
from pydantic import SecretStr, TypeAdapter, ValidationError

from apientreprise_gateway.gateway.settings.values import SecretKey, SecretKeys

KEY: TypeAdapter[SecretStr] = TypeAdapter(SecretKey)
RING: TypeAdapter[SecretStr] = TypeAdapter(SecretKeys)
HEXADECIMAL = "ab" * 32


@pytest.mark.parametrize("kind", [KEY, RING])
def test_a_key_is_given_as_it_is_or_by_where_it_is(
    kind: TypeAdapter[SecretStr], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key is a text, a variable or a file; the environment says where it is in JSON, the file of settings in TOML."""
    (tmp_path / "key").write_text(HEXADECIMAL + "\n")
    monkeypatch.setenv("THE_KEY", HEXADECIMAL)
    places = [{"file": str(tmp_path / "key")}, {"env": "THE_KEY"}]
    for given in (HEXADECIMAL, *places, *map(json.dumps, places)):
        assert kind.validate_python(given).get_secret_value() == HEXADECIMAL


def test_a_ring_has_several_keys() -> None:
    """The keys of a ring are separated by commas; a single key is no ring of two."""
    ring = f"{HEXADECIMAL},{'cd' * 32}"
    assert RING.validate_python(ring).get_secret_value() == ring
    with pytest.raises(ValidationError):
        KEY.validate_python(ring)


def test_each_key_of_a_ring_may_be_somewhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a ring each key is a text, a variable or a file, which may hold several; TOML has them in a list as well."""
    (tmp_path / "new, key").write_text(f"{'ef' * 32},{'01' * 32}\n")
    monkeypatch.setenv("THE_KEY", HEXADECIMAL)
    parts: list[object] = [{"env": "THE_KEY"}, "cd" * 32, {"file": str(tmp_path / "new, key")}]
    ring = ",".join((HEXADECIMAL, "cd" * 32, "ef" * 32, "01" * 32))
    texts = [part if isinstance(part, str) else json.dumps(part) for part in parts]
    for given in (parts, ",".join(texts), f" {' , '.join(texts)} "):
        assert RING.validate_python(given).get_secret_value().replace(" ", "") == ring
    for wrong in (f"{texts[0]} x", f"{texts[0]},", f'{texts[1]},{{"env"', f"{texts[0]},{{}}", [], [1], "{}"):
        with pytest.raises(ValidationError):
            RING.validate_python(wrong)


@pytest.mark.parametrize("given", ["secret-key", f"{HEXADECIMAL}0", '{"file": "secret-key"}', '{"secret-key"'])
@pytest.mark.parametrize("kind", [KEY, RING])
def test_what_is_no_key_is_refused(kind: TypeAdapter[SecretStr], given: str) -> None:
    """What is wrong is said without what was given."""
    with pytest.raises(ValidationError) as refused:
        kind.validate_python(given)
    (error,) = refused.value.errors()
    assert given not in error["msg"]
