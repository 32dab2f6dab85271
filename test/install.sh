#!/bin/sh
# Installs into a scratch folder, builds the example through pkg-config against what was installed, and runs it.
# install.sh BUILD SOURCE_ROOT CC TICKLOOM
set -eu
build=$1 root=$2 cc=$3 tickloom=$4
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
DESTDIR="$scratch" meson install -C "$build" --no-rebuild --quiet > /dev/null
pc=$(dirname "$(find "$scratch" -name tickloom.pc)")
flags=$(PKG_CONFIG_PATH="$pc" PKG_CONFIG_SYSROOT_DIR="$scratch" pkg-config --cflags --libs tickloom)
library=$(dirname "$(find "$scratch" -name libtickloom.so)")
$cc -std=c17 -Wall -Werror -o "$scratch/features" "$root/example/features.c" $flags
"$tickloom" generate daily --tickers 3 --rows 300 --seed 1 --out "$scratch/market"
LD_LIBRARY_PATH="$library" "$scratch/features" "$root/features/first.loom" "$scratch/market" "$scratch/out"
"$tickloom" features "$root/features/first.loom" --in "$scratch/market" --out "$scratch/other" --quiet
[ "$("$tickloom" hash "$scratch/out")" = "$("$tickloom" hash "$scratch/other")" ]
test -x "$(find "$scratch" -path '*bin/tickloom')"
echo "the installed library gives what the command gives"
