"""Pages for people: the one at `/`, and a plain description of the API without foreign scripts."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.staticfiles import StaticFiles

FOLDER = Path(__file__).parent / "page"


def add_pages(app: FastAPI) -> None:
    """Let an app show its pages."""
    app.mount("/page", StaticFiles(directory=FOLDER), name="page")

    @app.get("/", include_in_schema=False)
    async def index(request: Request) -> Response:
        return FileResponse(FOLDER / "index.html", headers={"Cache-Control": "no-cache"})

    @app.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> Response:
        return HTMLResponse(document(app.openapi()))


def document(openapi: Mapping[str, Any]) -> str:
    """Return a page that describes an API, from its OpenAPI description."""
    schemas = openapi.get("components", {}).get("schemas", {})
    parts = [
        "<!doctype html><html lang='en'><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width, initial-scale=1'>",
        "<meta name='color-scheme' content='light dark'>",
        f"<title>{escape(openapi['info']['title'])}: API</title>",
        f"<h1>{escape(openapi['info']['title'])}</h1>",
        f"<p>{escape(openapi['info'].get('description', ''))}</p>",
        "<p><a href='openapi.json'>openapi.json</a> · <a href='health'>health</a> · "
        "<a href='about'>about</a></p>",
    ]
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            parts.append(f"<h2><code>{method.upper()} {escape(path)}</code></h2>")
            parts.append(f"<p>{escape(operation.get('description', ''))}</p>")
            parts.append(_fields(operation, schemas))
    return "\n".join(parts)


def _fields(operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    """Return a table of what a request takes."""
    rows = [
        (one["name"], one["schema"], one.get("required", False), one.get("description", ""))
        for one in operation.get("parameters", [])
    ]
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    body = _resolved(content.get("schema", {}), schemas)
    needed = body.get("required", [])
    rows += [
        (name, schema, name in needed, schema.get("description", ""))
        for name, schema in body.get("properties", {}).items()
    ]
    if not rows:
        return ""
    lines = [
        f"<tr><td><code>{escape(name)}</code><td>{escape(_kind(schema, schemas))}"
        f"<td>{'required' if required else escape(_default(schema))}<td>{escape(text)}"
        for name, schema, required, text in rows
    ]
    head = "<tr><th>field<th>type<th>default<th>"
    return f"<table border='1' cellpadding='4'>{head}{''.join(lines)}</table>"


def _resolved(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = schema.get("$ref")
    found: Mapping[str, Any] = schemas[reference.rpartition("/")[2]] if reference else schema
    return found


def _kind(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    """Return the type of a value in a few words."""
    if "anyOf" in schema:
        return " or ".join(_kind(one, schemas) for one in schema["anyOf"])
    if "$ref" in schema:
        inner = _resolved(schema, schemas).get("properties", {})
        return "{" + ", ".join(inner) + "}"
    kind = str(schema.get("type", "any"))
    if kind == "array":
        return f"list of {_kind(schema.get('items', {}), schemas)}"
    low, high = schema.get("minimum"), schema.get("maximum")
    return kind if low is None or high is None else f"{kind}, {low:g} to {high:g}"


def _default(schema: Mapping[str, Any]) -> str:
    value = schema.get("default")
    return "" if value is None else str(value)
