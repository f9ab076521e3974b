#!/bin/sh
# Makes the secrets that are missing in deploy/secrets, and changes none that is there. Containers get each as a file and are
# not root, so the files are readable; the directory above keeps other users of this machine out.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
chmod 700 secrets
for name in gateway_secret gpu_key grafana_password; do
  [ -s "secrets/$name" ] || openssl rand -hex 32 | tr -d '\n' > "secrets/$name"
done
# the token of a Cloudflare Tunnel is put here by hand; compose wants the file to be there
[ -e secrets/tunnel_token ] || : > secrets/tunnel_token
chmod 444 secrets/*
# what is mounted into them as it is: a clone made under a strict umask has files that its owner alone reads
for mounted in backends.json prometheus grafana; do
  [ ! -e "$mounted" ] || chmod -R a+rX "$mounted"
done
printf 'the edge gets the same secret by: GATEWAY_SECRET_FILE=%s/secrets/gateway_secret npm run deploy\n' "$PWD"
