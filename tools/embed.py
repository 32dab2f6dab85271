"""Writes shipped .loom files as C, an array of them: embed.py ARRAY PREFIX FILE.loom ... OUT.c"""
import os
import sys

array, prefix, *inputs, out = sys.argv[1:]
with open(out, "w", encoding="utf-8") as f:
    f.write('#include "lang/definition.h"\n')
    f.write("const tl_library_file %s[] = {\n" % array)
    for path in inputs:
        with open(path, encoding="utf-8") as text:
            lines = text.read().splitlines()
        body = "\n".join('    "%s\\n"' % line.replace("\\", "\\\\").replace('"', '\\"') for line in lines)
        f.write('  {"%s%s",\n%s},\n' % (prefix, os.path.basename(path), body))
    f.write("};\nconst size_t %s_count = %d;\n" % (array, len(inputs)))
