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

from sentinel.agent.described import answer, named, signature
from sentinel.agent.opinion import Opinions
from sentinel.config import settings
from sentinel.config.reloadable import RELOADABLE, variable
from sentinel.core.transaction import Outcome
from sentinel.observe.instruments import Instruments
from sentinel.observe.metrics import ALARMS, ENDPOINT_STATES, FATES, OPEN_STATES

ROOT = Path(__file__).resolve().parents[1]
WIDTH = 110  # characters of a phrase


def tree(top: str) -> str:
    """Every folder and file below `top` with the first sentence of its own docstring."""
    lines = ["```text"]
    for folder in sorted({path.parent for path in (ROOT / top).rglob("*.py")}):
        depth = len(folder.relative_to(ROOT / top).parts)
        lines.append("    " * depth + folder.name + "/")
        order = {"__init__.py": 0, "__main__.py": 1}  # the folder's own phrase stands beside its name
        files = sorted(folder.glob("*.py"), key=lambda path: (order.get(path.name, 2), path.name))
        for path in files:
            phrase = first_line(path)
            if path.name == "__init__.py":
                if phrase:
                    lines[-1] = f"{lines[-1]:<30}{phrase}"
                continue
            lines.append(f"{'    ' * (depth + 1) + path.name:<30}{phrase}")
    return "\n".join([*lines, "```"])


def first_line(path: Path) -> str:
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    sentence = " ".join(text.split("\n\n", 1)[0].split()).split(". ", 1)[0].rstrip(".")
    if len(sentence) <= WIDTH:
        return sentence
    clause = max((sentence[:WIDTH].rfind(mark) for mark in (": ", "; ", ", ")), default=-1)
    return sentence[:clause] if clause > 30 else sentence[: sentence[:WIDTH].rfind(" ")] + " …"


def table() -> str:
    live = {variable(name) for name in RELOADABLE}
    rows: list[str] = []
    group = None
    for name, (meaning, default) in settings.names().items():
        head = name.removeprefix(settings.PREFIX).partition("__")[0].lower() if "__" in name else "general"
        if head != group:
            rows += ["", f"## {head}", "", "| name | default | reload | meaning |", "|---|---|---|---|"]
            group = head
        shown = ",".join(f"{k}={v}" for k, v in default.items()) if isinstance(default, dict) else default
        plain = "" if shown in (None, "", ()) else f"`{shown}`"
        rows.append(f"| `{name}` | {plain} | {'yes' if name in live else ''} | {meaning} |")
    return "\n".join(rows[1:])


def tools() -> str:
    box = named()
    rows = ["| tool | fresh | answers |", "|---|---|---|"]
    for name, tool in box.reads.items():
        rows.append(f"| `{signature(tool)}` | {'yes' if name in box.fresh else ''} | {answer(tool)} |")
    rows += ["", "| final action | meaning |", "|---|---|"]
    rows += [f"| `{signature(tool)}` | {answer(tool)} |" for tool in box.finals.values()]
    return "\n".join(rows)


def analyst() -> str:
    own = Opinions(named())
    rows = ["| of an analyst alone | meaning |", "|---|---|"]
    return "\n".join([*rows, *(f"| `{signature(tool)}` | {answer(tool)} |" for tool in (own.lean, own.view))])


CLOSED = {  # labels whose values are few and known
    "sentinel_samples_total": FATES,
    "sentinel_alarms_total": ALARMS,
    "sentinel_open_transactions": OPEN_STATES,
    "sentinel_endpoint": ENDPOINT_STATES,
    "sentinel_transactions_total": [outcome.value for outcome in Outcome],
}


def metrics() -> str:
    """Each metric with the alerts and dashboards whose expressions name it."""
    rules = yaml.safe_load((ROOT / "deploy/prometheus/rules/sentinel.yml").read_text())["groups"][0]["rules"]
    places = [(f"[{rule['alert']}](runbook/{rule['alert']}.md)", rule["expr"]) for rule in rules]
    for path in sorted((ROOT / "deploy/grafana/dashboards").glob("*.json")):
        places.append((path.stem, path.read_text(encoding="utf-8")))
    rows = ["| metric | type | labels | unit | meaning | used by |", "|---|---|---|---|---|---|"]
    for one in Instruments().described:
        ends = "(_bucket|_sum|_count)?" if one.kind == "histogram" else ""
        users = ", ".join(who for who, text in places if re.search(rf"\b{one.name}{ends}\b", text))
        labels = ", ".join(f"`{label}`" for label in one.labels)
        if one.name in CLOSED:
            labels += f": {', '.join(CLOSED[one.name])}"
        rows.append(f"| `{one.name}` | {one.kind} | {labels} | {one.unit} | {one.meaning} | {users} |")
    return "\n".join(rows)


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
            new = f"{before}{start}{part()}\n{end}{after}"
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
