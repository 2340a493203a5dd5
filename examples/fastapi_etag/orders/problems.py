"""Errors as application/problem+json (RFC 9457). `status` is the HTTP status there; an order's is `order_status`."""

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException


class Problem(Exception):  # noqa: N818
    """A request that is not carried out."""

    def __init__(self, code: int, detail: str, **members: str) -> None:
        super().__init__(detail)
        self.code, self.detail, self.members = code, detail, members


def tell_problem(_: Request, problem: Exception) -> JSONResponse:
    code, detail, members = 422, "the request is malformed", {}
    if isinstance(problem, Problem):
        code, detail, members = problem.code, problem.detail, problem.members
    elif isinstance(problem, HTTPException):
        code, detail = problem.status_code, problem.detail
    body = {"type": "about:blank", "title": HTTPStatus(code).phrase, "status": code, "detail": detail, **members}
    headers = {"WWW-Authenticate": "Bearer"} if code == 401 else {}
    return JSONResponse(body, code, headers, media_type="application/problem+json")


def install(app: FastAPI) -> None:
    for kind in (Problem, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, tell_problem)
