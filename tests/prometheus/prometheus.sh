#!/usr/bin/env bash
# A real Prometheus for tests, from Debian's or Ubuntu's package, without installing it and as any user.
set -euo pipefail

usage() { cat <<'END'
usage: prometheus.sh install DIR    fetch the package once, unpack it into DIR/root, print the folder of its programs
                                    (prometheus, promtool); nothing outside DIR is written
END
}
die() { echo "prometheus.sh: $*" >&2; exit 1; }

fetch() { # APT_OPTION...: the package into the current folder
  apt-get "$@" download prometheus >>apt.log 2>&1
}

install() { # DIR
  local dir
  mkdir -p "$1"; dir=$(cd "$1" && pwd)
  if [ ! -x "$dir/root/usr/bin/prometheus" ]; then
    for program in apt-get dpkg-deb; do
      command -v "$program" >/dev/null || die "$program not found: install Prometheus yourself, with promtool, on PATH"
    done
    work=$(mktemp -d "$dir/fetch.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    cd "$work"
    # An ordinary user may not renew the system's package lists, so a second try has lists of its own.
    if ! fetch; then
      mkdir -p lists/partial archives/partial
      local own=(-o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work" -o "Dir::Cache::archives=$work/archives"
        -o APT::Sandbox::User="$(id -un)")
      apt-get "${own[@]}" update >>apt.log 2>&1 || { tail -n 5 apt.log >&2; die "apt-get update failed"; }
      fetch "${own[@]}" || { tail -n 5 apt.log >&2; die "apt-get download prometheus failed"; }
    fi
    dpkg-deb -x prometheus_*.deb root
    # Another run may have been quicker; a folder is moved whole or not at all.
    mv -T root "$dir/root" 2>/dev/null || [ -x "$dir/root/usr/bin/prometheus" ] || die "cannot write to $dir"
  fi
  echo "$dir/root/usr/bin"
}

case "${1:-}" in
  install) [ $# -eq 2 ] || { usage >&2; exit 2; }; install "$2" ;;
  -h | --help) usage ;;
  *) usage >&2; exit 2 ;;
esac
