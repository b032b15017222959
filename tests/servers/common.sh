# Sourced by the scripts beside it: where installed servers live, their versions, how flags are read.
# Everything that cannot come from the distribution is kept in one cache outside the clone, in folders
# named by version, so that a changed version installs anew and two clones share the work.

kafka_version=4.1.1
kafka_java=17          # the oldest Java that runs it
versitygw_version=v1.8.0
versitygw_go=1.25      # the oldest Go that builds it
cargo_deny_version=0.20.2

servers_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${AX_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/automatosx}
kafka_jars=$cache/kafka-$kafka_version
versitygw=$cache/versitygw-$versitygw_version/versitygw
cargo_deny=$cache/cargo-deny-$cargo_deny_version/bin/cargo-deny
git_servers=$cache/git-servers-1   # sshd and lighttpd, unpacked

say() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; }
die() { say "$*"; exit 1; }

# `read_flags 'NAME...' ARGUMENT...` reads `--NAME VALUE` into variables, dashes as underscores, and
# refuses any other flag. Its own variables end in an underscore, or a flag of their name would be lost
# in them.
read_flags() {
  local known_=" $1 " flag_
  shift
  while [ $# -gt 0 ]; do
    flag_=${1#--}
    case $known_ in *" $flag_ "*) ;; *) die "unknown flag $1; known:$known_" ;; esac
    [ $# -ge 2 ] || die "$1 needs a value"
    printf -v "${flag_//-/_}" '%s' "$2"
    shift 2
  done
}

# Installs what the server named needs unless the file or command given is there already. The check comes
# first: a start must not pay for an installer's start.
ensure() {
  command -v "$2" >/dev/null || [ -e "$2" ] || "$servers_dir/install.sh" "$1"
}
