"""The policy: how many calls each group of endpoints allows."""

from collections.abc import Iterable, Mapping

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.groups import Group


class Policy:
    """The limits: calls within a window that one token may make to each group of endpoints."""

    def __init__(self, groups: Iterable[Group], figures: Mapping[str, int]) -> None:
        """Take the groups, and the limits by setting, in calls.

        Raises:
            ValueError: a limit is missing or below 1.
        """
        settings = dict.fromkeys(group.limit.setting for group in groups)
        wrong = [setting for setting in settings if figures.get(setting, 0) < 1]
        if wrong:
            raise ValueError(f"these limits must be at least 1: {', '.join(wrong)}")
        self._figures = dict(figures)

    def limit_of(self, endpoint: Endpoint) -> int:
        """Calls that one token may make to the endpoint's group within its window."""
        return self._figures[endpoint.group.limit.setting]


def own_limit(figure: int, group: Group, own: int | None) -> int:
    """The limit of a token that may have one of its own, in calls within a window.

    Args:
        figure: the limit of the group for every token.
        group: the group.
        own: the token's own limit: more or less than the figure in a shared group, but only less where the group
            protects a single provider.
    """
    if own is None:
        return figure
    return own if group.shared else min(own, figure)
