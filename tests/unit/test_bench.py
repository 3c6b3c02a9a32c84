"""What `make bench` makes of figures: the tables and the chart of docs/performance.md."""

import importlib
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Gives modules of bench/ by their names; none of them starts anything when it is imported."""
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    return importlib.import_module


@pytest.fixture
def compared(bench: Any) -> Any:
    """Figures of three servers at 16 connections: two rounds by plain HTTP and with a provider that speaks HTTPS."""
    compare, conditions = bench("compare"), bench("conditions").CONDITIONS
    runs = {}
    for name, p99s in (("plain", (4.0, 5.0)), ("provider-https", (5.0, 6.0))):
        for server, cpus in (("gateway", (80.0, 60.0)), ("nginx + Lua", (40.0, 40.0)), ("FastAPI + httpx", (1500.0,))):
            runs[compare.Case(conditions[name], 16, server)] = {
                number: compare.Measurement(1e6 / cpu, 1.0, p99, cpu, 90.0)
                for number, (cpu, p99) in enumerate(zip(cpus, p99s, strict=False))
            }
    return list(compare.summary(runs, seconds=3))


def test_ratios_are_those_of_a_round(bench: Any, compared: Any) -> None:
    """A ratio is the median of the rounds' own, a server that took part in fewer has that of these."""
    ratios = bench("compare").ratios(compared)
    assert ratios["plain HTTP, 1 kB, 16 connections"] == {"gateway": 1.75, "nginx + Lua": 1.0, "FastAPI + httpx": 37.5}


def test_the_table_of_the_comparison(bench: Any, compared: Any) -> None:
    """A row has the figures of a server, with the range of the gateway's ratios and what they are to be."""
    rows = bench("compare").table(compared).splitlines()
    columns = rows[0].count("|")
    assert all(row.count("|") == columns for row in rows)
    assert rows[2].startswith("| plain HTTP, 1 kB, 16 connections | gateway | 14583 | 1.00 | 4.50 |  | 90 | 70 |")
    assert rows[2].endswith("| **1.75** (1.50 to 2.00), at most 1.7 |")
    assert rows[3].endswith("| 40 |  |")
    assert "| 5.50 | 1.23, at most 1.3 | 90 |" in rows[5]


def test_the_caption_says_who_took_part_less(bench: Any, compared: Any) -> None:
    """The number of rounds is said, and which server had fewer."""
    assert bench("compare").caption(compared) == "medians of 2 rounds, FastAPI + httpx of 1; 3 s each"


def test_without_nginx_there_are_no_ratios(bench: Any, compared: Any) -> None:
    """Where nginx + Lua is missing, the table has everything else."""
    compare, conditions = bench("compare"), bench("conditions").CONDITIONS
    case = compare.Case(conditions["plain"], 64, "gateway")
    found = list(compare.summary({case: {0: compare.Measurement(15000, 4, 6, 60, 90)}}, seconds=3))
    assert compare.ratios(found) == {}
    assert compare.table(found).splitlines()[2].endswith("| 90 | 60 |  |")


def test_turns_change_their_order(bench: Any) -> None:
    """Servers come in the other order in each second round, and the slow one only as often as it is asked."""
    compare, conditions = bench("compare"), bench("conditions").CONDITIONS
    todo = compare.turns([conditions["plain"]], ["gateway", "nginx + Lua", "FastAPI + httpx"], rounds=2, slow_rounds=1)
    assert [turn.server for turn in todo] == ["gateway", "nginx + Lua", "FastAPI + httpx", "nginx + Lua", "gateway"]


