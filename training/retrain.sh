#!/usr/bin/env bash
# Makes models/ from nothing: corpus, licence check, tokenizer, base model, embedder, figures. Resumable: a finished stage
# is kept in DATA, the base model continues from its last checkpoint. models/ changes only at the end. To start over, remove DATA.
#   PYTHON=python3.11 DATA=.sift/training BASE_MINUTES=75 EMBEDDER_MINUTES=8 training/retrain.sh
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
data=$(mkdir -p "${DATA:-.sift/training}" && cd "${DATA:-.sift/training}" && pwd)
python=$(command -v "${PYTHON:-python3}")
cd "$here"

stage() { # name, command...: runs it once; a stage that failed runs again next time
  local name=$1; shift
  [[ -e $data/.done-$name ]] && { echo "== $name: done before"; return; }
  echo "== $name: $*"
  "$@"
  touch "$data/.done-$name"
}

# bf16 only where the processor multiplies in it, compilation only where there is a compiler: both merely save time
speed=()
grep -qsE 'avx512_bf16|amx_bf16' /proc/cpuinfo && speed+=(--bf16)
command -v c++ >/dev/null && speed+=(--compile)
# threads that wait for each other sleep: spinning would be counted against the budget
export OMP_WAIT_POLICY=passive

stage corpus           "$python" corpus.py --data "$data"
stage licences         "$python" licences.py --data "$data"
stage tokenizer        "$python" tokenizer.py --data "$data"
stage base             "$python" base.py --data "$data" --minutes "${BASE_MINUTES:-75}" ${speed[@]+"${speed[@]}"}
stage embedder         "$python" embedder.py --data "$data" --minutes "${EMBEDDER_MINUTES:-8}"
stage tokenizer-check  "$python" tokenizer_check.py --data "$data"
stage overlap          "$python" overlap.py --data "$data"
stage base-figures     "$python" evaluate_base.py --data "$data"
stage embedder-figures "$python" evaluate_embedder.py --data "$data"
stage sift-figures     "$python" evaluate_sift.py --data "$data"
stage install          cp -R "$data/out/." "$here/../models/"
stage cards            "$python" cards.py
