"""Authorization: every route names its permission, one guard checks it, and a route without one stops the start.

    @get("/projects/{project:str}", opt=needs(Permission.PROJECT_READ))

What the guard does, before a handler runs:

    permission of Anonymous             → passes, nobody is asked who they are
    no valid authentication             → 401
    path has {project}                  → the caller cannot see the project: 404, as if it did not exist
                                          sees it, but lacks the permission there: 403
    no {project}, has it nowhere        → 403
    no {project}, has it somewhere      → passes; the handler narrows lists by `scope`, and asks
                                          `reachable` for single objects, whose row names the project

Handlers never look at roles. A project in a path is only a claim: objects are looked up by it, so it
is the row's own.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, get_origin

from litestar import Litestar
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.params import HeaderParameter

from orchestra.domain.access import Permission, Principal, can_anonymous
from orchestra.domain.errors import InvalidContent, NotAllowed, NotFound, Problem
from orchestra.domain.run import Run
from orchestra.service.request import CALLER, PARTS, without_none

PERMISSION: Final = "permission"


def needs(permission: Permission) -> dict[str, Any]:
    """The `opt` of a route that needs `permission`."""
    return {PERMISSION: permission}


async def authorize(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Litestar's guard for the whole application. Raises NotAuthenticated, NotAllowed, NotFound, TooMany."""
    permission = _permission_of(handler)
    scope: Any = connection.scope
    if not can_anonymous(permission):
        caller = await scope[PARTS].authenticator.authenticate(scope)
        scope[CALLER] = caller
        check(caller.principal, permission, scope["path_params"].get("project"))
    _check_numbers(scope)
    if scope["query_string"] and isinstance(handler, HTTPRouteHandler):
        _check_query(connection, handler)


def _check_numbers(scope: Any) -> None:
    """A number of a path has one form: the framework would also read `+1`, `1_0` and digits of other scripts."""
    segments = scope["path"].split("/")
    for value in scope["path_params"].values():
        if isinstance(value, int) and str(value) not in segments:
            raise NotFound("no such resource")


def _check_query(connection: ASGIConnection[Any, Any, Any, Any], handler: HTTPRouteHandler) -> None:
    """Refuse query parameters that the route does not have: a filter with a typing error must not match everything.

    Likewise one that stands twice where one is taken, and the word null: the framework would read it as absent.
    """
    fields = {name: kind for name, kind in _query_fields(handler).items() if name not in connection.path_params}
    problems = []
    for name, values in connection.query_params.dict().items():
        if name not in fields:
            known = f"; expected one of {', '.join(sorted(fields))}" if fields else ""
            problems.append(Problem(name, f"unknown parameter{known}"))
            continue
        kind = without_none(fields[name])
        if len(values) > 1 and get_origin(kind) is not list:
            problems.append(Problem(name, "stands twice; expected one value"))
        if kind is not str and any(str(value).lower() == "null" for value in values):
            problems.append(Problem(name, "expected a value, got null; leave the parameter out"))
    if problems:
        raise InvalidContent("the request does not fit", tuple(problems))


@lru_cache(maxsize=512)
def _query_fields(handler: HTTPRouteHandler) -> Mapping[str, Any]:
    """The query parameters of a route (those of its path too), and their types."""
    found = {}
    for name, field in handler.parsed_fn_signature.parameters.items():
        given = field.kwarg_definition
        if not isinstance(given, HeaderParameter) and name not in ("request", "data"):
            found[getattr(given, "name", None) or name] = field.annotation
    return found


def check(principal: Principal, permission: Permission, project: str | None) -> None:
    """Raise unless `principal` may do it in `project`, or, with None, anywhere at all."""
    if project is None:
        if principal.scope(permission) == frozenset():
            raise not_allowed(principal, permission)
    elif not principal.can(permission, project):
        if not principal.can(Permission.PROJECT_READ, project):
            raise NotFound(f"there is no project {project}")
        raise not_allowed(principal, permission)


def not_allowed(principal: Principal, permission: Permission) -> NotAllowed:
    """The error that names who lacks what."""
    if not principal.is_enabled:
        return NotAllowed(f"the user {principal.user} is disabled")
    return NotAllowed(f"the user {principal.user} lacks the permission {permission}")


def reachable(principal: Principal, permission: Permission, run: Run | None, name: str) -> Run:
    """Return `run` if the caller may do `permission` with it; `name` is what the caller called it.

    Raises NotFound where the caller may not know that it exists, NotAllowed where only the permission lacks.
    """
    visible = (
        run is not None
        and principal.can(Permission.RUN_READ, run.project)
        and principal.may_touch(run.identifier, run.source)
    )
    if run is None or not visible:
        raise NotFound(f"there is no run {name}")
    if not principal.can(permission, run.project):
        raise not_allowed(principal, permission)
    return run


def _permission_of(handler: BaseRouteHandler) -> Permission:
    permission = handler.opt.get(PERMISSION)
    if isinstance(permission, Permission):
        return permission
    # Litestar answers OPTIONS by itself, with the methods of the route: for everyone who signed in.
    return Permission.ACCOUNT_READ


def check_routes(app: Litestar) -> None:
    """Refuse to start with a route that does not say who may use it. Raises RuntimeError that names them all."""
    silent = [
        f"{_methods(handler)} {route.path}"
        for route in app.routes
        for handler in _handlers(route)
        if not isinstance(handler.opt.get(PERMISSION), Permission) and not _is_automatic(handler)
    ]
    if silent:
        raise RuntimeError(f"routes without a permission: {', '.join(silent)}")


def _methods(handler: BaseRouteHandler) -> str:
    return "/".join(sorted(handler.http_methods)) if isinstance(handler, HTTPRouteHandler) else "WEBSOCKET"


def _handlers(route: Any) -> list[BaseRouteHandler]:
    return list(route.route_handlers) if hasattr(route, "route_handlers") else [route.route_handler]


def _is_automatic(handler: BaseRouteHandler) -> bool:
    return isinstance(handler, HTTPRouteHandler) and set(handler.http_methods) == {"OPTIONS"}
