#!/usr/bin/env bash
# Install Sentinel's units: install.sh [--prefix DIR | --bin DIR] [--root DIR] [--no-setup]
#   --prefix DIR  where Sentinel lives; this checkout is copied there and set up (default /opt/sentinel)
#   --bin DIR     Sentinel is installed already: the folder of its program `sentinel`; nothing is copied
#   --root DIR    put everything below DIR and touch nothing else: to look at, or for an image
#   --no-setup    the prefix is set up already
# Again is an upgrade: what is in /etc/sentinel stays.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
checkout=$(cd "$here/../.." && pwd)
prefix=/opt/sentinel bin='' root='' setup=yes
while [ $# -gt 0 ]; do
    case $1 in
        --prefix) prefix=${2:?--prefix needs a folder}; shift 2 ;;
        --bin) bin=${2:?--bin needs a folder} prefix=$checkout; shift 2 ;;
        --root) root=${2:?--root needs a folder}; setup=no; shift 2 ;;
        --no-setup) setup=no; shift ;;
        *) sed -n '2,7s/^# \?//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
    esac
done
case $prefix in /*) ;; *) echo "install: --prefix must be absolute" >&2; exit 2 ;; esac
case ${bin:=$prefix/.venv/bin} in /*) ;; *) echo "install: --bin must be absolute" >&2; exit 2 ;; esac
[ -n "$root" ] || [ "$(id -u)" = 0 ] || { echo "install: run this as root, or with --root DIR" >&2; exit 1; }

if [ "$setup" = yes ] && [ "$checkout" = "$prefix" ]; then
    SENTINEL_CACHE_DIR=/var/cache/sentinel "$bin/sentinel" setup --serve auto --yes
elif [ "$setup" = yes ]; then
    echo "copying the checkout to $prefix"
    mkdir -p "$prefix"
    git -C "$checkout" archive HEAD | tar -x -C "$prefix"
    SENTINEL_CACHE_DIR=/var/cache/sentinel make -C "$prefix" setup YES=1
fi

units=$root/etc/systemd/system etc=$root/etc/sentinel
mkdir -p "$units" "$etc" "$root/usr/lib/sysusers.d" "$root/usr/lib/tmpfiles.d"
for unit in "$here"/*.service; do
    sed "s|@PREFIX@|$prefix|g; s|@BIN@|$bin|g" "$unit" > "$units/$(basename "$unit")"
done
install -m 644 "$here/sysusers.conf" "$root/usr/lib/sysusers.d/sentinel.conf"
install -m 644 "$here/tmpfiles.conf" "$root/usr/lib/tmpfiles.d/sentinel.conf"
[ -n "$root" ] || { systemd-sysusers sentinel.conf && systemd-tmpfiles --create sentinel.conf; }

keep() { # FILE MODE: standard input becomes the file, unless it is there
    if [ -e "$etc/$1" ]; then cat > /dev/null; echo "kept    /etc/sentinel/$1"; else cat > "$etc/$1"; chmod "$2" "$etc/$1"; echo "written /etc/sentinel/$1"; fi
}
{ printf 'SENTINEL_NETWORK=ethereum\nSENTINEL_FORK__SOCKET=/run/sentinel-fork/fork.sock\n\n'; cat "$checkout/.env.example"; } | keep sentinel.env 600
keep vllm.env 644 <<'ENV'
# What serve-student.sh reads, e.g. SENTINEL_GPU_SHARE=0.3 or SENTINEL_SERVE_BASE=FOLDER (docs/serving.md)
ENV
[ ! -e "$etc/fork.env" ] || echo "unused  /etc/sentinel/fork.env: delete it, it holds an endpoint's address"
peer=0 # in a tree to look at there are no users
[ -n "$root" ] || peer=$(id -u sentinel)
keep signer.env 600 <<ENV
SENTINEL_NETWORK=ethereum
# The signer's own limits; it signs nothing beyond them, whatever the daemon asks (docs/signer.md).
SENTINEL_SIGNER__PEER_UID=$peer
#SENTINEL_SIGNER__MAX_TRADE=WETH=0.5,USDC=2000
#SENTINEL_SIGNER__MAX_APPROVAL=WETH=5,USDC=20000
#SENTINEL_SIGNER__MAX_DAILY_VOLUME=WETH=10,USDC=40000
# What it judges trades by: prices that given ones must be near, or an endpoint of its own (docs/systemd.md).
#SENTINEL_SIGNER__PRICES=WETH=2000
ENV
if [ -z "$root" ]; then
    chown sentinel "$etc/sentinel.env" && chown sentinel-signer "$etc/signer.env"
    systemctl daemon-reload
fi
cat <<TEXT
installed. Next:
  1. /etc/sentinel/sentinel.env: network, endpoints, SENTINEL_WALLET__ADDRESS
  2. systemctl enable --now sentinel-vllm sentinel      (a dry run: nothing is sent)
  3. sentinel doctor --env-file /etc/sentinel/sentinel.env
To trade live, the signer too:
  4. $bin/sentinel wallet new --keystore /etc/sentinel/keystore.json
  5. systemd-ask-password -n | systemd-creds encrypt --name=wallet-password - /etc/sentinel/wallet-password.cred
  6. /etc/sentinel/signer.env: its caps and prices; systemctl enable --now sentinel-signer
  7. in sentinel.env: SENTINEL_WALLET__SIGNER_SOCKET=/run/sentinel-signer/signer.sock, SENTINEL_EXECUTION__MODE=live
TEXT
