"""French VAT numbers."""


def vat_number(siren: str) -> str:
    """The VAT number of a legal unit: country code, two check digits, SIREN."""
    return f"FR{(12 + 3 * (int(siren) % 97)) % 97:02d}{siren}"
