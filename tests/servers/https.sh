#!/usr/bin/env bash
# Runs one web server in the foreground on loopback that serves git repositories by git's own
# http-backend; killing this process kills the server itself.
#
#   https.sh --data DIR --port PORT --repos DIR --user NAME --password PASSWORD
#
# https://127.0.0.1:PORT/git/NAME.git is open, …/private/NAME.git wants the password. Its certificate is
# signed by a CA of its own, made on first use: DIR/ca.pem. GET /health answers 200 once it serves.
set -euo pipefail
source "$(dirname "$0")/common.sh"

data='' port='' repos='' user='' password=''
read_flags 'data port repos user password' "$@"
[ -n "$data" ] && [ -n "$port" ] && [ -n "$repos" ] || die 'needs --data, --port and --repos'
[ -n "$user" ] && [ -n "$password" ] || die 'needs --user and --password'
ensure https "$git_servers"

mkdir -p -m 700 "$data/www"
data=$(cd "$data" && pwd) repos=$(cd "$repos" && pwd)
cd "$data"
if [ ! -e server.pem ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -keyout ca.key -out ca.pem \
    -subj '/CN=CA of a test' -addext keyUsage=critical,keyCertSign 2>/dev/null
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout server.key -out server.csr \
    -subj '/CN=127.0.0.1' 2>/dev/null
  openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out server.pem \
    -extfile <(echo 'subjectAltName=IP:127.0.0.1,DNS:localhost') 2>/dev/null
fi
echo "$user:$password" >passwords
echo ok >www/health
backend=$(git --exec-path)/git-http-backend
[ -x "$backend" ] || die "git is without its http-backend: $backend"
cat >lighttpd.conf <<CONFIG
server.modules = ("mod_setenv", "mod_openssl", "mod_auth", "mod_authn_file", "mod_alias", "mod_cgi")
server.bind = "127.0.0.1"
server.port = $port
server.document-root = "$data/www"
server.upload-dirs = ("$data")
# As it comes, so that a pack is on its way while it is made.
server.stream-response-body = 1
ssl.engine = "enable"
ssl.pemfile = "$data/server.pem"
ssl.privkey = "$data/server.key"
auth.backend = "plain"
auth.backend.plain.userfile = "$data/passwords"
alias.url = ("/git/" => "$backend/", "/private/" => "$backend/")
\$HTTP["url"] =~ "^/(git|private)/" {
  cgi.assign = ("" => "")
  setenv.add-environment = ("GIT_PROJECT_ROOT" => "$repos", "GIT_HTTP_EXPORT_ALL" => "1")
}
auth.require = ("/private/" => ("method" => "basic", "realm" => "git", "require" => "valid-user"))
CONFIG
exec "$git_servers/usr/sbin/lighttpd" -D -f lighttpd.conf -m "$git_servers/usr/lib/lighttpd"
