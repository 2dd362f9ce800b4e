"""Write the repository's address everywhere: ``python -m tools.address https://github.com/ORG/REPO``.

The address stands in ``_config.yml`` (``repository: url``), from which the site takes it, and beside it that of the
pages (``html_baseurl``). What cannot read that file (the README, the metadata of the package, the citation, the setup
cell of each notebook) repeats it, and this command rewrites them all: addresses of the repository on GitHub and in
Colab, and of its pages, in all its files.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import yaml

from tools import notebooks

ROOT = Path(__file__).resolve().parent.parent
ADDRESS = re.compile(r"https://github\.com/(?P<org>[A-Za-z0-9-]+)/(?P<repo>[A-Za-z0-9._-]+)")


def configured(root: Path = ROOT) -> str:
    """The address in ``_config.yml``."""
    return yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))["repository"]["url"]


def published(root: Path = ROOT) -> str:
    """The address of the pages in ``_config.yml``."""
    settings = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))["sphinx"]["config"]
    return str(settings["html_baseurl"])


def parts(address: str) -> tuple[str, str]:
    """Organisation and repository of an address.

    Raises:
        ValueError: it is not ``https://github.com/ORG/REPO``.
    """
    found = ADDRESS.fullmatch(address)
    if found is None or address.endswith(".git"):
        raise ValueError(f"the address must read https://github.com/ORG/REPO, not {address!r}")
    return found["org"], found["repo"]


def pages(address: str) -> str:
    """Where GitHub publishes the pages of the repository, with the final slash."""
    org, repo = parts(address)
    return f"https://{org}.github.io/{repo}/"


def occurrences(address: str) -> re.Pattern[str]:
    """What is rewritten; group 1 is empty in an address of the repository and ``.github.io`` in one of its pages."""
    org, repo = map(re.escape, parts(address))
    host = r"(?:(?<=github\.com/)|(?<=/github/)|(?<=raw\.githubusercontent\.com/)|(?<=https://))"
    return re.compile(rf"{host}{org}(|\.github\.io)/{repo}(?![\w-])")


def files(root: Path = ROOT) -> list[Path]:
    """The files of the repository, new ones included and ignored ones not."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, check=True).stdout.decode()
    return [path for name in sorted(set(listed.split("\0"))) if name and (path := root / name).is_file()]


def text_of(path: Path) -> str | None:
    """A file's text, None for a binary file."""
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        return None


def rewritten(text: str, old: str, new: str) -> str:
    """A text with the new address."""
    org, repo = parts(new)
    return occurrences(old).sub(lambda found: f"{org}{found[1]}/{repo}", text)


def rewritten_notebook(text: str, old: str, new: str) -> str:
    """A notebook with the new address; outputs that were up to date before count as up to date after."""
    result = rewritten(text, old, new)
    before = notebooks.read(text)
    recorded = notebooks.stored_hash(before)
    if recorded is not None and recorded == notebooks.code_hash(before):
        result = result.replace(recorded, notebooks.code_hash(notebooks.read(result)))
    return result


def rewrite(new: str, root: Path = ROOT) -> list[Path]:
    """Write the new address into every file that holds the old one, and return those files."""
    parts(new)
    old = configured(root)
    changed = []
    for path in files(root):
        text = text_of(path)
        if text is None or not occurrences(old).search(text):
            continue
        result = (rewritten_notebook if path.suffix == ".ipynb" else rewritten)(text, old, new)
        if result != text:
            path.write_bytes(result.encode("utf-8"))
            changed.append(path)
    return changed


def main(arguments: list[str]) -> int:
    """Entry point."""
    if len(arguments) != 1:
        print(f"The address is {configured()}; to change it: make address URL=https://github.com/ORG/REPO")
        return 2
    try:
        changed = rewrite(arguments[0].rstrip("/"))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    for path in changed:
        print(path.relative_to(ROOT))
    print(f"{len(changed)} files now say {configured()}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
