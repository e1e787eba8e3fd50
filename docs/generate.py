"""Write the generated parts of README.md anew: the file tree from docstrings, the settings table from the settings.

`python docs/generate.py` writes; `--check` only says whether something is stale (exit 1).
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

from sentinel import settings

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
WIDTH = 110  # characters of a phrase


def tree() -> str:
    lines = ["```"]
    for folder in sorted({path.parent for path in (ROOT / "sentinel").rglob("*.py")}):
        depth = len(folder.relative_to(ROOT / "sentinel").parts)
        if depth:
            lines.append("    " * depth + folder.name + "/")
        else:
            lines.append("sentinel/")
        files = sorted(folder.glob("*.py"), key=lambda path: (path.name != "__main__.py", path.name))
        for path in files:
            phrase = first_line(path)
            if path.name == "__init__.py":
                if depth and phrase:
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
    rows = ["| name | default | meaning |", "|---|---|---|"]
    for name, (meaning, default) in settings.names().items():
        shown = ",".join(f"{k}={v}" for k, v in default.items()) if isinstance(default, dict) else default
        rows.append(f"| `{name}` | {'' if shown in (None, '') else f'`{shown}`'} | {meaning} |")
    return "\n".join(rows)


def main() -> int:
    old = new = README.read_text(encoding="utf-8")
    for name, text in (("tree", tree()), ("settings", table())):
        before, start, rest = new.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition(f"<!-- /{name} -->")
        new = f"{before}{start}{text}\n{end}{after}"
    if "--check" in sys.argv[1:]:
        if new != old:
            print("README.md is stale: run `make readme`", file=sys.stderr)
        return int(new != old)
    README.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
