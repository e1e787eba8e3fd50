#!/usr/bin/env bash
# Take Sentinel's units away: uninstall.sh [--root DIR] [--purge]
#   --purge  settings, journal, keystore and users too: the journal is what knows of unfinished transactions
set -euo pipefail
root='' purge=no
while [ $# -gt 0 ]; do
    case $1 in
        --root) root=${2:?--root needs a folder}; shift 2 ;;
        --purge) purge=yes; shift ;;
        *) sed -n '2,3s/^# \?//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
    esac
done
[ -n "$root" ] || [ "$(id -u)" = 0 ] || { echo "uninstall: run this as root, or with --root DIR" >&2; exit 1; }
units=(sentinel sentinel-signer sentinel-vllm sentinel-fork)
# The daemon first: it follows what is in flight, and needs its signer for that.
[ -n "$root" ] || for unit in "${units[@]}"; do systemctl disable --now "$unit.service" 2>/dev/null || true; done
for unit in "${units[@]}"; do rm -f "$root/etc/systemd/system/$unit.service"; done
rm -f "$root/usr/lib/sysusers.d/sentinel.conf" "$root/usr/lib/tmpfiles.d/sentinel.conf"
if [ "$purge" = yes ]; then
    rm -rf "$root"/etc/sentinel "$root"/var/lib/sentinel "$root"/var/lib/sentinel-signer "$root"/var/cache/sentinel{,-vllm,-fork} "$root"/run/sentinel-fork
    [ -n "$root" ] || for user in sentinel sentinel-signer sentinel-fork sentinel-vllm; do userdel "$user" 2>/dev/null || true; done
    echo "removed, with settings, journal and keystore"
else
    echo "removed; kept: /etc/sentinel, /var/lib/sentinel, /var/lib/sentinel-signer (--purge removes them too)"
fi
[ -n "$root" ] || systemctl daemon-reload
