#!/bin/sh
# The kernels compile for arm64, where a cross compiler is installed: neon.sh SOURCE_ROOT BUILD
set -eu
root=$1 build=$2
if ! command -v aarch64-linux-gnu-gcc > /dev/null; then
  echo "skipped: no aarch64-linux-gnu-gcc (Debian: gcc-aarch64-linux-gnu)"
  exit 77
fi
count=0
for file in "$root"/src/op/*.c "$root"/src/codec/*_kernels.c "$root"/src/column/*_kernels.c; do
  case $file in */table.c) continue ;; esac
  aarch64-linux-gnu-gcc -std=gnu17 -D_GNU_SOURCE -O2 -ffp-contract=off -Wall -Wextra -Wno-missing-field-initializers -Wno-override-init -Werror -fsyntax-only \
    -DTL_KERNELS=tl__baseline -I"$root/src" -I"$root/include" -I"$build/src/op" "$file"
  count=$((count + 1))
done
[ "$count" -gt 15 ]
echo "$count files of kernels compile for NEON"
