#!/usr/bin/env bash
# Installs what the build needs on Debian 12 or 13; with --tests also the Python oracles, into .venv of this checkout;
# with --fuzz also clang, for the fuzzers.
# May be run again at any time: what is already there is left alone.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(
  build-essential cmake ninja-build pkg-config git ca-certificates
  libfmt-dev nlohmann-json3-dev libcli11-dev libspdlog-dev
  libgtest-dev libgmock-dev libbenchmark-dev
  libdnnl-dev libprotobuf-dev protobuf-compiler libflatbuffers-dev flatbuffers-compiler
  libcurl4-openssl-dev libssl-dev libdeflate-dev zlib1g-dev
  python3 python3-venv python3-pip python3-dev pybind11-dev unzip
)

usage() { echo "usage: $0 [--tests] [--fuzz]"; }

with_tests=false
for argument in "$@"; do
  case "$argument" in
    --tests) with_tests=true ;;
    --fuzz) packages+=(clang libclang-rt-dev libomp-dev) ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
done

is_installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

install_packages() {
  local missing=()
  for package in "${packages[@]}"; do
    is_installed "$package" || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  local as_root=()
  [ "$(id -u)" -eq 0 ] || as_root=(sudo)
  echo "installing ${missing[*]}"
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq)
  "${apt[@]}" update
  "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >/dev/null
}

# Prints the first Python that is new enough; 3.11 first, which every pinned wheel exists for.
find_python() {
  local candidates=(python3.11 "$HOME"/.pyenv/versions/3.11.*/bin/python3.11 python3 python3.12 python3.13
                    "$HOME"/.pyenv/versions/3.1[123].*/bin/python3)
  for candidate in "${candidates[@]}"; do
    # A pyenv shim exists for versions that are not selected: only one that runs counts.
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  echo "no Python >= 3.11 with venv was found (tried python3.11, pyenv, python3)" >&2
  return 1
}

# The lines of one group of requirements-test.txt.
requirements() { awk -v want="$1" '/^# group:/ {inside = ($3 == want); next} inside && !/^#/' requirements-test.txt; }

install_oracles() {
  local stamp=.venv/requirements.sha256 wanted
  wanted="$(sha256sum requirements-test.txt | cut -d' ' -f1)"
  if [ -x .venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
    return
  fi
  local python
  python="$(find_python)"
  echo "installing the Python oracles into .venv ($("$python" --version))"
  [ -x .venv/bin/python ] && .venv/bin/python -c '' 2>/dev/null || { rm -rf .venv; "$python" -m venv .venv; }
  local pip=(.venv/bin/python -m pip --disable-pip-version-check install --quiet)
  local work
  work="$(mktemp -d)"
  for group in torch oracles executorch; do
    requirements "$group" >"$work/$group"
  done
  "${pip[@]}" -r "$work/torch"
  "${pip[@]}" -r "$work/oracles"
  "${pip[@]}" --no-deps -r "$work/executorch"
  rm -rf "$work"
  echo "$wanted" >"$stamp"
}

install_packages
if $with_tests; then
  install_oracles
fi
