"""The rules of the house, as functions of the files' texts: who may import whom, and what is written nowhere."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import NamedTuple

COLLECTION = "ansible_collections.linux.isolation"
LONGEST_FILE = 600

DOMAINS = frozenset({"_boot", "_cgroup", "_namespace", "_network"})
FOUNDATION = frozenset({"_convergence", "_kernel"})
STORE = "_persistence.store"
RESTORE = "_persistence.restore"

# room: the rooms that it may import beside itself. A room is a folder of module_utils or of plugins; of _persistence each
# file is one, because modules keep declarations with the store and must never bring along the restore, which imports
# every domain.
MAY_IMPORT: dict[str, frozenset[str]] = {
    "_convergence": frozenset(),
    "_kernel": frozenset({"_convergence"}),  # its errors
    **dict.fromkeys(DOMAINS, FOUNDATION),
    STORE: FOUNDATION,
    "_readiness": FOUNDATION | DOMAINS,
    RESTORE: FOUNDATION | DOMAINS | {STORE},
    "modules": DOMAINS | {"_convergence", "_readiness", STORE},  # not _kernel: only a domain decides what to ask of it
    "become": FOUNDATION | DOMAINS,
    "filter": FOUNDATION | DOMAINS,
    "doc_fragments": frozenset(),
}

# room: what it may import of Ansible. The others run at boot as well, where there is none.
ANSIBLE = {"modules": "ansible.module_utils", "become": "ansible", "filter": "ansible"}

# A payload holds what import statements name: what is looked for at run time is not in it.
DISCOVERY = frozenset({"importlib", "pkgutil", "runpy", "zipimport"})

# module_utils returns values and raises errors; to speak to Ansible is the modules' part.
OF_THE_MODULES = frozenset({"AnsibleModule", "exit_json", "fail_json", "print"})


class Import(NamedTuple):
    """One imported name, absolute whichever way it was written."""

    name: str
    line: int
    in_function: bool


def breaches(path: PurePosixPath, source: str) -> Iterator[str]:
    """What the file at ``path``, relative to the collection's root, does against the rules: a line for each."""
    tree = ast.parse(source)
    room = _room(path.with_suffix("").parts)
    if room not in MAY_IMPORT:
        yield f"{path}: {room} is no room of the house"
        return
    for imported in _imports(path, tree):
        breach = _breach(room, imported)
        if breach:
            yield f"{path}:{imported.line}: {breach}"
    for name, line in _names(tree):
        if name == "__import__":
            yield f"{path}:{line}: __import__ hides an import"
        if name in OF_THE_MODULES and path.parts[1] == "module_utils":
            yield f"{path}:{line}: {name} belongs to the modules"
    if path.parts[1] == "module_utils":
        yield from (f"{path}:{line}: {name} does not say what it is for" for name, line in _undocumented(tree))
    yield from too_long(path, source)


def circles(sources: Mapping[PurePosixPath, str]) -> list[tuple[str, ...]]:
    """The files that import each other, whatever lies between: a sorted tuple for each knot of them.

    An import inside a function or under TYPE_CHECKING is one like any other: it only hides that two files are one.
    """
    imports = {path: _files(path, source, sources) for path, source in sources.items()}
    reached = {path: _reached(path, imports) for path in imports}
    return sorted(
        {
            tuple(sorted(str(other) for other in reached[path] if path in reached[other]))
            for path in reached
            if path in reached[path]
        }
    )


def _files(path: PurePosixPath, source: str, sources: Mapping[PurePosixPath, str]) -> set[PurePosixPath]:
    """Those of the files of ``sources`` that the file at ``path`` imports."""
    found = set()
    for imported in _imports(path, ast.parse(source)):
        module = PurePosixPath(*imported.name.removeprefix(COLLECTION + ".").split("."))
        # The last part may be what the file defines.
        for name in (module, module.parent):
            files = {name.parent / (name.name + ".py"), name / "__init__.py"} & sources.keys()
            if files:
                found |= files
                break
    return found


def _reached(path: PurePosixPath, imports: Mapping[PurePosixPath, set[PurePosixPath]]) -> set[PurePosixPath]:
    """Every file that imports lead to, ``path`` itself only where they lead back to it."""
    found: set[PurePosixPath] = set()
    waiting = [path]
    while waiting:
        new = imports[waiting.pop()] - found
        found |= new
        waiting.extend(new)
    return found


def too_long(path: PurePosixPath, source: str) -> Iterator[str]:
    """A line when the file is a hall that wants a wall."""
    lines = source.count("\n")
    if lines > LONGEST_FILE:
        yield f"{path}: {lines} lines, and {LONGEST_FILE} are the most"


def _room(parts: tuple[str, ...]) -> str:
    """The room of a path or of a module's name, both from ``plugins`` on; empty above the rooms."""
    if parts[:2] != ("plugins", "module_utils"):
        return ".".join(parts[1:2]) if parts[:1] == ("plugins",) else ""
    return ".".join(parts[2:4] if parts[2:3] == ("_persistence",) else parts[2:3])


def _imports(path: PurePosixPath, tree: ast.Module) -> Iterator[Import]:
    functions = (node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))
    inside = {id(node) for function in functions for node in ast.walk(function)}
    package = [*COLLECTION.split("."), *path.parent.parts]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            # from X import Y may name the module X.Y; where Y is no module, X.Y is in the same room as X all the same.
            above = package[: max(1, len(package) - node.level + 1)] if node.level else []
            names = [".".join([*above, *([node.module] if node.module else []), alias.name]) for alias in node.names]
        else:
            continue
        yield from (Import(name, node.lineno, id(node) in inside) for name in names)


def _breach(room: str, imported: Import) -> str:
    """What is wrong with one import, empty where nothing is."""
    name = imported.name
    top = name.partition(".")[0]
    if top == "ansible_collections":
        if not name.startswith(COLLECTION + ".plugins."):
            return f"{name} leads out of the plugins"
        other = _room(tuple(name.split(".")[3:]))
        return "" if other == room or other in MAY_IMPORT[room] else f"{room} may not import {other or name}"
    if top == "ansible":
        allowed = ANSIBLE.get(room)
        return "" if allowed and f"{name}.".startswith(f"{allowed}.") else f"{room} may not import {name}"
    if top == "pyroute2" and room == "_network":
        return "" if imported.in_function else "pyroute2 is imported inside the function that needs it"
    if top in DISCOVERY:
        return f"{top} finds modules that no import statement names"
    return "" if top in sys.stdlib_module_names else f"{top} is not of the standard library"


def _undocumented(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """The file, its public classes and functions, where they have no docstring. Methods are told by their class."""
    if not ast.get_docstring(tree):
        yield "the file", 1
    for node in tree.body:
        if not isinstance(node, (ast.ClassDef, ast.FunctionDef)) or node.name.startswith("_"):
            continue
        if not ast.get_docstring(node):
            yield node.name, node.lineno


def _names(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Every name that is used, plain or as an attribute, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id, node.lineno
        elif isinstance(node, ast.Attribute):
            yield node.attr, node.lineno
