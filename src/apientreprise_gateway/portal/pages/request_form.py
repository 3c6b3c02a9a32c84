"""The request form: begun for a product and a use case, filled in step by step, kept as a draft, submitted."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from fastapi import APIRouter, Request
from sqlalchemy import Connection
from starlette.responses import Response

from apientreprise_gateway.accounts import delegations, repository, request_forms, requests
from apientreprise_gateway.accounts.form_checks import ELIGIBLE, faults
from apientreprise_gateway.accounts.model import Contact, HabilitationState, ProductKey, Role
from apientreprise_gateway.accounts.own_form import Form as RequestForm
from apientreprise_gateway.accounts.own_form import Person
from apientreprise_gateway.accounts.permissions import Act
from apientreprise_gateway.portal.forms import Form, Posted
from apientreprise_gateway.portal.pages.offers import catalogue_of, offered, recommended
from apientreprise_gateway.portal.pages.rights import product_named
from apientreprise_gateway.portal.pages.seen import Seen, see_habilitation
from apientreprise_gateway.portal.refusals import Missing
from apientreprise_gateway.portal.rendering import page, to
from apientreprise_gateway.portal.services import Services, services
from apientreprise_gateway.portal.visitors import LoggedIn
from apientreprise_gateway.providers.product import Product

router = APIRouter()
_ONE: Final = "/compte/demandes/{habilitation_id}"
STEPS: Final = (
    ("organisme", "Vous et votre organisme", ("applicant", "siret", "organization", "eligibility")),
    ("usage", "L’usage", ("title", "description", "use_case", "volume", "planned_start")),
    ("donnees", "Les données", ("scopes",)),
    ("droit", "Le cadre juridique", ("legal_basis", "legal_basis_url", "attachment_id")),
    (
        "donnees-personnelles",
        "Les données personnelles",
        ("recipients", "retention_months", "retention_reason", "dpo", "controller", "controller_siret"),
    ),
    ("contacts", "Les contacts", ("business_contact", "technical_contact")),
)
"""Each with its name in addresses, its title, and the fields that it asks for."""
LAST: Final = "recapitulatif"
_PEOPLE: Final = ("dpo", "controller", "business_contact", "technical_contact")
_PERSON: Final = tuple(Person.__dataclass_fields__)
_AT_MOST: Final = {"description": 5000, "legal_basis": 2000, "legal_basis_url": 2000, "recipients": 2000}


@router.get("/compte/nouvelle-demande")
def choose(request: Request, _visitor: LoggedIn, produit: str = "", cas: str = "", editeur: str = "") -> Response:
    """What is asked for: the product, the use case, and the software that will call it."""
    return _choose(request, {"product": produit, "use_case": cas, "editor": editeur}, {})


def _choose(request: Request, form: Mapping[str, str], errors: Mapping[str, str]) -> Response:
    ours = services(request)
    with ours.reading() as connection:
        editors = delegations.all_editors(connection)
    return page(
        request,
        "account/request_begin.html",
        status=422 if errors else 200,
        products=ours.products,
        editors=[(each.id, each.name) for each in editors],
        form=form,
        errors=errors,
    )


@router.post("/compte/nouvelle-demande")
def begin(request: Request, visitor: LoggedIn, form: Posted) -> Response:
    """Begin a draft, filled in with what the use case and the software say.

    Raises:
        Missing: an operator looks at the account, who changes nothing in it.
    """
    if visitor.is_impersonating:
        raise Missing
    ours = services(request)
    chosen, _, key = form.text("use_case").partition("/")
    product = product_named(ours.products, chosen)
    case = None if product is None else next((each for each in product.use_cases if each.key == key), None)
    if product is None or case is None:
        return _choose(request, form.values(), {"use_case": "Choisissez un cas d’usage."})
    with ours.writing() as connection:
        editor = delegations.editor(connection, form.text("editor"))
        software = "" if editor is None else f"Logiciel : {editor.name}."
        made = requests.begin(
            connection,
            ProductKey(product.name),
            RequestForm(
                title=case.title,
                use_case=case.key,
                description=software,
                scopes=tuple(sorted(recommended(product, case.key))),
            ),
            applicant=visitor.user.contact,
            by=visitor.actor.id,
            now=ours.now(),
        )
    return to(request, f"/compte/demandes/{made.id}/formulaire", notice="Votre brouillon est créé et enregistré.")


@router.get(_ONE + "/renouveler")
def renewing(request: Request, visitor: LoggedIn, habilitation_id: str) -> Response:
    """What a renewal is: with DataPass, its link; else an update with what was approved last."""
    ours = services(request)
    with ours.reading() as connection:
        seen = see_habilitation(connection, visitor, habilitation_id, Act.REOPEN)
    return page(request, "account/renewal.html", seen=seen, habilitation=seen.habilitation, errors={})


@router.post(_ONE + "/renouveler")
def renew(request: Request, visitor: LoggedIn, _form: Posted, habilitation_id: str) -> Response:
    """Begin the update of a habilitation that was made here."""
    ours = services(request)
    try:
        with ours.writing() as connection:
            seen = see_habilitation(connection, visitor, habilitation_id, Act.REOPEN)
            if not seen.habilitation.reopened:
                requests.reopen(connection, habilitation_id, by=visitor.actor.id, now=ours.now())
    except requests.RequestRefusedError as error:
        return to(request, f"/compte/demandes/{habilitation_id}", notice=str(error))
    return to(request, f"/compte/demandes/{habilitation_id}/formulaire")


@router.post(_ONE + "/abandonner")
def give_up(request: Request, visitor: LoggedIn, _form: Posted, habilitation_id: str) -> Response:
    """Put a draft away, or give an update up."""
    ours = services(request)
    try:
        with ours.writing() as connection:
            seen = see_habilitation(connection, visitor, habilitation_id, Act.EDIT_REQUEST)
            step = requests.cancel_reopening if seen.habilitation.reopened else requests.archive
            step(connection, habilitation_id, by=visitor.actor.id, now=ours.now())
    except requests.RequestRefusedError as error:
        return to(request, f"/compte/demandes/{habilitation_id}", notice=str(error))
    return to(request, f"/compte/demandes/{habilitation_id}", notice="C’est fait.")


@router.get(_ONE + "/formulaire")
def form_page(request: Request, visitor: LoggedIn, habilitation_id: str, etape: str = "") -> Response:
    """A step of the form."""
    ours = services(request)
    with ours.reading() as connection:
        seen = _writable(see_habilitation(connection, visitor, habilitation_id, Act.EDIT_REQUEST))
        form = request_forms.form_of(connection, seen.habilitation)
        said = request_forms.history(connection, seen.habilitation)
    return _step(request, seen, form, etape or STEPS[0][0], {}, history=said)


def _writable(seen: Seen) -> Seen:
    """A request that is being written.

    Raises:
        Missing: it is not, or DataPass keeps it.
    """
    stage = request_forms.stage_of(seen.habilitation)
    if seen.habilitation.source != "portal" or stage not in (
        HabilitationState.DRAFT,
        HabilitationState.CHANGES_REQUESTED,
    ):
        raise Missing("Cette demande n’est pas en cours de rédaction ici.")
    return seen


def _step(
    request: Request, seen: Seen, form: RequestForm, name: str, errors: Mapping[str, str], *, history: Any = ()
) -> Response:
    ours = services(request)
    product = _product(ours, seen)
    found = faults(form, catalogue_of(product))
    names = [step[0] for step in STEPS]
    if name != LAST and name not in names:
        raise Missing
    place = len(STEPS) if name == LAST else names.index(name)
    comments = [each for each in history if each.comment]
    return page(
        request,
        "account/request_form.html",
        status=422 if errors else 200,
        seen=seen,
        habilitation=seen.habilitation,
        product=product,
        form=form,
        errors=dict(errors),
        steps=STEPS,
        place=place,
        name=name,
        incomplete={step for step, _, fields in STEPS for each in found if _field(each.field) in fields},
        faults=[(_step_of(each.field), each.message) for each in found if each.field != "terms_accepted"],
        offered=offered(product),
        recommended=recommended(product, form.use_case),
        eligible=list(ELIGIBLE.items()),
        comment=comments[-1] if comments else None,
    )


def _product(ours: Services, seen: Seen) -> Product:
    product = product_named(ours.products, seen.habilitation.product)
    if product is None:
        raise Missing
    return product


def _field(name: str) -> str:
    return name.partition(".")[0]


def _step_of(field: str) -> str:
    return next((step for step, _, fields in STEPS if _field(field) in fields), LAST)


@router.post(_ONE + "/formulaire")
def save(request: Request, visitor: LoggedIn, form: Posted, habilitation_id: str) -> Response:
    """Keep a step, and go on to the next one if nothing in it is wrong; what is wrong is kept too, and said."""
    ours = services(request)
    name = form.text("etape")
    fields = next((fields for step, _, fields in STEPS if step == name), None)
    if fields is None:
        raise Missing
    errors: dict[str, str] = {}
    with ours.writing() as connection:
        seen = _writable(see_habilitation(connection, visitor, habilitation_id, Act.EDIT_REQUEST))
        if "applicant" in fields:
            _keep_applicant(connection, seen, form, ours.now())
        before = request_forms.form_of(connection, seen.habilitation)
        typed = _typed(before, fields, form)
        file = form.file("attachment")
        if file is not None:
            try:
                content = file.file.read()
                id_ = requests.attach(
                    connection, habilitation_id, name=file.filename or "", content=content, now=ours.now()
                )
                typed = replace(typed, attachment_id=id_)
            except requests.RequestRefusedError as error:
                errors["attachment"] = str(error)
        if typed != before:
            requests.save(connection, habilitation_id, typed, by=visitor.actor.id, now=ours.now())
    wrong = faults(typed, catalogue_of(_product(ours, seen)))
    errors |= {each.field: each.message for each in wrong if _field(each.field) in fields}
    if errors:
        return _step(request, seen, typed, name, errors)
    place = [step[0] for step in STEPS].index(name) + 1
    following = STEPS[place][0] if place < len(STEPS) else LAST
    return to(request, f"/compte/demandes/{habilitation_id}/formulaire?etape={following}", notice="C’est enregistré.")


def _keep_applicant(connection: Connection, seen: Seen, form: Form, now: datetime) -> None:
    """Keep the applicant's own name, which a login by mail does not tell; the address stays that of the account."""
    applicant = repository.contacts(connection, seen.habilitation.id).get(Role.APPLICANT)
    if applicant is not None:
        said = {name: form.text(f"applicant.{name}")[:254] or None for name in _PERSON if name != "email"}
        repository.upsert_user(connection, Contact(email=applicant.email, **said), now)


