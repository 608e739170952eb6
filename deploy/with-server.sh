#!/usr/bin/env bash
# Serves the assistant with a data folder of its own, accounts, and questions spoken by the assistant's own voice for a fake microphone, and runs a command
# with all of that in its environment (web/tests/e2e/stage.mjs lists the names):  deploy/with-server.sh npm --prefix web run e2e
set -euo pipefail
cd "$(dirname "$0")/.."
assistant=$PWD/target/debug/assistant
folder=$(mktemp -d)
server=
finish() {
  status=$?
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  [ $status = 0 ] || { echo "--- the server's log:"; tail -n 40 "$folder/log"; } >&2
  rm -rf "$folder"
}
trap finish EXIT

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
port=$(free_port)
# Another origin, whose page shows the portal in a frame.
embedding=http://localhost:$(free_port)
cat > "$folder/assistant.toml" <<TOML
[server]
listen = "127.0.0.1:$port"
data = "$folder/data"
embedding_origins = ["$embedding"]
[knowledge]
path = "$PWD/examples/knowledge/sample"
# The story of a turn that was cut needs one that is cut: by default the rest of a known question is waited for longer.
[hearing.portal]
silence_when_begun_ms = 1250
[limits]
messages_per_minute = 100000
starts_per_minute = 100000
conversations_per_address = 20000
TOML
export ORT_DYLIB_PATH=$PWD/.local/lib/libonnxruntime.so
"$assistant" --config "$folder/assistant.toml" speak "身份证到期了怎么换？" --language zh --out "$folder/zh.wav" >/dev/null
"$assistant" --config "$folder/assistant.toml" speak "ཐོབ་ཐང་ལག་ཁྱེར་གྱི་དུས་ཚོད་རྫོགས་ན་ག་འདྲ་བརྗེ་དགོས་རེད།" --language bo --out "$folder/bo.wav" >/dev/null
# Two pieces of a question with a pause between them that is longer than the silence that ends a turn.
halting() { # language, first piece, second piece
  "$assistant" --config "$folder/assistant.toml" speak "$2" --language "$1" --out "$folder/first.wav" >/dev/null
  "$assistant" --config "$folder/assistant.toml" speak "$3" --language "$1" --out "$folder/second.wav" >/dev/null
  python3 - "$folder/first.wav" "$folder/second.wav" "$folder/$1-cut.wav" <<'PY'
import sys, wave
first, second = (wave.open(name) for name in sys.argv[1:3])
with wave.open(sys.argv[3], "wb") as out:
    out.setparams(first.getparams())
    rate, width = first.getframerate(), first.getsampwidth()
    pause = bytes(width * rate * 3 // 2)
    out.writeframes(first.readframes(first.getnframes()) + pause + second.readframes(second.getnframes()))
PY
}
halting zh "身份证" "到期了怎么换？"
halting bo "ཐོབ་ཐང་ལག་འཁྱེར་" "དུས་ཚོད་ཡོལ་ན་གང་འདྲ་བརྗེ་དགོས་རེད།"
# An account's password as the command line prints it, once.
password_of() { "$assistant" --config "$folder/assistant.toml" "$@" | sed -n 's/.*[Pp]assword[^:]*: *//p' | head -n 1; }
AGENT_PASSWORD=$(password_of agent add dolma --languages bo,zh)
SECOND_PASSWORD=$(password_of agent add tashi --languages bo,zh)
# These have to be changed at the first login.
NEW_PASSWORD=$(password_of people add pema --role agent)
EDITOR_PASSWORD=$(password_of people add drolkar --role editor)
REVIEWER_PASSWORD=$(password_of people add nyima --role reviewer)
OPERATOR_PASSWORD=$(password_of people add lhamo --role admin,auditor,supervisor,editor)
SUPERVISOR_PASSWORD=$(password_of people add sonam --role supervisor)
export AGENT_PASSWORD SECOND_PASSWORD NEW_PASSWORD EDITOR_PASSWORD REVIEWER_PASSWORD OPERATOR_PASSWORD SUPERVISOR_PASSWORD
export AGENT_NAME=dolma SECOND_NAME=tashi NEW_NAME=pema EDITOR_NAME=drolkar REVIEWER_NAME=nyima OPERATOR_NAME=lhamo SUPERVISOR_NAME=sonam
"$assistant" --config "$folder/assistant.toml" serve > "$folder/log" 2>&1 &
server=$!
for _ in $(seq 300); do
  python3 - "$port" <<'PY' && break
import sys, urllib.request
try:
    urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/readyz", timeout=1)
except OSError:
    sys.exit(1)
PY
  kill -0 $server || exit 1
  sleep 0.1
done
mkdir -p target/screenshots
export BASE_URL=http://127.0.0.1:$port EMBED_ORIGIN=$embedding SCREENSHOTS=${SCREENSHOTS:-$PWD/target/screenshots}
export VOICE_WAV_ZH=$folder/zh.wav VOICE_WAV_BO=$folder/bo.wav VOICE_CUT_WAV_ZH=$folder/zh-cut.wav VOICE_CUT_WAV_BO=$folder/bo-cut.wav
"$@"
