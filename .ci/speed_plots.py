"""The plots and the table of docs/operations/growth.md, of docs/operations/growth.json: `make plots`.

With the path of a bench.json its figures of growth are taken over into growth.json first. A size that was measured
again counts anew; one that was not stays as it is, with the machine and the commit that it was measured with.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

from cxrgate.plots.plot import Axis, Plot, Series, plot

FOLDER = Path(__file__).parents[1] / "docs/operations"
FIGURES = FOLDER / "growth.json"
PAGE = FOLDER / "growth.md"
BEGIN, END = "<!-- written by make plots -->\n", "<!-- until here -->"
SPACES = {"identity": 53, "copy": 3, "weight-free copy": 3}
"""The shipped spaces, and how many neighbours the default policy asks of each."""
BATCHES = (1, 16, 256, 4096)
_MILLISECONDS = (0.01, 0.1, 1, 10, 100)
_GIB = (0.001, 0.01, 0.1, 1, 10)
_STYLE = """
.plot { font: 11px sans-serif; } text { fill: #555; } .ink { fill: #111; }
line, polyline { fill: none; stroke: #555; } .grid { stroke: #ddd; } polyline { stroke-width: 1.8; }
.look-1 { stroke: #00695c; } .look-2 { stroke: #b71c1c; stroke-dasharray: 6 3; }
.look-3 { stroke: #1a4f9c; stroke-dasharray: 2 2.5; } .look-4 { stroke: #6a1b9a; stroke-dasharray: 9 3 2 3; }
rect { fill: #fff; }
"""


class Counts(Axis):
    """Of whole numbers."""

    def name(self, value: float) -> str:
        """In full, up to millions."""
        return f"{value:,.0f}"


def taken_over(bench: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of growth in a bench.json over those of before."""
    found: dict[str, Any] = {name: dict(before.get(name, {})) for name in ("all_spaces", "one_space", "images")}
    about = {
        part: {name: bench["parts"][part][name] for name in ("machine", "commit")}
        for part in ("references", "images", "limits")
        if part in bench.get("parts", {})
    }
    for name in ("all_spaces", "one_space"):
        for count, figures in bench.get("growth_over_references", {}).get(name, {}).items():
            found[name][count] = {**figures, **about["references"]}
    for count, figures in bench.get("growth_over_images", {}).items():
        found["images"][count] = {**figures, **about["images"]}
    for name in ("limits", "share_of_limit"):
        found[name] = bench.get(name, before.get(name))
    return found


def plots(figures: Mapping[str, Any]) -> dict[str, Plot]:
    """By name; none of what was not measured."""
    drawn = {}
    if figures["all_spaces"]:
        drawn |= {"search": _search(figures), "references-memory": _memory(figures)}
    if len(figures["images"]) > 1:
        drawn |= {"images-time": _images_time(figures), "images-memory": _images_memory(figures)}
    return drawn


def _points(sizes: Mapping[str, Any], value: Any) -> list[tuple[float, float]]:
    return [(float(count), value(sizes[count])) for count in sorted(sizes, key=int)]


def _sizes(*found: Mapping[str, Any]) -> Axis:
    counts = [int(count) for sizes in found for count in sizes]
    low, high = min(counts), max(counts)
    powers = [10**power for power in range(3, 9) if low <= 10**power <= high]
    ticks = powers if high in powers else [*powers, high]
    return Counts("references", low, high, ticks, logarithmic=True)


def _search(figures: Mapping[str, Any]) -> Plot:
    series = [
        Series(
            f"all spaces, batch {batch:,}",
            _points(
                figures["all_spaces"],
                lambda each, batch=batch: sum(
                    each["spaces"][space]["milliseconds"][f"b{batch} k{k}"] / batch for space, k in SPACES.items()
                ),
            ),
            look,
        )
        for look, batch in enumerate((1, 16, 256, 4096), 1)
    ]
    one = _points(_one_space(figures), lambda each: each["milliseconds"]["b16 k3"] / 16)
    series.append(Series("one space of 128 numbers, batch 16", one, 0))
    return plot(
        "Search: milliseconds of one core per image",
        "",
        _sizes(figures["all_spaces"], figures["one_space"]),
        Axis("ms", _MILLISECONDS[0], _MILLISECONDS[-1], _MILLISECONDS, logarithmic=True),
        series,
    )


def _memory(figures: Mapping[str, Any]) -> Plot:
    every, one = figures["all_spaces"], _one_space(figures)
    held = [
        (float(n), sum(_gib(int(n), space) for space in every[n]["spaces"].values())) for n in sorted(every, key=int)
    ]
    alone = [(float(count), _gib(int(count), one[count])) for count in sorted(one, key=int)]
    series = [
        Series("embeddings and codes of all spaces", held, 1),
        Series("embeddings and codes of one space of 128 numbers", alone, 2),
        Series("peak of a process that codes and searches the spaces in turn", _points(every, _peak), 3),
    ]
    return plot(
        "Memory in GiB",
        "",
        _sizes(figures["all_spaces"], figures["one_space"]),
        Axis("GiB", _GIB[0], _GIB[-1], _GIB, logarithmic=True),
        series,
    )


def _one_space(figures: Mapping[str, Any]) -> dict[str, Any]:
    """The learned copy space by number of references, where it was measured among all spaces and alone."""
    found = {**figures["all_spaces"], **figures["one_space"]}
    return {count: each["spaces"]["copy"] for count, each in found.items()}


def _gib(count: int, space: Mapping[str, Any]) -> float:
    return (4 * count * space["dimensions"] + space["code_bytes"]) / 2**30


def _peak(each: Mapping[str, Any]) -> float:
    return float(each["peak_gib"])


def _images(figures: Mapping[str, Any], name: str, title: str, value: Any, step: float) -> Plot:
    points = _points(figures["images"], value)
    top = step * -(-max(y for _, y in points) // step)
    ticks = [top * share / 4 for share in range(5)]
    last = points[-1][0]
    axis = Counts("images", 0, last, [last * share / 4 for share in range(5)])
    return plot(title, "", axis, Axis(name, 0, top, ticks), [Series(name, points, 1)])


def _images_time(figures: Mapping[str, Any]) -> Plot:
    return _images(figures, "seconds", "A run without forwards: seconds", lambda each: each["seconds"], 40)


def _images_memory(figures: Mapping[str, Any]) -> Plot:
    return _images(
        figures,
        "MiB",
        "A run without forwards: peak memory of its process in MiB",
        lambda each: each["peak_mebibytes"],
        100,
    )


_LIMITS = {
    "read_gb_per_second": "reading memory, GB/s",
    "int8_gops": "multiplying int8, Gop/s",
    "float32_gops": "multiplying float32, Gop/s",
    "bfloat16_gops": "multiplying bfloat16, Gop/s",
}
_MODELS = {"retrieval": "the retrieval model", "verification": "the verification model", "copy": "the copy model"}


def table(figures: Mapping[str, Any]) -> str:
    """What the machine can do, and which share of it is used, as Markdown."""
    limits, shares = figures.get("limits") or {}, figures.get("share_of_limit") or {}
    one, every = limits.get("one_core"), limits.get("all_cores")
    if not one or not every:
        return "Not measured yet.\n"
    cores = f"{limits['cores']} cores"
    rows = [f"| most of | one core | {cores} |", "|---|---|---|"]
    rows += [f"| {words} | {one[key]:,.0f} | {every[key]:,.0f} |" for key, words in _LIMITS.items() if one.get(key)]
    rows += ["", "| on one core | share of the most |", "|---|---|"]
    rows += [f"| {_share_words(name)} | {share:.0%} |" for name, share in shares.items()]
    return "\n".join(rows) + "\n"


def _share_words(name: str) -> str:
    what, _, rest = name.partition("_of_")
    limit, _, count = rest.partition("_at_")
    against = f" against {int(count):,} references of 512 numbers" if count else ""
    words = {
        "search_b1": "search of one image",
        "search_b4096": "search of 4,096 images",
        "faiss_b4096": "FAISS's search of 4,096 images",
    }
    kind = what.removeprefix("forward_")
    done = words.get(what) or f"forward of {_MODELS[kind]} on OpenVINO"
    return f"{done}{against}, of {'reading memory' if limit == 'memory' else 'multiplying ' + limit}"


def with_table(page: str, content: str) -> str:
    """The page with the table between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{content}{END}{after}"


def svg(drawing: Plot) -> str:
    """A file of its own: the drawing, and its key below."""
    size = drawing.size
    named = [series for series in drawing.series if series.name]
    below = size["height"] + 6
    height = below + 16 * len(named) + 4
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size["width"]:g} {height:g}" class="plot" role="img">',
        f"<title>{escape(drawing.title)}</title><style>{_STYLE}</style>",
        f'<rect width="{size["width"]:g}" height="{height:g}"/>',
        f'<text class="ink" x="6" y="12">{escape(drawing.title)}</text>',
        *_axes(drawing),
        *(f'<polyline class="look-{series.look}" points="{series.path}"/>' for series in drawing.series),
    ]
    for place, series in enumerate(named):
        y = below + 16 * place
        parts.append(f'<line class="look-{series.look}" stroke-width="1.8" x1="48" x2="80" y1="{y:g}" y2="{y:g}"/>')
        parts.append(f'<text x="86" y="{y + 4:g}">{escape(series.name)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _axes(drawing: Plot) -> Iterator[str]:
    size = drawing.size
    left, right, bottom = size["left"], size["right"], size["bottom"]
    for tick in drawing.y_ticks:
        yield f'<line class="grid" x1="{left:g}" x2="{right:g}" y1="{tick.position}" y2="{tick.position}"/>'
        yield f'<text x="{left - 6:g}" y="{tick.position + 4:g}" text-anchor="end">{tick.label}</text>'
    yield f'<line x1="{left:g}" x2="{right:g}" y1="{bottom:g}" y2="{bottom:g}"/>'
    for tick in drawing.x_ticks:
        anchor = "end" if tick.position > right - 8 else "middle"
        yield f'<text x="{tick.position}" y="{bottom + 16:g}" text-anchor="{anchor}">{tick.label}</text>'
    yield f'<text x="{right:g}" y="{size["height"] - 10:g}" text-anchor="end">{escape(drawing.x_label)}</text>'


def main(*paths: str) -> None:
    """Take figures over where a bench.json is named, and draw all plots."""
    figures = json.loads(FIGURES.read_text()) if FIGURES.is_file() else {}
    for path in paths:
        figures = taken_over(json.loads(Path(path).read_text()), figures)
    FIGURES.write_text(json.dumps(figures, indent=1) + "\n")
    for name, drawing in plots(figures).items():
        (FOLDER / f"growth-{name}.svg").write_text(svg(drawing))
    PAGE.write_text(with_table(PAGE.read_text(), table(figures)))


if __name__ == "__main__":
    main(*sys.argv[1:])
