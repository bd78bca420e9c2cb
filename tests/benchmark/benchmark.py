# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare, in one run, how long it takes to declare many groups of two limits each.

The contenders: the bare system calls; a module that does nothing with the same list; one cgroup_tree task; a loop over
cgroup_limit; cgconfigparser of libcgroup. First with nothing there, then again with nothing to change.

    benchmark.py [--groups 10,100,1000,10000] [--rounds 3]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml

HERE = Path(__file__).parent
CHECKOUT = HERE.parent.parent
TOP = "isolation-bench"
MEMORY, PIDS = 104857600, 50
LOOP_AT_MOST = 100

Seconds = dict[str, list[float]]


class Host:
    """Where the two controllers of the benchmark are on this host."""

    def __init__(self) -> None:
        from ansible_collections.linux.isolation.plugins.module_utils._cgroup import hierarchies

        opened = hierarchies.observe()
        self.mode = opened.host.mode
        where = {name: opened.host.hierarchies[opened.host.where[name]] for name in ("memory", "pids")}
        self.points = {name: Path(hierarchy.point) for name, hierarchy in where.items()}
        self.unified = [h.point for h in where.values() if h.version == 2]
        self.v1_memory = where["memory"].version == 1
        self.files = {
            "memory": ("memory.limit_in_bytes" if self.v1_memory else "memory.max", str(MEMORY)),
            "pids": ("pids.max", str(PIDS)),
        }

    def parts(self) -> list[tuple[Path, list[tuple[str, str]]]]:
        """Each directory that a group needs, with the files in it."""
        found: dict[Path, list[tuple[str, str]]] = {}
        for name, point in self.points.items():
            found.setdefault(point, []).append(self.files[name])
        return list(found.items())

    def clean(self) -> None:
        """Remove the groups of the benchmark, from the leaves up."""
        for point in set(self.points.values()):
            for path, _, _ in os.walk(point / TOP, topdown=False):
                os.rmdir(path)


def raw_first(host: Host, count: int) -> None:
    """The system calls of a first run with one read-back, and nothing else."""
    for point, files in host.parts():
        root = os.open(point, os.O_RDONLY | os.O_DIRECTORY)
        if str(point) in host.unified:
            put(root, "cgroup.subtree_control", "+memory +pids")
        os.mkdir(TOP, dir_fd=root)
        if str(point) in host.unified:
            put(root, TOP + "/cgroup.subtree_control", "+memory +pids")
        for number in range(count):
            os.mkdir(f"{TOP}/g{number}", dir_fd=root)
            for name, value in files:
                put(root, f"{TOP}/g{number}/{name}", value)
        os.close(root)
    raw_again(host, count)


def raw_again(host: Host, count: int) -> None:
    """The reads of an unchanged run, and nothing else."""
    for point, files in host.parts():
        root = os.open(point, os.O_RDONLY | os.O_DIRECTORY)
        for number in range(count):
            for name, _ in files:
                descriptor = os.open(f"{TOP}/g{number}/{name}", os.O_RDONLY | os.O_CLOEXEC, dir_fd=root)
                os.read(descriptor, 4096)
                os.close(descriptor)
        os.close(root)


def put(root: int, path: str, value: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC, dir_fd=root)
    os.write(descriptor, value.encode())
    os.close(descriptor)