def test_the_chart_has_a_bar_for_each_ratio(bench: Any, compared: Any) -> None:
    """The chart is an image that says each ratio; one beyond its end is cut off, and has its number in it."""
    picture = ElementTree.fromstring(bench("chart").drawn(bench("compare").ratios(compared)))
    texts = [each.text for each in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert texts.count("1.75") == 2
    assert texts.count("38") == 2
    assert "provider by HTTPS, 16 connections" in texts


def test_the_table_of_scale(bench: Any) -> None:
    """Each size has its cost, the larger one the ratio of the same round."""
    scale = bench("scale")
    found = list(scale.summary({scale.TOKENS: [(50.0, 51.0), (100.0, 100.0), (60.0, 66.0)]}))
    assert scale.caption(found) == "medians of 3 rounds"
    assert scale.table(found).splitlines()[2:] == [
        "| 1 token | 60 |  |  |",
        "| 50 000 tokens | 66 | **1.02** (1.00 to 1.10) | at most 1.10 |",
    ]


def test_tables_are_put_between_their_marks(bench: Any) -> None:
    """What stood between the marks is replaced, everything else stays."""
    page = "a\n<!-- bench -->\nold\n<!-- /bench -->\nb\n"
    assert bench("report").filled(page, {"bench": "new"}) == "a\n<!-- bench -->\nnew\n<!-- /bench -->\nb\n"
    with pytest.raises(ValueError, match="no place"):
        bench("report").filled(page, {"scale": "new"})


def test_a_run_is_written_into_the_page(bench: Any, compared: Any, tmp_path: Path) -> None:
    """The page has a place for every table, and what was not measured stays as it was."""
    report, figures = bench("report"), bench("figures")
    figures.write(tmp_path / "compare.json", compared)
    figures.write(tmp_path / "cache.json", [figures.Figure("hit", "gateway", "CPU", 0.5, "of a call", "at most 0.6")])
    (tmp_path / "machine").write_text("a machine")
    page, picture = tmp_path / "performance.md", tmp_path / "bench.svg"
    before = (ROOT / "docs" / "performance.md").read_text()
    page.write_text(before)
    report.write(tmp_path, page, picture)
    assert "a machine; medians of 2 rounds" in page.read_text()
    assert "| hit | 0.50 | of a call | at most 0.6 |" in page.read_text()
    assert page.read_text().partition("<!-- /bench -->")[2] == before.partition("<!-- /bench -->")[2]
    assert picture.exists()


def test_a_missing_peer_is_said_and_left_out(
    bench: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Without its modules, a peer is left out with the reason; the others are measured."""
    servers = bench("servers")
    monkeypatch.setattr(servers, "_LUA", tmp_path / "none.so")
    monkeypatch.setattr(servers, "find_spec", lambda name: None if name == "httpx" else name)
    assert servers.available() == ["gateway"]
    said = capsys.readouterr().err
    assert "Without nginx + Lua" in said
    assert "Without FastAPI + httpx: httpx not installed" in said


def test_endpoints_that_are_all_alike(bench: Any) -> None:
    """A product of so many endpoints has each at a path of its own, with a schema."""
    endpoints = bench("endpoints")
    product = endpoints.alike(129)
    found = list(product.endpoints)
    assert len({each.path for each in found}) == 129
    assert set(product.schemas.operations) == {each.operation for each in found}
    assert len(list(endpoints.alike(1).endpoints)) == 1


@pytest.mark.parametrize("quick", [False, True])
def test_each_part_is_run(bench: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, quick: bool) -> None:
    """Every script is run with the options of the mode, hands its figures on, and is named if it fails."""
    report, commands = bench("report"), []

    def run(command: list[str], **_: object) -> Any:
        commands.append(command[1:])
        return subprocess.CompletedProcess(command, 1 if command[1].endswith("cache.py") else 0)

    monkeypatch.setattr(report, "subprocess", SimpleNamespace(run=run))
    assert report.run(report.PARTS, tmp_path, quick=quick) == ["cache.py"]
    assert [Path(script).name for script, *_ in commands] == [part.script for part in report.PARTS]
    assert all((ROOT / "bench" / part.script).is_file() for part in report.PARTS)
    handed = [command for command in commands if command[-2] == "--json"]
    assert [Path(command[0]).stem for command in handed] == [Path(command[-1]).stem for command in handed]
    assert all(
        ("--rounds" in command and command[command.index("--rounds") + 1] == "1") or not quick for command in handed
    )


def test_the_whole_takes_less_than_a_quarter_of_an_hour(bench: Any) -> None:
    """What the parts take together is what the Makefile says."""
    minutes = sum(part.minutes for part in bench("report").PARTS)
    assert minutes < 15
    assert f"({minutes:.0f} minutes, docs/performance.md, chart)" in (ROOT / "Makefile").read_text()


def test_each_step_can_be_timed(bench: Any) -> None:
    """Every step of `steps.py` runs, more than once, on what the code of today makes and takes."""
    steps = bench("steps").steps()
    assert len(steps) > 10
    for _ in range(2):
        for step in steps.values():
            step()
