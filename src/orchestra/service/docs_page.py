"""The documentation page of the API: the OpenAPI document as one HTML page.

It is rendered here and needs nothing else: no script, no style sheet, no font from anywhere, so it works
on a machine without a network. Whatever comes from the document is escaped.
"""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

METHODS: Final = ("get", "put", "post", "patch", "delete")

_STYLE: Final = """
:root { color-scheme: light dark; --line: #dfe3e8; --muted: #5b6472; --accent: #0a50c0; --surface: #f6f7f9; }
@media (prefers-color-scheme: dark) {
  :root { --line: #2a323c; --muted: #9aa5b4; --accent: #86b9ff; --surface: #171c22; }
  body { background: #101418; color: #dfe5ec; }
}
body { font: 14px/20px system-ui, sans-serif; margin: 0 auto; max-width: 960px; padding: 20px; }
code, pre { font: 12.5px/20px ui-monospace, monospace; }
a { color: var(--accent); }
details { border: 1px solid var(--line); border-radius: 6px; margin: 8px 0; padding: 0 12px; }
summary { cursor: pointer; padding: 8px 0; }
summary code { font-weight: 600; }
table { border-collapse: collapse; width: 100%; }
th, td { border-top: 1px solid var(--line); padding: 4px 12px 4px 0; text-align: left; vertical-align: top; }
.muted { color: var(--muted); }
.method { display: inline-block; min-width: 4.5em; color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
"""


def render(document: Mapping[str, Any], nonce: str) -> str:
    """Return the page; `nonce` is the one of the answer's content security policy."""
    info = document["info"]
    head = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(info["title"])}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<style nonce="{escape(nonce)}">{_STYLE}</style></head>'
    )
    body = "".join(
        (
            f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>",
            f"<p>{escape(info.get('description', ''))}</p>",
            '<p>The same for programs: <a href="v1/openapi.json">openapi.json</a> (OpenAPI 3.1).</p>',
            *_operations(document),
            '<h2 id="schemas">Schemas</h2>',
            *(_schema(name, schema) for name, schema in sorted(document["components"]["schemas"].items())),
        )
    )
    return f"{head}<body><main>{body}</main></body></html>"


def _operations(document: Mapping[str, Any]) -> Iterator[str]:
    by_tag: dict[str, list[str]] = {}
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                operation = item[method]
                tag = (operation.get("tags") or ["other"])[0]
                by_tag.setdefault(tag, []).append(_operation(path, method, operation))
    for tag, rendered in by_tag.items():
        yield f'<h2 id="{escape(tag)}">{escape(tag.capitalize())}</h2>'
        yield from rendered


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> str:
    parts = [
        f'<details id="{escape(operation["operationId"])}"><summary><span class="method">{method.upper()}</span>'
        f"<code>{escape(path)}</code> {escape(operation.get('summary', ''))}</summary>",
        _paragraphs(operation.get("description", "")),
    ]
    parameters = operation.get("parameters", [])
    if parameters:
        parts.append("<table><tr><th>Parameter</th><th>In</th><th>Type</th><th></th></tr>")
        for one in parameters:
            mark = "" if not one.get("required") else " <span class='muted'>required</span>"
            parts.append(
                f"<tr><td><code>{escape(one['name'])}</code>{mark}</td><td>{escape(one['in'])}</td>"
                f"<td>{_type(one.get('schema', {}))}</td><td>{escape(one.get('description', ''))}</td></tr>"
            )
        parts.append("</table>")
    body = operation.get("requestBody", {}).get("content", {})
    parts += [f"<p>Body: <code>{escape(kind)}</code> {_type(one.get('schema', {}))}</p>" for kind, one in body.items()]
    parts.append("<table><tr><th>Answer</th><th></th><th></th></tr>")
    for status, response in operation.get("responses", {}).items():
        kinds = " ".join(
            f"<code>{escape(kind)}</code> {_type(one.get('schema', {}))}"
            for kind, one in response.get("content", {}).items()
        )
        parts.append(
            f"<tr><td>{escape(status)}</td><td>{escape(response.get('description', ''))}</td><td>{kinds}</td></tr>"
        )
    parts.append("</table></details>")
    return "".join(parts)


def _schema(name: str, schema: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(field)}</code></td><td>{_type(inner)}</td>"
        f"<td>{escape(inner.get('description', ''))}</td></tr>"
        for field, inner in schema.get("properties", {}).items()
    )
    table = f"<table>{rows}</table>" if rows else f"<p>{_type(schema)}</p>"
    return (
        f'<details id="schema-{escape(name)}"><summary><code>{escape(name)}</code></summary>'
        f"{_paragraphs(schema.get('description', ''))}{table}</details>"
    )


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{escape(part)}</p>" for part in text.split("\n\n") if part.strip())


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
