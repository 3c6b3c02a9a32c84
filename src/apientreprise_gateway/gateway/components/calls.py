"""Makes the options of the pipeline, and the validator of answers."""

from collections.abc import Iterable

from apientreprise_gateway.config.keys import parse_key
from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.errors import FLAT_VERSION
from apientreprise_gateway.contract.pseudonym import Pseudonyms
from apientreprise_gateway.dataplane.options import Options
from apientreprise_gateway.dataplane.validation import AnswerValidator
from apientreprise_gateway.gateway.settings import (
    BanAction,
    Duplicates,
    Limits,
    Settings,
    UserIdRequired,
    ValidateUpstream,
)
from apientreprise_gateway.observability.metrics import Metrics
from apientreprise_gateway.providers.product import Product


def pipeline_options(settings: Settings) -> Options:
    """The options of the pipeline, from the settings."""

    def user_id_required(endpoint: Endpoint) -> bool:
        match settings.user_id_required:
            case UserIdRequired.ALL:
                return True
            case UserIdRequired.V2:
                return endpoint.version == FLAT_VERSION
            case UserIdRequired.NONE:
                return False

    return Options(
        user_id_required=user_id_required,
        forbid_banned=settings.ban_action is BanAction.FORBID,
        shadow=settings.limits is Limits.SHADOW,
        dossier_seconds=settings.upstream_timeout,
        refuse_duplicates=settings.duplicates is Duplicates.REFUSE,
    )


def pseudonyms(settings: Settings) -> Pseudonyms | None:
    """What gives persons the names that they have in access lines; None without a key."""
    key = settings.pseudonym_key
    return None if key is None else Pseudonyms(parse_key(key.get_secret_value()))


def answer_validator(settings: Settings, products: Iterable[Product], metrics: Metrics) -> AnswerValidator | None:
    """The validator that compares answers with their schemas; None if that is off."""
    if settings.validate_upstream is ValidateUpstream.OFF:
        return None
    return AnswerValidator(
        {endpoint.operation: product.schemas for product in products for endpoint in product.endpoints},
        sample=settings.validate_upstream is ValidateUpstream.SAMPLE,
        on_deviation=lambda operation: metrics.deviations(operation).inc(),
    )
