"""The tab "onewinner" in Locust's web UI, and the same numbers as JSON at /onewinner. For display alone."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, jsonify, request
from locust.web import WebUI

Row = dict[str, str]
KEY = "onewinner"
STATISTICS = "/stats/requests"


def add_panel(web_ui: WebUI, list_rows: Callable[[], list[Row]]) -> None:
    """Adds the tab. `list_rows` gives its rows: {what, count}."""
    web_ui.template_args["extended_tabs"] = [{"title": KEY, "key": KEY}]
    structure = [{"key": "what", "title": "So far"}, {"key": "count", "title": "Count"}]
    web_ui.template_args["extended_tables"] = [{"key": KEY, "structure": structure}]
    blueprint = Blueprint(KEY, __name__)

    @blueprint.route(f"/{KEY}")
    def tell() -> Response:
        return jsonify(list_rows())

    @blueprint.after_app_request
    def extend(response: Response) -> Response:
        """The page asks for its statistics every two seconds; the tab's rows go with them."""
        if request.path.endswith(STATISTICS) and response.is_json:
            told: dict[str, Any] = response.get_json()
            response.set_data(jsonify({**told, "extended_stats": [{"key": KEY, "data": list_rows()}]}).get_data())
        return response

    assert web_ui.app is not None
    web_ui.app.register_blueprint(blueprint)
