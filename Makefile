# The everyday words; Meson does the work. Plain `make` on a fresh Debian machine installs what is missing first.
BUILD ?= build
MESON_FLAGS ?=
PYTHON ?= python3

.PHONY: all peers setup test demo bench conformance asan tsan fuzz format lint install clean

all: setup
	@test -f $(BUILD)/build.ninja || meson setup $(BUILD) $(MESON_FLAGS) > /dev/null
	@ninja -C $(BUILD) --quiet
	@echo "built $(BUILD)/tickloom"

# pyarrow, DuckDB and polars from their registry, for the cross-check and the benchmark.
peers:
	@sh tools/peers.sh

setup:
	@sh tools/setup.sh

test: all
	@$(PYTHON) tools/test.py $(BUILD)

demo: all
	@sh tools/demo.sh $(BUILD)/tickloom out/demo

bench: all
	@$(BUILD)/bench/bench-operators
	@$(BUILD)/bench/bench-kernels
	@$(BUILD)/bench/bench-drift
	@$(or $(wildcard build-peers/bin/python),$(PYTHON)) bench/end_to_end.py $(BUILD)/tickloom
	@$(or $(wildcard build-peers/bin/python),$(PYTHON)) bench/technical.py $(BUILD)/tickloom
	@$(or $(wildcard build-peers/bin/python),$(PYTHON)) bench/parquet.py $(BUILD)/tickloom
	@$(or $(wildcard build-peers/bin/python),$(PYTHON)) bench/tape.py $(BUILD)/tickloom
	@$(or $(wildcard build-peers/bin/python),$(PYTHON)) bench/memory.py $(BUILD)/tickloom --quick

# Everyone's files: what is right, refused rightly, wrong.
conformance: all peers
	@$(or $(wildcard build-peers/bin/python),$(PYTHON)) test/conformance.py $(BUILD)/tickloom ../shared/data

asan: setup
	@test -f build-asan/build.ninja || meson setup build-asan --buildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false > /dev/null
	@ninja -C build-asan --quiet
	@$(PYTHON) tools/test.py build-asan

tsan: setup
	@test -f build-tsan/build.ninja || meson setup build-tsan --buildtype=debugoptimized -Db_sanitize=thread -Db_lundef=false > /dev/null
	@ninja -C build-tsan --quiet
	@$(PYTHON) tools/test.py build-tsan cli trust layouts faults tape

# Each target for FUZZ_SECONDS; new inputs and crashes stay in build-fuzz.
FUZZ_SECONDS ?= 60
fuzz: all
	@sh tools/fuzz.sh $(FUZZ_SECONDS)

format:
	@find src include cli test bench example -name '*.[ch]' | xargs clang-format -i

CPPCHECK = cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,portability --suppressions-list=tools/cppcheck.txt -Isrc -Iinclude -I$(BUILD)/src/op

lint: all
	@$(CPPCHECK) -DTL_KERNELS=tl__baseline src/op src/lane
	@$(CPPCHECK) -i src/op src cli

install: all
	@meson install -C $(BUILD)

clean:
	rm -rf build build-asan build-tsan build-fuzz build-clang out
