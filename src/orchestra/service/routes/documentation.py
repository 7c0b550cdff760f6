"""The API's own description, for everyone who signed in."""

from typing import Any

from litestar import get
from litestar.response import Response
from msgspec import json

from orchestra.domain.access import Permission
from orchestra.service.authorization import needs
from orchestra.service.docs_page import render
from orchestra.service.openapi import document
from orchestra.service.request import ApiRequest
from orchestra.service.security_headers import page_policy


@get("/openapi.json", operation_id="getOpenapi", tags=["documentation"], opt=needs(Permission.DOCUMENTATION_READ))
async def get_openapi(request: ApiRequest) -> Response[Any]:
    """Read the OpenAPI 3.1 document of this API."""
    found = document(request.app) | {"servers": [{"url": f"{request.parts.settings.base_path}/"}]}
    return Response(json.encode(found), media_type="application/json")


@get("/api/docs", operation_id="getDocumentation", tags=["documentation"], opt=needs(Permission.DOCUMENTATION_READ))
async def get_documentation(request: ApiRequest) -> Response[str]:
    """Read the documentation page."""
    nonce = request.parts.random.randbytes(16).hex()
    # Its own script stands in the page; no other may run, not even one of ours.
    policy = page_policy(nonce).replace("script-src 'self'", f"script-src 'nonce-{nonce}'")
    headers = {"Content-Security-Policy": policy}
    return Response(render(document(request.app), nonce), media_type="text/html", headers=headers)


API_HANDLERS = [get_openapi]
ROOT_HANDLERS = [get_documentation]
