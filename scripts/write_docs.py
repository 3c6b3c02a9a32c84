"""Write the files that are generated from the code: openapi.yaml, docs/settings.md."""

from pathlib import Path

from apientreprise_gateway.openapi import document, to_yaml
from apientreprise_gateway.providers import PROVIDERS
from apientreprise_gateway.settings import CONFIG, Settings, environment_name

ROOT = Path(__file__).resolve().parents[1]

SETTINGS_HEAD = f"""# Settings

Read once at start, from the environment, and from the TOML file that `{CONFIG}` names (same names, in lower case and
without the prefix). Where both speak, the environment counts. A setting that is unknown or wrong stops the start with
one line that says which; `apientreprise-gateway check` says so without starting.

`serve` refuses to start without a key (`GATEWAY_JWT_SECRETS` or `GATEWAY_JWKS`) and without `GATEWAY_UPSTREAM_URL`.

| setting | default | meaning |
|---|---|---|
"""


def settings_page() -> str:
    """The page of docs/settings.md."""
    rows = [
        f"| `{environment_name(name)}` | {_default(field.default)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return SETTINGS_HEAD + "\n".join(rows) + "\n"


def _default(value: object) -> str:
    return "" if value in (None, ()) else f"`{value}`"


def pages() -> dict[Path, str]:
    """Every generated file, with its content."""
    return {
        ROOT / "openapi.yaml": to_yaml(document(PROVIDERS)),
        ROOT / "docs" / "settings.md": settings_page(),
    }


if __name__ == "__main__":
    for path, content in pages().items():
        path.write_text(content)
        print(f"wrote {path.relative_to(ROOT)}")
