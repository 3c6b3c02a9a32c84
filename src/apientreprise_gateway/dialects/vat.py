"""The French numbers of value added tax."""


def vat_number(siren: str) -> str:
    """The number of a legal unit: the country, two check digits, the SIREN."""
    return f"FR{(12 + 3 * (int(siren) % 97)) % 97:02d}{siren}"
