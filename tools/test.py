"""Runs the tests of a build folder and closes with one line of counts: test.py BUILD [SUITE]"""
import json
import os
import subprocess
import sys


def main():
    build, suites = sys.argv[1], sys.argv[2:]
    command = ["meson", "test", "-C", build, "--print-errorlogs"]
    code = subprocess.run(command + suites).returncode
    passed = failed = skipped = 0
    with open(os.path.join(build, "meson-logs", "testlog.json"), encoding="utf-8") as log:
        for line in log:
            test = json.loads(line)
            result = test["result"]
            passed += result in ("OK", "EXPECTEDFAIL")
            skipped += result == "SKIP"
            failed += result not in ("OK", "EXPECTEDFAIL", "SKIP")
            if result == "SKIP":
                print("SKIPPED:", test["name"], "-", (test["stdout"] + test.get("stderr", "")).strip())
    print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
    return code if code or passed else 1


sys.exit(main())
