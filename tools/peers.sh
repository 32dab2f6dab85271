#!/bin/sh
# Other readers and engines to compare with, in build-peers/; says so where they cannot be had.
set -u
[ -x build-peers/bin/python ] && exit 0
if python3 -m venv build-peers && build-peers/bin/pip install -q pyarrow duckdb polars numpy pandas; then
  echo "installed in build-peers: pyarrow, DuckDB, polars"
  build-peers/bin/pip install -q numba && echo "installed in build-peers: numba" || echo "NUMBA NOT INSTALLED: tapes will not be compared with it"
  build-peers/bin/pip install -q TA-Lib && echo "installed in build-peers: TA-Lib" || echo "TA-LIB NOT INSTALLED: indicators will not be compared with it"
else
  rm -rf build-peers
  echo "PEERS NOT INSTALLED: the comparisons with others will be skipped"
fi
