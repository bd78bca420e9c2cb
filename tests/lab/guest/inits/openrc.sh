# shellcheck shell=sh disable=SC2154
# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# What a machine of OpenRC need not start, and where its cgroup mode is written. Part of ../customize.

openrc() {
    # The scripts of System V that a thrown-away machine can do without: each is a shell that the emulated processor starts.
    for script in bootlogs rc.local rmnologin bootmisc.sh brightness checkfs.sh checkroot-bootclean.sh hwclock.sh \
        mount-configfs mountall-bootclean.sh mountnfs-bootclean.sh mountnfs.sh procps urandom; do
        inside rc-update --all --quiet delete "$script" || :
    done
    echo "$LAB_RC_CONF" >>"$root/etc/rc.conf"
    # One serial line is enough, and nobody logs in on it.
    sed -i -E '/getty/d' "$root/etc/inittab"
}
