"""The HTTP application: routes, and errors in the shape of the caller's API."""

import logging
from contextlib import suppress
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match
from starlette.types import ASGIApp

from pointsman.bus.errors import BusError
from pointsman.claims.store import ClaimsUnavailableError
from pointsman.gateway.door import Door, GoneError
from pointsman.gateway.errors import ApiError, api_error
from pointsman.gateway.routes import (
    batches,
    chat,
    embeddings,
    files,
    messages,
    models,
    responses,
    reviews,
)
from pointsman.gateway.streaming import DEFECT
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import failure

log = logging.getLogger(__name__)

_ROUTES = (chat, responses, messages, embeddings, models, files, batches, reviews)
_ANTHROPIC = "/v1/messages"
#: The status that proxies log for a request whose client has disconnected.
_GONE = 499


def web_app(door: Door) -> ASGIApp:
    """Build the HTTP application."""
    app = FastAPI(title="pointsman", version="1", docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.door = door
    for routes in _ROUTES:
        app.include_router(routes.router)
    for error_type in (ApiError, BusError, ClaimsUnavailableError):
        app.add_exception_handler(error_type, _error_response)
    app.add_exception_handler(HTTPException, _no_route)
    app.add_exception_handler(GoneError, _gone)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _defect)

    async def without_slash(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"].endswith("/"):  # a redirect would trust the `host` header
            scope["path"] = scope["path"].rstrip("/") or "/"
        with suppress(Exception):  # `_defect` has logged and answered it
            await app(scope, receive, send)

    return without_slash


async def _error_response(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError | BusError | ClaimsUnavailableError)
    api_problem = error if isinstance(error, ApiError) else api_error(error)
    is_anthropics = request.url.path.startswith(_ANTHROPIC) or "anthropic-version" in request.headers
    body = api_problem.anthropic if is_anthropics else api_problem.openai
    return Response(orjson.dumps(body), api_problem.status, api_problem.headers, "application/json")


async def _no_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    method, path = request.method[:10], request.url.path[:100]
    headers = dict(error.headers or {})
    if error.status_code == 405:
        # Starlette names the methods of one route, and each method of a path is a route of its own.
        headers["Allow"] = allowed = ", ".join(sorted(_methods(request)))
        code, message = "method_not_allowed", f"{path} takes no {method}: use {allowed}"
    else:
        code, message = "not_found", f"there is no {path} here; /openapi.json says what there is"
    return await _error_response(
        request, ApiError(error.status_code, "invalid_request_error", code, message, None, headers)
    )


def _methods(request: Request) -> set[str]:
    """Return the methods that the request's path takes."""
    routes = [route for module in _ROUTES for route in module.router.routes if isinstance(route, APIRoute)]
    matching = [route for route in routes if route.matches(request.scope)[0] is Match.PARTIAL]
    return {method for route in matching for method in route.methods or ()}


async def _gone(request: Request, error: Exception) -> Response:
    return Response(status_code=_GONE)


async def _defect(request: Request, error: Exception) -> Response:
    failure(log, Event.REQUEST_FAILED, error, path=request.url.path[:100])
    return await _error_response(request, DEFECT)
