"""The schemas of API Particulier: one YAML file per provider, in the notation of `providers.schemas`."""

from importlib.resources import files
from typing import Final

from apientreprise_gateway.providers.schemas import Schemas

SCHEMAS: Final = Schemas(files(__name__))
