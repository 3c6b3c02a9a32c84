"""Which scopes show which fields of an answer, in French."""

from collections.abc import Iterator

from apientreprise_gateway.contract.masks import MaskRules, Needs


def shown_by(mask: MaskRules) -> Iterator[tuple[str, str]]:
    """Each field that has needs of its own, with the scopes that show it, in Markdown."""
    for path, needs in mask.fields.items():
        yield f"`{path}`", _words(needs)
    for path, openers in mask.populations.items():
        for scope, values in openers.items():
            held = ", ".join(f"`{name}` est `{value}`" for name, value in values.items())
            yield f"`{path}[]` dont {held}", f"`{scope}`"


def _words(needs: Needs) -> str:
    every = [f"`{scope}`" for scope in sorted(needs.all_of)]
    one = [f"`{scope}`" for scope in sorted(needs.any_of)]
    return " et ".join([*every, *([" ou ".join(one)] if one else [])])
