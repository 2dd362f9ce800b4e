"""Test runs keep the reader's own record of solved exercises out of reach."""

import os
import tempfile

_state = tempfile.TemporaryDirectory(prefix="applied-ds-state-", ignore_cleanup_errors=True)
os.environ["APPLIED_DS_STATE"] = _state.name
