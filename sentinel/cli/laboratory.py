"""The laboratory (`lab/`): measurements and experiments, which only a checkout contains."""

from __future__ import annotations

import importlib
from types import ModuleType

from sentinel.core.errors import OperatorError


def laboratory(module: str) -> ModuleType:
    """`lab.<module>`, imported when a command needs it. Raises OperatorError outside a checkout."""
    try:
        return importlib.import_module(f"lab.{module}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != "lab":
            raise
        raise OperatorError(
            "this command belongs to the laboratory, which is not part of the installed package: "
            "clone the repository, run `make setup` there, and call `.venv/bin/sentinel` in that folder"
        ) from error
