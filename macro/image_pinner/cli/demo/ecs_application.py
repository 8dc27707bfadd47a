"""moto's ECS with service revisions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from image_pinner.cli.demo.service_revisions import Reply, ServiceRevisions

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_TARGET = "AmazonEC2ContainerServiceV20141113."
_JSON = "application/x-amz-json-1.1"


class EcsApplication:
    """Adds service revisions to the ECS of the WSGI application `inner`, and passes all other requests to it.

    Args:
        inner: The application.
        resolve: Returns the digest of an image with a tag, or `None` if it does not exist.
    """

    def __init__(self, inner: WSGIApplication, resolve: Callable[[str], str | None]) -> None:
        self._inner = inner
        self._authorization = ""
        self.revisions = ServiceRevisions(self._call, resolve)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Respond to a request; see https://peps.python.org/pep-3333/."""
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        if not target.startswith(_TARGET):
            return self._inner(environ, start_response)
        operation = target.removeprefix(_TARGET)
        request = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
        # moto reads the account and the region there.
        self._authorization = environ.get("HTTP_AUTHORIZATION", "")
        reply = self.revisions.answer(operation, request)
        if reply is None:
            reply = self._call(operation, request)
            if reply.status == HTTPStatus.OK:
                reply = Reply(HTTPStatus.OK, self.revisions.complete(operation, request, reply.body))
        body = json.dumps(reply.body).encode()
        headers = [("Content-Type", _JSON), ("Content-Length", str(len(body)))]
        start_response(f"{reply.status} {HTTPStatus(reply.status).phrase}", headers)
        return [body]

    def _call(self, operation: str, request: dict[str, Any]) -> Reply:
        from werkzeug.test import Client  # noqa: PLC0415 - installed with moto's server

        headers = {"X-Amz-Target": f"{_TARGET}{operation}", "Authorization": self._authorization}
        client = Client(self._inner)
        response = client.post("/", data=json.dumps(request), content_type=_JSON, headers=headers)
        return Reply(response.status_code, response.get_json(force=True))
