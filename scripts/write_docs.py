"""Write the files that are generated from the code: the OpenAPI files, and tables and pages of docs/."""

import json
import sys
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from apientreprise_gateway.contract.endpoint import AnswerKind, Endpoint, Provider
from apientreprise_gateway.contract.identification import CallMode, Identification
from apientreprise_gateway.controlplane.openapi import document, to_yaml
from apientreprise_gateway.controlplane.openapi.fields import shown_by
from apientreprise_gateway.controlplane.openapi.operations import rights_of
from apientreprise_gateway.gateway.settings import CONFIG, environment_name, fields_of
from apientreprise_gateway.portal import settings as portal_settings
from apientreprise_gateway.providers.examples import Examples
from apientreprise_gateway.providers.product import Product
from apientreprise_gateway.providers.products import PRODUCTS
from apientreprise_gateway.upstream import settings as provider_settings

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))
# Files beside this one, wherever it is run from.
from examples import examples_of  # noqa: E402
from written.errors import errors_page  # noqa: E402
from written.fields import values_of  # noqa: E402
from written.limits import limits_page  # noqa: E402
from written.migration import migration_page  # noqa: E402

SETTINGS_HEAD = f"""# Settings

Read at the start, and anew at SIGHUP, from the environment, and from the TOML file that `{CONFIG}` names (same names,
in lower case and without the prefix). Where both speak, the environment counts. A setting that is unknown or wrong
stops the start with one line that says which; `apientreprise-gateway check` says so without starting.

A hangup (SIGHUP) to the process, or to the parent of the workers, puts the present content of the file in force, and
with it the files that settings name, without a restart: new calls meet the new settings, those under way end under the
old ones, no connection is closed, and counts, bans and revocations stay. A configuration that cannot be used changes
nothing; the log says `reload_refused`, or `reloaded` with what has changed. `GATEWAY_METRICS_PORT`, the address and the
number of workers need a restart; so do variables, which a process cannot be given anew.

`serve` refuses to start without a key (`GATEWAY_JWT_SECRETS` or `GATEWAY_JWKS`) and without an address of each
provider (`GATEWAY_UPSTREAM_URL`, or one of its own).

| setting | default | meaning |
|---|---|---|
"""


PROVIDER_HEAD = """
## One provider

In a table `[providers.KEY]` of the TOML file, or in variables `GATEWAY_PROVIDERS__KEY__FIELD` (fields of tables within:
`GATEWAY_PROVIDERS__KEY__AUTH__KIND`). The keys: {keys}. [providers.md](providers.md) explains, with an example.

A secret is given as a text, as `{{ env = "NAME" }}` or as `{{ file = "/run/secrets/name" }}`.
"""

PORTAL_HEAD = """
## The account side

Read from the environment by `portal …` and `journal …` ([journal.md](journal.md)); the gateway reads none of them. An
unknown or wrong one is refused in the same way; `apientreprise-gateway portal check` says so. Redis, the gateway, mail
and ProConnect may be absent: what needs them says so.

| setting | default | meaning |
|---|---|---|
"""


_GUIDES = {"entreprise": "guide-integrateur.md", "particulier": "guide-particulier.md"}
_BY_TOKEN = "le jeton de FranceConnect"  # noqa: S105 - no token, the name of one


def settings_page() -> str:
    """The content of docs/settings.md."""
    rows = [
        f"| `{environment_name(name)}` | {_default(field.default)} | {field.description} |"
        for name, field in fields_of(PRODUCTS).items()
    ]
    keys = ", ".join(f"`{provider.key}`" for product in PRODUCTS for provider in product.providers)
    return (
        SETTINGS_HEAD + "\n".join(rows) + "\n" + PROVIDER_HEAD.format(keys=keys) + _provider_tables() + _portal_part()
    )


def _portal_part() -> str:
    """The settings of the account side, in Markdown."""
    rows = [
        f"| `{portal_settings.environment_name(name)}` | {_default_of(field)} | {field.description} |"
        for name, field in portal_settings.Settings.model_fields.items()
    ]
    return PORTAL_HEAD + "\n".join(rows) + "\n"


