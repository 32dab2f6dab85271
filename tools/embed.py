"""Writes the shipped .loom library as C: embed.py FILE.loom ... OUT.c"""
import os
import sys

*inputs, out = sys.argv[1:]
with open(out, "w", encoding="utf-8") as f:
    f.write('#include "lang/definition.h"\n')
    f.write("const tl_library_file tl__library[] = {\n")
    for path in inputs:
        with open(path, encoding="utf-8") as text:
            lines = text.read().splitlines()
        body = "\n".join('    "%s\\n"' % line.replace("\\", "\\\\").replace('"', '\\"') for line in lines)
        f.write('  {"lib/%s",\n%s},\n' % (os.path.basename(path), body))
    f.write("};\nconst size_t tl__library_count = %d;\n" % len(inputs))
