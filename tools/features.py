"""Writes docs/features.md from the shipped definitions and the table of operators: features.py TICKLOOM SOURCE_ROOT > docs/features.md"""
import json
import os
import re
import subprocess
import sys

TICKLOOM, ROOT = sys.argv[1:3]
DEFINITIONS = ("technical.loom", "technical_v2.loom", "first.loom")
WORD = re.compile(r"(?<![\w.])([A-Za-z_]\w*)(?![\w.]|\s*:)")


def run(*args):
    return subprocess.run([TICKLOOM, *args], capture_output=True, text=True, check=True).stdout


def split_comment(line):
    at = line.find("#")
    return (line, "") if at < 0 else (line[:at].rstrip(), line[at + 1:].strip())


class Definition:
    """What a .loom file says, as far as the page needs it."""

    def __init__(self, name):
        self.name, self.head, self.lets, self.defs, self.sections = name, [], {}, [], []
        path = os.path.join(ROOT, "features", name)
        begun = False
        with open(path, encoding="utf-8") as f:
            for line in f.read().splitlines():
                heading = re.fullmatch(r"# ---- (.*) ----", line)
                if heading:
                    self.sections.append((heading[1], []))
                elif line.startswith("#") and not begun:
                    self.head.append(line[1:].strip())
                else:
                    begun |= bool(line.strip())
                    self.take(*split_comment(line))
        explained = run("explain", path)
        self.warmup = dict(re.findall(r"^  (\w+) +(\d+)  node \d+  [0-9a-f]{16}$", explained, re.M))
        self.columns = re.findall(r"^  (.*)$", explained.split("columns read\n")[1].split("\n\n")[0], re.M)

    def take(self, code, comment):
        let = re.match(r"let\s+(\w+)\s*=\s*(.*)", code)
        feature = re.match(r"feature\s+(\w+)\s*=\s*(.*)", code)
        if let:
            self.lets[let[1]] = let[2]
        elif code.startswith("def "):
            self.defs.append((code[4:], comment))
        elif feature:
            if not self.sections:
                self.sections.append(("features", []))
            self.sections[-1][1].append((feature[1], feature[2], comment))
            self.lets.setdefault(feature[1], feature[2])  # later ones may use it by name

    def formula(self, text, within=()):
        """The text with every `let`, and every feature that is used by its name, put in."""
        def put(match):
            name = match[1]
            if name not in self.lets or name in within:
                return name
            inner = self.formula(self.lets[name], (*within, name))
            return inner if re.fullmatch(r"[\w.]+(\([^()]*\))?", inner) else "(%s)" % inner
        return WORD.sub(put, text)


def cell(text):
    return text.replace("|", "\\|")


def show(definition):
    print("## %s\n\n%s\n" % (definition.name, " ".join(definition.head)))
    print("Reads %s.\n" % "; ".join("`%s`" % c for c in definition.columns))
    if definition.defs:
        print("Abbreviations: %s.\n" % "; ".join("`%s`%s" % (d, ", " + c if c else "") for d, c in definition.defs))
    for heading, features in definition.sections:
        if not features:
            continue
        print("### %s\n\n| feature | formula | rows before it can have a value |\n|---|---|---|" % (heading[0].upper() + heading[1:]))
        for name, text, comment in features:
            print("| `%s` | `%s`%s | %s |" % (name, cell(definition.formula(text, (name,))), " " + comment if comment else "", definition.warmup[name]))
        print()


def used_operators(definitions, operators):
    """Those that the formulas name, with what they mean."""
    text = " ".join(t for d in definitions for t in [*d.lets.values(), *(x for x, _ in d.defs)])
    used = set(re.findall(r"(\w+)\(", text))
    return [op for op in operators if op["name"] in used]


def main():
    operators = json.loads(run("ops", "--json"))
    definitions = [Definition(name) for name in DEFINITIONS]
    print("# Features\n\nWritten by `tools/features.py` from the shipped definitions and `tickloom ops --json`.\n")
    print("Formulas are in the language of definitions ([language.md](language.md)), with every name that a definition gives put in, down to columns and "
          "operators. Where inputs are missing, the rules of the operators hold.\n")
    for definition in definitions:
        show(definition)
    print("## What the operators mean\n\n| operator | meaning |\n|---|---|")
    for op in used_operators(definitions, operators):
        print("| `%s` | %s |" % (op["signature"], cell(op["summary"])))


main()
