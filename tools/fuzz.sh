#!/bin/sh
# Explores every fuzz target for some seconds with clang's libFuzzer, ASan and UBSan: fuzz.sh SECONDS [TARGET ...]
# New inputs stay in build-fuzz/new; a crash is left there too, and ends the script. First the canary: it must be found.
set -eu
seconds=$1
shift
targets=${*:-footer page file index definition csv where}
build=build-fuzz
mkdir -p $build/objects $build/new
command -v clang > /dev/null || { echo "fuzzing needs clang and its runtime (Debian: clang, libclang-rt-14-dev)"; exit 1; }
plain="-std=gnu17 -g -O1 -D_GNU_SOURCE -ffp-contract=off -fno-math-errno -Isrc -Iinclude -Ibuild/src/op -Itest/fuzz -w"
checked="$plain -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all"
others=""
for folder in ../shared/data/parquet_files/good ../shared/data/parquet_files/bad; do # small files of other writers, where they are at hand
  [ -d $folder ] || continue
  mkdir -p $build/others
  find $folder -name '*.parquet' -size -8k -exec cp -f {} $build/others/ \;
  others=$build/others
done
libraries="-lzstd -llz4 -lbrotlidec -lsnappy -ldeflate -lxxhash -ljansson -lpthread -lm"
objects=""
# Objects that are older than any header are made anew.
newest=$(find src include test/fuzz build/src -name '*.h' -printf '%T@ %p\n' | sort -n | tail -1 | cut -d' ' -f2)
compile() { # NAME FLAGS FILE
  [ "$build/objects/$1.o" -nt "$3" ] && [ "$build/objects/$1.o" -nt "$newest" ] || clang $2 -c -o "$build/objects/$1.o" "$3"
  objects="$objects $build/objects/$1.o"
}
for file in src/base/*.c src/sys/*.c src/column/*.c src/codec/*.c src/parquet/*.c src/lake/*.c src/lang/*.c src/op/*.c build/src/library.c; do
  case $file in *kernels.c) continue ;; esac
  compile "$(echo "$file" | tr / _)" "$checked" "$file"
done
for file in src/op/*.c src/column/*kernels.c src/codec/*kernels.c; do
  flags=$checked
  case $file in src/op/table.c) continue ;; src/op/*) flags=$plain ;; esac
  name=$(echo "$file" | tr / _)
  compile "baseline_$name" "$flags -DTL_KERNELS=tl__baseline" "$file"
  compile "avx2_$name" "$flags -mavx2 -DTL_ISA_AVX2 -DTL_KERNELS=tl__avx2" "$file"
  compile "avx512_$name" "$flags -mavx2 -mavx512f -mavx512dq -mavx512vl -mavx512bw -DTL_ISA_AVX512 -DTL_KERNELS=tl__avx512" "$file"
done
clang $checked -fsanitize=fuzzer -o $build/fuzz_canary test/fuzz/canary.c
if $build/fuzz_canary -max_total_time=60 -artifact_prefix=$build/new/canary- > /dev/null 2>&1; then
  echo "the canary was not found: this fuzzing finds nothing"
  exit 1
fi
for target in $targets; do
  clang $checked -fsanitize=fuzzer -o "$build/fuzz_$target" "test/fuzz/fuzz_$target.c" test/fuzz/fuzz.c test/fuzz/walk.c test/fuzz/rows.c $objects $libraries
  mkdir -p "$build/new/$target"
  seeds=""
  case $target in file) seeds=$others ;; esac
  echo "$target: $seconds s"
  ASAN_OPTIONS=allocator_may_return_null=1:quarantine_size_mb=64 "$build/fuzz_$target" -timeout=20 -rss_limit_mb=512 -max_total_time="$seconds" -verbosity=0 -print_final_stats=1 \
    -artifact_prefix="$build/new/$target-" "$build/new/$target" "test/fuzz/corpus/$target" $seeds
done
