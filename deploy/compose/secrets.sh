#!/usr/bin/env bash
# Makes deploy/secrets/: the master key of the conversations and the database's password. Makes nothing anew that is there.
# User 10001 in the containers has to read them; where this runs as root they are given to it, otherwise they are readable by all who may enter the folder.
set -euo pipefail
cd "$(dirname "$0")/.."
umask 077
mkdir -p secrets
if [ ! -s secrets/postgres-password ]; then
  head -c 32 /dev/urandom | base64 | tr -d '\n=+/' > secrets/postgres-password
fi
if [ ! -s secrets/master-key ]; then
  if command -v assistant >/dev/null; then assistant keys new > secrets/master-key
  elif [ -x ../target/debug/assistant ]; then ../target/debug/assistant keys new > secrets/master-key
  else docker run --rm drilen:latest keys new > secrets/master-key
  fi
  printf 'Copy deploy/secrets/master-key to a place apart from the backups. Without it no conversation can be read.\n'
fi
if [ "$(id -u)" = 0 ]; then chown 10001 secrets/master-key && chmod 0400 secrets/master-key; else chmod 0444 secrets/master-key; fi
chmod 0444 secrets/postgres-password
