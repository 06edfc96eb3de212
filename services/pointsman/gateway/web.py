"""The HTTP application: routes, and errors in the shape of the caller's API."""

import logging

import orjson
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from pointsman.gateway.door import Door, GoneError
from pointsman.gateway.errors import ApiError
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

_ANTHROPIC = "/v1/messages"
#: Nobody reads it; the number is what proxies write into their logs for it.
_GONE = 499


def web_app(door: Door) -> FastAPI:
    """All routes through this door."""
    app = FastAPI(title="pointsman", version="1", docs_url=None, redoc_url=None, openapi_url="/openapi.json")
    app.state.door = door
    for routes in (chat, responses, messages, embeddings, models, files, batches, reviews):
        app.include_router(routes.router)
    app.add_exception_handler(ApiError, _said)
    app.add_exception_handler(HTTPException, _no_route)
    app.add_exception_handler(GoneError, _gone)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _defect)
    return app


async def _said(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    body = error.anthropic if request.url.path.startswith(_ANTHROPIC) else error.openai
    return Response(orjson.dumps(body), error.status, error.headers, "application/json")


async def _no_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    method, path = request.method[:10], request.url.path[:100]
    message = f"there is no {method} {path} here; /openapi.json says what there is"
    code = "not_found" if error.status_code == 404 else "method_not_allowed"
    headers = dict(error.headers or {})
    return await _said(
        request, ApiError(error.status_code, "invalid_request_error", code, message, None, headers)
    )


async def _gone(request: Request, error: Exception) -> Response:
    return Response(status_code=_GONE)


async def _defect(request: Request, error: Exception) -> Response:
    failure(log, Event.REQUEST_FAILED, error, path=request.url.path[:100])
    return await _said(request, DEFECT)
