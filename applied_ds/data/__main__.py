"""``python -m applied_ds.data prefetch`` fills the cache; ``python -m applied_ds.data cards`` lists what there is."""

from __future__ import annotations

import argparse
import sys

from applied_ds.data import DataError, all_cards, prefetch


def main() -> int:
    """Run the action that the command line names and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m applied_ds.data", description=__doc__)
    parser.add_argument("action", choices=["prefetch", "cards"])
    action = parser.parse_args().action
    if action == "cards":
        for card in all_cards():
            print(f"{card.name}: {card.summary} {card.shape}. {card.licence}. [{card.source}]")
        return 0
    try:
        prefetch()
    except DataError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
