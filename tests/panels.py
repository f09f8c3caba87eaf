"""Reading what a panel shows."""

import re


def table(panel) -> dict[str, dict[str, str]]:
    """The `data-` attributes of the table's rows by their key."""
    rows = re.findall(r'data-key="([^"]*)"([^>]*)', panel.readout.value)
    return {key: dict(re.findall(r'data-(\w+)="([^"]*)"', rest)) for key, rest in rows}
