"""The form with which mails are asked for, and what is read from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from apientreprise_gateway.portal.forms import Form
from apientreprise_gateway.portal.settings import is_mail
from apientreprise_gateway.status.components import Component
from apientreprise_gateway.status.incidents import Kind
from apientreprise_gateway.status.subscriptions import Subscription

KINDS: Final = ((Kind.INCIDENT.value, "Incidents"), (Kind.MAINTENANCE.value, "Maintenances annoncées"))
LONGEST_ADDRESS: Final = 254


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionForm:
    """What a form for a subscription shows, or held."""

    components_known: Sequence[tuple[str, str]]
    email: str = ""
    kinds: Sequence[str] = ()
    components: Sequence[str] = ()
    errors: Mapping[str, str] = field(default_factory=dict)
    kinds_known: Sequence[tuple[str, str]] = KINDS

    @classmethod
    def empty(cls, components: Sequence[Component]) -> Self:
        """Before anything was written into it."""
        return cls(components_known=_named(components), kinds=[key for key, _ in KINDS])

    @classmethod
    def of(cls, subscription: Subscription, components: Sequence[Component]) -> Self:
        """As a subscription is."""
        return cls(
            components_known=_named(components),
            kinds=[kind.value for kind in subscription.kinds],
            components=sorted(subscription.components),
        )

    @classmethod
    def read(cls, form: Form, components: Sequence[Component], *, with_address: bool = True) -> Self:
        """What was posted, with what is wrong with it."""
        named = _named(components)
        email = form.text("email").lower()
        kinds = [key for key, _ in KINDS if key in form.texts("kinds")]
        errors = {}
        if with_address and not (len(email) <= LONGEST_ADDRESS and is_mail(email)):
            errors["email"] = "Écrivez votre adresse électronique complète, par exemple prenom.nom@mairie.fr."
        if not kinds:
            errors["kinds"] = "Choisissez au moins l’un des deux."
        chosen = set(form.texts("components"))
        return cls(
            components_known=named,
            email=form.text("email")[:LONGEST_ADDRESS],
            kinds=kinds,
            components=[key for key, _ in named if key in chosen],
            errors=errors,
        )

    @property
    def wanted(self) -> list[Kind]:
        """The kinds that are ticked."""
        return [Kind(kind) for kind in self.kinds]


def _named(components: Sequence[Component]) -> list[tuple[str, str]]:
    return [(component.id, component.name) for component in components]
