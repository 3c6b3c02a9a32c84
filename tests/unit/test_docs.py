"""The documentation says what the code does."""

import re
import runpy
from collections.abc import Iterable
from pathlib import Path

import pytest

from apientreprise_gateway.cache.source import Result
from apientreprise_gateway.contract.bans import Reason
from apientreprise_gateway.controlplane import front
from apientreprise_gateway.dataplane.call import Call, Check, Unlogged
from apientreprise_gateway.dataplane.downloads import Download, download_line
from apientreprise_gateway.dataplane.recording import AccessLine
from apientreprise_gateway.dialects import DIALECTS
from apientreprise_gateway.gateway.denials import CopyAction
from apientreprise_gateway.gateway.series import FETCH_OUTCOMES, StorePart
from apientreprise_gateway.gateway.settings import load
from apientreprise_gateway.observability.metrics import Metrics
from apientreprise_gateway.ratelimit.redis import Mode
from apientreprise_gateway.server.limits import Closing
from apientreprise_gateway.store.errors import About
from apientreprise_gateway.upstream.breaker import State
from apientreprise_gateway.upstream.settings import KINDS, BreakerTable, ProviderSettings
from support.prometheus import labels_of

ROOT = Path(__file__).resolve().parents[2]


def _names(text: str) -> set[str]:
    """The names in the first column of tables."""
    rows = [line.split("|") for line in text.splitlines() if line.startswith("| `")]
    return {row[1].strip().strip("`") for row in rows}


def test_generated_files_are_current() -> None:
    """Every generated file is what `make docs` would write now."""
    pages: dict[Path, str] = runpy.run_path(str(ROOT / "scripts" / "write_docs.py"))["pages"]()
    stale = [path.name for path, content in pages.items() if not path.exists() or path.read_text() != content]
    assert stale == []


def test_every_metric_is_documented() -> None:
    """docs/metrics.md names every metric of ours, and no other."""
    families = {family.name for family in Metrics().registry.collect()}
    ours = {name for name in families if name.startswith("gateway_")}
    table = (ROOT / "docs" / "metrics.md").read_text().partition("\n## ")[0]
    documented = {name.removesuffix("_total") for name in _names(table)}
    assert documented == ours


def test_types_and_labels_of_metrics_are_documented() -> None:
    """docs/metrics.md says of each metric its type and its labels."""
    metrics = Metrics()
    types = {family.name: family.type for family in metrics.registry.collect()}
    labels = labels_of(metrics.registry)
    rows = re.findall(
        r"^\| `(gateway_\w+)` \| (\w+) \|([^|]*)\|", (ROOT / "docs" / "metrics.md").read_text(), re.MULTILINE
    )
    assert len(rows) == len([name for name in types if name.startswith("gateway_")])
    for name, kind, named in rows:
        family = name.removesuffix("_total")
        assert kind == types[family]
        assert name.endswith("_total") == (kind == "counter")
        assert set(re.findall(r"`(\w+)`", named)) == labels[family]


LABEL_VALUES: dict[str, Iterable[str]] = {
    "gateway_bans_total": set(Reason) - {Reason.OTHER},
    "gateway_breaker_state": State,
    "gateway_cache_lookups_total": Result,
    "gateway_calls_without_line_total": Unlogged,
    "gateway_connections_cut_total": Closing,
    "gateway_jwks_fetches_total": FETCH_OUTCOMES.values(),
    "gateway_revocations_copy_failures_total": CopyAction,
    "gateway_shadow_refusals_total": (*Check, front.CHECK),
    "gateway_store_faults_total": (*StorePart, *(set(About) - {About.STORE})),
    "gateway_store_mode": Mode,
}


@pytest.mark.parametrize("metric", LABEL_VALUES)
def test_values_of_labels_are_documented(metric: str) -> None:
    """docs/metrics.md names each value that a label can have, and no other."""
    table = (ROOT / "docs" / "metrics.md").read_text()
    row = re.search(rf"^\| `{metric}` \|[^|]*\|[^|]*\|(.*)\|$", table, re.MULTILINE)
    assert row is not None
    assert set(re.findall(r"`([a-z]\w*)`", row[1])) == {str(value) for value in LABEL_VALUES[metric]}


