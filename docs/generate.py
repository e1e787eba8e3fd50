"""Write the generated parts of the docs: the file tree, the picture of the rooms, settings, metrics and tools.

`python docs/generate.py` writes them; `--check` only reports stale ones (exit code 1).
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import rooms
import yaml

from sentinel.agent.order_tools import OrderTools
from sentinel.agent.tool_docs import answer, named, signature
from sentinel.config import network_file, settings
from sentinel.config.reloadable import RELOADABLE, variable
from sentinel.core.transaction import Outcome
from sentinel.observe.instruments import Instruments
from sentinel.observe.metrics import ALARMS, EDGES, ENDPOINT_STATES, FATES, OPEN_INTENT_STATES, REQUEST_KINDS
from sentinel.observe.template import render

ROOT = Path(__file__).resolve().parents[1]
Schema = dict[str, Any]  # a JSON schema, or a part of one
WIDTH = 110  # characters of a phrase


def tree(top: str) -> str:
    """The tree of Python files below `top`, each with its phrase; a folder's phrase is that of its `__init__.py`."""
    package, entries = ROOT / top, []
    for folder in sorted({path.parent for path in package.rglob("*.py")}):
        depth = len(folder.relative_to(package).parts)
        entries.append((depth, f"{folder.name}/", first_line(folder / "__init__.py")))
        files = sorted(folder.glob("*.py"), key=lambda path: (path.name != "__main__.py", path.name))
        entries += [(depth + 1, path.name, first_line(path)) for path in files if path.name != "__init__.py"]
    return filled("tree", entries=entries)


