#!/usr/bin/env bash
# Runs one OpenSSH server in the foreground on loopback, for this user's keys in DIR only; killing this
# process kills the server itself.
#
#   sshd.sh --data DIR --port PORT
#
# On first use it makes what a client needs: DIR/user_key, and DIR/known_hosts, which has the host's key.
# A repository is reached as ssh://USER@127.0.0.1:PORT/absolute/path.
set -euo pipefail
source "$(dirname "$0")/common.sh"

data='' port=''
read_flags 'data port' "$@"
[ -n "$data" ] && [ -n "$port" ] || die 'needs --data and --port'
ensure sshd "$git_servers"

mkdir -p -m 700 "$data"
data=$(cd "$data" && pwd)
for key in host_key user_key; do
  [ -e "$data/$key" ] || ssh-keygen -q -t ed25519 -N '' -C "$key" -f "$data/$key"
done
cp "$data/user_key.pub" "$data/authorized_keys"
echo "[127.0.0.1]:$port $(cut -d' ' -f1,2 "$data/host_key.pub")" >"$data/known_hosts"
cat >"$data/sshd_config" <<CONFIG
ListenAddress 127.0.0.1
Port $port
HostKey $data/host_key
AuthorizedKeysFile $data/authorized_keys
PidFile none
UsePAM no
# The folder is a test's own, under one that everybody may write to.
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
AcceptEnv GIT_PROTOCOL
CONFIG
# Where a server of root confines what it does for strangers.
[ "$(id -u)" != 0 ] || mkdir -p -m 755 /run/sshd
libraries=$(dirname "$(find "$git_servers" -name 'libwrap.so.0')")
export LD_LIBRARY_PATH=$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
exec "$git_servers/usr/sbin/sshd" -D -e -f "$data/sshd_config"
