"""What the measurement makes of its figures: medians, goals, tables and the picture."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.goals import goals
from bench.kinds import CHUNKS, KINDS, Kind
from bench.load import Load
from bench.plot import Bar, plot, ticks
from bench.publish import with_figures
from bench.report import picture, report
from bench.results import Results, Row
from bench.workers import Process


def load(cpu: float) -> Load:
    """A round that costs `cpu`."""
    return Load(cpu, rate=50_000, p50=100, p99=200, memory=20_000_000)


@pytest.fixture
def results() -> Results:
    """Three rounds of nginx, the gateway and one peer."""
    results = Results("a machine", rounds=3, seconds=1, connections=64, versions={"nginx": "1.22.1"})
    results.proxies = {
        "nginx": Row("nginx", False),
        "gateway": Row("the gateway", True),
        "envoy": Row("<Envoy>", False),
    }
    costs = {"nginx": (20.0, 90.0, 10.0), "gateway": (31.0, 30.0, 29.0), "envoy": (80.0, 80.0, 80.0)}
    results.loads["get-1k"] = {name: [load(cpu) for cpu in rounds] for name, rounds in costs.items()}
    results.rest = dict.fromkeys(costs, 10_000_000)
    return results


def test_a_figure_is_the_median_of_its_rounds(results: Results) -> None:
    """One disturbed round changes nothing; what was not measured has no figure."""
    nginx = results.load("get-1k", "nginx")
    assert nginx is not None
    assert nginx.cpu == 20
    assert results.load("get-1k", "haproxy") is None
    assert results.load("get-100k", "nginx") is None


def test_results_are_read_as_they_were_written(results: Results, tmp_path: Path) -> None:
    """Nothing of a run is lost in its file."""
    results.write(tmp_path / "new/results.json")
    assert Results.read(tmp_path / "new/results.json").load("get-1k", "gateway") == results.load("get-1k", "gateway")
    assert report(Results.read(tmp_path / "new/results.json")) == report(results)


def test_goals_are_judged_by_what_was_measured(results: Results) -> None:
    """A goal whose figures are missing is not named; the others are met or not."""
    found = {goal.text: (goal.reached, goal.met) for goal in goals(results)}
    assert found == {
        "CPU, 1 KB GET: of plain nginx's": (1.5, False),
        "p99, 1 KB GET: of Envoy's": (1.0, True),
        "memory at rest": (10.0, True),
    }


@pytest.mark.parametrize(("cpu", "reached", "met"), [(30.0, 2.0, True), (33.0, 1.818, True), (34.0, 1.765, False)])
def test_a_second_worker_shall_be_worth_most_of_a_first(
    results: Results, cpu: float, reached: float, met: bool
) -> None:
    """Capacity is requests a CPU second times workers; this goal is reached from above, as the table says."""
    results.loads["workers"] = {"gateway": [load(30.0)], "gateway-2-workers": [load(cpu)]}
    goal = next(goal for goal in goals(results) if goal.least)
    assert (goal.reached, goal.met) == (pytest.approx(reached, abs=1e-3), met)
    words = f"| ≥ 1.8 × | {reached:.2f} × | {'yes' if met else '**no**'} |"
    assert [line for line in report(results).splitlines() if words in line]


def test_workers_are_shown_each_with_what_it_holds(results: Results, tmp_path: Path) -> None:
    """Connections of those who serve, memory of all; a file keeps it."""
    results.loads["workers"] = {"gateway": [load(25.0)], "gateway-2-workers": [load(20.0)]}
    results.processes = {
        "gateway": [Process(64, 97_000_000, 80_000_000)],
        "gateway-2-workers": [
            Process(0, 90_000_000, 44_000_000),
            Process(30, 89_000_000, 43_000_000),
            Process(34, 88_000_000, 42_000_000),
        ],
    }
    results.write(tmp_path / "results.json")
    rows = report(Results.read(tmp_path / "results.json")).splitlines()
    assert "| 1 | 25.0 | 40,000 | 1.00 | 50,000 | 64 | 97 | 80 |" in rows
    assert "| 2 | 20.0 | 100,000 | 2.50 | 50,000 | 30 + 34 | 90 + 89 + 88 | 44 + 43 + 42 |" in rows


def test_results_of_a_run_without_workers_are_read_and_shown(results: Results, tmp_path: Path) -> None:
    """A file from before they were measured lacks their key; table and goal are left out."""
    file = tmp_path / "results.json"
    results.write(file)
    kept = json.loads(file.read_text())
    del kept["processes"]
    file.write_text(json.dumps(kept))
    read = Results.read(file)
    assert read == results
    assert "workers" not in report(read)


def test_the_table_has_a_row_for_each_proxy_the_cheapest_first(results: Results) -> None:
    """And says of each that authenticates nobody that it does not."""
    rows = [line.split(" | ")[:3] for line in report(results).splitlines() if " | " in line]
    assert rows[2:5] == [
        ["| nginx; authenticates nobody", "20.0", "1.00"],
        ["| **the gateway**", "30.0", "1.50"],
        ["| <Envoy>; authenticates nobody", "80.0", "4.00"],
    ]


def test_the_picture_has_a_bar_for_each_proxy_in_scale(results: Results) -> None:
    """It is well-formed, and the widths are to each other as the figures are."""
    root = ElementTree.fromstring(picture(results))
    name = "{http://www.w3.org/2000/svg}"
    widths = [float(box.attrib["width"]) for box in root.iter(f"{name}rect") if box.attrib["height"] == "18"]
    assert [width / widths[0] for width in widths] == pytest.approx([1, 1.5, 4], rel=0.01)
    texts = [text.text for text in root.iter(f"{name}text")]
    assert {"nginx", "20.0", "the gateway", "30.0", "<Envoy>", "80.0"} <= set(texts)


@given(st.floats(min_value=1e-3, max_value=1e9))
def test_an_axis_reaches_over_its_bars(most: float) -> None:
    """In at most six even steps from 0, of which the last but one is below the longest bar."""
    marks = ticks(most)
    assert marks[0] == 0
    assert 2 <= len(marks) <= 7
    assert marks[-2] < most <= marks[-1] * (1 + 1e-12)


@given(st.lists(st.floats(min_value=0.1, max_value=1e4), min_size=1, max_size=20))
def test_bars_stay_inside_the_picture(values: list[float]) -> None:
    """No bar is wider than the axis, no label below the border."""
    root = ElementTree.fromstring(plot("t", "µs", ("a",), [Bar("b", value, 0) for value in values]))
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    for box in root:
        if "width" in box.attrib:
            assert float(box.attrib["x"]) + float(box.attrib["width"]) < width
        if "y" in box.attrib:
            assert float(box.attrib["y"]) < height


def test_figures_go_where_the_page_wants_them(results: Results) -> None:
    """Once or not at all; what stands around them stays."""
    page = "before\n<!-- figures: by hand? no -->\nold\n<!-- end of figures -->\nafter\n"
    filled = with_figures(page, results)
    assert with_figures(filled, results) == filled
    assert filled.startswith("before\n<!-- figures: by hand? no -->\n\nGET of 1 KB, 64 connections;")
    assert filled.endswith("\n<!-- end of figures -->\nafter\n")
    assert "old" not in filled
    with pytest.raises(ValueError, match="0 times"):
        with_figures("a page without", results)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_request_is_framed_as_it_says(kind: Kind) -> None:
    """A length or chunks, never both, and as much body as they announce."""
    head, _, body = kind.request("127.0.0.1:1", "session=x").partition(b"\r\n\r\n")
    assert head.startswith((b"POST " if body else b"GET ") + kind.path.encode() + b" HTTP/1.1\r\nHost: 127.0.0.1:1\r\n")
    assert b"\r\nCookie: session=x" in head
    assert (f"Content-Length: {len(body)}".encode() in head) == bool(kind.form)
    assert (b"Transfer-Encoding: chunked" in head) == bool(kind.chunks)
    if kind.chunks:
        assert body == b"190\r\n%b\r\n190\r\n%b\r\ne0\r\n%b\r\n0\r\n\r\n" % CHUNKS
