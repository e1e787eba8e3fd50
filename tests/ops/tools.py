"""Debian's tools for the tests beside this file: absent ones skip a test, but in CI nothing may skip."""

from __future__ import annotations

import os

import debian
import pytest


def tool(program: str) -> str:
    """The path of one program that deploy/setup/debian.py knows."""
    found = debian.find(program)
    if found is None:
        why = f"{program} is not here: run `python3 deploy/setup/debian.py` (Debian, as root)"
        pytest.fail(why) if os.environ.get("CI") else pytest.skip(why)
    return found
