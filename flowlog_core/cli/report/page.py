"""A traffic report as one HTML file that opens offline: it asks the network for nothing, and forbids itself to.

Plots are Plotly's, whose script (5 MB) is part of the file. Only this needs Plotly, so it is an extra, and imported
where it is used. What comes from logs is escaped: in tables as HTML, in plots once more, as Plotly reads tags in texts.
"""

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Final

from flowlog_core.cli.output.plain_text import safe_line
from flowlog_core.cli.output.terminal import INSTALL
from flowlog_core.cli.report.words import WrittenTable, headline, notes, written
from flowlog_core.errors import UsageError
from flowlog_core.operations.report.report import Coverage
from flowlog_core.operations.report.tally import Total
from flowlog_core.operations.report.traffic import Summary, Table

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_POLICY: Final = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; "
    "form-action 'none'; base-uri 'none'"
)
_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 1100px; margin: 2em auto; padding: 0 1em }
h1 { font-size: 1.5em } h2 { font-size: 1.15em; margin: 2em 0 .5em }
.plot { height: 320px } .notes { background: #fff6e0; padding: .7em 1em .7em 2em }
.wide { overflow-x: auto } table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .2em .9em .2em 0; text-align: left; border-bottom: 1px solid #e4e4e4 } .right { text-align: right }
"""
_BAR_PLOTS: Final = ("sources", "pairs", "denied")
_OUT: Final = "#1f77b4"
_BACK: Final = "#7fb8de"
_DENIED: Final = "#c0392b"
_FLOWS: Final = "#888888"
_LAYOUT: Final = {
    "template": "none",
    "barmode": "stack",
    "margin": {"l": 60, "r": 60, "t": 10, "b": 40},
    "legend": {"orientation": "h"},
}


def check_plotly() -> None:
    """Make sure, before long work, that a page can be made.

    Raises:
        UsageError: Plotly is not installed.

    """
    try:
        import plotly  # noqa: F401, PLC0415 # the app is deployed without it
    except ModuleNotFoundError:
        raise UsageError(f"--html needs plotly: {INSTALL.format('report')}") from None


def page(summary: Summary, coverage: Coverage, made: str) -> str:
    """Write the report as a page.

    Args:
        summary: The totals.
        coverage: Which logs they are of.
        made: When it was made.

    """
    from plotly.offline import get_plotlyjs  # noqa: PLC0415 # the app is deployed without it

    tables = {name: written(name, table) for name, table in summary.tables.items() if name != "minutes"}
    sections = [_section("Traffic by minute", _plot("minutes", _by_minute(summary)))]
    for name, table in tables.items():
        plot = _plot(name, _by_key(summary.tables[name])) if name in _BAR_PLOTS and table.rows else ""
        sections.append(_section(table.title, plot + _table(table)))
    listed = "".join(f"<li>{_html(note)}</li>" for note in notes(summary, coverage))
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f"<title>Network traffic</title><style>{_STYLE}</style>\n<script>{get_plotlyjs()}</script></head>\n"
        f"<body><h1>Network traffic</h1><p>{_html(headline(summary, coverage))}</p>\n"
        + (f'<ul class="notes">{listed}</ul>\n' if listed else "")
        + "".join(sections)
        + f"<p>Times are UTC. Made {_html(made)} by flowlog report.</p></body></html>\n"
    )


def _section(title: str, content: str) -> str:
    return f"<h2>{_html(title)}</h2>\n{content}\n"


def _table(table: WrittenTable) -> str:
    sides = [' class="right"' if align == "right" else "" for _, align in table.columns]
    heads = (name for name, _ in table.columns)
    rows = "".join(f"<tr>{_cells('td', row, sides)}</tr>\n" for row in table.rows)
    more = f"<p>and {table.more:,} more</p>" if table.more else ""
    head = f"<tr>{_cells('th', heads, sides)}</tr>"
    return f'<div class="wide"><table><thead>{head}</thead>\n<tbody>{rows}</tbody></table>{more}</div>'


def _cells(tag: str, texts: Iterable[str], sides: Sequence[str]) -> str:
    return "".join(f"<{tag}{side}>{_html(text)}</{tag}>" for text, side in zip(texts, sides, strict=True))


def _html(text: str) -> str:
    return escape(safe_line(text))


def _plot(name: str, figure: "Figure") -> str:
    from plotly.io import to_html  # noqa: PLC0415 # the app is deployed without it

    made = to_html(
        figure, full_html=False, include_plotlyjs=False, div_id=f"plot-{name}", config={"displaylogo": False}
    )
    return f'<div class="plot">{made}</div>'


def _by_minute(summary: Summary) -> "Figure":
    """Plot bytes or flows by minute, and beside them the flows that were denied."""
    from plotly.graph_objects import Figure, Scatter  # noqa: PLC0415 # the app is deployed without it

    rows = summary.tables["minutes"].rows
    totals = [total for _, total in rows]
    minutes = [str(key[0]) for key, _ in rows]
    figure = Figure(layout={**_LAYOUT, "xaxis": {"type": "date"}, "yaxis": {"rangemode": "tozero"}})
    for name, colour, sizes in _series(totals):
        figure.add_bar(name=name, x=minutes, y=sizes, marker={"color": colour})
    denied = [total.denied for total in totals]
    if any(denied):
        figure.add_trace(Scatter(name="denied flows", x=minutes, y=denied, yaxis="y2", line={"color": _DENIED}))
        figure.update_layout(yaxis2={"overlaying": "y", "side": "right", "rangemode": "tozero", "showgrid": False})
    return figure


def _by_key(table: Table) -> "Figure":
    """Plot a table's rows as bars, the first on top."""
    from plotly.graph_objects import Figure  # noqa: PLC0415 # the app is deployed without it

    labels = [_html(" ".join(str(value) for value in key)) for key, _ in table.rows]
    figure = Figure(layout={**_LAYOUT, "yaxis": {"type": "category", "autorange": "reversed", "automargin": True}})
    totals = [total for _, total in table.rows]
    series = (
        [("denied flows", _DENIED, [total.flows for total in totals])] if table.grouping.denied else _series(totals)
    )
    for name, colour, sizes in series:
        figure.add_bar(name=name, x=sizes, y=labels, orientation="h", marker={"color": colour})
    return figure


def _series(totals: Sequence[Total]) -> list[tuple[str, str, list[int | None]]]:
    """Give what to plot, with its colour: bytes both ways; flows, where no bytes are known."""
    if not any(total.counted for total in totals):
        return [("flows", _FLOWS, [total.flows for total in totals])]
    return [
        ("bytes to destination", _OUT, [total.bytes_out if total.counted else None for total in totals]),
        ("bytes back", _BACK, [total.bytes_back if total.counted else None for total in totals]),
    ]
