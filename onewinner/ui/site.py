"""The site: which address shows what. Each run is found by its name among those of the folder, never by a path."""

from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from onewinner.baseline import compare_runs
from onewinner.exits import UsageError
from onewinner.options import ComparisonOptions
from onewinner.ui.access import Access
from onewinner.ui.form import BODY_BYTES_MAX, choose_arguments, choose_run_folder, read_form
from onewinner.ui.gate_page import stream_parts
from onewinner.ui.gate_process import Gates
from onewinner.ui.pages import render_comparison, render_gate, render_list, render_ui
from onewinner.ui.runs import find_listed, list_readable, list_runs
from onewinner.ui.targets import list_engines
from reports.comparison.trends import find_trends
from reports.documents.chronicle import gather_chronicle
from reports.documents.page import render_page
from reports.documents.page.templates import render
from reports.documents.page.trends import render_trends


class Site:
    """The answers for one folder of runs. `base` is what every address begins with."""

    def __init__(self, root: Path, base: str, gates: Gates) -> None:
        self._root, self._base, self._gates = root, base, gates

    def list_routes(self) -> list[Route]:
        return [
            Route("/", self.show_list),
            Route("/runs/{name:path}", self.show_run),
            Route("/compare", self.show_comparison),
            Route("/trends", self.show_trends),
            Route("/gate", self.show_gate),
            Route("/gate/events", self.send_events),
            Route("/gate/start", self.start_gate, methods=["POST"]),
            Route("/gate/end", self.end_gate, methods=["POST"]),
        ]

    def show_list(self, _request: Request) -> Response:
        gate = self._gates.running
        running = gate.folder.relative_to(self._root).as_posix() if gate is not None else None
        engines = list_engines(Path(), self._root)
        return HTMLResponse(render_list(self._base, str(self._root), list_runs(self._root), engines, running))

    def show_run(self, request: Request) -> Response:
        """The report of a run, made anew from its run.json: no HTML of a run directory is served."""
        name = request.path_params["name"]
        found = find_listed(self._root, name)
        if found is None:
            return self.tell(404, "No such run", f"The folder {self._root} has no run of this name.")
        if found.run is None:
            return self.tell(200, f"{name} is damaged", found.trouble)
        return HTMLResponse(render_page(found.run.facts, found.run.judgement, render("ui/bar", base=self._base)))

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
        return HTMLResponse(
            render_trends(find_trends(chronicle.measured), chronicle.notes, render("ui/bar", base=self._base))
        )

    # The gate is started, followed and ended by the thread that hears the signals.
    async def show_gate(self, _request: Request) -> Response:
        gate = self._gates.last
        if gate is None:
            return self.tell(200, "No gate", "No gate was started here yet; the list of the runs has the form.")
        return HTMLResponse(render_gate(self._base, gate))

    async def send_events(self, _request: Request) -> Response:
        gate = self._gates.last
        if gate is None:
            return Response(status_code=204)
        return StreamingResponse(stream_parts(self._base, gate), media_type="text/event-stream")

    async def start_gate(self, request: Request) -> Response:
        try:
            form = read_form(await read_body(request))
            engine, arguments = choose_arguments(form, list_engines(Path(), self._root))
            self._gates.start(engine.name, choose_run_folder(self._root, engine), arguments)
        except UsageError as error:
            return self.tell(409, "No gate was started", str(error))
        return RedirectResponse(f"{self._base}/gate", 303)

    async def end_gate(self, _request: Request) -> Response:
        if self._gates.running is not None:
            self._gates.running.end()
        return RedirectResponse(f"{self._base}/gate", 303)

    def tell(self, status: int, title: str, sentence: str) -> Response:
        """A page with one sentence: what was asked for cannot be shown."""
        return HTMLResponse(render_ui("message", self._base, title=title, told=sentence), status)

    def tell_refused(self, _request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return self.tell(error.status_code, error.detail, "There is no such page, or it cannot be asked in this way.")

    def tell_failed(self, _request: Request, error: Exception) -> Response:
        return self.tell(500, "This cannot be shown", f"{type(error).__name__}: {error}")


async def read_body(request: Request) -> bytes:
    """The body of a form. Raises UsageError for one that is too large to be one of ours."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > BODY_BYTES_MAX:
            raise UsageError("The form is too large.")
    return body


def create_site(root: Path, token: str, port: int, gates: Gates) -> ASGIApp:
    """The application; it answers only what `Access` lets through."""
    site = Site(root, f"/{token}", gates)
    handlers = {HTTPException: site.tell_refused, Exception: site.tell_failed}
    routes = [Mount(f"/{token}", routes=site.list_routes())]
    return Access(Starlette(routes=routes, exception_handlers=handlers), token, port)
