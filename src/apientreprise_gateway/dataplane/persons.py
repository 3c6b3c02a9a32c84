"""What is done for calls about a person: who it is, and what of the answer its token may see."""

from collections.abc import Callable
from datetime import date
from typing import Final

from msgspec.structs import replace

from apientreprise_gateway.auth.token import Token
from apientreprise_gateway.contract.errors import ApiError, Refusal, gateway_error
from apientreprise_gateway.contract.lifetime import today
from apientreprise_gateway.contract.masks import Masks, NotMaskableError
from apientreprise_gateway.contract.person.identity import Asked, Fault, Identity
from apientreprise_gateway.contract.person.pivot import ByToken, written
from apientreprise_gateway.contract.person.rules import IdentityRules
from apientreprise_gateway.contract.pseudonym import Pseudonyms
from apientreprise_gateway.contract.query import encoded, read_all
from apientreprise_gateway.dataplane.access_tokens import AccessTokens
from apientreprise_gateway.dataplane.call import Call
from apientreprise_gateway.dataplane.plan import Plan
from apientreprise_gateway.upstream.reading import ProviderAnswer, refusal

_WITH_DATA: Final = frozenset({200, 206})
"""Statuses of answers that hold data."""


def read_query(call: Call, plan: Plan) -> None:
    """Read the query of a call about a person into it, once: it has twice as many parameters as others."""
    sent = call.scope["query_string"]
    if plan.ordinary is not None and (found := plan.ordinary.find(sent)) is not None:
        call.ordinary, call.parameters = found, {"recipient": found[-1]}
        return
    about = call.about = read_all(sent, plan.about)
    call.parameters = {name: about[name][-1] for name in plan.wanted if name in about}


class Persons:
    """Reads whom calls are about."""

    def __init__(
        self,
        pseudonyms: Pseudonyms | None,
        *,
        access_tokens: AccessTokens | None = None,
        clock: Callable[[], date] = today,
    ) -> None:
        """Configure it.

        Args:
            pseudonyms: give persons the names that they have in access lines; None for no names.
            access_tokens: authenticate calls by access tokens of FranceConnect; None if there is no way to it.
            clock: the day in Paris, by which ages and years are judged.
        """
        self.access_tokens: Final = access_tokens or AccessTokens()
        self._pseudonyms = pseudonyms
        self._today = clock

    def target(self, call: Call, plan: Plan, rules: IdentityRules) -> str:
        """Path and query asked of the provider: the parameters in canonical form, under their published names.

        Raises:
            Refusal: 422, with one error per wrong parameter.
        """
        ordinary, given = plan.ordinary, call.ordinary
        if ordinary is not None and given is not None:
            if self._pseudonyms is not None:
                call.identifier = self._pseudonyms.digest(ordinary.basis(given))
            return f"{plan.target}?{ordinary.written(given)}"
        if plan.by_token is not None and call.pivot is not None:
            return self._target_of_pivot(call, plan, plan.by_token, call.pivot)
        found = self._read(call, plan, rules)
        if self._pseudonyms is not None:
            call.identifier = self._pseudonyms.of(found.identity)
        return f"{plan.target}?{encoded(found.parameters)}" if found.parameters else plan.target

    def _target_of_pivot(self, call: Call, plan: Plan, by_token: ByToken, pivot: Identity) -> str:
        """As `target`, for a call whose person FranceConnect names."""
        if self._pseudonyms is not None:
            call.identifier = self._pseudonyms.of(pivot)
        found = self._read(call, plan, by_token.rules)
        return f"{plan.target}?{encoded((*written(pivot, by_token.names), *found.parameters))}"

    def _read(self, call: Call, plan: Plan, rules: IdentityRules) -> Asked:
        found = rules.read(call.about, self._today())
        if not isinstance(found, Asked):
            raise Refusal(422, *(_error(plan, fault) for fault in found))
        return found


def _error(plan: Plan, fault: Fault) -> ApiError:
    provider = plan.route.provider
    if fault.code in provider.errors:
        return provider.error(fault.code)
    return gateway_error(fault.code, source={"parameter": fault.parameter})


def masked(call: Call, plan: Plan, masks: Masks, token: Token, answer: ProviderAnswer) -> ProviderAnswer:
    """What of an answer the holder of a token may see; the body as it came is kept in the call, for comparison.

    Raises:
        Refusal: the answer is not what the endpoint promises, so nothing of it may be shown.
    """
    if answer.status not in _WITH_DATA:
        return answer
    body = answer.body
    try:
        seen = masks.apply(body, token.scopes, answer.content)
    except NotMaskableError:
        raise refusal(plan.route, "999") from None
    if seen is body:
        return answer
    call.unmasked = body
    return replace(answer, body=seen)
