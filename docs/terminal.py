"""A terminal's content as an SVG without external fonts: the picture of the demo in the README.

tmux new-session -d -s demo -x 126 -y 54 "make demo BLOCKS=12; sleep 600"
tmux capture-pane -e -p -t demo | .venv/bin/python docs/terminal.py "make demo BLOCKS=12" > docs/images/demo.svg
"""

from __future__ import annotations

import io
import re
import sys

from rich.console import Console
from rich.text import Text

FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"


def drawn(ansi: str, title: str) -> str:
    lines = [line for line in ansi.rstrip().splitlines() if not line.startswith("EXIT ")]
    text = Text.from_ansi("\n".join(lines))
    width = max(len(line) for line in text.plain.splitlines())
    console = Console(record=True, width=width, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(text, no_wrap=True, crop=False)
    svg = console.export_svg(title=title, unique_id="demo")
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)  # they would be fetched from elsewhere
    return svg.replace("Fira Code, monospace", FONT).replace("Fira Code", FONT)


if __name__ == "__main__":
    sys.stdout.write(drawn(sys.stdin.read(), sys.argv[1]))
