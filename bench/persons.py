"""What calls about persons cost, beside calls about companies: `docs/performance.md` has the table.

    .venv/bin/python bench/persons.py [--rounds 7] [--seconds 3] [--connections 64] [--json FILE]

One gateway of one worker, with Redis and every check, header, metric, digest and access line, answers each kind
of calls in turn; the provider answers 2 kB at once. CPU is that of the worker, per answer, and each ratio is one of the
same round. Masked are the address of a household, and a field of each of a student's six admissions.
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import figures
from testbed import BODY, HERE, LIMIT, QUERY, MissingToolError, Server, Testbed, machine, need, say, testbed

from apientreprise_gateway.providers.particulier.product import PARTICULIER
from support.tokens import token

BYTES: Final = 2048
RECIPIENT: Final = "recipient=13002526500013"
HOUSEHOLD: Final = "/v3/dss/quotient_familial/identite"
STUDENT: Final = "/v3/mesri/statut_etudiant/identite"
COMPANY: Final = "/v3/insee/sirene/unites_legales"
GIVEN: Final = "prenoms%5B%5D=CLAIRE&prenoms%5B%5D=MARIE&sexeEtatCivil=F&codeCogInseeCommuneNaissance=35238"
_PERSON: Final = {
    "nom_naissance": "DURAND", "nom_usage": None, "prenoms": "LEA ZOE", "date_naissance": "1990-01-01", "sexe": "F"
}  # fmt: skip
_ADMISSION: Final = {
    "date_debut": "2022-09-01",
    "date_fin": "2023-08-31",
    "est_inscrit": True,
    "regime_formation": {"libelle": "formation initiale", "code": "RF1"},
    "code_cog_insee_commune": "29085",
    "etablissement_etudes": {"uai": "0011402U", "nom": "Ecole de gestion et de commerce"},
}
_COMMON: Final = {"links": {}, "meta": {}}
BODIES: Final = {
    COMPANY: json.loads(BODY),
    HOUSEHOLD: {
        "data": {
            "quotient_familial": {"fournisseur": "CNAF", "valeur": 699, "annee": 2024, "mois": 3},
            "allocataires": [_PERSON] * 2,
            "enfants": [_PERSON] * 6,
            "adresse": {"destinataire": "Madame LEA DURAND", "pays": "FRANCE"},
        },
        **_COMMON,
    },
    STUDENT: {
        "data": {
            "identite": {"nom_naissance": "DURAND", "prenom": "LEA", "date_naissance": "1990-01-01"},
            "admissions": [_ADMISSION] * 6,
        },
        **_COMMON,
    },
}


def padded(path: str) -> str:
    """The answer below a path, with as long a text in it as makes 2 kB of it."""
    body = BODIES[path]
    part = body["data"]["adresse" if path == HOUSEHOLD else "identite" if path == STUDENT else "forme_juridique"]
    name = {HOUSEHOLD: "destinataire", STUDENT: "prenom"}.get(path, "libelle")
    part[name] += "x" * (BYTES - len(json.dumps(body, ensure_ascii=False).encode()))
    return json.dumps(body, ensure_ascii=False)


def bodies() -> dict[str, str]:
    """What the provider answers, by path."""
    found = {path: padded(path) for path in BODIES}
    return found | {STUDENT.replace("identite", "ine"): found[STUDENT]}


def held(path: str, *missing: str) -> str:
    """A token for all scopes of an operation of API Particulier but some."""
    endpoint = next(each for each in PARTICULIER.endpoints if each.path == path)
    return token(scopes=[scope for scope in endpoint.scopes if scope not in missing])


_BY_HOUSEHOLD: Final = f"{HOUSEHOLD}?{RECIPIENT}&{GIVEN}&codeCogInseePaysNaissance=99100"
_BY_STUDENT: Final = f"{STUDENT}?{RECIPIENT}&{GIVEN}"
_BY_INE: Final = f"{STUDENT.replace('identite', 'ine')}?{RECIPIENT}"
_PLACES: Final = "mesri_admission_commune_etudes"
ENTREPRISE: Final = "API Entreprise"
CASES: Final = {
    ENTREPRISE: ("load.lua", "/" + QUERY, token()),
    "student by INE, unmasked": ("persons.lua", _BY_INE, held(STUDENT)),
    "student by INE, masked": ("persons.lua", _BY_INE, held(STUDENT, _PLACES)),
    "student by civil status, unmasked": ("persons.lua", _BY_STUDENT, held(STUDENT)),
    "student by civil status, masked": ("persons.lua", _BY_STUDENT, held(STUDENT, _PLACES)),
    "household by civil status, unmasked": ("persons.lua", _BY_HOUSEHOLD, held(HOUSEHOLD)),
    "household by civil status, masked": ("persons.lua", _BY_HOUSEHOLD, held(HOUSEHOLD, "cnaf_adresse")),
}
"""The script that makes the calls, what it begins with, and the token."""
SETTINGS: Final = {"limit_particulier": str(LIMIT), "duplicates": "count", "pseudonym_key": "5e" * 32}


def answered(server: Server, place: Testbed, case: str, *, connections: int, seconds: float) -> int:
    """Call as fast as answers come; return the number of answers."""
    script, target, key = CASES[case]
    place.store().flushdb()
    command = ["taskset", "-c", place.cpus, "wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "60"]
    command += ["-H", f"Authorization: Bearer {key}", "-s", str(HERE / script), server.url + target]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    answers = re.search(r"(\d+) requests in", told)
    if answers is None or "Non-2xx" in told or "Socket errors" in told:
        raise RuntimeError(f"{case}: not every call was answered with 200 (see {server.folder}):\n{told}")
    return int(answers[1])


def load(server: Server, place: Testbed, case: str, *, connections: int, seconds: float) -> float:
    """Call as fast as answers come; return the CPU microseconds per answer."""
    before = server.cpu()
    answers = answered(server, place, case, connections=connections, seconds=seconds)
    return (server.cpu() - before) / answers * 1e6


def measure(place: Testbed, *, rounds: int, seconds: float, connections: int) -> dict[str, list[float]]:
    """CPU microseconds per answer of each case, round by round."""
    spent: dict[str, list[float]] = {case: [] for case in CASES}
    with place.gateway(**SETTINGS) as server:
        for case in CASES:
            load(server, place, case, connections=connections, seconds=1)  # warm-up
        for number in range(rounds):
            say(f"round {number + 1} of {rounds}")
            for case in CASES:
                spent[case].append(load(server, place, case, connections=connections, seconds=seconds))
    return spent


def ratios(spent: dict[str, list[float]]) -> dict[str, float]:
    """CPU of each case over that of a call of API Entreprise: the median of the rounds."""
    return {
        case: statistics.median(each / base for each, base in zip(found, spent[ENTREPRISE], strict=True))
        for case, found in spent.items()
    }


def table(spent: dict[str, list[float]]) -> str:
    """The figures in Markdown: medians, and those of the ratios of each round."""
    lines = ["| call | CPU µs | of that of API Entreprise |", "|---|---|---|"]
    for case, ratio in ratios(spent).items():
        cost = statistics.median(spent[case])
        lines.append(f"| {case} | {cost:.0f} | {'' if case == ENTREPRISE else f'{ratio:.2f}'} |")
    return "\n".join(lines)


def handed_on(spent: dict[str, list[float]]) -> Iterator[figures.Figure]:
    """The ratios, for `make bench`."""
    for case, ratio in ratios(spent).items():
        if case != ENTREPRISE:
            goal = "at most 1.05" if case.endswith("unmasked") else "at most 1.35"
            yield figures.Figure(case, "gateway", "CPU", ratio, "of a call of API Entreprise", goal)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--connections", type=int, default=64)
    figures.add_option(parser)
    given = parser.parse_args()
    try:
        need("wrk")
        with (
            tempfile.TemporaryDirectory(prefix="gateway-bench-") as folder,
            testbed(Path(folder), bodies=bodies()) as place,
        ):
            spent = measure(place, rounds=given.rounds, seconds=given.seconds, connections=given.connections)
    except MissingToolError as error:
        sys.exit(f"bench: {error}")
    print(f"{machine()}; {given.rounds} rounds, {given.connections} connections\n\n{table(spent)}")
    figures.write(given.json, handed_on(spent))


if __name__ == "__main__":
    main()