def test_labels_lead_to_fields() -> None:
    """The table of docs/metrics.md that leads from labels to access lines names labels and fields that exist."""
    table = (ROOT / "docs" / "metrics.md").read_text().partition("| label | field of the access line |")[2]
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)`", table, re.MULTILINE)
    labels = set().union(*labels_of(Metrics().registry).values())
    assert {label for label, _ in rows} <= labels
    assert {field for _, field in rows} | set(re.findall(r"[(\[ ]\.(\w+)", table)) <= set(AccessLine.__struct_fields__)
    assert len(rows) > 3


def test_the_example_of_providers_is_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The TOML file of docs/providers.md can be used as it is, and shows every field and every kind of auth."""
    example = (ROOT / "docs" / "providers.md").read_text().partition("```toml\n")[2].partition("```")[0]
    for path in set(re.findall(r'"(/[^"]+)"', example)):
        file = tmp_path / path.strip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("http://user:password@proxy.example.org:3128\n")
        example = example.replace(path, str(file))
    (tmp_path / "gateway.toml").write_text(example)
    monkeypatch.setenv("GATEWAY_CONFIG", str(tmp_path / "gateway.toml"))
    monkeypatch.setenv("DGFIP_KEY_PASSWORD", "secret")
    monkeypatch.setenv("URSSAF_PASSWORD", "secret")
    providers = load().providers.values()
    assert {name for own in providers for name in own.model_fields_set} == set(ProviderSettings.model_fields)
    assert {own.auth.kind for own in providers} == set(KINDS)
    breaker = next(own.breaker for own in providers if own.breaker.model_fields_set)
    assert breaker.model_fields_set == set(BreakerTable.model_fields)
    assert breaker == BreakerTable(), "it says that these are the defaults"
    shown = {name for own in providers for name in own.auth.model_fields_set}
    assert shown == {name for table in KINDS.values() for name in table.model_fields}


def test_every_dialect_is_documented() -> None:
    """The page about providers names each dialect beside who speaks it."""
    page = " ".join((ROOT / "docs" / "providers.md").read_text().split())
    for provider, dialects in DIALECTS.items():
        for dialect in dialects:
            assert f"`{dialect}` of `{provider}`" in page


def test_every_access_log_field_is_documented() -> None:
    """docs/access-log.md names every field of each kind of line, and no other."""
    calls, downloads = (ROOT / "docs" / "access-log.md").read_text().split("| field of a download |")
    assert _names(calls) == set(AccessLine.__struct_fields__)
    assert _names(downloads) == set(download_line(Call({}), Download()))


def test_paths_in_documents_exist() -> None:
    """Every file of code and every room that a document names is there: beside it, from the root, or in the package."""
    documents = [ROOT / "README.md", ROOT / "SECURITY.md", ROOT / "bench" / "README.md", *(ROOT / "docs").rglob("*.md")]
    package = ROOT / "src" / "apientreprise_gateway"
    rooms = {folder.name for folder in package.iterdir() if folder.is_dir()}
    named = [
        (document, path)
        for document in documents
        for path in re.findall(r"`([\w./-]+(?:\.py|\.lua|/))`", document.read_text())
        if path.endswith((".py", ".lua")) or path.split("/")[0] in rooms
    ]
    missing = [
        (document.name, path)
        for document, path in named
        if not any((folder / path).exists() for folder in (document.parent, ROOT, package))
        and not Path(path).stem.isupper()  # such a name stands for one that the reader gives
    ]
    assert missing == []
    assert len(named) > 50


def test_every_room_is_on_the_map() -> None:
    """The table of docs/architecture.md names every room of the package, and no other."""
    table = (
        (ROOT / "docs" / "architecture.md").read_text().partition("| room | what is in it |")[2].partition("\n## ")[0]
    )
    rooms = {folder.name for folder in (ROOT / "src" / "apientreprise_gateway").iterdir() if folder.is_dir()}
    assert {name.strip("/") for name in _names(table)} == rooms - {"__pycache__"}
