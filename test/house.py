"""How the house is kept: layers point one way, headers stand alone, the library exports only what is ours, and the text of the
project speaks of the project alone. house.py SOURCE_ROOT BUILD CC"""
import glob
import os
import re
import subprocess
import sys
import tempfile

ROOT, BUILD, CC = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), sys.argv[3:]
LAYERS = ["base", "sys", "simd", "column", "codec", "parquet", "lake", "market", "lane", "op", "lang", "run", "pack", "trade", "tune", "store", "serve"]
failures = []


def check(condition, text):
    if not condition:
        failures.append(text)


def sources(*folders):
    for folder in folders:
        for path in sorted(glob.glob(os.path.join(ROOT, folder, "**", "*.[ch]"), recursive=True)):
            yield os.path.relpath(path, ROOT)


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return f.read()


def layers():
    seen = 0
    for path in sources("src"):
        layer = path.split("/")[1]
        check(layer in LAYERS, "%s: unknown layer %s" % (path, layer))
        for included in re.findall(r'#include "([^"]+)"', read(path)):
            first = included.split("/")[0]
            if first == "tickloom" or included == "op_list.h":
                continue
            seen += 1
            check(first in LAYERS and LAYERS.index(first) <= LAYERS.index(layer), "%s includes %s, which lies below it" % (path, included))
    check(seen > 100, "the layer test saw only %d includes" % seen)
    for path in sources("include"):
        for included in re.findall(r'#include "([^"]+)"', read(path)):
            check(included.startswith("tickloom/"), "%s includes %s" % (path, included))


def headers():
    flags = ["-std=gnu17", "-D_GNU_SOURCE", "-fsyntax-only", "-Wall", "-Werror", "-I" + ROOT + "/src", "-I" + ROOT + "/include", "-I" + BUILD + "/src/op"]
    skipped = re.compile(r"src/simd/(?:vec|ints)_\w+\.h|src/op/op_list|src/lane/transpose.h")  # parts of vec.h and ints.h, and one that is all kernels
    public = [p for p in sources("include")]
    for path in [p for p in sources("include", "src") if p.endswith(".h") and not skipped.match(p)]:
        with tempfile.NamedTemporaryFile("w", suffix=".c") as f:
            f.write('#include "%s"\n' % os.path.join(ROOT, path))
            f.flush()
            done = subprocess.run(CC + flags + [f.name], capture_output=True, text=True)
            check(done.returncode == 0, "%s does not compile alone:\n%s" % (path, done.stderr[:500]))
            if path in public:
                done = subprocess.run(CC + ["-x", "c++", "-fsyntax-only", "-Wall", "-Werror", "-I" + ROOT + "/include", f.name], capture_output=True, text=True)
                missing = "cc1plus" in done.stderr
                check(done.returncode == 0 or missing, "%s does not compile as C++:\n%s" % (path, done.stderr[:500]))


def symbols():
    shared = glob.glob(BUILD + "/src/libtickloom.so")
    static = glob.glob(BUILD + "/src/libtickloom.a")
    for library, flags in ((shared, ["-D", "--defined-only"]), (static, ["-g", "--defined-only"])):
        check(len(library) == 1, "no library in %s" % BUILD)
        if library:
            names = {line.split()[-1] for line in subprocess.run(["nm", *flags, library[0]], capture_output=True, text=True).stdout.splitlines() if len(line.split()) == 3}
            names = {n for n in names if not re.match(r"__(asan|odr_asan|tsan|ubsan|sanitizer)|_init$|_fini$|DW\.ref", n)}
            foreign = sorted(n for n in names if not n.startswith("tl_"))
            check(not foreign, "%s exports %s" % (os.path.basename(library[0]), ", ".join(foreign[:10])))
            check(len(names) > 10, "%s exports only %d names" % (library[0], len(names)))


def text():
    banned = re.compile(r"/(?:work|home|root|Users)/|(?<!_tickloom)/tmp/(?!tickloom)|\bTODO\b|\bFIXME\b|\bXXX\b(?!_)")
    tracked = subprocess.run(["git", "-C", ROOT, "ls-files"], capture_output=True, text=True).stdout.splitlines()
    check(not [p for p in tracked if p.endswith((".orig", ".rej", ".o", ".so", "~"))], "leftovers are tracked")
    for path in tracked or list(sources("src", "include", "cli", "test", "bench")):
        if path.endswith((".parquet", ".bin", "house.py", "LICENSE")) or "corpus" in path or not os.path.isfile(os.path.join(ROOT, path)):
            continue
        for number, line in enumerate(read(path).splitlines(), 1):
            check(not banned.search(line), "%s:%d: %s" % (path, number, line.strip()[:100]))


def operators_documented():
    """Every operator that can be called stands in docs/operators.md, which `tickloom ops` regenerates."""
    page = read("docs/operators.md")
    names = re.findall(r"'(\w+)'", re.search(r"operators = \{(.*?)\n\}", read("src/op/meson.build"), re.S).group(1).replace("':", "':"))
    listed = subprocess.run([BUILD + "/tickloom", "ops", "--json"], capture_output=True, text=True).stdout
    import json

    for op in json.loads(listed):
        check("`%s" % op["signature"] in page, "docs/operators.md lacks %s" % op["signature"])
    check(len(names) > 60, "the operator list was not found")


def features_documented():
    """docs/features.md is what tools/features.py writes of the shipped definitions."""
    made = subprocess.run([sys.executable, "tools/features.py", BUILD + "/tickloom", "."], capture_output=True, text=True, cwd=ROOT)
    check(made.returncode == 0 and made.stdout == read("docs/features.md"), "docs/features.md is not what tools/features.py writes: %s" % made.stderr[-300:])


for test in (layers, headers, symbols, text, operators_documented, features_documented):
    test()
for failure in failures:
    print(failure)
print("house: %d failures" % len(failures))
sys.exit(1 if failures else 0)
