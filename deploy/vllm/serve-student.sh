#!/usr/bin/env bash
# Serve the student with real vLLM: serve-student.sh [FOLDER [PORT [FLAG …]]]. The demo, the tests and the service all
# start it so; a FLAG is vLLM's own and has the last word.
# FOLDER is an adapter, which is merged into its base once and kept in the cache, or a whole causal model.
# Without FOLDER it is the live student (`sentinel distill promote`), and before there is one, the shipped one; when
# another one becomes live, the server is stopped and started anew with that. With FOLDER it never is.
# Start it in a session of its own and stop the whole group: a killed API server leaves its engine processes behind.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
live=${SENTINEL_STATE_DIR:-$HOME/.local/state/sentinel}/students/live/student
shipped=$here/models/student
# The version itself: the link may be switched while the files are being read.
student() { (cd "${1:-$live}" 2>/dev/null || cd "${1:-$shipped}" && pwd -P); }
port=${2:-8100}
python=${SENTINEL_SERVE_PYTHON:-$here/.venv-serve/bin/python}
# Without a checkout `sentinel setup` puts the environment into the cache.
[ -x "$python" ] || python=${SENTINEL_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/sentinel}/serve/bin/python
[ -x "$python" ] || { echo "no serving environment at $python: run 'sentinel setup --serve auto'" >&2; exit 4; }

# The model lies on disk; nothing may ask a hub or report usage.
export HF_HUB_OFFLINE=1 VLLM_NO_USAGE_STATS=1 DO_NOT_TRACK=1
# Neutral: no temperature or penalty out of a model's own generation_config.json.
flags=(--served-model-name sentinel-student --host 127.0.0.1 --port "$port" --max-model-len 2048 --generation-config vllm)

if command -v nvidia-smi >/dev/null 2>&1 && nvidia-smi -L >/dev/null 2>&1; then
    export VLLM_BATCH_INVARIANT=${VLLM_BATCH_INVARIANT:-1} # bit-exact replay
    flags+=(--dtype float32 --gpu-memory-utilization "${SENTINEL_GPU_SHARE:-0.3}")
else
    # One OpenMP thread: two on a busy two-core machine are far slower. float32: bfloat16 is emulated on AVX2.
    # Unchunked prefill: a seeded request whose prefill is chunked kills the CPU engine.
    # Blocks of 32 tokens: with the CPU's default of 128 no prompt as short as an order's is found in the prefix cache.
    # Without multiprocessing the model runs in the engine's own process: vLLM would start a further one, which waits by
    # spinning on the second core, to set OpenMP's threads, which are set here.
    # Eager is ready in half the time; SENTINEL_SERVE_COMPILED=1 takes a minute more once and a fifth less for each step.
    export VLLM_CPU_KVCACHE_SPACE=1 OMP_NUM_THREADS=1 VLLM_CPU_OMP_THREADS_BIND=nobind VLLM_ENABLE_V1_MULTIPROCESSING=0
    flags+=(--dtype float32 --no-enable-chunked-prefill --max-num-batched-tokens 10240 --block-size 32)
    [ "${SENTINEL_SERVE_COMPILED:-0}" = 1 ] || flags+=(--enforce-eager)
fi

# The folder that vLLM loads. In a checkout and in the images Sentinel lies beside this script; if it is installed, it is
# in the serving environment.
servable() {
    if [ ! -f "$1/adapter_config.json" ]; then echo "$1"; return; fi
    if [ -d "$here/sentinel/distill" ]; then export PYTHONPATH=$here; fi
    "$python" -m sentinel.distill.tuning.merge "$1"
}
serve() {
    local model
    model=$(servable "$1") || exit 4
    # The saved template, which rendered the training rows too.
    [ ! -f "$model/chat_template.jinja" ] || flags+=(--chat-template "$model/chat_template.jinja")
    exec "$python" -m vllm.entrypoints.openai.api_server --model "$model" "${flags[@]}" "${@:2}"
}

if [ -n "${1:-}" ]; then
    model=$(student "$1")
    serve "$model" "${@:3}"
fi
child=
trap 'kill $child 2>/dev/null; wait; exit 0' TERM INT
while :; do
    model=$(student)
    serve "$model" "${@:3}" &
    child=$!
    while kill -0 "$child" 2>/dev/null && [ "$(student)" = "$model" ]; do sleep 1; done
    kill "$child" 2>/dev/null || { wait "$child"; exit; } # it ended by itself
    echo "serve-student: another student is live now: $(student)" >&2
    wait "$child" || true # until its port is free
done
