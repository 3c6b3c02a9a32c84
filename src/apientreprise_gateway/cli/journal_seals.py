"""The commands `journal seal`, which makes the digests of days, and `journal verify`, which checks them."""

import argparse

from apientreprise_gateway.cli.outcome import FAILURE, tell


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands to the parser."""
    seal = commands.add_parser("seal", help="make the daily digests that are due; `journal follow` does it too")
    seal.set_defaults(command=_seal)
    verify = commands.add_parser("verify", help="say whether a sealed day was changed; ends with 1 if one was")
    verify.set_defaults(command=_verify)


def _seal(_options: argparse.Namespace) -> int:
    from apientreprise_gateway.cli.database_access import use_database
    from apientreprise_gateway.journal.seals import make_seals
    from apientreprise_gateway.observability import logs
    from apientreprise_gateway.portal.settings import load

    logs.configure(level=load().log_level)
    with use_database() as engine:
        made = make_seals(engine)
    for each in made:
        print(f"{each.day}: {each.lines} lines, seal {each.number}, {each.chain}")
    if not made:
        print("No seal is due.")
    return 0


def _verify(_options: argparse.Namespace) -> int:
    from apientreprise_gateway.cli.database_access import use_database
    from apientreprise_gateway.journal.seals import Fault, Seal, verify

    faults, seals = [], []
    with use_database() as engine:
        for each in verify(engine):
            if isinstance(each, Fault):
                faults.append(each)
                tell(f"{each.day}: {each.reason}")
            else:
                seals.append(each)
    days = len({each.day for each in seals if isinstance(each, Seal)})
    print(f"{len(seals)} seals of {days} days hold.")
    if faults:
        changed = ", ".join(sorted({str(fault.day) for fault in faults}))
        print(f"Changed: {changed}.")
        return FAILURE
    return 0
