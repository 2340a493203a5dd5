"""The site: which address shows what. Each run is found by its name among those of the folder, never by a path."""

from collections.abc import Callable
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from onewinner.baseline import compare_runs
from onewinner.options import ComparisonOptions
from onewinner.ui.access import Access
from onewinner.ui.pages import render_bar, render_comparison, render_list, render_message
from onewinner.ui.runs import find_listed, list_readable, list_runs
from reports.documents.page import render_page
from reports.documents.page.trends import render_trends
from reports.documents.trend import find_trends, gather_chronicle


class Site:
    """The answers for one folder of runs. `base` is what every address begins with."""

    def __init__(self, root: Path, base: str) -> None:
        self._root, self._base = root, base

    def list_routes(self) -> list[Route]:
        routes: dict[str, Callable[[Request], Response]] = {
            "/": self.show_list,
            "/runs/{name:path}": self.show_run,
            "/compare": self.show_comparison,
            "/trends": self.show_trends,
        }
        return [Route(path, show) for path, show in routes.items()]

    def show_list(self, _request: Request) -> Response:
        return HTMLResponse(render_list(self._base, str(self._root), list_runs(self._root)))

    def show_run(self, request: Request) -> Response:
        """The report of a run, made anew from its run.json: no HTML of a run directory is served."""
        name = request.path_params["name"]
        found = find_listed(self._root, name)
        if found is None:
            return self.tell(404, "No such run", f"The folder {self._root} has no run of this name.")
        if found.run is None:
            return self.tell(200, f"{name} is damaged", found.trouble)
        return HTMLResponse(render_page(found.run.facts, found.run.judgement, render_bar(self._base)))

    def show_comparison(self, request: Request) -> Response:
        """Two runs by their names: `baseline` and `run`."""
        first, second = (request.query_params.get(side, "") for side in ("baseline", "run"))
        found, other = find_listed(self._root, first), find_listed(self._root, second)
        if found is None or other is None:
            return self.tell(404, "No such run", "Choose two runs of the list, a baseline and a run.")
        if found.run is None or other.run is None:
            return self.tell(200, "Not compared", "One of these runs is damaged.")
        comparison = compare_runs(found.run, other.run, ComparisonOptions())
        return HTMLResponse(render_comparison(self._base, first, second, other.run, comparison))

    def show_trends(self, _request: Request) -> Response:
        chronicle = gather_chronicle(list_readable(self._root))
        if not chronicle.runs:
            return self.tell(200, "Measures over time", "No run of this folder has measured anything yet.")
        return HTMLResponse(render_trends(find_trends(chronicle.runs), chronicle.notes, render_bar(self._base)))

    def tell(self, status: int, title: str, sentence: str) -> Response:
        return HTMLResponse(render_message(self._base, title, sentence), status)

    def tell_refused(self, _request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return self.tell(error.status_code, error.detail, "There is no such page, or it cannot be asked in this way.")

    def tell_failed(self, _request: Request, error: Exception) -> Response:
        return self.tell(500, "This cannot be shown", f"{type(error).__name__}: {error}")


def create_site(root: Path, token: str, port: int) -> ASGIApp:
    """The application; it answers only what `Access` lets through."""
    site = Site(root, f"/{token}")
    handlers = {HTTPException: site.tell_refused, Exception: site.tell_failed}
    routes = [Mount(f"/{token}", routes=site.list_routes())]
    return Access(Starlette(routes=routes, exception_handlers=handlers), token, port)
