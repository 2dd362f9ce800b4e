"""Stan from a notebook: checked, compiled once, sampled in a worker thread; ``python -m applied_ds.stan`` compiles beforehand.

PyStan is called as its documentation says, with three things around it. It runs an event loop of its own, which fails inside a
notebook's: so it gets a thread. It writes to the screen what differs from run to run: so its output is kept in ``messages``. And
it serves an identical fit from disk: so fits are thrown away, and only compiled programs are kept (in the course's cache).
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from applied_ds._paths import PACKAGE, checkout
from applied_ds.data import cache_dir

__all__ = ["Model", "StanError", "build", "check", "path"]

COMPILERS = ("c++", "g++", "clang++")
# One thread for all calls: a compiled program holds memory of the thread that loaded it, and dies in another.
_WORKER = ThreadPoolExecutor(1, thread_name_prefix="stan")


class StanError(RuntimeError):
    """A Stan program is wrong, or cannot be compiled here; the message says why and what to do."""


def path(name: str) -> Path:
    """Where the Stan program of that name lies: ``notebooks/<name>.stan``, or its copy in the installed helper.

    Raises:
        ValueError: there is no such program; the message lists those that there are.
    """
    folder = _folder()
    file = folder / f"{name}.stan"
    if not file.is_file():
        there = ", ".join(sorted(program.stem for program in folder.glob("*.stan"))) or "none"
        raise ValueError(f"there is no Stan program {name!r}; there are: {there}")
    return file


def check(code: str, pedantic: bool = False) -> str:
    """What Stan's own compiler says about a program, ``""`` if it has nothing to say; no C++ compiler is needed.

    Args:
        code: text of the program.
        pedantic: also warn of what is allowed and seldom meant.
    """
    from importlib.resources import as_file, files

    with tempfile.TemporaryDirectory() as folder, as_file(files("httpstan") / "stanc") as stanc:
        file = Path(folder, "program.stan")
        file.write_text(code, encoding="utf-8")
        options = ["--filename-in-msg=program.stan", "--o", f"{folder}/program.cpp"]
        options += ["--warn-pedantic"] if pedantic else []
        done = subprocess.run([str(stanc), *options, str(file)], capture_output=True, text=True, timeout=60)
    return done.stderr.strip()


class Model:
    """A compiled program with its data: PyStan's own model, whose methods run in a worker thread.

    Attributes:
        messages: what Stan wrote during the last call.
    """

    def __init__(self, model: Any, cache: Path, messages: str) -> None:
        self._model = model
        self._cache = cache
        self.messages = messages

    def sample(self, **arguments: Any) -> Any:
        """Draw with the No-U-Turn sampler; arguments and result are those of PyStan's ``Model.sample``.

        The same seed gives the same draws on the same machine. They are drawn anew each time, never read from disk.
        """
        return self._call(self._model.sample, **arguments)

    def log_prob(self, unconstrained: Any, adjust_transform: bool = True) -> float:
        """Log density, up to a constant, at unconstrained parameters (n,); with or without the Jacobian of the transform."""
        return self._call(self._model.log_prob, list(unconstrained), adjust_transform)

    def grad_log_prob(self, unconstrained: Any) -> Any:
        """Gradient of the log density at unconstrained parameters (n,), Jacobian included."""
        return self._call(self._model.grad_log_prob, list(unconstrained))

    def constrain_pars(self, unconstrained: Any, **arguments: Any) -> Any:
        """Values of all quantities of the program at unconstrained parameters (n,)."""
        return self._call(self._model.constrain_pars, list(unconstrained), **arguments)

    def unconstrain_pars(self, values: dict[str, Any]) -> Any:
        """Unconstrained parameters (n,) at values of the program's parameters by name."""
        return self._call(self._model.unconstrain_pars, values)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._model, name)

    def _call(self, function: Callable[..., Any], *values: Any, **arguments: Any) -> Any:
        with _caches(self._cache):
            result, self.messages = _in_thread(function, *values, **arguments)
        return result


