"""The policy: which figure limits which endpoint."""

from collections.abc import Mapping

from apientreprise_gateway.contract.endpoint import Endpoint, Group, LimitSetting


class Policy:
    """Calls per minute, per token, of each group of endpoints."""

    def __init__(self, figures: Mapping[LimitSetting, int]) -> None:
        """Take the figures; raise `ValueError` if one is missing or below 1."""
        wrong = [figure.value for figure in LimitSetting if figures.get(figure, 0) < 1]
        if wrong:
            raise ValueError(f"these limits must be at least 1: {', '.join(wrong)}")
        self._figures = dict(figures)

    def limit_of(self, endpoint: Endpoint) -> int:
        """Calls per minute that one token may make on the endpoint's group."""
        return self._figures[endpoint.group.figure]


def own_limit(figure: int, group: Group, own: int | None) -> int:
    """Calls per minute of a token that may have a limit of its own.

    Args:
        figure: what the group allows to every token.
        group: the group.
        own: the token's own limit: more or less than the figure in a shared group, but only less where the group
            protects a single provider.
    """
    if own is None:
        return figure
    return own if group.shared else min(own, figure)
