"""Debian's tools for the tests beside this file: absent ones skip a test, but in CI nothing may skip."""

from __future__ import annotations

import os

import debian
import pytest


def tool(program: str) -> str:
    """The path of one program that deploy/setup/debian.py knows."""
    found = debian.find(program)
    if not found:
        why = f"{program} is not here: run `python3 deploy/setup/debian.py` (Debian, as root)"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    return found
