"""The rules hold for every plugin, and each rule is seen to catch its breach."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
import yaml

from ansible_collections.linux.isolation.tests.unit.architecture import rules

ROOT = Path(__file__).resolve().parents[3]
PLUGINS = sorted((ROOT / "plugins").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

CGROUP = "plugins/module_utils/_cgroup/observe.py"
KERNEL = "plugins/module_utils/_kernel/lock.py"
NETWORK = "plugins/module_utils/_network/netlink.py"
ENGINE = "plugins/module_utils/_convergence/plan.py"
STORE = "plugins/module_utils/_persistence/store.py"
RESTORE = "plugins/module_utils/_persistence/restore.py"
MODULE = "plugins/modules/cgroup_tree.py"
PREFIX = f"{rules.COLLECTION}.plugins.module_utils"


def relative(path: Path) -> PurePosixPath:
    return PurePosixPath(path.relative_to(ROOT).as_posix())


def name_of(path: Path) -> str:
    return str(relative(path))


@pytest.mark.parametrize("path", PLUGINS, ids=name_of)
def test_a_plugin_keeps_the_rules(path: Path) -> None:
    if path.name == "__init__.py" and not path.read_text(encoding="utf-8"):
        return
    assert list(rules.breaches(relative(path), path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("path", TESTS, ids=name_of)
def test_a_test_is_not_too_long(path: Path) -> None:
    assert list(rules.too_long(relative(path), path.read_text(encoding="utf-8"))) == []


def test_no_file_of_module_utils_is_in_an_import_circle() -> None:
    below = PurePosixPath("plugins/module_utils")
    sources = {relative(path): path.read_text(encoding="utf-8") for path in PLUGINS if below in relative(path).parents}
    found = rules.circles(sources)
    assert found == [], "\n".join(", ".join(circle) for circle in found)


def test_nothing_but_python_is_in_module_utils() -> None:
    """A payload carries no data files: they would be missing on the target."""
    files = (path for path in (ROOT / "plugins" / "module_utils").rglob("*") if path.is_file())
    assert [name_of(path) for path in files if path.suffix not in {".py", ".pyc"}] == []


def test_every_module_is_in_the_action_group() -> None:
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    modules = (path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))
    assert runtime["action_groups"]["all"] == sorted(set(modules) - {"__init__"})


@pytest.mark.parametrize(
    ("path", "source", "breach"),
    [
        (CGROUP, "from .._boot import modes", "_cgroup may not import _boot"),
        (CGROUP, "from .. import _boot", "_cgroup may not import _boot"),
        (CGROUP, f"from {PREFIX}._network.links import Link", "_cgroup may not import _network"),
        (CGROUP, f"import {PREFIX}._network", "_cgroup may not import _network"),
        (CGROUP, "if TYPE_CHECKING:\n    from .._network import links", "_cgroup may not import _network"),
        (CGROUP, "def _f():\n    from .._network import links", "_cgroup may not import _network"),
        (CGROUP, "from .._persistence import store", "_cgroup may not import _persistence.store"),
        (KERNEL, "from .._cgroup import names", "_kernel may not import _cgroup"),
        (ENGINE, "from .._kernel import lock", "_convergence may not import _kernel"),
        (STORE, "from .._cgroup import plan", "_persistence.store may not import _cgroup"),
        (STORE, "from . import restore", "may not import _persistence.restore"),
        (MODULE, "from ..module_utils._kernel import lock", "modules may not import _kernel"),
        (MODULE, "from ..module_utils._persistence import restore", "modules may not import _persistence.restore"),
        (MODULE, "from ..module_utils import *", "modules may not import"),
        (MODULE, "from ansible.plugins.become import BecomeBase", "modules may not import ansible.plugins"),
        (MODULE, "from ansible_collections.community.general.plugins import x", "leads out of the plugins"),
        (MODULE, "import yaml", "yaml is not of the standard library"),
        (CGROUP, "from ansible.module_utils.basic import AnsibleModule", "_cgroup may not import ansible"),
        (CGROUP, "from ...modules import cgroup_tree", "_cgroup may not import modules"),
        (CGROUP, "from ....tests import unit", "leads out of the plugins"),
        (CGROUP, "from ......other import thing", "leads out of the plugins"),
        (CGROUP, "from ........os import path", "leads out of the plugins"),
        (CGROUP, "import pyroute2", "pyroute2 is not of the standard library"),
        (NETWORK, "import pyroute2", "inside the function"),
        (NETWORK, "class _Link:\n    from pyroute2 import IPRoute", "inside the function"),
        (CGROUP, "import importlib.util", "importlib finds modules"),
        (CGROUP, "found = __import__('os')", "__import__ hides"),
        (CGROUP, "def _f(module):\n    module.fail_json(msg='')", "fail_json belongs to the modules"),
        (CGROUP, "def _f(module):\n    return module.exit_json", "exit_json belongs to the modules"),
        (CGROUP, "print('here')", "print belongs to the modules"),
        ("plugins/module_utils/_attic/x.py", "", "_attic is no room"),
        ("plugins/module_utils/x.py", "", "x is no room"),
        (CGROUP, "def f(): ...", "f does not say"),
        (CGROUP, "class C:\n    pass", "C does not say"),
        (CGROUP, "x = 1\n" * 600, "601 lines"),
    ],
)
def test_a_breach_is_found(path: str, source: str, breach: str) -> None:
    found = list(rules.breaches(PurePosixPath(path), '"""A file."""\n' + source))
    assert len(found) == 1
    assert breach in found[0]


@pytest.mark.parametrize(
    ("path", "source"),
    [
        (CGROUP, "import os\nfrom . import names\nfrom .._kernel.lock import held\nfrom .._convergence import Plan"),
        (CGROUP, f"from {PREFIX}._cgroup.interface_files import pids"),
        ("plugins/module_utils/_cgroup/interface_files/pids.py", "from .. import values\nfrom ..._kernel import files"),
        (KERNEL, "from .._convergence.errors import KernelError"),
        (NETWORK, "def _f():\n    from pyroute2 import IPRoute"),
        (MODULE, "from ansible.module_utils.basic import AnsibleModule\nfrom ..module_utils._cgroup.run import run"),
        (MODULE, "module.fail_json(msg='')"),
        (RESTORE, "from . import store\nfrom .._cgroup import plan"),
        ("plugins/become/nsenter.py", "from ansible.plugins.become import BecomeBase"),
        (CGROUP, "class C:\n    '''What.'''\n    def method(self): ..."),
        (CGROUP, "x = 1\n" * 599),
    ],
)
def test_what_is_allowed_passes(path: str, source: str) -> None:
    assert list(rules.breaches(PurePosixPath(path), '"""A file."""\n' + source)) == []


def test_a_file_says_what_it_is_for() -> None:
    assert list(rules.breaches(PurePosixPath(CGROUP), "x = 1\n")) == [
        f"{CGROUP}:1: the file does not say what it is for"
    ]


@pytest.mark.parametrize(
    ("sources", "circles"),
    [
        ({"a": "from . import b", "b": "from . import a"}, ["a b"]),
        ({"a": "from .b import thing", "b": "def f():\n    from .a import thing"}, ["a b"]),
        ({"a": "from .b import thing", "b": "class C:\n    def f(self):\n        from . import a"}, ["a b"]),
        ({"a": "from .b import thing", "b": "if TYPE_CHECKING:\n    from .a import Thing"}, ["a b"]),
        ({"a": f"from {PREFIX}._cgroup.b import thing", "b": f"import {PREFIX}._cgroup.a"}, ["a b"]),
        ({"a": "from .b import *", "b": "from .a import *"}, ["a b"]),
        ({"a": "from . import b", "b": "from . import c", "c": "from . import a", "d": "from . import a"}, ["a b c"]),
        (
            {"a": "from . import b, c", "b": "from . import a", "c": "from . import d", "d": "from . import c"},
            ["a b", "c d"],
        ),
        ({"a": "from . import b, c", "b": "from . import a", "c": "from . import a"}, ["a b c"]),
        ({"a": "from .below.b import thing", "below/b": "from .. import a"}, ["a below/b"]),
        ({"below/__init__": "from .b import thing", "below/b": "from . import other"}, ["below/__init__ below/b"]),
        ({"a": "from . import a"}, ["a"]),
        ({"a": "from . import b, c", "b": "from . import d", "c": "from . import d", "d": "import os"}, []),
        ({"a": "from .below import a", "below/a": "from .. import b", "b": "from .c import a", "c": ""}, []),
        ({"a": "from .b import a", "b": "import a"}, []),
    ],
)
def test_a_circle_is_found_with_all_of_its_files(sources: dict[str, str], circles: list[str]) -> None:
    folder = "plugins/module_utils/_cgroup"
    found = rules.circles({PurePosixPath(f"{folder}/{name}.py"): source for name, source in sources.items()})
    expected = [tuple(f"{folder}/{name}.py" for name in circle.split()) for circle in circles]
    assert found == expected
