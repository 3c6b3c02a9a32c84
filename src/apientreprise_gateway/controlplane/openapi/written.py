"""OpenAPI documents written as YAML."""

import re

import yaml

from apientreprise_gateway.controlplane.openapi.components import Json


def to_yaml(document: Json) -> str:
    """The document as YAML, without anchors so that it reads like a file written by hand."""
    return yaml.dump(document, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=120)


class _Dumper(yaml.SafeDumper):
    _NUMBER_LIKE = re.compile(r"[-+.]?\d[\d_.eE+-]*")

    def ignore_aliases(self, data: object) -> bool:
        return True

    def represent_str(self, data: str) -> yaml.ScalarNode:
        # PyYAML follows YAML 1.1, where 00429 is a text; to a 1.2 reader, such as a browser's, it is the number 429.
        style = "'" if self._NUMBER_LIKE.fullmatch(data) else "|" if "\n" in data else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_Dumper.add_representer(str, _Dumper.represent_str)
