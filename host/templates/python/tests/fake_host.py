"""A host for the tests: the modules that the component finds in the host, in plain Python.

Importing this makes them importable. `HOST` is what the test gives and what the hook did; `reset()` empties it.
"""

import sys
import types
from dataclasses import dataclass, field
from enum import Enum
from types import SimpleNamespace


@dataclass
class Host:
    config: str = "{}"
    changes: list = field(default_factory=list)
    files: dict = field(default_factory=dict)
    state: dict = field(default_factory=dict)
    log: list = field(default_factory=list)


HOST = Host()


def reset(**given):
    HOST.__dict__.update(vars(Host(**given)))


class Err(Exception):
    """How an answer that is an error is raised."""

    def __init__(self, value):
        super().__init__(value)
        self.value = value


class Pages:
    """A change set, a page at a time."""

    def __init__(self, items):
        self.items = list(items)

    def next(self, most):
        page, self.items = self.items[:most], self.items[most:]
        return page

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


class Level(Enum):
    DEBUG, INFO, WARN, ERROR = range(4)


class Action(Enum):
    PUBLISHED, SUPERSEDED, DELETED = range(3)


class PackageKind(Enum):
    SOURCE, BINARY = range(2)


class Outcome(Enum):
    DONE, SKIPPED = range(2)


@dataclass
class Report:
    outcome: Outcome
    summary: str
    details: str


@dataclass
class Reason:
    value: str


class HookError_Veto(Reason):
    pass


class HookError_Temporary(Reason):
    pass


class HookError_Failed(Reason):
    pass


def source(name, version):
    """A source that the pass publishes; what else a change has is not looked at here."""
    return SimpleNamespace(name=name, version=version, kind=PackageKind.SOURCE, action=Action.PUBLISHED)


def module(name, **content):
    made = types.ModuleType(name)
    made.__dict__.update(content)
    sys.modules[name] = made
    return made


module("componentize_py_types", Err=Err)
module("wit_world").__path__ = []
module("wit_world.imports").__path__ = []
for name, content in {
    "archive": {"Action": Action, "PackageKind": PackageKind, "changes": lambda: Pages(HOST.changes)},
    "config": {"get": lambda: HOST.config},
    "log": {"Level": Level, "write": lambda level, message: HOST.log.append((level, message))},
    "staging": {"write": lambda path, content: HOST.files.update({path: content})},
    "state": {"get": lambda key: HOST.state.get(key), "set": lambda key, value: HOST.state.update({key: value})},
    "types": {
        "FinalizeContext": SimpleNamespace,
        "HookError_Failed": HookError_Failed,
        "HookError_Temporary": HookError_Temporary,
        "HookError_Veto": HookError_Veto,
        "Outcome": Outcome,
        "PassContext": SimpleNamespace,
        "Report": Report,
    },
}.items():
    setattr(sys.modules["wit_world.imports"], name, module(f"wit_world.imports.{name}", **content))
