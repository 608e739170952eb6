#!/usr/bin/env bash
# Trains the shipped recogniser from the measurement data to models/seed and models/proxy.
#
#   training/train.sh            everything; what is already there is not made again, and training goes on where it was
#
# DRILEN_DATA        the measurement data (default: ../shared/data beside the project)
# RECORDINGS         your own recordings: a table of file<TAB>text[<TAB>language], files beside it
# SYNTHETIC_MINUTES  training time of the proxy, from which the real training starts (default 27)
# ALL_MINUTES        training time with everything (default 76)
# FINISH_MINUTES     more of everything, with a larger share of synthetic speech (default 122)
# THREADS            processor threads (default 2)
set -euo pipefail
cd "$(dirname "$0")"

root=$(cd .. && pwd)
data=${DRILEN_DATA:-$root/../shared/data}
work=$root/.local
venv=$work/venv-train
threads=${THREADS:-2}

say() { printf '\033[1m==>\033[0m %s\n' "$*"; }

if [ ! -d "$data/zh_sentences" ]; then
    echo "The measurement data is not in $data; name its folder in DRILEN_DATA." >&2
    exit 1
fi
command -v espeak-ng >/dev/null || { echo "espeak-ng is missing: run deploy/setup.sh first." >&2; exit 1; }

if [ ! -f "$venv/.complete" ]; then
    say "Installing PyTorch and friends into .local/venv-train (about 6 GB)"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --requirement requirements.txt
    touch "$venv/.complete"
fi
python=$venv/bin/python

# Waiting threads must not spin: on a busy machine that costs three quarters of the speed.
export OMP_NUM_THREADS=$threads OMP_WAIT_POLICY=passive GOMP_SPINCOUNT=0

say "Checking the features against kaldi-native-fbank"
"$python" features.py

say "Texts and voices"
[ -f "$work/text.tsv" ] || "$python" text.py "$data" "$work/text.tsv"
"$python" espeak.py "$work/espeak" >/dev/null

# Runs a preparation in two halves, one process each.
halves() { OMP_NUM_THREADS=1 "$python" "$@" 0 2 & OMP_NUM_THREADS=1 "$python" "$@" 1 2 & wait -n; wait -n; }
say "Natural sentences in thirteen versions (8 minutes)"
halves natural.py "$data" "$work/mel"
if [ -n "${RECORDINGS:-}" ]; then
    say "Your own recordings, in thirteen versions too"
    halves natural.py "$data" "$work/mel" "$RECORDINGS"
fi
say "Real words and syllables (10 minutes)"
halves words.py "$data" "$work/mel"
say "Synthetic sentences in both languages, by three voices each (8 minutes)"
"$python" phones.py "$work/text.tsv" "$work/phones.tsv"
halves synthetic.py "$work/text.tsv" "$work/phones.tsv" "$work/espeak" "$work/mel"

learn() { nice -n 15 "$python" train.py "$1" "$work/mel" "$work/phones.tsv" "$data" "$work/run/$1" --threads "$threads" "${@:2}"; }
say "Stage 1: synthetic speech only (the proxy)"
learn synthetic --minutes "${SYNTHETIC_MINUTES:-27}"
say "Stage 2: everything"
learn all --minutes "${ALL_MINUTES:-76}" --init "$work/run/synthetic/last.pt"
say "Stage 3: everything again, each utterance disturbed once"
learn finish --minutes "${FINISH_MINUTES:-122}" --init "$work/run/all/last.pt"

say "Exporting to models/"
export_to() { "$python" export.py "$work/run/$1/last.pt" "$root/models/$2" "$work/phones.tsv" "$work/espeak" "${@:3}"; }
export_to synthetic proxy --comment "Drilen proxy: espeak-ng speech only, no human voice; a forecast of how voices nobody trained on will fare"
export_to finish seed --fixture

say "Measuring (real Mandarin is only measured on, never trained or tuned on)"
rm -f "$work/phones-measured.tsv"  # Today's pronunciation rules, whatever the training heard.
"$python" evaluate.py "$data" "$work/phones-measured.tsv" "$work/espeak" "$root/examples/knowledge/sample" "$work/text.tsv" \
    "$root/models/seed/figures.json" seed="$root/models/seed/model.int8.onnx" proxy="$root/models/proxy/model.int8.onnx"
