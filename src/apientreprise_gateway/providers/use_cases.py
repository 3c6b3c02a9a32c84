"""Use cases: what administrations ask a product's data for, and which operations serve it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class UseCase:
    """One kind of procedure, with the operations that serve it; the words are French."""

    key: str
    title: str
    description: str
    """One sentence."""
    operations: tuple[str, ...]
    """The operations that most procedures of this kind need."""
    optional: tuple[str, ...] = ()
    """Those that some of them need, for a reason that the habilitation gives."""

    def __post_init__(self) -> None:
        both = (*self.operations, *self.optional)
        if len(set(both)) < len(both):
            raise ValueError(f"{self.key}: an operation is named twice")
