# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints, as JSON, what travels to a target with each module: {module: {file: bytes}} and, as "", the whole payload.

A process of its own: Ansible's loader of collections takes over every import of ansible_collections.
"""

from __future__ import annotations

import base64
import io
import json
import re
import sys
import zipfile

from ansible.executor.module_common import modify_module
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader, module_loader
from ansible.template import Templar


def payload(module: str) -> dict[str, int]:
    """The files of one module's payload with their sizes before compression."""
    path = module_loader.find_plugin_with_context(module).plugin_resolved_path
    built = modify_module(
        module_name=module,
        module_path=path,
        module_args={},
        templar=Templar(DataLoader()),
        task_vars={"ansible_python_interpreter": sys.executable},
        module_compression="ZIP_DEFLATED",
    )
    found = re.search(r"zip_data='([A-Za-z0-9+/=]+)'", built.b_module_data.decode())
    assert found, "a payload of another form than this Ansible makes"
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(found.group(1)))) as archive:
        sizes = {info.filename: info.file_size for info in archive.infolist()}
    return {"": len(built.b_module_data), **sizes}


def main() -> None:
    """COLLECTIONS MODULE..."""
    collections, *modules = sys.argv[1:]
    init_plugin_loader([collections])
    json.dump({module: payload(module) for module in modules}, sys.stdout)


if __name__ == "__main__":
    main()
