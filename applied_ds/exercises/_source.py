"""What the text of an attempt says: whether it is still the stub, and where it stands."""

from __future__ import annotations

import ast
import functools
import inspect
import linecache
import types
from collections.abc import Callable, Iterator
from typing import Any

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda


def parse_stub(stub: str, name: str) -> ast.stmt:
    """The statement of the stub that defines `name`: a function, a class, or an assignment."""
    for node in ast.parse(stub).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name == name:
            return node
        if isinstance(node, ast.Assign) and any(
            isinstance(t, ast.Name) and t.id == name for t in node.targets
        ):
            return node
    raise ValueError(f"the stub does not define {name}")


def parameters(stub: str, name: str) -> str:
    """The signature that the stub promises, as text: `(z, s, t=0)`."""
    node = parse_stub(stub, name)
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return "(…)"
    for argument in ast.walk(node.args):
        if isinstance(argument, ast.arg):
            argument.annotation = None
    return f"({ast.unparse(node.args)})"


def code_of(attempt: Any) -> types.CodeType | None:
    """The code object of a function, or of the first method of a class that has one."""
    attempt = inspect.unwrap(attempt) if callable(attempt) else attempt
    if inspect.isclass(attempt):
        for member in vars(attempt).values():
            if isinstance(member, types.FunctionType):
                return member.__code__
        return None
    code = getattr(attempt, "__code__", None)
    return code if isinstance(code, types.CodeType) else None


def definition_of(attempt: Any) -> Definition | None:
    """The syntax tree of an attempt, with the line numbers of its file or cell; None without source.

    `inspect` cannot find a class that a notebook defines, so the text is looked up through the code object.
    """
    code = code_of(attempt)
    if code is None:
        return None
    linecache.checkcache(code.co_filename)
    line = code.co_firstlineno
    found: list[Definition] = []
    for node in _definitions("".join(linecache.getlines(code.co_filename))):
        if isinstance(node, ast.Lambda):
            if code.co_name == "<lambda>" and node.lineno <= line <= (node.end_lineno or node.lineno):
                found.append(node)
        elif isinstance(node, ast.ClassDef):
            if inspect.isclass(attempt) and node.name == attempt.__name__ and _covers(node, line):
                found.append(node)
        elif not inspect.isclass(attempt):
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            if node.name == code.co_name and first == line:
                found.append(node)
    return found[0] if len(found) == 1 else None


def _covers(node: ast.ClassDef, line: int) -> bool:
    return node.lineno <= line <= (node.end_lineno or node.lineno)


@functools.lru_cache(maxsize=8)
def _definitions(text: str) -> list[Definition]:
    """All definitions in a file or in a cell, which holds no magic by the time it is compiled."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda
    return [node for node in ast.walk(ast.parse(text)) if isinstance(node, kinds)]


def unfinished(attempt: Callable[..., Any], stub: str, name: str) -> str | None:
    """Why an attempt counts as not attempted, as a sentence; None if it is to be run."""
    given = parse_stub(stub, name)
    written = definition_of(attempt)
    if written is None:
        return "" if _same_code(code_of(attempt), stub, name) else None
    if _outline(written) == _outline(given):
        return ""
    left = next(_placeholders(written), None)
    if left is None:
        return None
    first = written.lineno
    return f"Line {left.lineno - first + 1} of your {_word(written)} still holds `...`: `{_text(left)}`."


def _word(node: Definition) -> str:
    return "class" if isinstance(node, ast.ClassDef) else "function"


def _text(node: ast.AST) -> str:
    return ast.unparse(node).splitlines()[0]


def _outline(node: ast.AST) -> str:
    """A definition without its name, docstring and decorators: equal outlines are the same attempt."""
    if isinstance(node, ast.Lambda):
        return ast.dump(node)
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Assign)
    if isinstance(node, ast.Assign):
        return ast.dump(node.value)
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    arguments = "" if isinstance(node, ast.ClassDef) else ast.dump(node.args)
    return arguments + " ".join(ast.dump(statement) for statement in body)


def _placeholders(root: ast.AST) -> Iterator[ast.stmt | ast.expr]:
    """The statements and expressions that hold `...` as a gap to be filled.

    A gap stands as a statement, as what is returned or assigned, as an argument or as an operand. In an
    index (`x[..., 0]`), an annotation (`tuple[int, ...]`), a default or a comparison it means something.
    """
    for node in ast.walk(root):
        if any(_is_gap(value) for value in _places(node)):
            yield node  # type: ignore[misc]


def _is_gap(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is Ellipsis


def _places(node: ast.AST) -> list[ast.expr | None]:
    """Where in a node a bare `...` is a gap."""
    match node:
        case ast.Expr() | ast.AugAssign() | ast.AnnAssign() | ast.NamedExpr():
            return [node.value]
        case ast.Return():
            return [node.value, *_parts(node.value)]
        case ast.Assign():
            unpacks = any(isinstance(target, ast.Tuple | ast.List) for target in node.targets)
            return [node.value, *(_parts(node.value) if unpacks else [])]
        case ast.Call():
            return [*node.args, *(keyword.value for keyword in node.keywords)]
        case ast.BinOp():
            return [node.left, node.right]
        case ast.UnaryOp():
            return [node.operand]
        case ast.BoolOp():
            return list(node.values)
        case ast.IfExp():
            return [node.test, node.body, node.orelse]
        case ast.Lambda():
            return [node.body]
        case ast.For() | ast.AsyncFor():
            return [node.iter]
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            return [generator.iter for generator in node.generators]
        case ast.If() | ast.While():
            return [node.test]
    return []


def _parts(node: ast.expr | None) -> list[ast.expr | None]:
    if isinstance(node, ast.Tuple | ast.List):
        return list(node.elts)
    return list(node.values) if isinstance(node, ast.Dict) else []


def _same_code(code: types.CodeType | None, stub: str, name: str) -> bool:
    """Without source: whether the compiled stub is the same program."""
    if code is None:
        return False
    compiled = compile(stub, "<stub>", "exec")
    for constant in compiled.co_consts:
        if isinstance(constant, types.CodeType) and constant.co_name == name:
            return constant.co_code == code.co_code and _constants(constant) == _constants(code)
    return False


def _constants(code: types.CodeType) -> list[object]:
    return [value for value in code.co_consts if not isinstance(value, str | types.CodeType)]


def line_of_error(error: BaseException, attempt: Any) -> tuple[int, str] | None:
    """The line of the attempt that was running when it raised: its number, counted from `def`, and text."""
    code = code_of(attempt)
    if code is None:
        return None
    node = definition_of(attempt)
    first = node.lineno if node else code.co_firstlineno
    last = (node.end_lineno if node else None) or max(_lines(code))
    found = None
    step = error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == code.co_filename and first <= step.tb_lineno <= last:
            found = step.tb_lineno
        step = step.tb_next
    if found is None:
        return None
    return found - first + 1, linecache.getline(code.co_filename, found).strip()


def _lines(code: types.CodeType) -> list[int]:
    lines = [line for _, _, line in code.co_lines() if line is not None]
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            lines += _lines(constant)
    return lines
