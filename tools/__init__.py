"""Commands of the project, run as ``python -m tools.NAME`` in the project's environment."""
