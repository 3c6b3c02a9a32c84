"""The documentation page in a browser: found, opened, tried out, by mouse, by keyboard and on a telephone."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from apientreprise_gateway.providers.product import Product
from apientreprise_gateway.providers.products import PRODUCTS
from support import programs
from support.browser import LONG, PHONE, opened, overflow, violations
from support.site import wait_until

UNITE = "api_entreprise_v4_insee_unites_legales"
OLD = "api_entreprise_v2_extraits_rcs_infogreffe"
DOCUMENT = "api_entreprise_v4_acoss_attestations_sociales"
OF_A_PERSON = "api_particulier_v3_ants_extrait_immatriculation_vehicule_with_france_connect"
expect.set_options(timeout=LONG)


@pytest.fixture(scope="module")
def docs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a demonstration's documentation."""
    with programs.start(tmp_path_factory.mktemp("demo"), "demo") as program:
        wait_until(lambda: "Ctrl+C" in program.output.read_text())
        found = re.search(r"Gateway: +(\S+)", program.output.read_text())
        assert found is not None
        yield found[1]


def _visible(page: Page) -> list[str]:
    """The operations that are shown."""
    names: list[str] = page.locator(".operation[data-about]:visible").evaluate_all("all => all.map(each => each.id)")
    return names


def _filtered(page: Page, words: str) -> list[str]:
    """The operations that are shown once the filter has found its words."""
    page.fill("#filter", words)
    expect(page.locator("#found")).to_have_text(re.compile(r"^\d+ opération") if words else "")
    return _visible(page)


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: str(product.name))
def test_the_list_needs_no_script(browser: Browser, docs: str, product: Product) -> None:
    """Every operation is in the page as it comes, by provider, what is deprecated folded away below what is current."""
    with opened(browser, java_script_enabled=False) as page:
        page.goto(f"{docs}/{product.name}")
        for provider in product.providers:
            group = page.locator(f"#fournisseur-{provider.key}")
            expect(group.locator("h2")).to_have_text(provider.name)
            listed = {each.operation: each.deprecated for each in provider.endpoints}
            names = group.locator(".operation").evaluate_all("all => all.map(each => each.id)")
            assert sorted(names) == sorted(listed)
            assert [listed[name] for name in names] == sorted(listed.values())
            assert group.locator(".deprecated .operation").count() == sum(listed.values())
            assert group.locator(".operation:visible").count() == len(listed) - sum(listed.values())


