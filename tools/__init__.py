"""Commands of the project, run as ``python -m tools.NAME`` in the project's environment."""

import sys

# A module in which jsonschema builds a grammar of web addresses whenever it is loaded: a second or two of each command, for a
# check of formats that nothing here asks for. Without the module jsonschema leaves that check out.
GRAMMAR = "rfc3987_syntax"
sys.modules.setdefault(GRAMMAR, None)  # type: ignore[arg-type]
