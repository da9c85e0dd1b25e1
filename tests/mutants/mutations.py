"""Small changes of a module's source that change what it decides: each is a mutant that some test should kill."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_METHODS = {"all": "any", "any": "all", "max": "min", "min": "max", "isfinite": "isreal"}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {ast.Add: ast.Sub, ast.Sub: ast.Add}


@dataclass(frozen=True, slots=True)
class Mutant:
    """A changed module: where, the line before, what was done to it, and the whole source."""

    line: int
    before: str
    change: str
    source: str


def mutants(source: str) -> Iterator[Mutant]:
    """Every mutant of a module's source but of how its dataclasses are made and shown: that decides on no image."""
    tree, lines = ast.parse(source), source.splitlines()
    passed_over = {id(part) for node in ast.walk(tree) for made in _makings(node) for part in ast.walk(made)}
    for place, node in enumerate(ast.walk(tree)):
        if id(node) in passed_over:
            continue
        for change, act in _changes(node):
            changed = copy.deepcopy(tree)
            act(next(found for at, found in enumerate(ast.walk(changed)) if at == place))
            line = getattr(node, "lineno", 0)
            yield Mutant(line, lines[line - 1].strip(), change, ast.unparse(ast.fix_missing_locations(changed)))


def _makings(node: ast.AST) -> Sequence[ast.AST]:
    """Its decorators, and what `field` says of showing and comparing."""
    match node:
        case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
            return node.decorator_list
        case ast.Call(func=ast.Name("field")):
            return [keyword for keyword in node.keywords if keyword.arg in {"repr", "compare"}]
    return ()


def _changes(node: ast.AST) -> Iterator[tuple[str, Callable[..., None]]]:
    match node:
        case ast.Compare():
            for number, operator in enumerate(node.ops):
                other = _COMPARISONS[type(operator)]
                yield f"{type(operator).__name__} to {other.__name__}", _comparison(number, other)
        case ast.BoolOp():
            other_bool = ast.Or if isinstance(node.op, ast.And) else ast.And
            yield f"to {other_bool.__name__}", lambda found: setattr(found, "op", other_bool())
        case ast.UnaryOp(op=ast.Not()):
            yield "without not", lambda found: setattr(found, "operand", ast.UnaryOp(ast.Not(), found.operand))
        case ast.BinOp() if type(node.op) in _OPERATORS:
            other_op = _OPERATORS[type(node.op)]
            yield f"to {other_op.__name__}", lambda found: setattr(found, "op", other_op())
        case ast.IfExp():
            yield "swapped", _swap
        case ast.Attribute(attr=name) if name in _METHODS:
            yield f"{name} to {_METHODS[name]}", lambda found: setattr(found, "attr", _METHODS[name])
        case ast.Constant(value=bool(value)):
            yield f"to {not value}", lambda found: setattr(found, "value", not value)
        case ast.Constant(value=int(value) | float(value)):
            yield f"{value} to {value + 1}", lambda found: setattr(found, "value", value + 1)


def _comparison(number: int, other: type[ast.cmpop]) -> Callable[[ast.Compare], None]:
    def act(found: ast.Compare) -> None:
        found.ops[number] = other()

    return act


def _swap(found: ast.IfExp) -> None:
    found.body, found.orelse = found.orelse, found.body
