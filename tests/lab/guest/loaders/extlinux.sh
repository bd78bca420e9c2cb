# shellcheck shell=sh disable=SC2154
# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# EXTLINUX, with u-boot-menu to write its configuration for the kernels that are there. Part of ../customize.

extlinux() {
    mkdir -p "$root/boot/extlinux"
    cat >"$root/etc/default/u-boot" <<-EOF
	U_BOOT_ROOT="root=/dev/vda1"
	U_BOOT_PARAMETERS="$LAB_ARGUMENTS quiet"
	EOF
    inside u-boot-update
    # It asks the kernel where its file is on the disk, and nothing is mounted here: a machine runs this once, see ../../loaders.py.
    cat >"$root/boot/extlinux/install" <<-'EOF'
	#!/bin/sh
	mount -t proc proc /proc
	mount -t sysfs sysfs /sys
	mount -t devtmpfs devtmpfs /dev
	extlinux --device=/dev/vda1 --install /boot/extlinux && rm "$0" && echo extlinux is installed
	sync
	mount -o remount,ro /
	echo o >/proc/sysrq-trigger
	sleep 60
	EOF
    chmod +x "$root/boot/extlinux/install"
}
