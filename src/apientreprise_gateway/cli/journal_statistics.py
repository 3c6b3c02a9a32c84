"""The command `journal statistics`: the calls of a token, counted."""

import argparse
import json
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from apientreprise_gateway.cli import arguments
from apientreprise_gateway.cli.output import print_table

if TYPE_CHECKING:
    from apientreprise_gateway.journal.statistics import PeriodStatistics, Statistics

_PERIOD_COLUMNS: Final = ("period", "calls", "refused", "classes", "cached", "p50 ms", "p95 ms")
_CALL_COLUMNS: Final = ("time", "request_id", "operation", "identifier", "status", "codes", "ms")


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("statistics", help="the calls of a token: minutes, hours, days, and the last ones")
    parser.add_argument("jti", type=arguments.jti)
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(command=_statistics)


def _statistics(options: argparse.Namespace) -> int:
    from apientreprise_gateway.cli.database_access import use_database
    from apientreprise_gateway.journal.statistics import statistics

    with use_database() as engine:
        found = statistics(engine, options.jti)
    if options.json:
        print(json.dumps(_plain(found), default=datetime.isoformat, indent=2))
    else:
        _print(found)
    return 0


def _plain(found: "Statistics") -> dict[str, Any]:
    plain = asdict(found)
    plain["last_calls"] = [{**call, "codes": json.loads(call["codes"] or "[]")} for call in plain["last_calls"]]
    return plain


def _print(found: "Statistics") -> None:
    if found.first_call is None:
        print(f"No call yet, as of {found.as_of.isoformat(timespec='seconds')}.")
        return
    first, now = (moment.isoformat(timespec="seconds") for moment in (found.first_call, found.as_of))
    print(f"First call {first}; as of {now}.")
    print()
    print_table([_period(each) for each in found.periods], _PERIOD_COLUMNS)
    operations = found.periods[-1].by_operation
    if operations:
        print()
        print_table(
            [{"operation": name, "90 days": count} for name, count in operations.items()], ("operation", "90 days")
        )
    print()
    print_table([_call(call) for call in found.last_calls], _CALL_COLUMNS)


def _period(each: "PeriodStatistics") -> dict[str, object]:
    return {
        "period": each.period,
        "calls": each.calls,
        "refused": each.refused,
        "classes": ", ".join(f"{name} {count}" for name, count in each.by_class.items()),
        "cached": "" if each.cached_share is None else f"{each.cached_share:.0%}",
        "p50 ms": _milliseconds(each.p50),
        "p95 ms": _milliseconds(each.p95),
    }


def _call(call: Any) -> dict[str, object]:
    shown = {name: "" if call[name] is None else ascii(str(call[name]))[1:-1] for name in _CALL_COLUMNS if name in call}
    codes = json.loads(call["codes"] or "[]")
    time = call["time"].isoformat(timespec="seconds")
    return {**shown, "time": time, "codes": " ".join(map(str, codes)), "ms": _milliseconds(call["seconds"])}


def _milliseconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1000:.0f}"