def test_the_library_comes_with_the_first_operation(page: Page, docs: str) -> None:
    """The list loads no library; the first operation that is opened does, once."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    page.goto(docs)
    expect(page.locator(f"#{UNITE}")).to_be_visible()
    assert not [name for name in asked if "swagger" in name]
    for name in (UNITE, DOCUMENT):
        page.locator(f"#{name} > summary").click()
        expect(page.locator(f"#{name} .opblock-section").first).to_be_visible()
    assert asked.count("swagger-ui-bundle.js") == 1


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("extrait_kbis", "api_entreprise_v3_infogreffe_extraits_rcs"),
        ("societe francaise de qualification", None),
        ("établissement siege unité légale", "api_entreprise_v4_insee_sieges_unites_legales"),
        ("attestation_sociale_urssaf", DOCUMENT),
        ("activite_principale_naf_rev2.code", UNITE),
        ("QUALIBAT", "api_entreprise_v4_qualibat_certifications_batiment"),
    ],
    ids=["path", "nothing", "title", "scope", "field", "provider"],
)
def test_the_filter_finds(page: Page, docs: str, words: str, found: str | None) -> None:
    """Paths, titles, scopes, fields and providers are found, whatever their accents and letters."""
    page.goto(docs)
    everything = _visible(page)
    shown = _filtered(page, words)
    assert (found in shown) if found else (shown == [])
    assert len(shown) < len(everything)
    assert _filtered(page, "") == everything


def test_the_filter_says_why(page: Page, docs: str) -> None:
    """What is found by a field says by which; a deprecated operation shows where its group has no other."""
    page.goto(docs)
    _filtered(page, "naf_rev2")
    expect(page.locator(f"#{UNITE} .why")).to_contain_text("data.activite_principale_naf_rev2")
    assert "api_entreprise_v2_certificats_agence_bio" in _filtered(page, "agence bio")


@pytest.mark.parametrize("name", [UNITE, OLD, "introduction", "dossiers", f"/tag/{UNITE}"])
def test_links_lead_to_one_operation(page: Page, docs: str, name: str) -> None:
    """A link opens its operation, folded away or not, also as links were written once; opening one makes its link."""
    page.goto(f"{docs}#{name}")
    operation = page.locator(f"#{name.rpartition('/')[2]}")
    expect(operation.locator(".swagger-ui")).to_be_visible()
    expect(operation).to_be_in_viewport()
    page.locator("#privileges > summary").click()
    expect(page).to_have_url(f"{docs}#privileges")


def test_it_is_used_by_keyboard(page: Page, docs: str) -> None:
    """A slash leads to the filter, Escape empties it, Tab and Enter open an operation."""
    page.goto(docs)
    page.keyboard.press("/")
    expect(page.locator("#filter")).to_be_focused()
    page.keyboard.type("kbis")
    expect(page.locator("#found")).to_have_text(re.compile("^[12] opérations? sur"))
    page.keyboard.press("Escape")
    expect(page.locator("#filter")).to_have_value("")
    page.locator(f"#{UNITE} > summary").focus()
    page.keyboard.press("Enter")
    expect(page.locator(f"#{UNITE} .opblock-section").first).to_be_visible()


def test_an_operation_is_tried_out(page: Page, docs: str) -> None:
    """The demonstration's token and the examples are there; the provider is not forced; the document's link opens."""
    page.goto(f"{docs}#{DOCUMENT}")
    operation = page.locator(f"#{DOCUMENT}")
    with page.expect_response(re.compile("/v4/urssaf/")) as answered:
        operation.locator(".btn.execute").click()
    headers = answered.value.request.headers
    assert answered.value.status == 200
    assert headers["authorization"] == f"Bearer {page.input_value('#token')}"
    assert "no-cache" not in headers.get("cache-control", "")
    link = operation.locator(".addresses a")
    expect(link).to_be_visible()
    assert link.get_attribute("target") == "_blank"
    document = page.context.request.get(link.get_attribute("href") or "")
    assert (document.status, document.headers["content-type"]) == (200, "application/pdf")


def test_a_person_is_asked_about(page: Page, docs: str) -> None:
    """An operation that takes a token of FranceConnect instead of the caller's is given that of an invented person."""
    page.goto(f"{docs}/particulier#{OF_A_PERSON}")
    with page.expect_response(re.compile("/france_connect")) as answered:
        page.locator(f"#{OF_A_PERSON} .btn.execute").click()
    assert answered.value.status == 200
    assert answered.value.request.headers["authorization"] == f"Bearer {page.input_value('#person-token')}"


def test_it_fits_a_telephone(phone: Page, docs: str) -> None:
    """Neither the list nor an opened operation is wider than the screen, and the fields take what there is of it."""
    phone.goto(docs)
    assert overflow(phone) == 0
    phone.locator(f"#{UNITE} > summary").tap()
    expect(phone.locator(f"#{UNITE} .btn.execute")).to_be_visible()
    phone.locator(f"#{UNITE} .errors").tap()
    phone.locator(f"#{UNITE} .tablinks", has_text="Champs").first.tap()
    described = phone.locator(f"#{UNITE} tr.response[data-code='200'] .response-col_description")
    expect(described.get_by_text("categorie_entreprise", exact=True)).to_be_visible()
    assert overflow(phone) == 0
    box = described.bounding_box()
    assert box is not None
    assert box["width"] > PHONE * 0.8


def test_it_is_accessible(page: Page, docs: str) -> None:
    """Axe finds nothing in the list, and nothing of ours in an opened operation."""
    page.goto(docs)
    assert violations(page) == []
    page.locator(f"#{UNITE} > summary").click()
    expect(page.locator(f"#{UNITE} .btn.execute")).to_be_visible()
    assert violations(page, context={"exclude": [".swagger-ui"]}) == []
