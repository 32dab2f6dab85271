"""Writes docs/operators.md from the binary's own table: operators.py TICKLOOM > docs/operators.md"""
import json
import subprocess
import sys

GROUPS = {
    "pointwise": "One row at a time. Missing arguments give missing, except where said.",
    "time": "Rows before and after, and parts of a time.",
    "windows": "The last n rows, this one included. A window must be full unless `min:` says how many present values suffice.",
    "recursions": "Everything of the stream so far. At a missing input the output is missing and the state is held.",
    "core": "Composed of the others in `features/lib/core.loom`, in scope everywhere.",
    "indicators": "Composed in `features/lib/indicators.loom`, in scope everywhere. Equal to TA-Lib, missing positions included.",
}
ops = json.loads(subprocess.run([sys.argv[1], "ops", "--json"], capture_output=True, text=True, check=True).stdout)
print("# Operators\n\nWritten by `tools/operators.py` from `tickloom ops --json`.\n")
for group, text in GROUPS.items():
    print("## %s\n\n%s\n\n| operator | meaning |\n|---|---|" % (group.capitalize(), text))
    for op in ops:
        if op["group"] == group:
            print("| `%s` | %s |" % (op["signature"], op["summary"]))
    print()
