"""The rules of an operation: how all of its parameters that say who and what is asked for are read."""

from dataclasses import dataclass, field
from datetime import date

from apientreprise_gateway.contract.person.identity import Asked, Fault
from apientreprise_gateway.contract.person.reading import Query, Reading, Rule


@dataclass(frozen=True, slots=True)
class IdentityRules:
    """Rules that are judged together: everything that is wrong is told at once, in their order."""

    rules: tuple[Rule, ...]
    unless: "IdentityRules | None" = None
    """What is judged in place of these, where its first parameter is given."""
    names: frozenset[str] = field(init=False)
    """The parameters that have to be read, each with all of its values."""

    def __post_init__(self) -> None:
        own = (name for rule in self.rules for name in rule.names)
        object.__setattr__(self, "names", frozenset(own) | (self.unless.names if self.unless else frozenset()))

    @property
    def codes(self) -> frozenset[str]:
        """The errors that a call may be refused with."""
        own = frozenset(code for rule in self.rules for code in rule.codes)
        return own if self.unless is None else own | self.unless.codes

    def also(self, *rules: Rule) -> "IdentityRules":
        """These rules, and others after them."""
        return IdentityRules((*self.rules, *rules), self.unless)

    def read(self, query: Query, today: date) -> Asked | tuple[Fault, ...]:
        """What a call asks, or everything that is wrong with it; what the rules do not know is ignored.

        Args:
            query: the decoded query, see `query.read_all`.
            today: the day in Paris, by which ages and years are judged.
        """
        reading = Reading(query, today)
        unless = self.unless
        if unless is not None and reading.text(unless.rules[0].names[0]) != "":
            return unless.read(query, today)
        for rule in self.rules:
            rule.read(reading)
        return tuple(reading.faults) or reading.asked()
