"""Printed tables and figures made again: cell by cell, and the list of all with how far each one came.

`python -m reproduce.remake notebooks > docs/figures.md` writes that list.
"""

from reproduce.remake import formulas
from reproduce.remake.attacks import Attacked, attacked, printed_ratios
from reproduce.remake.best import Best, best_table, coarse, framework_curves, other_sigma
from reproduce.remake.inventory import Item, confirm, inventory, inventory_table
from reproduce.remake.tables import Cell, Remade, ceilings, certified_accuracy_table, curve, levels, rescored

__all__ = [
    "Attacked",
    "Best",
    "Cell",
    "Item",
    "Remade",
    "attacked",
    "best_table",
    "ceilings",
    "certified_accuracy_table",
    "coarse",
    "confirm",
    "curve",
    "formulas",
    "framework_curves",
    "inventory",
    "inventory_table",
    "levels",
    "other_sigma",
    "printed_ratios",
    "rescored",
]
