"""Debian's tools for the tests beside this file: absent ones skip a test, but in CI nothing may skip."""

from __future__ import annotations

import os

import debian
import pytest
from common import SetupError


def tool(program: str) -> list[str]:
    """How to start one program that deploy/setup/debian.py knows."""
    try:
        return debian.command(program)
    except SetupError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))
