"""`--order`: the order of one run, read back before anything starts."""

from __future__ import annotations

import typer

from sentinel.core.errors import SettingsError

OPTION = "--order"
HELP = "The order, as a reading (docs/orders.md): SENTINEL_STRATEGY__ORDER for this run. It is approved by this."


def is_reading(text: str, network: str) -> bool:
    """Whether the text is written in the language of readings, so that no model has to read it."""
    from sentinel.config.network_file import load_network
    from sentinel.orders.language.reading_parser import NotRead, parse

    return not isinstance(parse(" ".join(text.split()), load_network(network).quote), NotRead)


def accepted(text: str, network: str, *, err: bool) -> str:
    """The reading of the order, which is printed with its bounds, on standard error if `err`.

    Raises typer.BadParameter, exit code 2, with the parser's reason if the text is no order on this network.
    """
    from sentinel.cli.order_reading import bounds, bounds_lines
    from sentinel.config.network_file import load_network
    from sentinel.daemon.approved_order import SETTING, read_order

    try:
        order = read_order(" ".join(text.split()), load_network(network))
    except SettingsError as error:
        raise typer.BadParameter(str(error).removeprefix(f"{SETTING}: "), param_hint=OPTION) from None
    facts = bounds(order)
    for line in bounds_lines(facts):
        typer.echo(line, err=err)
    return str(facts["reading"])
