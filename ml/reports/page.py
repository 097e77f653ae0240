"""The report as one HTML page that needs nothing else: styles and pictures are inside."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape

from ml.evaluation import DECISIVE, LEVEL, OURS, Interval, Judgement, SegmentJudgement
from ml.evaluation.judgement import scaled
from ml.plots import PLOTS, as_svg
from ml.reports.report import Report, Tested
from ml.reports.style import STYLE
from ml.reports.words import ALT, CAVEATS, EXTRAPOLATED, METRICS, PLOT_NOTES, TITLES, verdict_on

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
# What matplotlib adds for other programs; in a page it only names addresses.
_FOREIGN = re.compile(r'<metadata>.*?</metadata>|\sxmlns(:\w+)?="[^"]*"', re.DOTALL)


def page(report: Report) -> str:
    """The whole page; the same report gives the same characters."""
    sections = [
        _head(report),
        _section("All origins together", _methods(report.total, report)),
        _section("Against the best baseline", _difference(report.overall)),
        _section("Origin by origin", _origins(report)),
        _section("Lift, gain, calibration", _plots(report)),
        _section("Ten groups by prediction", _deciles(report)),
        _section("Segments", _segments(report)),
        _section("How to read this", _words(report.overall)),
        _section("Caveats", _list(_caveats(report))),
        _section("Data", _data(report)),
    ]
    title = f"{TITLES[report.name]}, back-test as of {report.as_of}"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n"
        f"</head>\n<body>\n<main>\n{''.join(sections)}</main>\n</body>\n</html>\n"
    )


def _head(report: Report) -> str:
    judged = report.overall
    days = ", ".join(one.case.origin.isoformat() for one in report.origins)
    return (
        f"<h1>{escape(TITLES[report.name])}: back-test</h1>\n"
        f"<p>Facts up to {report.as_of}; looked ahead {report.horizon_days} days from the end of "
        f"{days}. {judged.rows:,} predictions for {judged.customers:,} customers, each made "
        "without any later fact.</p>\n"
        f'<p class="lead">{escape(verdict_on(judged))}</p>\n'
    )


def _section(title: str, body: str) -> str:
    return f"<section>\n<h2>{escape(title)}</h2>\n{body}</section>\n"


def _methods(one: Tested, report: Report, caption: str = "") -> str:
    metrics = list(one.judgement.methods[OURS])
    rows = [
        _row(method, [_cell(found.get(name)) for name in metrics], ours=method == OURS)
        for method, found in one.judgement.methods.items()
    ]
    mean = one.judgement.base / report.scale
    words = caption or (
        f"Every method on the same customers, with {LEVEL:.0%} intervals; "
        f"the mean outcome is {mean:,.4g}"
    )
    return _table(words, ["method", *metrics], rows)


def _difference(judged: Judgement) -> str:
    if judged.rival is None:
        return "<p>There was no baseline to compare with.</p>\n"
    rows = [_row(name, [_signed(found)]) for name, found in judged.against_rival.items()]
    return _table(
        f"Ours minus {judged.rival}, paired on the same customers, with {LEVEL:.0%} intervals",
        ["metric", "difference"],
        rows,
    )


def _origins(report: Report) -> str:
    decisive = DECISIVE[report.name]
    metrics = list(report.overall.methods[OURS])
    rows = []
    for one in report.origins:
        judged = one.judgement
        cells = [f"{judged.rows:,}", f"{judged.base / report.scale:,.4g}"]
        cells += [escape(judged.rival or ""), _signed(judged.against_rival.get(decisive))]
        cells += [_cell(judged.methods[OURS].get(name)) for name in metrics]
        rows.append(_row(one.case.origin.isoformat(), cells))
    names = ["origin", "customers", "mean outcome", "best baseline", "difference", *metrics]
    overview = _table(
        f"Ours at each origin, and its {decisive} minus that of the best baseline there",
        names,
        rows,
    )
    return overview + "".join(
        f"<details><summary>All methods at {one.case.origin}</summary>\n"
        f"{_methods(one, report, f'Every method at {one.case.origin}')}</details>\n"
        for one in report.origins
    )


def _plots(report: Report) -> str:
    case = scaled(report.total.case, report.scale)
    figures = []
    for name, draw in PLOTS.items():
        drawn = _FOREIGN.sub("", as_svg(draw(case, report.name)))
        svg = drawn.replace("<svg", f'<svg role="img" aria-label="{escape(ALT[name])}"', 1)
        figures.append(f"<figure>{svg}<figcaption>{PLOT_NOTES[name]}</figcaption></figure>\n")
    return f'<div class="plots">\n{"".join(figures)}</div>\n'


def _deciles(report: Report) -> str:
    def table(one: Tested, caption: str) -> str:
        rows = report.deciles(one)
        body = [
            _row(f"{row['decile']:g}", [f"{value:,.6g}" for value in list(row.values())[1:]])
            for row in rows
        ]
        return _table(caption, list(rows[0]), body)

    text = table(report.total, "All origins together, the highest predictions first")
    if len(report.origins) > 1:
        for one in report.origins:
            day = one.case.origin
            text += f"<details><summary>At {day}</summary>\n{table(one, f'At {day}')}</details>\n"
    return text


def _segments(report: Report) -> str:
    judged = report.overall
    if not judged.segments:
        return "<p>No segment has enough customers for a number of its own.</p>\n"
    rows = [_segment(each, report.scale) for each in judged.segments]
    metrics = list(judged.segments[0].metrics)
    return _table(
        f"Each segment against its floor: what {judged.rival} loses there, plus 5 %",
        ["segment", "cases", "seen", "predicted", *metrics, "floor", "floor held"],
        rows,
    )


def _segment(each: SegmentJudgement, scale: int) -> str:
    held = '<span class="good">yes</span>' if each.held else '<span class="bad">no</span>'
    means = (f"{mean / scale:,.4g}" for mean in (each.actual, each.predicted))
    cells = [f"{each.customers:,}", *means]
    cells += [_cell(interval) for interval in each.metrics.values()]
    return _row(each.segment, [*cells, f"{each.floor:,.4f}", held])


def _words(judged: Judgement) -> str:
    used = {**judged.methods[OURS], "interval": None, "floor": None}
    terms = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(words)}</dd>\n"
        for name, words in METRICS.items()
        if name in used
    )
    return f"<dl>\n{terms}</dl>\n"


def _caveats(report: Report) -> list[str]:
    stretched = [one.case.origin.isoformat() for one in report.origins if one.case.extrapolated]
    first = [f"{EXTRAPOLATED} ({', '.join(stretched)})"] if stretched else []
    return [*first, *CAVEATS[report.name]]


def _data(report: Report) -> str:
    counts: Mapping[str, int] = report.snapshot["rows"]
    lines = [f"{name}: {rows:,} rows" for name, rows in counts.items()]
    lines += [f"fact store: {report.snapshot['fingerprint']}"]
    lines += [f"{name}: {value}" for name, value in report.parameters.items()]
    return _list(lines)


def _list(lines: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(line)}</li>\n" for line in lines)
    return f"<ul>\n{items}</ul>\n"


def _table(caption: str, columns: Sequence[str], rows: Sequence[str]) -> str:
    """A table that scrolls by itself where it is wider than the page, by keyboard too."""
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    return (
        f'<div class="wide" role="region" tabindex="0" aria-label="{escape(caption)}">\n<table>\n'
        f"<caption>{escape(caption)}</caption>\n<thead><tr>{head}</tr></thead>\n"
        f"<tbody>\n{''.join(rows)}</tbody>\n</table>\n</div>\n"
    )


def _row(name: str, cells: Sequence[str], *, ours: bool = False) -> str:
    """`cells` are HTML already."""
    kind = ' class="ours"' if ours else ""
    body = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr{kind}><th scope="row">{escape(name)}</th>{body}</tr>\n'


def _cell(interval: Interval | None) -> str:
    if interval is None:
        return ""
    value, low, high = (f"{number:,.4f}" for number in interval)
    return f"{value}<small>{low} to {high}</small>"


def _signed(interval: Interval | None) -> str:
    if interval is None:
        return ""
    value, low, high = (f"{number:+,.4f}" for number in interval)
    return f"{value}<small>{low} to {high}</small>"
