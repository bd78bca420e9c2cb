# shellcheck shell=sh disable=SC2154
# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# GRUB, as grub-install and update-grub would put it onto a disk that is there. Part of ../customize.

grub() {
    mkdir -p "$root/boot/grub/i386-pc" "$root/etc/default"
    cp "$root"/usr/lib/grub/i386-pc/*.mod "$root"/usr/lib/grub/i386-pc/*.lst "$root/boot/grub/i386-pc/"
    cp "$root/usr/lib/grub/i386-pc/boot.img" "$root/boot/grub/i386-pc/"
    inside grub-mkimage -O i386-pc -p '(hd0,msdos1)/boot/grub' -o /boot/grub/i386-pc/core.img biosdisk part_msdos ext2
    inside grub-editenv /boot/grub/grubenv create
    cat >"$root/etc/default/grub" <<-EOF
	GRUB_DEFAULT=0
	GRUB_TIMEOUT=0
	GRUB_DISTRIBUTOR=Debian
	GRUB_CMDLINE_LINUX_DEFAULT="quiet"
	GRUB_CMDLINE_LINUX="$LAB_ARGUMENTS"
	GRUB_TERMINAL=serial
	GRUB_SERIAL_COMMAND="serial --unit=0 --speed=115200"
	GRUB_DISABLE_LINUX_UUID=true
	GRUB_DISABLE_OS_PROBER=true
	EOF
    chmod -x "$root"/etc/grub.d/20_linux_xen "$root"/etc/grub.d/30_*
    # There is no disk yet to be probed: while the configuration is written, its answers are given here.
    mv "$root/usr/sbin/grub-probe" "$root/usr/sbin/grub-probe.real"
    cat >"$root/usr/sbin/grub-probe" <<-'EOF'
	#!/bin/sh
	for argument; do
	    case $argument in
	        --target=device) echo /dev/vda1 ;;
	        --target=fs) echo ext2 ;;
	        --target=partmap) echo msdos ;;
	        --target=fs_uuid) echo LAB_UUID ;;
	        --target=compatibility_hint) echo hd0,msdos1 ;;
	        --target=drive) echo '(hd0,msdos1)' ;;
	    esac
	done
	EOF
    sed -i "s/LAB_UUID/$LAB_UUID/" "$root/usr/sbin/grub-probe"
    chmod +x "$root/usr/sbin/grub-probe"
    inside update-grub
    mv "$root/usr/sbin/grub-probe.real" "$root/usr/sbin/grub-probe"
}