def _typed(before: RequestForm, fields: tuple[str, ...], form: Form) -> RequestForm:
    """The form with what a step holds."""
    changes: dict[str, Any] = {}
    for name in fields:
        if name == "scopes":
            changes[name] = tuple(dict.fromkeys(form.texts("scopes")))
        elif name in _PEOPLE:
            changes[name] = _person(before, name, form)
        elif name in ("siret", "controller_siret"):
            changes[name] = "".join(form.text(name).split())[:14]
        elif name not in ("attachment_id", "applicant"):
            changes[name] = form.text(name)[: _AT_MOST.get(name, 500)]
    return RequestForm.from_json({**_plain(before), **{key: _plain_value(value) for key, value in changes.items()}})


def _person(before: RequestForm, name: str, form: Form) -> Person:
    """Somebody as typed; the applicant where a box says that it is the same person."""
    if form.ticked(f"{name}.same"):
        return before.applicant
    return Person(**{key: form.text(f"{name}.{key}")[:254] for key in _PERSON})


def _plain(form: RequestForm) -> dict[str, Any]:
    return {name: _plain_value(getattr(form, name)) for name in RequestForm.__dataclass_fields__}


def _plain_value(value: Any) -> Any:
    if isinstance(value, Person):
        return {name: getattr(value, name) for name in _PERSON}
    return list(value) if isinstance(value, tuple) else value


