"""What the fields of a product's answers mean, in French, for the pages and files that integrators read.

One YAML file per provider beside its schemas, in the folder `fields`, and `common.yaml` for what is the same at every
provider. A key is the end of a field's path, as long as it takes to tell the field from others:

| key | the fields |
|---|---|
| `siren` | each of this name |
| `capital.montant` | `montant` of each `capital` |
| `adresse_sirene.code_postal` | `code_postal` of the shape `adresse_sirene`, wherever it is used |
| `api_entreprise_v3_dgfip_tva.meta.date_derniere_mise_a_jour` | this one |

A path begins at the operation and its part (`data`, `entries`, `meta` ...), or at the shape; entries of an array are
no step of it. The longest key counts, and one of the provider before any of `common.yaml`. The name of a shape alone
is the key of what the shape is.
"""

from collections.abc import Mapping, Sequence

from apientreprise_gateway.contract.notation import Path

Words = Mapping[str, str]
"""Meanings by the ends of paths."""


def meaning(path: Path, files: Sequence[Words]) -> str | None:
    """The meaning of the field at a path, from the first file that has one."""
    ends = [".".join(path[start:]) for start in range(len(path))]
    return next((words[end] for words in files for end in ends if end in words), None)