def build(code: str, data: dict[str, Any] | None = None, random_seed: int = 1) -> Model:
    """Compile a program, unless the cache has it, and join it with its data.

    Compiling takes about a minute, once for each program text and each Python interpreter.

    Args:
        code: text of the program.
        data: numbers, lists and arrays by the names of the program's data block.
        random_seed: positive; the seed of everything that the model draws.

    Raises:
        StanError: Stan's compiler refuses the program, or a C++ compiler is needed and missing.
        RuntimeError: PyStan's own words, where data do not fit the program.
    """
    cache = _compiled(code)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "pkg_resources is deprecated")  # PyStan's own affair
        import stan

    with _caches(cache):
        model, said = _in_thread(stan.build, code, data=data or {}, random_seed=random_seed)
    return Model(model, cache, said)


def _compiled(code: str) -> Path:
    """The folder of compiled programs, in which this one is now."""
    import filelock
    import httpstan
    import httpstan.models

    cache = cache_dir() / "stan" / httpstan.__version__
    cache.mkdir(parents=True, exist_ok=True)
    name = httpstan.models.calculate_model_name(code)
    with filelock.FileLock(cache / ".lock"):
        if not (cache / name).is_dir():
            _compile(code, name, cache)
    return cache


def _folder() -> Path:
    root = checkout()
    return root / "notebooks" if root is not None else PACKAGE / "_programs"


def _compile(code: str, name: str, cache: Path) -> None:
    """Compile in a folder of its own, which enters the cache only when it is complete."""
    import httpstan.cache
    import httpstan.models

    complaint = check(code)
    if " error in " in complaint:
        raise StanError(complaint)
    if not any(map(shutil.which, COMPILERS)):
        raise StanError(
            "Stan programs are compiled with a C++ compiler, and this machine has none: install one "
            "(Debian and Ubuntu: 'apt-get install g++'; macOS: 'xcode-select --install') and run this again."
        )
    print("Compiling a Stan program: about a minute, only once.", flush=True)
    with tempfile.TemporaryDirectory(dir=cache) as scratch, _caches(Path(scratch)):
        building = httpstan.models.build_services_extension_module
        # httpstan silences the compiler on the true stderr, and only there.
        with contextlib.redirect_stderr(sys.__stderr__):
            said = _WORKER.submit(lambda: asyncio.run(building(code))).result()
        httpstan.cache.dump_stanc_warnings(complaint, name)
        httpstan.cache.dump_services_extension_module_compiler_output(said, name)
        (cache / name).parent.mkdir(parents=True, exist_ok=True)
        Path(scratch, name).rename(cache / name)


@contextlib.contextmanager
def _caches(models: Path) -> Iterator[None]:
    """Let httpstan keep compiled programs in `models`, and fits in a folder that vanishes."""
    import httpstan.cache

    before = httpstan.cache.cache_directory, httpstan.cache.fit_path
    with tempfile.TemporaryDirectory() as fits:
        httpstan.cache.cache_directory = lambda: models
        httpstan.cache.fit_path = lambda name: Path(fits, f"{name}.gz")
        try:
            yield
        finally:
            httpstan.cache.cache_directory, httpstan.cache.fit_path = before


def _in_thread(function: Callable[..., Any], *values: Any, **arguments: Any) -> tuple[Any, str]:
    """Result of a call in the worker thread, and what was written to the screen meanwhile."""
    screen = io.StringIO()
    with contextlib.redirect_stdout(screen), contextlib.redirect_stderr(screen):
        result = _WORKER.submit(function, *values, **arguments).result()
    return result, screen.getvalue()


def main() -> int:
    """Compile every Stan program of the course, and return the exit status."""
    for program in sorted(_folder().glob("*.stan")):
        try:
            if not any(map(shutil.which, COMPILERS)):
                print(
                    f"  {program.name}: not compiled, for there is no C++ compiler; the lecture will say so"
                )
                continue
            _compiled(program.read_text(encoding="utf-8"))
        except StanError as error:
            print(error, file=sys.stderr)
            return 1
        print(f"  {program.name}: compiled")
    return 0


if __name__ == "__main__":
    sys.exit(main())
