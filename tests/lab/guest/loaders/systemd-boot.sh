# shellcheck shell=sh disable=SC2154
# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# systemd-boot, and an entry for the kernel that is there; the packages' hooks make those of later ones. Part of ../customize.

systemd_boot() {
    esp=$root/boot/efi
    mkdir -p "$esp"
    echo '/dev/vda2 /boot/efi vfat umask=0077 0 0' >>"$root/etc/fstab"
    echo "root=/dev/vda1 $LAB_ARGUMENTS quiet" >"$root/etc/kernel/cmdline"
    # The paths in an entry begin where the partition is mounted, and there is none yet: the build's own mount namespace has this.
    mount -t tmpfs esp "$esp"
    SYSTEMD_RELAX_ESP_CHECKS=1 inside bootctl --quiet --esp-path=/boot/efi --no-variables install
    echo 'timeout 0' >"$esp/loader/loader.conf"
    for kernel in "$root"/boot/vmlinuz-*; do
        version=${kernel##*/vmlinuz-}
        inside kernel-install add "$version" "/boot/vmlinuz-$version"
    done
    cp -R "$esp" "$root.esp"
    umount "$esp"
    masked /etc/systemd/system \
        systemd-boot-update.service systemd-boot-system-token.service systemd-boot-random-seed.service
}
