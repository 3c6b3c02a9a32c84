"""Tests of what is known of calls before they are made."""

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.routes import Route
from apientreprise_gateway.dataplane.plan import plan_of, plans_of
from apientreprise_gateway.providers.entreprise.product import ENTREPRISE
from unit.dataplane.rig import LIMIT, OPERATION, POLICY, ROUTES, FakeSource, plan, route_of

CUSTOMS = "api_entreprise_v3_dgddi_eori"
FISCAL = "api_entreprise_v2_liasses_fiscales_dgfip"


def test_a_plan_says_what_an_endpoint_takes() -> None:
    """The target has a place for each parameter, one of which names the entity; no other names are read."""
    found = plan()

    assert found.target == "/v4/insee/sirene/unites_legales/{}"
    assert (found.identifier, found.limit, found.group.name) == (0, LIMIT, "json")
    assert found.wanted == {"context", "object", "recipient", "user_id", "token"}
    assert found.siret_recipient


def test_spellings_are_those_of_the_provider() -> None:
    """Only parameters that their provider spells otherwise have a spelling."""
    assert plan().spellings == ()
    ((place, spelling),) = plan(CUSTOMS).spellings
    assert (place, spelling("13002526500013")) == (0, "FR13002526500013")


def test_flat_versions_take_any_recipient() -> None:
    """Endpoints of v2 do not ask for a SIRET as recipient."""
    assert not plan(FISCAL).siret_recipient


def test_user_id_is_required_where_the_deployment_says_so() -> None:
    """`user_id` is required of endpoints that take it, if the deployment wants that."""

    def required(operation: str, *, user_id: bool) -> bool:
        route = route_of(operation)
        return (
            "user_id"
            in plan_of(route, product=ENTREPRISE, policy=POLICY, user_id_required=user_id, source=None).required
        )

    assert required(FISCAL, user_id=True)
    assert not required(FISCAL, user_id=False)
    assert not required(OPERATION, user_id=True)


def test_every_endpoint_has_a_plan() -> None:
    """Endpoints of providers have a source, those of the gateway itself have none; a dossier reads for its parts."""
    made: list[Route] = []

    def source_of(route: Route) -> FakeSource:
        made.append(route)
        return FakeSource()

    def never(_endpoint: Endpoint) -> bool:
        return False

    plans = plans_of([ENTREPRISE], source_of=source_of, policy=POLICY, user_id_required=never)

    assert plans.keys() == {route.endpoint.operation for route in ROUTES}
    own = {endpoint.operation for endpoint in ENTREPRISE.itself.endpoints}
    assert {operation for operation, each in plans.items() if each.source is None} == own
    assert len(made) == len(plans) - len(own)
    assert {"ressources", "year", "month"} <= plans["dossiers"].wanted
