"""Runs the tests of a build folder and closes with one line of counts: test.py BUILD [SUITE]"""
import json
import os
import subprocess
import sys


def main():
    build, suites = sys.argv[1], sys.argv[2:]
    command = ["meson", "test", "-C", build, "--print-errorlogs"]
    path = os.path.join(build, "meson-logs", "testlog.json")
    if os.path.exists(path):
        os.remove(path)  # an older run's counts would speak for this one
    code = subprocess.run(command + suites).returncode
    if not os.path.exists(path):
        return code or 1
    passed = failed = skipped = 0
    with open(path, encoding="utf-8") as log:
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