@router.post(_ONE + "/transmettre")
def submit(request: Request, visitor: LoggedIn, form: Posted, habilitation_id: str) -> Response:
    """Hand the request in."""
    ours = services(request)
    try:
        with ours.writing() as connection:
            seen = _writable(see_habilitation(connection, visitor, habilitation_id, Act.EDIT_REQUEST))
            held = request_forms.form_of(connection, seen.habilitation)
            accepted = replace(held, terms_accepted=form.ticked("terms_accepted"))
            if accepted != held:
                requests.save(connection, habilitation_id, accepted, by=visitor.actor.id, now=ours.now())
            requests.submit(
                connection,
                habilitation_id,
                catalogue=catalogue_of(_product(ours, seen)),
                by=visitor.actor.id,
                now=ours.now(),
                reporters=ours.settings.reporters,
            )
    except requests.IncompleteRequestError as error:
        terms = [each.message for each in error.faults if each.field == "terms_accepted"]
        text = terms[0] if terms else "Complétez les étapes signalées, puis envoyez la demande."
        return _step(request, seen, accepted, LAST, {"terms_accepted": text})
    except requests.RequestRefusedError as error:
        return to(request, f"/compte/demandes/{habilitation_id}", notice=str(error))
    notice = (
        "Votre demande est envoyée. Un examen prend 11 jours en moyenne ; vous recevrez un courriel à chaque étape."
    )
    return to(request, f"/compte/demandes/{habilitation_id}", notice=notice)


@router.get(_ONE + "/piece")
def attachment(request: Request, visitor: LoggedIn, habilitation_id: str) -> Response:
    """The text that a request cites, as it was joined; always a file to keep, never shown within the site."""
    with services(request).reading() as connection:
        seen = see_habilitation(connection, visitor, habilitation_id, Act.SEE_CONTACTS)
        found = requests.attached(connection, seen.habilitation)
    if found is None:
        raise Missing
    headers = {"Content-Disposition": 'attachment; filename="texte.pdf"'}
    return Response(found, media_type="application/pdf", headers=headers)
