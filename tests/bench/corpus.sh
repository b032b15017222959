# Sourced: sets `corpus` to the Linux 6.1 source, which it fetches when it is not there. `$1` is another folder.
corpus=${1:-$cache/linux-source-6.1}
if [ ! -d "$corpus" ]; then
  archive=/usr/src/linux-source-6.1.tar.xz
  if [ ! -e "$archive" ]; then
    say 'installing the Debian package linux-source-6.1 (138 MB, about 30 s)'
    root_command=(); [ "$(id -u)" = 0 ] || root_command=(sudo)
    "${root_command[@]}" apt-get -qq update
    "${root_command[@]}" apt-get -qq install --yes --no-install-recommends linux-source-6.1 >/dev/null
  fi
  say "unpacking it to $corpus (1.2 GB, about 30 s)"
  mkdir -p "$corpus.part"
  tar -C "$corpus.part" -xf "$archive"
  mv "$corpus.part/linux-source-6.1" "$corpus"
  rmdir "$corpus.part"
fi