def _provider_tables() -> str:
    """The settings of a provider, in Markdown, table by table."""
    auth = [
        f"| `{kind}` | `{name}` | {_default_of(field)} | {field.description} |"
        for kind, table in provider_settings.KINDS.items()
        for name, field in table.model_fields.items()
        if name != "kind"
    ]
    return (
        f"{_fields(provider_settings.ProviderSettings)}\n"
        "### `auth`\n\n| kind | field | default | meaning |\n|---|---|---|---|\n| `none` | | | No authentication. |\n"
        + "\n".join(auth)
        + f"\n\n### `breaker`\n{_fields(provider_settings.BreakerTable)}"
        + f"\n### A window of `maintenance` that comes once\n{_fields(provider_settings.OnceTable)}"
        + f"\n### A window of `maintenance` that comes every week\n{_fields(provider_settings.WeeklyTable)}"
    )


def _fields(table: type[BaseModel]) -> str:
    rows = [
        f"| `{field.alias or name}` | {_default_of(field)} | {field.description} |"
        for name, field in table.model_fields.items()
    ]
    return "\n| field | default | meaning |\n|---|---|---|\n" + "\n".join(rows) + "\n"


def _default_of(field: FieldInfo) -> str:
    is_shown = not (field.is_required() or field.default_factory or isinstance(field.default, BaseModel))
    return _default(field.default) if is_shown else ""


def _default(value: object) -> str:
    return "" if value in (None, (), {}) else f"`{value}`"


def provider_page(provider: Provider, product: Product) -> str:
    """The page of a provider in Markdown, in French, for integrators."""
    current = sorted(provider.endpoints, key=lambda endpoint: endpoint.deprecated)
    sections = [_endpoint_section(endpoint, provider, product) for endpoint in current]
    return (
        f"# {provider.name}\n\n{product.title}. Codes d'erreur : `{provider.prefix}…`. Toutes les règles communes sont "
        f"dans [le guide](../{_GUIDES[product.name]}), chaque code dans [les erreurs](../erreurs.md).\n\n"
        + "\n".join(sections)
    )


def _endpoint_section(endpoint: Endpoint, provider: Provider, product: Product) -> str:
    limit, person = endpoint.group.limit, endpoint.person
    period = "minute" if endpoint.group.seconds == 60 else "seconde"
    ping = provider.ping_of(endpoint.operation)
    rows = {
        "Droit requis": rights_of(endpoint),
        "Réponse": "document (JSON avec l'adresse d'un fichier)" if endpoint.answer is AnswerKind.DOCUMENT else "JSON",
        "Compteur d'appels": f"`{endpoint.group.name}`, {limit.calls} appels par {period} et par jeton",
        "Attente conseillée": f"{endpoint.client_timeout} s",
        "Conservation": endpoint.cache.text if endpoint.cache else "",
        "Paramètres": ", ".join(f"`{each.name}`" for each in (*endpoint.parameters, *endpoint.query)),
        "Personne": "" if person is None else _person(person),
        "Agent (`user_id`)": "obligatoire" if endpoint.user_id else "",
        "Disponibilité": "" if ping is None else f"`{product.pings.of(ping)}`",
        "Dépréciée": _successors(endpoint, product) if endpoint.deprecated else "",
    }
    table = "\n".join(f"| {name} | {value} |" for name, value in rows.items() if value)
    what = product.schemas.descriptions[endpoint.operation]
    stop = "" if endpoint.summary.endswith("?") else "."
    text = f"## {endpoint.path}\n\n{endpoint.summary}{stop} {what}\n\n| | |\n|---|---|\n{table}\n"
    if endpoint.mask is not None:
        shown = "\n".join(f"| {field} | {scopes} |" for field, scopes in shown_by(endpoint.mask))
        text += f"\n| champ | droit |\n|---|---|\n{shown}\n"
    return text if endpoint.deprecated else text + _answer_of(endpoint, product)