def timed(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


class Playbooks:
    """Runs one task of a generated playbook and tells the seconds between its start and its end."""

    def __init__(self, folder: Path, count: int) -> None:
        self._folder = folder
        limits = {"memory.max": "100M", "pids.max": PIDS}
        self._groups = [{"name": f"{TOP}/g{number}", "limits": limits} for number in range(count)]
        (folder / "groups.json").write_text(json.dumps({"wanted": self._groups}))

    def seconds(self, tasks: list[dict[str, object]], changed: dict[str, bool] | None = None) -> list[float]:
        """One figure a task; a task that fails, or is changed against expectation, ends the benchmark."""
        play = [{"hosts": "localhost", "gather_facts": False, "vars_files": ["groups.json"], "tasks": tasks}]
        (self._folder / "play.yml").write_text(yaml.safe_dump(play, sort_keys=False))
        figures = self._folder / "seconds"
        figures.write_text("")
        environment = {
            **os.environ,
            "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
            "ANSIBLE_LIBRARY": str(HERE / "library"),
            "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback_plugins"),
            "ANSIBLE_CALLBACKS_ENABLED": "task_seconds",
            "TASK_SECONDS": str(figures),
        }
        command = [shutil.which("ansible-playbook") or "ansible-playbook", str(self._folder / "play.yml")]
        run = subprocess.run(command, env=environment, cwd=CHECKOUT, capture_output=True, text=True, check=False)
        found = [json.loads(line) for line in figures.read_text().splitlines()]
        for one in found:
            if not one["ok"] or one["changed"] != (changed or {}).get(one["task"], one["changed"]):
                sys.exit(f"benchmark: a task did not end as it should: {one}")
        if len(found) != len(tasks):
            sys.exit(f"benchmark: ansible-playbook ended early:\n{run.stdout}{run.stderr}")
        return [one["seconds"] for one in found]

    def once(self) -> dict[str, float]:
        """The list given to each module, after both were used once: what a first use costs more is told apart."""
        nothing, tree = "do_nothing", "linux.isolation.cgroup_tree"
        names = ["nothing first use", "tree first use", "nothing", "tree first", "tree again"]
        tasks: list[dict[str, object]] = [
            {
                "name": name,
                tree if name.startswith("tree") else nothing: {"groups": [] if "use" in name else "{{ wanted }}"},
            }
            for name in names
        ]
        return dict(zip(names, self.seconds(tasks, {"tree first": True, "tree again": False}), strict=True))

    def loop(self, changed: bool) -> float:
        options = {"name": "{{ item.name }}", "limits": "{{ item.limits }}", "create": True}
        task: dict[str, object] = {"name": "loop", "linux.isolation.cgroup_limit": options, "loop": "{{ wanted }}"}
        task["loop_control"] = {"label": "{{ item.name }}"}
        return self.seconds([task], {"loop": changed})[0]


def cgconfig(host: Host, folder: Path, count: int) -> Callable[[], object] | None:
    """A run of cgconfigparser with the same groups, None where it is not installed."""
    program = shutil.which("cgconfigparser") or shutil.which("cgconfigparser", path="/usr/sbin:/sbin")
    if program is None:
        return None
    lines = []
    for number in [-1, *range(count)]:
        name = TOP if number < 0 else f"{TOP}/g{number}"
        body = []
        for controller, (file, value) in host.files.items():
            body.append(f"  {controller} {{ {file} = {value}; }}" if number >= 0 else f"  {controller} {{ }}")
        lines += [f"group {name} {{", *body, "}"]
    (folder / "cgconfig.conf").write_text("\n".join(lines) + "\n")
    command = [program, "-l", str(folder / "cgconfig.conf")]
    return lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def install_cgconfigparser() -> None:
    """From the distribution, where that is Debian's or its like; elsewhere the table goes without it."""
    if shutil.which("cgconfigparser", path="/usr/sbin:/sbin:/usr/bin") is None and shutil.which("apt-get"):
        subprocess.run(["apt-get", "update", "-q"], check=False, stdout=subprocess.DEVNULL)
        subprocess.run(["apt-get", "install", "-qy", "cgroup-tools"], check=True, stdout=subprocess.DEVNULL)


def measure(host: Host, folder: Path, count: int, rounds: int) -> Seconds:
    """Every contender in turn, round after round, so that a machine's mood strikes all of them."""
    found: Seconds = {}
    playbooks = Playbooks(folder, count)
    parser = cgconfig(host, folder, count)
    for _round in range(rounds):
        for name, seconds in one_round(host, playbooks, parser, count):
            found.setdefault(name, []).append(seconds)
            print(f"  {count:>6} groups  {name:<24} {seconds:8.3f} s", flush=True)
    return found


def one_round(
    host: Host, playbooks: Playbooks, parser: Callable[[], object] | None, count: int
) -> Iterator[tuple[str, float]]:
    host.clean()
    yield "raw first", timed(lambda: raw_first(host, count))
    yield "raw again", timed(lambda: raw_again(host, count))
    host.clean()
    yield from playbooks.once().items()
    host.clean()
    if parser is not None:
        yield "cgconfigparser first", timed(parser)
        yield "cgconfigparser again", timed(parser)
        host.clean()
    if count <= LOOP_AT_MOST:
        yield "loop first", playbooks.loop(True)
        yield "loop again", playbooks.loop(False)
        host.clean()


