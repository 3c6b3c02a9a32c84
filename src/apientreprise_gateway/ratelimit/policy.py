"""The policy: how many calls each group of endpoints allows, and how they count for their address."""

from collections.abc import Iterable, Mapping

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.groups import Group
from apientreprise_gateway.providers.product import Product
from apientreprise_gateway.ratelimit.port import COMMON, AddressRule
from apientreprise_gateway.ratelimit.windows import SECOND, USUAL_SECONDS


class Policy:
    """The limits: calls within a window that one token may make to each group of endpoints, and of an address."""

    def __init__(self, groups: Iterable[Group], figures: Mapping[str, int]) -> None:
        """Take the groups, and the limits by setting, in calls; those of ceilings may be 0.

        Raises:
            ValueError: the limit of a group is missing or below 1.
        """
        settings = dict.fromkeys(group.limit.setting for group in groups)
        wrong = [setting for setting in settings if figures.get(setting, 0) < 1]
        if wrong:
            raise ValueError(f"these limits must be at least 1: {', '.join(wrong)}")
        self._figures = dict(figures)

    def limit_of(self, endpoint: Endpoint) -> int:
        """Calls that one token may make to the endpoint's group within its window."""
        return self._figures[endpoint.group.limit.setting]

    def rule_of(self, product: Product) -> AddressRule:
        """How the calls of a product count for their address."""
        rule = COMMON
        if product.ceiling is not None:
            ceiling = self._figures[product.ceiling.setting]
            rule = AddressRule(counter=f"{COMMON.counter}:{product.name}", ceiling=ceiling)
        return rule._replace(by_token=product.refusals_by_token, early=round(product.early_seconds * SECOND))


def own_limits(figure: int, group: Group, own: int | None, cap: int | None = None) -> tuple[int, int | None]:
    """The limits of a token that may have one of its own, and a cap.

    Where windows have 60 s, its own limit takes the place of everybody's: more or less than that in a shared group, but
    only less where the group protects a single provider. A window of another length keeps its limit, and gets another
    one, of 60 s, beside it. A cap only lowers what results: one that is no lower than that changes nothing.

    Args:
        figure: the limit of the group for every token.
        group: the group.
        own: calls per minute that the token is allowed; None if it has no limit of its own.
        cap: calls per minute that it may make at most in each group; None for no cap.

    Returns:
        Calls within the window of the group, and calls within a second window of 60 s; None without one.
    """
    if group.seconds != USUAL_SECONDS:
        if cap is not None and cap * group.seconds >= figure * USUAL_SECONDS:
            cap = None  # the window of the group lets no more calls pass in a minute
        return figure, cap if own is None else own if cap is None else min(own, cap)
    if own is not None:
        figure = own if group.shared else min(own, figure)
    return (figure if cap is None else min(figure, cap)), None