def _successors(endpoint: Endpoint, product: Product) -> str:
    """What takes the place of a deprecated endpoint."""
    later = ", ".join(f"`{each.path}`" for each in product.newer_than(endpoint))
    return f"oui, remplacée par {later} ([comment](../migration.md))" if later else "oui, sans remplaçante"


def _answer_of(endpoint: Endpoint, product: Product) -> str:
    """The fields of an answer, and an example of it."""
    rows = "\n".join(f"| `{field.path}` | {field.kind} | {field.meaning} |" for field in values_of(endpoint, product))
    text = _folded("Les champs", f"| champ | type | sens |\n|---|---|---|\n{rows}")
    if product.examples is None or endpoint.operation not in product.examples.bodies:
        return text
    body = json.dumps(product.examples.bodies[endpoint.operation], ensure_ascii=False, indent=2)
    return text + _folded("Un exemple de réponse", f"```json\n{body}\n```")


def _folded(title: str, text: str) -> str:
    return f'\n<details markdown="1"><summary>{title}</summary>\n\n{text}\n\n</details>\n'


def _person(person: Identification) -> str:
    """How calls say whom they are about, in French."""
    names = ", ".join(f"`{each.name}`{'' if each.required else ' (facultatif)'}" for each in person.parameters)
    if person.mode is CallMode.FRANCE_CONNECT:
        return f"{_BY_TOKEN} ; {names}" if names else _BY_TOKEN
    return f"{names} ; ou {_BY_TOKEN}" if person.france_connect else names


def provider_index() -> str:
    """The list of the providers' pages."""
    return "# Fournisseurs\n" + "".join(_providers_of(product) for product in PRODUCTS)


def _providers_of(product: Product) -> str:
    rows = "\n".join(
        f"| {provider.prefix} | [{provider.name}]({provider.key}.md) | {len(provider.endpoints)} |"
        for provider in product.providers
    )
    return f"\n## {product.title}\n\n| codes | fournisseur | ressources |\n|---|---|---|\n{rows}\n"


def decision_index() -> str:
    """The list of the decisions."""
    titles = {path.name: path.read_text().partition("\n")[0].removeprefix("# ") for path in _decisions()}
    rows = "\n".join(f"- [{title}]({name})" for name, title in titles.items())
    return f"# Decisions\n\nWhy it is as it is, and what that costs; in the order in which it was decided.\n\n{rows}\n"


def _decisions() -> list[Path]:
    return sorted((ROOT / "docs" / "adr").glob("0*.md"))


def with_examples(product: Product) -> tuple[Product, dict[Path, str]]:
    """A product with the examples of its successes as they are now, and the file that holds them."""
    if product.examples is None:
        return product, {}
    text = examples_of(product)
    path = ROOT / "src" / "apientreprise_gateway" / "providers" / product.name / "examples.json"
    return replace(product, examples=Examples(text.encode)), {path: text}


def pages() -> dict[Path, str]:
    """Every generated file, with its content."""
    told = [with_examples(product) for product in PRODUCTS]
    return {
        **{path: text for _, files in told for path, text in files.items()},
        **{ROOT / product.specification[1:]: to_yaml(document(product)) for product, _ in told},
        ROOT / "docs" / "settings.md": settings_page(),
        ROOT / "docs" / "adr" / "README.md": decision_index(),
        ROOT / "docs" / "erreurs.md": errors_page(PRODUCTS),
        ROOT / "docs" / "limites.md": limits_page(PRODUCTS),
        ROOT / "docs" / "migration.md": migration_page(PRODUCTS),
        ROOT / "docs" / "fournisseurs" / "README.md": provider_index(),
        **{
            ROOT / "docs" / "fournisseurs" / f"{provider.key}.md": provider_page(provider, product)
            for product, _ in told
            for provider in product.providers
        },
    }


if __name__ == "__main__":
    for path, content in pages().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
        print(f"wrote {path.relative_to(ROOT)}")
