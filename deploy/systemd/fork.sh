#!/usr/bin/env bash
# An Anvil fork that Sentinel puts on each head (SENTINEL_FORK__URL). UPSTREAM is the node's address: it may hold a key, so it
# goes by the environment and stands in no argument. CHAIN_ID and HARDFORK are those of sentinel/config/networks/NAME.toml.
set -euo pipefail
cache=${SENTINEL_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/sentinel}
anvil=${SENTINEL_FORK__ANVIL_PATH:-}
for found in "$cache"/artifacts/@foundry-rs__anvil-*/package/bin/anvil "$(command -v anvil)"; do
    [ -n "$anvil" ] || [ ! -x "$found" ] || anvil=$found
done
[ -x "$anvil" ] || { echo "no Anvil in $cache nor on PATH: run 'sentinel setup'" >&2; exit 4; }
[ -z "${UPSTREAM_FILE:-}" ] || UPSTREAM=$(head -n 1 "$UPSTREAM_FILE")
: "${UPSTREAM:?set UPSTREAM to the address of a node}"
export FORK_UPSTREAM=$UPSTREAM HOME=${HOME:-/tmp}
work=$(mktemp -d)
cd "$work"
# shellcheck disable=SC2016 # Anvil itself puts the variable in
printf '[rpc_endpoints]\nupstream = "${FORK_UPSTREAM}"\n' > foundry.toml
exec "$anvil" --quiet --host "${HOST:-127.0.0.1}" --port "${PORT:-8546}" --fork-url upstream --chain-id "${CHAIN_ID:-1}" \
    --hardfork "${HARDFORK:-osaka}" --no-storage-caching --accounts 0 --no-rate-limit
