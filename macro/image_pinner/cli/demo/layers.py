"""The one call of ECR that moto lacks: where a layer, or the config of an image, can be downloaded.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetDownloadUrlForLayer.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from image_pinner.core.images.references import Digest

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_TARGET = "AmazonEC2ContainerRegistry_V20150921.GetDownloadUrlForLayer"
_LAYERS = "/demonstration/layers/"
_CONTENT_TYPE = "application/x-amz-json-1.1"


class LayersInFront:
    """Answers for layers, and leaves everything else to the application behind it.

    Args:
        behind: The application behind it.
    """

    def __init__(self, behind: WSGIApplication) -> None:
        self._behind = behind
        self._layers: dict[str, bytes] = {}

    def store(self, content: bytes) -> Digest:
        """Keep a layer, and give its digest."""
        digest = Digest.of(content)
        self._layers[str(digest)] = content
        return digest

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request: https://peps.python.org/pep-3333/."""
        if environ.get("HTTP_X_AMZ_TARGET") == _TARGET:
            return self._location(environ, start_response)
        if environ["PATH_INFO"].startswith(_LAYERS):
            return self._layer(environ["PATH_INFO"].removeprefix(_LAYERS), start_response)
        return self._behind(environ, start_response)

    def _location(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
        digest = request["layerDigest"]
        if digest not in self._layers:
            refusal = {"__type": "LayersNotFoundException", "message": f"There is no layer {digest}"}
            return _send(start_response, "400 Bad Request", json.dumps(refusal).encode())
        url = f"{environ['wsgi.url_scheme']}://{environ['HTTP_HOST']}{_LAYERS}{digest}"
        return _send(start_response, "200 OK", json.dumps({"downloadUrl": url, "layerDigest": digest}).encode())

    def _layer(self, digest: str, start_response: StartResponse) -> Iterable[bytes]:
        if digest not in self._layers:
            return _send(start_response, "404 Not Found", b"")
        return _send(start_response, "200 OK", self._layers[digest])


def _send(start_response: StartResponse, status: str, body: bytes) -> Iterable[bytes]:
    start_response(status, [("Content-Type", _CONTENT_TYPE), ("Content-Length", str(len(body)))])
    return [body]
