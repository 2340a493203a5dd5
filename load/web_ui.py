"""The tab "onewinner" in Locust's web UI: the live tally, also as JSON at /onewinner, and the last violation as a
picture. For display alone.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, jsonify, request
from locust.web import WebUI

from load.tally import Tally, describe_spread

Row = dict[str, str]
KEY = "onewinner"
STATISTICS = "/stats/requests"
SCRIPT = Path(__file__).with_name("violation.js").read_text()


def add_tab(web_ui: WebUI, list_rows: Callable[[], list[Row]], draw: Callable[[], str]) -> None:
    """Adds the tab. `list_rows` gives its rows: {what, count}; `draw` the picture of the last violation, an SVG."""
    web_ui.template_args["extended_tabs"] = [{"title": KEY, "key": KEY}]
    structure = [{"key": "what", "title": "So far"}, {"key": "count", "title": "Count"}]
    web_ui.template_args["extended_tables"] = [{"key": KEY, "structure": structure}]
    blueprint = Blueprint(KEY, __name__)

    @blueprint.route(f"/{KEY}")
    def show() -> Response:
        return jsonify(list_rows())

    @blueprint.route(f"/{KEY}/violation.svg")
    def show_violation() -> Response:
        return Response(draw(), mimetype="image/svg+xml")

    @blueprint.route(f"/{KEY}/violation.js")
    def show_script() -> Response:
        return Response(SCRIPT, mimetype="text/javascript")

    @blueprint.after_app_request
    def extend(response: Response) -> Response:
        """The page asks for its statistics every two seconds; the tab's rows go with them. The page itself gets the
        script that shows the picture.
        """
        if request.path == "/" and response.mimetype == "text/html":
            script = f'<script src="{KEY}/violation.js" defer></script></body>'
            response.set_data(response.get_data(as_text=True).replace("</body>", script))
        if request.path.endswith(STATISTICS) and response.is_json:
            statistics: dict[str, Any] = response.get_json()
            extended = {**statistics, "extended_stats": [{"key": KEY, "data": list_rows()}]}
            response.set_data(jsonify(extended).get_data())
        return response

    assert web_ui.app is not None
    web_ui.app.register_blueprint(blueprint)


def list_rows(
    tally: Tally, left: Mapping[str, str], sources: Sequence[str], *, violation: str = "", trouble: str = ""
) -> list[Row]:
    """The live tally as rows of a table; `violation` is the last one, `trouble` why the run could not begin."""
    spread = describe_spread(tally)
    rows = {
        "Races run": f"{tally.races:,}",
        "Rounds run, races among them": f"{tally.rounds:,}",
        "Winners": f"{tally.winners:,}",
        "Conflicts": f"{tally.conflicts:,}",
        **({"Stale versions": f"{tally.stale:,}"} if tally.stale else {}),
        "Unknown": f"{tally.unknowns:,}",
        "Violations": f"{tally.violations:,}",
        "Release spread, p50": describe_ms(spread["spread_p50_ms"]),
        "Release spread, p95": describe_ms(spread["spread_p95_ms"]),
        "Sources done": f"{len(left)} of {len(sources)}",
    }
    rows |= {"The last violation": violation} if violation else {}
    rows |= {"The run could not begin": trouble} if trouble else {}
    return [{"what": what, "count": count} for what, count in rows.items()]


def describe_ms(value: float | None) -> str:
    return "-" if value is None else f"<= {value:.3f} ms"
