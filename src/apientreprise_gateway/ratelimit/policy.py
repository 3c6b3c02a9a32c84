"""The policy: which figure limits which endpoint."""

from collections.abc import Mapping

from apientreprise_gateway.catalogue.model import Endpoint, Figure


class Policy:
    """Calls per minute, per token, of each group of endpoints."""

    def __init__(self, figures: Mapping[Figure, int]) -> None:
        """Take the figures; raise `ValueError` if one is missing or below 1."""
        wrong = [figure.value for figure in Figure if figures.get(figure, 0) < 1]
        if wrong:
            raise ValueError(f"these limits must be at least 1: {', '.join(wrong)}")
        self._figures = dict(figures)

    def limit_of(self, endpoint: Endpoint) -> int:
        """Calls per minute that one token may make on the endpoint's group."""
        return self._figures[endpoint.group.figure]
