# shellcheck shell=sh disable=SC2154
# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# What a machine of systemd need not start. Part of ../customize.

systemd() {
    masked /etc/systemd/system \
        apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer \
        systemd-tmpfiles-clean.timer getty.target nftables.service modprobe@.service kmod-static-nodes.service \
        systemd-binfmt.service proc-sys-fs-binfmt_misc.automount sys-kernel-config.mount sys-fs-fuse-connections.mount \
        sys-kernel-debug.mount systemd-remount-fs.service systemd-udev-load-credentials.service \
        systemd-pcrphase-sysinit.service systemd-pcrphase.service systemd-random-seed.service systemd-pstore.service \
        systemd-update-utmp.service systemd-update-utmp-runlevel.service systemd-networkd-persistent-storage.service \
        systemd-network-generator.service systemd-networkd-wait-online.service systemd-ask-password-console.path \
        systemd-ask-password-wall.path ssh.socket sshd-unix-local.socket
    masked /etc/systemd/system-generators \
        systemd-bless-boot-generator systemd-cryptsetup-generator systemd-factory-reset-generator \
        systemd-getty-generator systemd-gpt-auto-generator systemd-hibernate-resume-generator systemd-import-generator \
        systemd-integritysetup-generator systemd-rc-local-generator systemd-ssh-generator \
        systemd-system-update-generator systemd-sysv-generator systemd-tpm2-generator systemd-veritysetup-generator
    inside systemctl --quiet enable systemd-networkd.service
    # Without the folder the journal stays in memory.
    rm -rf "$root/var/log/journal"
    # A whole line: kernel-install ends without a word where the newline is missing.
    od -An -N16 -tx1 /dev/urandom | tr -d ' ' >"$root/etc/machine-id"
    # Nothing is out of date: the first boot need not rebuild what the packages have just built.
    touch "$root/etc/.updated" "$root/var/.updated"
}
