"""Write the generated parts of the docs anew: the file tree, the picture of the rooms, settings, metrics and tools.

`python docs/generate.py` writes; `--check` only says whether something is stale (exit 1).
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable
from pathlib import Path

import rooms
import yaml

from sentinel.agent.analyst_tools import AnalystToolbox
from sentinel.agent.tool_docs import answer, named, signature
from sentinel.config import settings
from sentinel.config.reloadable import RELOADABLE, variable
from sentinel.core.transaction import Outcome
from sentinel.observe.instruments import Instruments
from sentinel.observe.metrics import ALARMS, ENDPOINT_STATES, FATES, OPEN_INTENT_STATES, REQUEST_KINDS
from sentinel.observe.template import render

ROOT = Path(__file__).resolve().parents[1]
WIDTH = 110  # characters of a phrase


def tree(top: str) -> str:
    """Each folder below `top` with the phrase of its `__init__.py`, then its files."""
    package, entries = ROOT / top, []
    for folder in sorted({path.parent for path in package.rglob("*.py")}):
        depth = len(folder.relative_to(package).parts)
        entries.append((depth, f"{folder.name}/", first_line(folder / "__init__.py")))
        files = sorted(folder.glob("*.py"), key=lambda path: (path.name != "__main__.py", path.name))
        entries += [(depth + 1, path.name, first_line(path)) for path in files if path.name != "__init__.py"]
    return filled("tree", entries=entries)


def first_line(path: Path) -> str:
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    sentence = " ".join(text.split("\n\n", 1)[0].split()).split(". ", 1)[0].rstrip(".")
    if len(sentence) <= WIDTH:
        return sentence
    clause = max((sentence[:WIDTH].rfind(mark) for mark in (": ", "; ", ", ")), default=-1)
    return sentence[:clause] if clause > 30 else sentence[: sentence[:WIDTH].rfind(" ")] + " …"


def table() -> str:
    live = {variable(name) for name in RELOADABLE}
    groups: dict[str, list[dict[str, object]]] = {}
    for name, (meaning, default) in settings.names().items():
        head = name.removeprefix(settings.PREFIX).partition("__")[0].lower() if "__" in name else "general"
        shown = ",".join(f"{k}={v}" for k, v in default.items()) if isinstance(default, dict) else default
        plain = "" if shown in (None, "", ()) else str(shown)
        groups.setdefault(head, []).append(
            {"name": name, "default": plain, "reloads": name in live, "meaning": meaning}
        )
    return filled("settings", groups=groups.items())


def tools() -> str:
    return filled("tools", box=named(), signature=signature, answer=answer)


def analyst() -> str:
    own = AnalystToolbox(named())
    return filled("analyst", tools=(own.lean, own.view), signature=signature, answer=answer)


CLOSED = {  # labels whose values are few and known
    "sentinel_final_actions_total": FATES,
    "sentinel_alarms_total": ALARMS,
    "sentinel_open_intents": OPEN_INTENT_STATES,
    "sentinel_endpoint_state": ENDPOINT_STATES,
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
    for one in Instruments().described:
        ends = "(_bucket|_sum|_count)?" if one.kind == "histogram" else ""
        users = [who for who, text in places if re.search(rf"\b{one.name}{ends}\b", text)]
        rows.append((one, CLOSED.get(one.name, ()), users))
    return filled("metrics", metrics=rows)


def filled(name: str, **values: object) -> str:
    return render(ROOT / "docs" / "templates" / f"{name}.md.j2", **values)


PAGES: dict[str, dict[str, Callable[[], str]]] = {
    "docs/architecture.md": {"sentinel": lambda: tree("sentinel"), "lab": lambda: tree("lab")},
    "docs/settings.md": {"settings": table},
    "docs/metrics.md": {"metrics": metrics},
    "docs/tools.md": {"tools": tools},
    "docs/roles.md": {"analyst": analyst},
}


PICTURES = {"docs/images/rooms.svg": rooms.picture}


def main() -> int:
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
    """Written, or only looked at (`--check`): then 1 where it is stale."""
    if "--check" not in sys.argv[1:]:
        path.write_text(new, encoding="utf-8")
    elif new != old:
        print(f"{path.relative_to(ROOT)} is stale: run `make generate`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
