#!/usr/bin/env bash
# An Anvil fork as a service of its own (SENTINEL_FORK__SOCKET=DIR/fork.sock): fork.sh DIR
# It needs no network and no settings. Sentinel serves the chain's state at DIR/upstream.sock and writes the chain id and
# the hard fork into DIR/network; until both are there, this script waits.
set -euo pipefail
folder=${1:?fork.sh DIR}
cache=${SENTINEL_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/sentinel}
anvil=${SENTINEL_FORK__ANVIL_PATH:-}
for found in "$cache"/artifacts/@foundry-rs__anvil-*/package/bin/anvil "$(command -v anvil)"; do
    [ -n "$anvil" ] || [ ! -x "$found" ] || anvil=$found
done
[ -x "$anvil" ] || { echo "no Anvil in $cache nor on PATH: run 'sentinel setup'" >&2; exit 4; }
until [ -S "$folder/upstream.sock" ] && [ -s "$folder/network" ]; do sleep 0.2; done
CHAIN_ID='' HARDFORK=''
while IFS='=' read -r name value; do
    case $name in CHAIN_ID) CHAIN_ID=$value ;; HARDFORK) HARDFORK=$value ;; esac
done < "$folder/network"
[[ $CHAIN_ID =~ ^[0-9]+$ && $HARDFORK =~ ^[a-z0-9_]+$ ]] || { echo "$folder/network names no chain" >&2; exit 4; }
rm -f "$folder/fork.sock"
cd "$folder"
# Its TCP port is open in the service's own network alone, where nobody else is.
exec env -i PATH="$PATH" HOME="${HOME:-/tmp}" "$anvil" --quiet --no-cors --host 127.0.0.1 --port 0 --ipc "$folder/fork.sock" \
    --fork-url "$folder/upstream.sock" --chain-id "$CHAIN_ID" --hardfork "$HARDFORK" \
    --no-storage-caching --accounts 0 --no-rate-limit --prune-history
