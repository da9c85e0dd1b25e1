r"""GET /v1/policy and POST /v1/check: GetPolicy and CheckImage for callers that speak no gRPC.

    curl --cert tls.crt --key tls.key --cacert ca.crt -H 'Content-Type: application/octet-stream' \
         --data-binary @image.png 'https://gate.example:8445/v1/check?image_id=image.png'

Who may call what is said by the same lines of the roles file, and the description at /openapi.json is for whoever may
use gRPC's reflection.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from grpc_reflection.v1alpha import reflection
from starlette.exceptions import HTTPException

from cxrgate.core import CallRefused, MediaType
from cxrgate.gateway.check import CheckService, check_name
from cxrgate.gateway.records import ImageToCheck
from cxrgate.gateway.rest.messages import (
    MEDIA_TYPES,
    PolicyInForce,
    Refusal,
    Verdict,
    policy_message,
    verdict_message,
)
from cxrgate.gateway.servicer import NAME
from cxrgate.rpc.admission import Admission
from cxrgate.rpc.https.guard import STATUSES, HttpGuard, refused_response, unless_gone
from cxrgate.rpc.limits import IMAGE_BYTES
from cxrgate.rpc.roles import Caller

GET_POLICY, CHECK_IMAGE = f"/{NAME}/GetPolicy", f"/{NAME}/CheckImage"
DESCRIBE = f"/{reflection.SERVICE_NAME}/ServerReflectionInfo"

_REQUEST = {
    "parameters": [
        {
            "name": "image_id",
            "in": "query",
            "description": "Your name for the image, of A-Z a-z 0-9 . _ - and at most 128 characters.",
            "schema": {"type": "string", "default": "image", "pattern": "^[A-Za-z0-9._-]{1,128}$"},
        },
        {
            "name": "return_image",
            "in": "query",
            "description": "Return the judged pixels of a released image.",
            "schema": {"type": "boolean", "default": False},
        },
    ],
    "requestBody": {
        "required": True,
        "description": f"One encoded image of at most {IMAGE_BYTES} bytes.",
        "content": {name: {"schema": {"type": "string", "format": "binary"}} for name in MEDIA_TYPES},
    },
}
_REFUSED: dict[int | str, dict[str, Any]] = {
    status: {"model": Refusal, "description": "There is no verdict; `reason` says why."}
    for status in sorted({*STATUSES.values(), 413, 415} - {404, 501})
}


def make_rest(service: CheckService, guard: HttpGuard, admission: Admission) -> FastAPI:
    """The application.

    Args:
        service: judges and records; its quotas are those of the gRPC door.
        guard: stands before every handler.
        admission: images in the service at once, over all doors.
    """
    described: Any = {"responses": _REFUSED, "openapi_extra": _REQUEST}
    app = FastAPI(title="cxrgate gate", version="1", openapi_url=None, docs_url=None, redoc_url=None)
    app.add_exception_handler(HTTPException, _no_such_path)

    @app.get("/v1/policy", operation_id="GetPolicy", response_model=PolicyInForce, responses=_REFUSED)
    async def policy(request: Request) -> Response:
        """Say what images are held against, and what the service accepts."""

        async def answer(_caller: Caller) -> Response:
            gate = service.gates.current()
            return _json(policy_message(gate.policy, gate.certification, IMAGE_BYTES))

        return await guard.answer(request, GET_POLICY, answer)

    @app.post("/v1/check", operation_id="CheckImage", response_model=Verdict, **described)
    async def check(request: Request) -> Response:
        """Check one image. Overload answers 429 at once, with the time after which to try again."""

        async def answer(caller: Caller) -> Response:
            gate, declared = service.gates.current(), _declared(request)
            image_id, return_image = _query(request)
            with admission.now(caller.identity):
                content = await _body(request)
                service.quotas.take(caller)
                image = ImageToCheck(image_id, content, declared, return_image)
                return await unless_gone(request, _verdict(service.check(gate, caller, image)))

        return await guard.answer(request, CHECK_IMAGE, answer)

    @app.get("/openapi.json", include_in_schema=False)
    async def describe(request: Request) -> Response:
        async def answer(_caller: Caller) -> Response:
            return JSONResponse(app.openapi())

        return await guard.answer(request, DESCRIBE, answer)

    return app


def _json(message: PolicyInForce | Verdict) -> Response:
    return Response(message.model_dump_json(), media_type="application/json")


async def _verdict(answer: Any) -> Response:
    return _json(verdict_message(await answer))


def _declared(request: Request) -> MediaType | None:
    """What the caller takes the image for."""
    name = request.headers.get("content-type", "application/octet-stream").partition(";")[0].strip().lower()
    if name not in MEDIA_TYPES:
        message = f"Content-Type must be one of {', '.join(MEDIA_TYPES)}, and the body the image itself"
        raise CallRefused("INVALID_ARGUMENT", "MEDIA_TYPE", message)
    return MEDIA_TYPES[name]


def _query(request: Request) -> tuple[str, bool]:
    """The name of the image, and whether its pixels are wanted back; what is misspelt is refused, not passed over."""
    given = request.query_params
    values = dict(given)
    image_id, wanted = values.pop("image_id", "image"), values.pop("return_image", "false")
    if values or wanted not in {"true", "false"} or len(given.multi_items()) > len(given):
        message = "the query may hold image_id, a name, and return_image, true or false, each of them once"
        raise CallRefused("INVALID_ARGUMENT", "MALFORMED", message)
    check_name(image_id)
    return image_id, wanted == "true"


async def _body(request: Request) -> bytes:
    """The whole body; refused as soon as it is larger than an image may be."""
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > IMAGE_BYTES:
            raise CallRefused("INVALID_ARGUMENT", "IMAGE_TOO_LARGE", f"the image has more than {IMAGE_BYTES} bytes")
    return bytes(content)


async def _no_such_path(_request: Request, error: Exception) -> Response:
    message = "there are GET /v1/policy, POST /v1/check and GET /openapi.json"
    if isinstance(error, HTTPException) and error.status_code == 405:
        return refused_response(CallRefused("UNIMPLEMENTED", "METHOD", message))
    return refused_response(CallRefused("NOT_FOUND", "PATH", message))
