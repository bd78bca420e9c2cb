# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An image's root file system: Debian's packages in a folder, by mmdebstrap."""

from __future__ import annotations

import os
from pathlib import Path

from . import folders, keys, slots
from .command import CONTAINED, TIED, CommandError, call
from .failures import NOT_STARTED, LabError
from .images import Image
from .mirror import Mirror

GUEST = Path(__file__).resolve().parent / "guest"
# GRUB looks for the root file system by it.
UUID = "6c696e75-7869-736f-6c61-74696f6e6c61"
ALWAYS = (
    # The root file system is not in fstab, so nothing else would make it writable.
    "rw console=ttyS0 8250.nr_uarts=1 net.ifnames=0 hugepages=8",
    # Nobody attacks these machines, and each of these costs emulated instructions.
    "mitigations=off audit=0 apparmor=0 selinux=0 init_on_alloc=0 randomize_kstack_offset=off cryptomgr.notests",
    # Moving a process to another group waits for RCU.
    "rcupdate.rcu_expedited=1",
)
LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")
_SECONDS = 900


def sources(image: Image) -> list[Path]:
    """The files that make the image, or that it gets."""
    trees = (GUEST / "common", GUEST / image.init)
    files = [path for tree in trees for path in sorted(tree.rglob("*")) if path.is_file()]
    scripts = ("customize", f"inits/{image.init}.sh", f"loaders/{image.loader}.sh")
    return [*files, *(GUEST / script for script in scripts)]


def make(image: Image, mirror: Mirror, folder: Path) -> Path:
    """Makes the root file system below FOLDER.

    Returns: its folder.

    Raises:
        LabError: this is not root, the mirror does not answer, or a package fails.
    """
    if os.geteuid() != 0:
        raise LabError(NOT_STARTED, "an image's files belong to root and others: build it as root")
    mirror.check(image.suite, folder)
    root = folder / "root"
    options = folder / "apt.conf"
    options.write_text("".join(f"{line}\n" for line in mirror.options), encoding="utf-8")
    archives = folders.cache("archives", image.suite)
    command = [
        *("mmdebstrap", "--mode=root", "--variant=minbase", "--format=directory"),
        *("--include=" + ",".join(image.packages), f"--aptopt={options}", '--aptopt=Apt::Install-Recommends "false"'),
        *(f"--dpkgopt=path-exclude={path}" for path in LEFT_OUT),
        *("--skip=essential/unlink", "--skip=download/empty"),
        *("--skip=cleanup/apt",),
        f"--setup-hook={GUEST}/archives in \"$1\" '{archives}'",
        f"--essential-hook=cp -R --no-preserve=all '{GUEST}/common/.' '{GUEST}/{image.init}/.' \"$1/\"",
        f'--customize-hook={GUEST}/customize "$1"',
        f"--customize-hook={GUEST}/archives out \"$1\" '{archives}'",
        *(image.suite, str(root), *mirror.sources(image.suite)),
    ]
    environment = {
        "LAB_KEYS": str(keys.folder()),
        "LAB_INIT": image.init,
        "LAB_LOADER": image.loader,
        "LAB_UUID": UUID,
        "LAB_ARGUMENTS": " ".join((*ALWAYS, slots.ARGUMENTS)),
        "LAB_RC_CONF": slots.RC_CONF,
    }
    try:
        call(*command, seconds=_SECONDS, environment=environment, prefix=(*TIED, *CONTAINED))
    except CommandError as error:
        raise mirror.blamed(error) from error
    return root
