#!/bin/sh
# Installs the Debian packages that the build and the tests need, and says which. Nothing happens when they are there.
# setup.sh ci: also what continuous integration, fuzzing and linting need.
set -eu
command -v dpkg-query > /dev/null || exit 0 # not Debian: meson says what is missing
packages="gcc libc6-dev make meson ninja-build pkg-config python3 libcmocka-dev libzstd-dev liblz4-dev libsnappy-dev libbrotli-dev libdeflate-dev libxxhash-dev libjansson-dev"
[ "${1:-}" = ci ] && packages="$packages python3-venv clang cppcheck gcc-aarch64-linux-gnu libc6-dev-arm64-cross"
need=""
for package in $packages; do
  dpkg-query -W -f='${Status}' "$package" 2> /dev/null | grep -q 'ok installed' || need="$need $package"
done
[ -z "$need" ] && exit 0
sudo=""
[ "$(id -u)" -eq 0 ] || sudo="sudo"
echo "installing:$need"
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq
$sudo apt-get install -y -qq $need > /dev/null