def first_line(path: Path) -> str:
    """The first sentence of a file's docstring, cut at a clause or a word if it is longer than WIDTH."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    sentence = " ".join(text.split("\n\n", 1)[0].split()).split(". ", 1)[0].rstrip(".")
    if len(sentence) <= WIDTH:
        return sentence
    clause = max((sentence[:WIDTH].rfind(mark) for mark in (": ", "; ", ", ")), default=-1)
    return sentence[:clause] if clause > 30 else sentence[: sentence[:WIDTH].rfind(" ")] + " …"


def allowed(node: Schema, schema: Schema) -> str:
    """What a value may be, in words; empty for a text. `node` is a part of the JSON schema `schema`."""
    node = resolved(node, schema)
    options = [allowed(option, schema) for option in node.get("anyOf", ()) if option.get("type") != "null"]
    if options:
        return ", or ".join(options)
    if "const" in node or "enum" in node:
        return ", ".join(f"`{value}`" for value in node.get("enum", [node.get("const")]) if value != "")
    match node.get("type"):
        case "boolean":
            return "`true`, `false`"
        case "integer" | "number":
            return f"{_lower(node)} {_upper(node)}"
        case "object" if (values := _values(node)) and (words := allowed(values, schema)):
            return f"each {words}"
        case "array":
            return allowed(node["items"], schema)
    return ""


def resolved(node: Schema, schema: Schema) -> Schema:
    """The definition that a reference names; else the node itself."""
    return schema["$defs"][node["$ref"].rpartition("/")[2]] if "$ref" in node else node


def _lower(node: Schema) -> str:
    return f"above {plain(node['exclusiveMinimum'])}" if "exclusiveMinimum" in node else plain(node["minimum"])


def _upper(node: Schema) -> str:
    return (
        f"to below {plain(node['exclusiveMaximum'])}" if "exclusiveMaximum" in node else f"to {plain(node['maximum'])}"
    )


def plain(number: float) -> str:
    return f"{int(number) if number == int(number) else number:,}"


def _values(node: Schema) -> Schema:
    """The schema of the values of a map; empty for anything else."""
    values: object = node.get("additionalProperties") or next(iter(node.get("patternProperties", {}).values()), {})
    return values if isinstance(values, dict) else {}


def network_table() -> str:
    """Every key of a network file, with what its value may be."""
    schema = network_file.schema()
    rows = [(key, allowed(node, schema)) for key, node in _keys(schema, schema, "")]
    return filled("network_keys", rows=rows)


def _keys(node: Schema, schema: Schema, above: str) -> Iterator[tuple[str, Schema]]:
    """The keys of a table and of the tables in it; * stands for a name that the file chooses."""
    for name, part in resolved(node, schema).get("properties", {}).items():
        part = next((option for option in part.get("anyOf", ()) if option.get("type") != "null"), part)
        inner = resolved(part, schema)
        values = _values(inner)
        if "properties" in resolved(values, schema):
            yield from _keys(values, schema, f"{above}{name}.*.")
        elif "properties" in inner:
            yield from _keys(inner, schema, f"{above}{name}.")
        else:
            yield f"{above}{name}", part


def table() -> str:
    """All settings by group, as tables."""
    schema = settings.Settings.model_json_schema()
    live = {variable(name) for name in RELOADABLE}
    groups: dict[str, list[dict[str, object]]] = {}
    nodes = dict(_keys(schema, schema, ""))
    for name, (meaning, default) in settings.names().items():
        group = name.removeprefix(settings.PREFIX).partition("__")[0].lower() if "__" in name else "general"
        shown = ",".join(f"{k}={v}" for k, v in default.items()) if isinstance(default, dict) else default
        shown = ",".join(shown) if isinstance(shown, tuple) else shown
        groups.setdefault(group, []).append(
            {"name": name, "default": "" if shown is None else str(shown), "reloads": name in live, "meaning": meaning}
            | {"allowed": allowed(nodes[name.removeprefix(settings.PREFIX).lower().replace("__", ".")], schema)}
        )
    return filled("settings", groups=groups.items())


def tools() -> str:
    return filled("tools", box=named(), signature=signature, answer=answer)


def order_tools() -> str:
    nothing: Any = None
    box = OrderTools(nothing, "USDC", frozenset(), nothing)
    reads = [box.reads[name] for name in box.reads if name not in ("limits", "only")]
    actions = (*box.acting, box.wait)
    return filled(
        "order_tools", reads=reads, actions=actions, limits=(box.limits, box.only), signature=signature, answer=answer
    )


CLOSED = {  # metrics with one label whose values are all known
    "sentinel_final_actions_total": FATES,
    "sentinel_alarms_total": ALARMS,
    "sentinel_open_intents": OPEN_INTENT_STATES,
    "sentinel_endpoint_state": ENDPOINT_STATES,
    "sentinel_internal_errors_total": EDGES,
    "sentinel_endpoint_rests": REQUEST_KINDS,
    "sentinel_transactions_total": [outcome.value for outcome in Outcome],
}


def metrics() -> str:
    """Each metric with the alerts and dashboards whose expressions name it."""
    rules = yaml.safe_load((ROOT / "deploy/prometheus/rules/sentinel.yml").read_text())["groups"][0]["rules"]
    places = [(f"[{rule['alert']}](runbook/{rule['alert']}.md)", rule["expr"]) for rule in rules]
    for path in sorted((ROOT / "deploy/grafana/dashboards").glob("*.json")):
        places.append((path.stem, path.read_text(encoding="utf-8")))
    rows = []
    for metric in Instruments().described:
        ends = "(_bucket|_sum|_count)?" if metric.kind == "histogram" else ""
        users = [user for user, text in places if re.search(rf"\b{metric.name}{ends}\b", text)]
        rows.append((metric, CLOSED.get(metric.name, ()), users))
    return filled("metrics", metrics=rows)


def filled(name: str, **values: object) -> str:
    return render(ROOT / "docs" / "templates" / f"{name}.md.j2", **values)


PAGES: dict[str, dict[str, Callable[[], str]]] = {
    "docs/architecture.md": {"sentinel": lambda: tree("sentinel"), "lab": lambda: tree("lab")},
    "docs/settings.md": {"settings": table, "network": network_table},
    "docs/metrics.md": {"metrics": metrics},
    "docs/tools.md": {"tools": tools},
    "docs/order-programs.md": {"order_tools": order_tools},
}


PICTURES = {"docs/images/rooms.svg": rooms.picture}


def main() -> int:
    """Returns the exit code: 1 if `--check` finds a stale page or picture."""
    stale = 0
    for page, parts in PAGES.items():
        path = ROOT / page
        old = new = path.read_text(encoding="utf-8")
        for name, part in parts.items():
            before, start, rest = new.partition(f"<!-- {name} -->\n")
            _, end, after = rest.partition(f"<!-- /{name} -->")
            new = f"{before}{start}{part()}{end}{after}"
        stale |= put(path, old, new)
    for page, draw in PICTURES.items():
        path = ROOT / page
        stale |= put(path, path.read_text(encoding="utf-8") if path.exists() else "", draw())
    return stale


def put(path: Path, old: str, new: str) -> int:
    """Write `new`, or with `--check` only compare it with `old`. Returns 1 if it is stale, else 0."""
    if "--check" not in sys.argv[1:]:
        path.write_text(new, encoding="utf-8")
    elif new != old:
        print(f"{path.relative_to(ROOT)} is stale: run `make generate`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
