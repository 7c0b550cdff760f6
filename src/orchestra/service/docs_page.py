"""The documentation page of the API: the OpenAPI document as one HTML page.

It is rendered here and needs nothing else: no script, style sheet or font from anywhere, so it works on a
machine without a network. Whatever comes from the document is escaped.
"""

import json
import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

from orchestra.service.docs_style import SCRIPT, STYLE

LAST: Final = ("documentation", "health")
METHODS: Final = ("get", "put", "post", "patch", "delete")


def render(document: Mapping[str, Any], nonce: str) -> str:
    """Return the page; `nonce` is the one of the answer's content security policy, for the style and the script."""
    info = document["info"]
    tags = _by_tag(document)
    head = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(info["title"])} API</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<style nonce="{escape(nonce)}">{STYLE}</style></head>'
    )
    search = (
        '<label hidden><input id="search" type="search" placeholder="Search" aria-label="Search operations" '
        'autocomplete="off"></label>'
    )
    links = "".join(f'<li><a href="#{escape(tag)}">{escape(tag.capitalize())}</a></li>' for tag in tags)
    body = "".join(
        (
            f"<header><h1>{escape(info['title'])} API <span>{escape(info['version'])}</span></h1>{search}</header>",
            f'<div class="page"><nav aria-label="Parts"><ul>{links}<li><a href="#schemas">Schemas</a></li></ul></nav>',
            f"<main><p>{_inline(info.get('description', ''))}</p>",
            '<p>The same for programs: <a href="v1/openapi.json">openapi.json</a> (OpenAPI 3.1).</p>',
            *_authentication(document),
            '<p id="empty" hidden>Nothing has all of these words.</p>',
            *(_section(tag, tag.capitalize(), rendered) for tag, rendered in tags.items()),
            _section(
                "schemas", "Schemas", [_schema(*one) for one in sorted(document["components"]["schemas"].items())]
            ),
        )
    )
    return f'{head}<body>{body}</main></div><script nonce="{escape(nonce)}">{SCRIPT}</script></body></html>'


def _section(identifier: str, title: str, rendered: list[str]) -> str:
    return f'<section><h2 id="{escape(identifier)}">{escape(title)}</h2>{"".join(rendered)}</section>'


def _authentication(document: Mapping[str, Any]) -> Iterator[str]:
    yield "<h2>Authentication</h2><ul>"
    for name, scheme in document["components"].get("securitySchemes", {}).items():
        yield f"<li><code>{escape(name)}</code>: {_inline(scheme.get('description', ''))}</li>"
    yield "</ul>"


def _by_tag(document: Mapping[str, Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                operation = item[method]
                tag = (operation.get("tags") or ["other"])[0]
                found.setdefault(tag, []).append(_operation(document, path, method, operation))
    # What the API is for comes first.
    return {tag: found[tag] for tag in sorted(found, key=lambda tag: tag in LAST)}


def _operation(document: Mapping[str, Any], path: str, method: str, operation: Mapping[str, Any]) -> str:
    parts = [
        f'<details id="{escape(operation["operationId"])}"><summary>'
        f'<span class="method {method}">{method.upper()}</span>'
        f"<code>{escape(path).replace('/', '/<wbr>')}</code>"
        f"<span>{_inline(operation.get('summary', ''))}</span></summary>",
        _paragraphs(operation.get("description", "")),
        *_parameters(operation.get("parameters", [])),
        *_body(operation.get("requestBody", {})),
        *_answers(document, operation.get("responses", {})),
    ]
    return "".join((*parts, "</details>"))


def _parameters(parameters: list[dict[str, Any]]) -> Iterator[str]:
    if not parameters:
        return
    yield '<h3>Parameters</h3><div class="scroll"><table>'
    for one in parameters:
        mark = " <span class='muted'>required</span>" if one.get("required") else ""
        shown = (
            f"<br><span class='muted'>for instance <code>{_short(one['example'])}</code></span>"
            if "example" in one
            else ""
        )
        yield (
            f"<tr><td><code>{escape(one['name'])}</code>{mark}<br><span class='muted'>{escape(one['in'])}, "
            f"{_type(one.get('schema', {}))}</span></td><td>{_inline(one.get('description', ''))}{shown}</td></tr>"
        )
    yield "</table></div>"


def _body(body: Mapping[str, Any]) -> Iterator[str]:
    for kind, media in body.get("content", {}).items():
        needed = "" if body.get("required") else ", may be left out"
        yield f"<h3>Body: {escape(kind)}, {_type(media.get('schema', {}))}{needed}</h3>{_example(media)}"


def _answers(document: Mapping[str, Any], responses: Mapping[str, Any]) -> Iterator[str]:
    errors = []
    for status, given in responses.items():
        name = given.get("$ref", "").rpartition("/")[2]
        response = document["components"].get("responses", {})[name] if name else given
        if name:
            errors.append(f"<tr><td>{escape(status)}</td><td>{escape(response['description'])}</td></tr>")
            continue
        content = response.get("content", {})
        kinds = "".join(f" {escape(kind)}, {_type(media.get('schema', {}))}" for kind, media in content.items())
        shown = "".join(map(_example, content.values()))
        yield f"<h3>Answer {escape(status)}: {escape(response.get('description', ''))}{kinds}</h3>{shown}"
    if errors:
        link = '<a href="#schema-Problem">Problem</a>'
        yield f'<h3>Errors, each a {link}</h3><div class="scroll"><table>{"".join(errors)}</table></div>'


def _example(media: Mapping[str, Any]) -> str:
    if "example" not in media:
        return ""
    shown = media["example"]
    text = shown if isinstance(shown, str) else json.dumps(shown, indent=2, ensure_ascii=False)
    return f'<pre tabindex="0">{escape(text)}</pre>'


def _short(value: Any) -> str:
    return escape(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _schema(name: str, schema: Mapping[str, Any]) -> str:
    needed = set(schema.get("required", ()))
    rows = "".join(
        f"<tr><td><code>{escape(field)}</code>{'' if field in needed else ' <span class=muted>optional</span>'}</td>"
        f"<td>{_type(inner)}</td><td>{_inline(inner.get('description', ''))}</td></tr>"
        for field, inner in schema.get("properties", {}).items()
    )
    table = f'<div class="scroll"><table>{rows}</table></div>' if rows else f"<p>{_type(schema)}</p>"
    return (
        f'<details id="schema-{escape(name)}"><summary class="plain"><code>{escape(name)}</code></summary>'
        f"{_paragraphs(schema.get('description', ''))}{table}</details>"
    )


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{_inline(part)}</p>" for part in text.split("\n\n") if part.strip())


def _inline(text: str) -> str:
    """Escape, and show what stands between backticks as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _type(schema: Mapping[str, Any] | bool) -> str:
    """A schema in a few words, with links to named ones."""
    if isinstance(schema, bool):
        return "anything" if schema else "nothing"
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#schema-{name}">{name}</a>'
    for word in ("oneOf", "anyOf"):
        if word in schema:
            return " or ".join(dict.fromkeys(_type(one) for one in schema[word]))
    if "enum" in schema:
        return " | ".join(f"<code>{escape(str(one))}</code>" for one in schema["enum"])
    kind = schema.get("type")
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if isinstance(kind, list):
        return " or ".join(escape(str(one)) for one in kind)
    text = str(kind or "anything")
    return escape(f"{text} ({schema['format']})" if "format" in schema else text)