def single(host: Host, folder: Path, rounds: int) -> None:
    """One cgroup_limit task beside one task of ansible.builtin.file, in turn."""
    playbooks = Playbooks(folder, 1)
    limit = {"name": f"{TOP}", "limits": {"memory.max": "100M", "pids.max": PIDS}, "create": True}
    tasks: list[dict[str, object]] = []
    for _round in range(rounds * 3 + 1):
        tasks.append({"name": "file", "ansible.builtin.file": {"path": str(folder), "state": "directory"}})
        tasks.append({"name": "limit", "linux.isolation.cgroup_limit": limit})
    figures = playbooks.seconds(tasks)[2:]
    host.clean()
    file, own = statistics.median(figures[::2]), statistics.median(figures[1::2])
    print(
        f"\none cgroup_limit task {own:.3f} s, one ansible.builtin.file task {file:.3f} s: {verdict(own / file, 1.3)}"
    )


def verdict(ratio: float, bound: float) -> str:
    return f"{ratio:.2f} times ({'within' if ratio <= bound else 'OVER'} {bound:g})"


def table(results: dict[int, Seconds]) -> None:
    """Medians, and what each contender costs beyond the module that does nothing, in units of the bare calls."""
    names = list(dict.fromkeys(name for seconds in results.values() for name in seconds))
    print("\nmedian seconds" + " " * 12 + "".join(f"{count:>10}" for count in results))
    middle = {count: {n: statistics.median(s) for n, s in seconds.items()} for count, seconds in results.items()}
    for name in names:
        cells = (f"{middle[count][name]:10.3f}" if name in middle[count] else f"{'-':>10}" for count in results)
        print(f"  {name:<24}" + "".join(cells))
    print()
    for count, figures in middle.items():
        first = figures["tree first"] / (2.5 * figures["raw first"] + figures["nothing"])
        again = figures["tree again"] / (3 * figures["raw again"] + figures["nothing"])
        print(
            f"  {count:>6} groups: first run {verdict(first, 1)} of 2.5 raw + nothing, unchanged {verdict(again, 1)} of 3 raw + nothing",
            end="",
        )
        if "cgconfigparser first" in figures:
            ahead = (figures["tree first"] - figures["nothing"]) / figures["cgconfigparser first"]
            again = (figures["tree again"] - figures["nothing"]) / figures["cgconfigparser again"]
            print(f"; above nothing {ahead:.2f} and {again:.2f} of cgconfigparser", end="")
        print()


def payloads() -> None:
    """What travels to the target with each module. In a process of its own: Ansible's loader wants to import first."""
    from ansible.executor.module_common import modify_module
    from ansible.parsing.dataloader import DataLoader
    from ansible.plugins.loader import init_plugin_loader, module_loader
    from ansible.template import Templar

    init_plugin_loader([str(CHECKOUT / ".ansible/collections")])
    templar = Templar(DataLoader())
    print("\npayload")
    for name in ["ansible.builtin.file", *sorted(p.stem for p in (CHECKOUT / "plugins/modules").glob("*.py"))]:
        full = name if "." in name else f"linux.isolation.{name}"
        path = module_loader.find_plugin_with_context(full).plugin_resolved_path
        built = modify_module(
            module_name=full,
            module_path=path,
            module_args={},
            templar=templar,
            task_vars={"ansible_python_interpreter": sys.executable},
            module_compression="ZIP_DEFLATED",
        )
        print(f"  {full:<32} {len(built.b_module_data):>8} bytes")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--groups", default="10,100,1000,10000", help="how many groups, separated by commas")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--payloads", action="store_true", help="print the sizes of the payloads alone")
    given = options.parse_args()
    if given.payloads:
        payloads()
        return
    install_cgconfigparser()
    # Not in the process that asks Ansible's own loader for the payloads: that one finds the collection by itself.
    sys.path.insert(0, str(CHECKOUT / ".ansible/collections"))
    host = Host()
    print(f"{host.mode} host, memory at {host.points['memory']}, pids at {host.points['pids']}")
    results = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            for count in [int(text) for text in given.groups.split(",")]:
                results[count] = measure(host, folder, count, given.rounds)
            table(results)
            single(host, folder, given.rounds)
        finally:
            host.clean()
    sys.stdout.flush()
    subprocess.run([sys.executable, __file__, "--payloads"], check=True)


if __name__ == "__main__":
    main()
