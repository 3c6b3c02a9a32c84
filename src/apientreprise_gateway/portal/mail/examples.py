"""Example data of each kind of mail, for `portal mail preview` and the tests that render all of them."""

from collections.abc import Mapping
from typing import Any, Final

from apientreprise_gateway.accounts.mail_rules import Kind, Party

_TOKEN: Final = "6b1d3a0e-5d5c-4d77-8d3e-0f6f4f0a7c11"  # noqa: S105 - a name, not a secret
_OTHER: Final = "c2a4d1f7-92f5-4a0e-9a55-6a1a5f3b8e20"
_END: Final = "2027-03-31T09:30:00+00:00"
_HABILITATION: Final[dict[str, Any]] = {
    "number": "4821",
    "title": "Guichet des aides aux commerces",
    "product": "entreprise",
    "habilitation_id": "0f9c6c1e-3f0b-4d0c-8a51-6f5d0b6f2a90",
    "source": "datapass",
}
_REQUEST: Final = _HABILITATION | {"comment": "", "update": False, "state": "submitted"}
_COMMENTED: Final = _REQUEST | {
    "comment": "Précisez le texte qui fonde la demande.\n\nL’adresse du contact technique est celle d’un service."
}
_NOTICE: Final = _HABILITATION | {
    "token_id": _TOKEN,
    "threshold": 30,
    "days_left": 30,
    "ended": False,
    "ends_at": _END,
    "successor": None,
    "last_call_at": None,
}
_CALL: Final = {"request_id": _TOKEN, "time": _END, "operation": "api_entreprise_v3_insee_unite_legale", "status": 200}
_TRANSFER: Final[dict[str, Any]] = {
    "party": Party.NEWCOMER.value,
    "siret": "21920023500014",
    "sender": "camille@mairie.example",
    "newcomer": "dominique@mairie.example",
    "reason": "",
    "expires_at": _END,
    "state": "asked",
    "transfer_id": "1",
}
_NEWS: Final[dict[str, Any]] = {
    "what": "Incident",
    "name": "Réponses lentes de la source",
    "progress": "En cours d’examen",
    "planned": "",
    "components": ["API Entreprise"],
    "body": "Nous cherchons la cause.\n\nLes autres données répondent.",
    "page": "/statut/incidents/1",
    "manage": "/statut/abonnements/exemple",
    "unsubscribe": "/statut/abonnements/exemple/fin",
}
_SHARED: Final = _HABILITATION | {"email": "atelier@logiciel.example", "token_id": _TOKEN}

EXAMPLES: Final[Mapping[str, Mapping[str, Any]]] = {
    Kind.REQUEST_RECEIVED: _REQUEST,
    Kind.UPDATE_RECEIVED: _REQUEST | {"update": True},
    Kind.CHANGES_REQUESTED: _COMMENTED,
    Kind.UPDATE_CHANGES_REQUESTED: _COMMENTED | {"update": True},
    Kind.REQUEST_REFUSED: _COMMENTED,
    Kind.UPDATE_REFUSED: _COMMENTED | {"update": True},
    Kind.APPROVED_EDITOR: _REQUEST,
    Kind.APPROVED_ALL: _REQUEST,
    Kind.APPROVED_APPLICANT: _REQUEST,
    Kind.APPROVED_APPLICANT_TECHNICAL: _REQUEST,
    Kind.APPROVED_TECHNICAL: _REQUEST,
    Kind.APPROVED_BUSINESS: _REQUEST,
    Kind.UPDATE_APPROVED: _REQUEST | {"update": True},
    Kind.HABILITATION_REVOKED: _COMMENTED,
    Kind.REPORTED_REQUEST: _REQUEST,
    Kind.REPORTED_APPROVAL: _REQUEST | {"update": True},
    Kind.TOKEN_EXPIRY: _NOTICE,
    Kind.TOKEN_REVOKED: _HABILITATION
    | {"token_id": _TOKEN, "at": _END, "comment": "Ce jeton a été publié par erreur.", "replacement": _OTHER},
    Kind.AUDIT: _HABILITATION
    | {"reason": "Un nombre inhabituel d’appels la nuit.", "volume": 12840, "request_ids": [_TOKEN], "calls": [_CALL]},
    Kind.HAND_OVER: _HABILITATION | {"expires_at": _END, "link": "/public/jetons/exemple"},
    Kind.HAND_OVER_OPENED: _SHARED | {"at": _END},
    Kind.HAND_OVER_NOT_SENT: _SHARED,
    Kind.TRANSFER_ASKED: _TRANSFER,
    Kind.TRANSFER_WAITING: _TRANSFER,
    Kind.TRANSFER_ACCEPTED: _TRANSFER,
    Kind.TRANSFER_TO_CONFIRM: _TRANSFER,
    Kind.TRANSFER_DONE: _TRANSFER,
    Kind.TRANSFER_REFUSED: _TRANSFER | {"reason": "Le SIRET n’est pas celui de votre organisme."},
    Kind.TRANSFER_EXPIRED: _TRANSFER,
    Kind.LOGIN_LINK: {"expires_at": _END, "link": "/compte/se-connecter/exemple"},
    "status_confirm": {"expires_at": _END, "link": "/statut/abonnements/confirmer/exemple"},
    "status_subscribed": {"manage": "/statut/abonnements/exemple"},
    "status_news": _NEWS,
    "status_draft": {"name": "La source ne répond pas", "since": _END, "components": ["INSEE"], "page": "/admin"},
}
"""By kind: what a row holds, the secret part in clear."""
VARIANTS: Final[tuple[tuple[str, Mapping[str, Any]], ...]] = (
    (Kind.TOKEN_EXPIRY, _NOTICE | {"threshold": 90, "days_left": 88}),
    (Kind.TOKEN_EXPIRY, _NOTICE | {"threshold": 15, "days_left": 1}),
    (Kind.TOKEN_EXPIRY, _NOTICE | {"threshold": 7, "days_left": 7, "successor": _OTHER}),
    (Kind.TOKEN_EXPIRY, _NOTICE | {"threshold": 7, "days_left": 7, "successor": _OTHER, "last_call_at": _END}),
    (Kind.TOKEN_EXPIRY, _NOTICE | {"threshold": 0, "days_left": 0}),
    (Kind.TOKEN_EXPIRY, _NOTICE | {"threshold": 0, "days_left": -1, "ended": True}),
    (Kind.TOKEN_REVOKED, _HABILITATION | {"token_id": _TOKEN, "at": _END, "comment": "", "replacement": None}),
    (Kind.AUDIT, _HABILITATION | {"reason": "Contrôle.", "volume": None, "request_ids": [_TOKEN, _OTHER], "calls": []}),
    (Kind.TRANSFER_ACCEPTED, _TRANSFER | {"party": Party.SENDER.value}),
    ("status_news", _NEWS | {"what": "Maintenance", "planned": "le 31 mars 2027 de 22 h à 23 h", "components": []}),
    (Kind.TRANSFER_DONE, _TRANSFER | {"party": Party.SENDER.value}),
)
"""The other texts that a template may give."""
