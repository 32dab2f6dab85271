"""End to end through the command line: cli.py TICKLOOM SOURCE_ROOT [--regenerate]

Bits must not depend on threads, tiles, instruction sets, memory, layout; bad input must be told, and harm nothing."""
import filecmp
import functools
import glob
import json
import math
import os
import random
import re
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import parquet_fixture  # noqa: E402

TICKLOOM = os.path.abspath(sys.argv[1])
ROOT = os.path.abspath(sys.argv[2])
REGENERATE = "--regenerate" in sys.argv
FIRST = os.path.join(ROOT, "features/first.loom")
DATA = os.path.join(ROOT, "../shared/data")

BARS = """stream by ticker order by date
input open, high, low, close, volume
"""
COPY = BARS + "".join("feature %s_ = %s\n" % (c, c) for c in ("open", "high", "low", "close", "volume"))
RAW = "stream by ticker order by date\n" + "".join("input %s = %s_\n" % (c, c) for c in ("open", "high", "low", "close", "volume"))


def run(*args, code=0, env=None, limit=None):
    """Runs tickloom; checks the exit code; returns standard output and standard error."""
    full = dict(os.environ, **(env or {}))
    done = subprocess.run([TICKLOOM, *map(str, args)], capture_output=True, text=True, env=full, preexec_fn=limit, timeout=300)
    assert done.returncode == code, "exit %d, expected %d: %s\n%s" % (done.returncode, code, " ".join(map(str, args)), done.stderr)
    return done.stdout, done.stderr


def isa_available(isa):
    done = subprocess.run([TICKLOOM, "version"], capture_output=True, text=True, env=dict(os.environ, TICKLOOM_ISA=isa))
    return "does not have it" not in done.stderr


def hashes(path, *args):
    return dict(line.split("\t") for line in run("hash", path, *args)[0].splitlines())


def files_below(folder):
    return sorted(os.path.relpath(p, folder) for p in glob.glob(folder + "/**", recursive=True) if os.path.isfile(p))


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix="tickloom-test-")
        cls.market = os.path.join(cls.dir, "market")
        run("generate", "daily", "--tickers", 24, "--rows", 700, "--seed", 7, "--out", cls.market)
        cls.out = os.path.join(cls.dir, "reference")
        run("features", FIRST, "--in", cls.market, "--out", cls.out, "--quiet")
        cls.reference = hashes(cls.out)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.dir, ignore_errors=True)

    def path(self, name):
        full = os.path.join(self.dir, self.id().split(".")[-1] + "-" + name)
        shutil.rmtree(full, ignore_errors=True)
        return full

    def write(self, name, text):
        path = self.path(name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def copy_market(self, name="in"):
        path = self.path(name)
        shutil.copytree(self.market, path)
        return path

    def golden(self, name, text):
        path = os.path.join(ROOT, "test/golden", name)
        if REGENERATE:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
        with open(path, encoding="utf-8") as f:
            self.assertEqual(f.read(), text, name)

    def no_strays(self, out):
        strays = [f for f in files_below(out) if ".tickloom" in f or f.startswith("_tickloom/tmp/")]
        self.assertEqual(strays, [])


class SameBits(Case):
    """The value of a feature depends on the definition and the stream's rows, on nothing else."""

    def check(self, *options, env=None):
        out = self.path("out")
        run("features", FIRST, "--in", self.market, "--out", out, "--quiet", *options, env=env)
        self.assertEqual(hashes(out), self.reference)

    def test_threads(self):
        for threads in (1, 2, 4):
            self.check("--threads", threads)

    def test_tiles(self):
        for rows in (1, 7, 33, 256):
            self.check("--tile-rows", rows)

    def test_instruction_sets(self):
        for isa in ("baseline", "avx2", "avx512"):
            if not isa_available(isa):
                continue
            self.check(env={"TICKLOOM_ISA": isa})

    def test_memory(self):
        self.check("--memory", "64MB")

    def test_encodings(self):
        for codec in ("none", "lz4", "zstd"):
            for encoding in ("plain", "split"):
                self.check("--codec", codec, "--encoding", encoding)

    def test_one_output_file(self):
        out = self.path("all.parquet")
        run("features", FIRST, "--in", self.market, "--out", out, "--quiet")
        self.assertEqual(hashes(out), self.reference)
        self.assertEqual(len(glob.glob(os.path.dirname(out) + "/.*")), 0)

    def raw_definition(self):
        with open(FIRST, encoding="utf-8") as f:
            body = f.read().split("\n", 5)
        text = RAW + "\n".join(line for line in "\n".join(body).splitlines() if not line.startswith(("stream", "input")))
        return self.write("raw.loom", text)

    def test_one_input_file(self):
        """All tickers in one file with a key column, and split by lanes and row groups differently."""
        panel, out, one = self.path("panel.parquet"), self.path("out"), self.path("one.parquet")
        run("features", self.write("copy.loom", COPY), "--in", self.market, "--out", panel, "--quiet")
        definition = self.raw_definition()
        for target in (out, one):
            run("features", definition, "--in", panel, "--out", target, "--quiet")
            self.assertEqual(hashes(target), self.reference)

    def test_hive_tree(self):
        tree, out = self.path("tree"), self.path("out")
        for f in glob.glob(self.market + "/*.parquet"):
            folder = os.path.join(tree, "ticker=" + os.path.basename(f)[:-8])
            os.makedirs(folder)
            shutil.copy(f, folder + "/data_0.parquet")
        run("features", FIRST, "--in", tree, "--out", out, "--quiet")
        self.assertEqual(hashes(out), self.reference)
        self.assertIn("ticker=SPY/data_0.parquet", files_below(out))

    def test_select_changes_no_bits(self):
        out = self.path("out")
        run("features", FIRST, "--in", self.market, "--out", out, "--quiet", "--select", "volatility_ratio,beta_spy")
        for name, value in hashes(out).items():
            self.assertEqual(value, self.reference[name])

    def test_hash_sees_a_change(self):
        other = self.path("other")
        run("features", FIRST, "--in", self.market, "--out", other, "--quiet", "--param", "fast=21")
        found = hashes(other)
        self.assertNotEqual(found["sma_fast_ratio"], self.reference["sma_fast_ratio"])
        self.assertEqual(found["volatility_5d"], self.reference["volatility_5d"])


class Labels(Case):
    def test_lead_is_late_not_early(self):
        text = BARS + "label ahead = lead(close, 5) / close - 1\nfeature c = close\nlabel smooth = mean(lead(close, 2), 3)\n"
        out = self.path("out")
        run("features", self.write("l.loom", text), "--in", self.market, "--out", out, "--quiet")
        rows = [json.loads(r) for r in run("cat", out + "/SPY.parquet", "--format", "jsonl")[0].splitlines()]
        self.assertEqual(list(rows[0]), ["ticker", "date", "c", "ahead", "smooth"])
        for i, row in enumerate(rows):
            ahead = rows[i + 5]["c"] / row["c"] - 1 if i + 5 < len(rows) else None
            self.assertEqual(row["ahead"], ahead)
            if 2 <= i < len(rows) - 2:
                self.assertAlmostEqual(row["smooth"], sum(rows[i + k]["c"] for k in (0, 1, 2)) / 3, places=9)
        self.assertIsNone(rows[1]["smooth"])
        self.assertIsNone(rows[-1]["smooth"])


    def test_nothing_lies_behind_the_end(self):
        """What turns missing into a value must not make one up where there is no row."""
        labels = ("lead(close > open, 1)", "lead(row(), 1)", "lead(count(close, 4), 1)", "lead(missing(close), 1)", "lead(lag(close, 3), 1)", "lead(5, 1)")
        text = BARS + "".join("label l%d = %s\n" % (i, call) for i, call in enumerate(labels))
        out = self.path("out")
        run("features", self.write("l.loom", text), "--in", self.market, "--out", out, "--quiet")
        rows = [json.loads(r) for r in run("cat", out + "/SPY.parquet", "--format", "jsonl")[0].splitlines()]
        self.assertEqual([rows[-1]["l%d" % i] for i in range(len(labels))], [None] * len(labels))
        self.assertNotIn(None, [rows[-2]["l%d" % i] for i in range(len(labels))])


class Sides(Case):
    def test_side_from_elsewhere(self):
        """SPY from another folder gives what SPY from this one gives."""
        here, there, out = self.copy_market("in"), self.path("spy"), self.path("out")
        os.makedirs(there)
        shutil.move(here + "/SPY.parquet", there + "/SPY.parquet")
        run("features", FIRST, "--in", here, "--side", "spy=" + there, "--out", out, "--quiet")
        run("features", FIRST, "--in", here, "--out", self.path("none"), "--quiet", code=3)
        a = run("cat", out + "/T00003.parquet", "--format", "csv")[0]
        self.assertEqual(a, run("cat", self.out + "/T00003.parquet", "--format", "csv")[0])

    def test_here_and_before(self):
        text = BARS + 'side spy from "SPY"\nside old from "SPY" before\nfeature a = here(spy.close)\nfeature b = here(old.close)\nfeature c = close\n'
        out = self.path("out")
        run("features", self.write("s.loom", text), "--in", self.market, "--out", out, "--quiet")
        rows = [json.loads(r) for r in run("cat", out + "/SPY.parquet", "--format", "jsonl")[0].splitlines()]
        for i, row in enumerate(rows):
            self.assertEqual(row["a"], row["c"])
            self.assertEqual(row["b"], rows[i - 1]["c"] if i else None)

    def test_no_overlap_is_said(self):
        """T00007 is listed in 2005; fifty days of 2004 find no row of it."""
        early, out = self.path("early"), self.path("out")
        run("generate", "daily", "--tickers", 3, "--rows", 50, "--seed", 7, "--out", early)
        definition = self.write("s.loom", BARS + 'side spy from "SPY"\nfeature x = here(spy.close)\n')
        _, err = run("features", definition, "--in", early, "--side", "spy=" + self.market + "/T00007.parquet", "--out", out, "--quiet")
        self.assertEqual(err.count("the side spy has no row at or before any row of the input"), 1)
        rows = run("cat", out + "/SPY.parquet", "--format", "jsonl")[0].splitlines()
        self.assertEqual({json.loads(r)["x"] for r in rows}, {None})

    def test_side_without_the_column(self):
        definition = self.write("s.loom", BARS + 'side spy from "SPY"\nfeature x = here(spy.later)\n')
        _, err = run("features", definition, "--in", self.market, "--out", self.path("out"), code=3)
        self.assertIn('unknown name "later"', err)


class Definitions(Case):
    """Every mistake is told with its place; nothing is created."""

    def refused(self, line, *texts, code=3):
        out = self.path("out")
        _, err = run("features", self.write("bad.loom", BARS + line + "\n"), "--in", self.market, "--out", out, code=code)
        for text in texts:
            self.assertIn(text, err)
        self.assertFalse(os.path.exists(out))

    def test_mistakes(self):
        for line, *texts in (
            ("feature a = clos / 2", ":3:13:", 'unknown name "clos"', "did you mean close?", "^~~~"),
            ("feature a = meen(close, 5)", 'unknown function "meen"', "did you mean mean?"),
            ("feature a = mean(close)", "expected mean(x, n, min:)"),
            ("feature a = mean(close, 0)", "must be at least 1"),
            ("feature a = mean(close, 2.5)", "whole number"),
            ("feature a = mean(close, 1e18)", "at most 2^31"),
            ("feature a = mean(close, 5, min: 9)", "more than the 5 rows"),
            ("feature a = mean(close, 5, max: 2)", "no option max:"),
            ("feature a = mean(close, open)", "must be known before the run"),
            ("feature a = lag(close, 30d)", "it cannot be a duration"),
            ("feature a = ema(close, 30d)", "it cannot be a duration"),
            ("feature a = mean(close, 0d)", "above 0"),
            ("feature a = max(high, low)", "greatest(a, b)"),
            ("feature a = lag(close, -1)", "look ahead"),
            ("feature a = lead(close, 1)", "looks ahead"),
            ("label l = lead(close, 1)\nfeature a = l", "label"),
            ("feature a = close and open", "needs conditions"),
            ("feature a = if(close, 1, 2)", "expected a condition"),
            ("feature a = 1 < close < 2", "not chained"),
            ("feature a = close +", "expected an expression"),
            ("feature a = (close", 'expected ")"'),
            ("feature a = close $ 2", "means nothing here"),
            ("feature a = qqq.close", 'unknown side "qqq"'),
            ("feature a = quantile(close, 5, 2)", "within 0 .. 1"),
            ("feature a = rank(close, 5, ties: odd)", "one of average min max"),
            ("feature a = ema(close)", "one of n, alpha: or halflife:"),
            ("feature close = 1", "defined already"),
            ("featur a = 1", "did you mean feature?"),
            ("feature a = b\nlet b = close", "unknown name"),
            ("param n = 99 in 1..9\nfeature a = mean(close, n)", "outside 1..9"),
            ("def mean(x) = x\nfeature a = close", "an operator already"),
            ("def f(x) = x + 1\nfeature a = f()", "the argument x is missing"),
            ("check b: finite\nfeature a = close", "names no feature"),
            ("feature a = close\ncheck a: fine", "expected finite"),
            ("let a = close", "no feature"),
            ("stop loss 2\nfeature a = close", "not available in this version"),
            ("enter long when close > 1\nfeature a = close", "a strategy needs both"),
            ("enter long when close\nexit long when close > 1", "expected a condition"),
            ("enter short when close > 1", "selling short is not available"),
            ("enter long when close > 1\nexit long when close < 1", "tickloom backtest runs it"),
            ("carry close: text", "unknown type text"),
            ("carry close", "has a type"),
            ("carry close: double\nenter long when close > 1", "not both"),
            ("carry close: double", "a pack says what it sorts by"),
            ("carry close: double, *\nsort by ticker, date\npartition by date", "tickloom pack runs it"),
            ("reset each day\nfeature a = close", "not available for features"),
            ("feature ticker = close", "is a key already"),
            ("use \"nowhere.loom\"\nfeature a = close", "no file"),
        ):
            with self.subTest(line):
                self.refused(line, *texts)

    def test_limits(self):
        for line, text in (
            ("feature a = " + "(" * 100000 + "close" + ")" * 100000, "nested more than"),
            ("feature a = " + "-" * 100000 + "close", "nested more than"),
            ("feature a = close" + " + close" * 100000, "signs in a row"),
            ("def f0(x) = x + x\n" + "".join("def f%d(x) = f%d(x) + f%d(x + %d)\n" % (i, i - 1, i - 1, i) for i in range(1, 40)) + "feature a = f39(close)", "more than"),
            ("feature " + "a" * 300 + " = close", "256"),
        ):
            with self.subTest(line[:30]):
                self.refused(line, text)

    def test_shadowing_and_use(self):
        lib = self.write("lib.loom", "input close\ndef twice(x) = 2 * x\nlet half = close / 2\n")
        text = BARS + 'use "%s"\nfeature mean = mean(close, 2)\nfeature b = twice(half) - close\n' % os.path.basename(lib)
        out = self.path("out")
        run("features", self.write("main.loom", text), "--in", self.market, "--out", out, "--quiet")
        rows = [json.loads(r) for r in run("cat", out + "/SPY.parquet", "--format", "jsonl", "--rows", "0..3")[0].splitlines()]
        self.assertEqual([r["b"] for r in rows], [0, 0, 0])

    def test_shared_nodes(self):
        text = BARS + "feature a = mean(close, 5) / stddev(close, 5)\nfeature b = stddev(close, 5) + var(close, 5) - mean(close, 5)\n"
        out = run("explain", self.write("x.loom", text))[0]
        for name in ("mean", "moments", "stddev"):
            self.assertEqual(len(re.findall(r"\b%s\(" % name, out)), 1, name)


class Looking(Case):
    """What a run says of itself beyond its features."""

    def features(self, out, *options):
        return run("features", FIRST, "--in", self.market, "--out", out, *options)[0]

    def test_profile_and_past_runs(self):
        """--profile says where the time went; `runs` compares runs of the same work."""
        out = self.path("profiled")
        record = json.loads(self.features(out, "--profile", "--json"))
        profile = record["profile"]
        self.assertEqual([f["name"] for f in profile["features"]], [f["name"] for f in record["features"]])
        for one, known in zip(profile["features"], record["features"]):
            self.assertAlmostEqual(one["exclusive_s"] + one["shared_s"], known["seconds"], places=9)
        self.assertLessEqual(profile["streams"]["min"]["seconds"], profile["streams"]["median"]["seconds"])
        self.assertLessEqual(profile["streams"]["median"]["seconds"], profile["streams"]["max"]["seconds"])
        self.assertEqual(len(profile["threads"]), record["threads"])
        self.assertTrue(0 < profile["io_share"] < 1)
        costs = [line.split()[-1] for line in self.features(out, "--profile").split("ns a row\n")[1].split("\n\n")[0].splitlines()]
        self.assertEqual(costs, sorted(costs, key=float))
        runs = json.loads(run("runs", out, "--json")[0])
        self.assertEqual([(r["rows"], r["update"]) for r in runs], [(record["rows"], False)] * 2)
        self.assertEqual(runs[1]["compared_with"], 1)
        # five like ones, then one that took ten times as long
        folder = os.path.join(out, "_tickloom/runs")
        for i in range(6):
            record.update(started_at_ns=record["started_at_ns"] + 1)
            record["time"]["wall_s"] = 50 if i == 5 else 5 + i / 10
            with open(os.path.join(folder, "%020d.json" % record["started_at_ns"]), "w", encoding="utf-8") as f:
                json.dump(record, f)
        self.assertEqual([r["wall_s"] for r in json.loads(run("runs", out, "--json")[0]) if r["regression"]], [50])
        self.assertIn("slower", run("runs", out)[0])
        run("runs", self.path("nowhere"), code=2)
        empty = self.path("empty")
        folder = os.path.join(empty, "_tickloom/runs")
        os.makedirs(folder)
        self.assertIn("no records of runs", run("runs", empty, code=2)[1])
        os.mkdir(os.path.join(folder, "odd.json"))
        self.assertIn("odd.json: cannot read", run("runs", empty, code=5)[1])

    def test_validation(self):
        """checks.json has what statistics of the output say, for all modes, threads and stretches."""
        out = self.path("validated")
        seen = {}
        for mode in ("end", "each", "skip-simple", "slow-only"):
            self.features(out, "--validate", mode, "--threads", "1" if mode == "end" else "2")
            with open(os.path.join(out, "_tickloom/checks.json"), encoding="utf-8") as f:
                seen[mode] = json.load(f)
            self.assertEqual(seen[mode]["validate"], mode)
        self.assertEqual(seen["end"]["features"], seen["each"]["features"])
        names = {mode: {f["name"] for f in s["features"]} for mode, s in seen.items()}
        self.assertTrue(names["slow-only"] < names["skip-simple"] < names["end"], names)
        stats = json.loads(run("stats", out, "--json")[0])["columns"]
        for f in seen["end"]["features"]:
            known = stats[f["name"]]
            self.assertEqual((f["missing"], f["min"], f["max"], f["infinite"]), (known["missing"], known["min"], known["max"], 0), f["name"])
            self.assertAlmostEqual(f["mean"] / known["mean"], 1, places=9, msg=f["name"])
            self.assertAlmostEqual(f["variance"] ** 0.5 / known["stddev"], 1, places=7, msg=f["name"])
        each = seen["each"]["streams"]
        self.assertEqual(len(each), len(names["end"]) * len({e["stream"] for e in each}))
        for f in seen["end"]["features"]:
            of_feature = [e for e in each if e["feature"] == f["name"]]
            self.assertEqual(sum(e["rows"] for e in of_feature), f["rows"])
            self.assertEqual(sum(int(e["hash"], 16) for e in of_feature) % 2**64, int(f["hash"], 16))
        run("features", FIRST, "--in", self.market, "--out", out, "--validate", "all", code=2)

    def test_columns_that_may_be_absent(self):
        """Said once, and a failure with --strict; floats for some features."""
        folder, out = self.path("closes"), self.path("o")
        os.mkdir(folder)
        for name in ("SPY", "A"):
            parquet_fixture.write(os.path.join(folder, name + ".parquet"), [("date", "date", list(range(300))), ("close", "double", [10 + i % 7 for i in range(300)])])
        definition = os.path.join(ROOT, "features/technical.loom")
        _, err = run("features", definition, "--in", folder, "--out", out, "--quiet", "--float32=rsi14,price")
        self.assertEqual(err.count("no file has a column"), 4)
        columns = {c["name"]: c for c in json.loads(run("inspect", out, "--json")[0])["schema"]}
        self.assertEqual((columns["rsi14"]["type"], columns["price"]["type"], columns["roc10"]["type"]), ("float", "float", "double"))
        self.assertIn("--strict", run("features", definition, "--in", folder, "--out", self.path("p"), "--quiet", "--strict", code=3)[1])
        run("features", definition, "--in", folder, "--out", self.path("p"), "--float32=rsi", code=2)


class BadInput(Case):
    def some(self, name="in", count=3):
        """A market of a few tickers and SPY."""
        path = self.path(name)
        os.makedirs(path)
        for ticker in ["SPY"] + ["T%05d" % i for i in range(1, count)]:
            shutil.copy(os.path.join(self.market, ticker + ".parquet"), path)
        return path

    def test_bad_file_harms_no_other(self):
        garbage = {"empty": b"", "text": b"hello, this is no Parquet file\n" * 9, "zeros": bytes(500), "magic": b"PAR1" + bytes(100) + b"PAR1"}
        for name, content in garbage.items():
            with self.subTest(name):
                folder, out = self.some(name), self.path("out-" + name)
                with open(folder + "/BAD.parquet", "wb") as f:
                    f.write(content)
                _, err = run("features", FIRST, "--in", folder, "--out", out, "--quiet", code=1)
                self.assertIn("BAD.parquet", err)
                self.assertEqual([f for f in files_below(out) if not f.startswith("_")], ["SPY.parquet", "T00001.parquet", "T00002.parquet"])
                self.no_strays(out)

    def test_truncated_and_flipped(self):
        folder, out = self.some(), self.path("out")
        with open(folder + "/T00001.parquet", "rb") as f:
            whole = f.read()
        spoiled = [whole[:n] for n in range(0, len(whole), max(1, len(whole) // 40))]
        for place in range(0, len(whole), max(1, len(whole) // 40)):
            spoiled.append(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1:])
        refused = 0
        for content in spoiled:
            with open(folder + "/T00001.parquet", "wb") as f:
                f.write(content)
            done = subprocess.run([TICKLOOM, "features", FIRST, "--in", folder, "--out", out, "--quiet"], capture_output=True, text=True)
            self.assertIn(done.returncode, (0, 1), done.stderr)
            refused += done.returncode
            if done.returncode:
                self.assertIn("T00001", done.stderr)
            self.assertIn("T00002.parquet", files_below(out))
            self.no_strays(out)
        self.assertGreater(refused, len(spoiled) * 3 // 4)

    def test_pipe(self):
        """A pipe in a folder is named, not waited for."""
        folder, out = self.some(), self.path("out")
        os.mkfifo(folder + "/PIPE.parquet")
        _, err = run("features", FIRST, "--in", folder, "--out", out, "--quiet", code=1)
        self.assertIn("PIPE.parquet: a pipe or device, not a file", err)
        run("cat", folder + "/PIPE.parquet", code=4)
        pipe, good = folder + "/PIPE.parquet", folder + "/SPY.parquet"
        for command in (["rewrite", good, pipe, "--force"], ["features", FIRST, "--in", good, "--out", pipe, "--quiet"]):
            self.assertIn("a pipe or device", run(*command, code=2)[1])
        run("import", "csv", pipe, self.path("x.parquet"), code=4)

    def test_all_bad(self):
        folder, out = self.path("in"), self.path("out")
        os.makedirs(folder)
        with open(folder + "/A.parquet", "wb") as f:
            f.write(b"nothing")
        _, err = run("features", FIRST, "--in", folder, "--out", out, code=4)
        self.assertIn("A.parquet", err)
        self.assertFalse(os.path.exists(out))

    def test_usage(self):
        out = self.path("out")
        empty = self.path("empty")
        os.makedirs(empty)
        for args in (
            ["--in", self.market],
            ["--in", self.market + "/nowhere", "--out", out],
            ["--in", empty, "--out", out],
            ["--in", self.market, "--out", out, "--threads", "0"],
            ["--in", self.market, "--out", out, "--memory", "lots"],
            ["--in", self.market, "--out", out, "--select", "volatility_5"],
            ["--in", self.market, "--out", out, "--param", "fst=3"],
            ["--in", self.market, "--out", out, "--param", "fast"],
            ["--in", self.market, "--out", out, "--side", "qqq=" + self.market],
            ["--in", self.market, "--out", out, "--key", "nokey=symbol"],
            ["--in", self.market, "--out", out, "--on-duplicate", "both"],
            ["--in", self.market, "--out", out, "--colour"],
            ["--in", self.market, "--out", self.market],
            ["--in", self.out, "--out", self.out],
            ["--in", self.market, "--out", out, "--key", "ticker=symbl"],
            ["--in", self.market, "--out", self.out + "/x.parquet"],
            ["--in", self.market, "--out", out, "--param", "fast=100"],
        ):
            with self.subTest(args):
                before = files_below(self.market)
                _, err = run("features", FIRST, *args, code=2)
                self.assertGreater(len(err), 10)
                self.assertFalse(os.path.exists(out))
                self.assertEqual(files_below(self.market), before)
        run("features", "nowhere.loom", "--in", self.market, "--out", out, code=2)
        run("features", FIRST, "--in", self.market, "--out", out, code=2, env={"TICKLOOM_ISA": "mmx"})
        run("nothing", code=2)
        run(code=2)

    def test_wrong_columns(self):
        out = self.path("out")
        for line, text in (("input bid\nfeature a = bid", "no file of"), ("input bid?\nfeature a = bid + close", None)):
            definition = self.write("d.loom", BARS + line + "\n")
            _, err = run("features", definition, "--in", self.market, "--out", out, code=3 if text else 0)
            self.assertIn(text or "column bid", err)
        with open(self.write("order.loom", BARS.replace("date", "day") + "feature a = close\n")) as f:
            _, err = run("features", f.name, "--in", self.market, "--out", self.path("o2"), code=3)
            self.assertIn("order key day", err)
            run("features", f.name, "--in", self.market, "--out", self.path("o3"), "--key", "day=date", "--quiet")

    def with_day(self, day):
        """A market of three tickers with a second date column, made from the first."""
        text = COPY + "feature day = %s\n" % day
        out = self.path("day")
        run("features", self.write("day.loom", text), "--in", self.some(), "--out", out, "--quiet")
        return out, self.write("by-day.loom", RAW.replace("date", "day") + "feature s = sum(close, 2)\n")

    def test_unsorted(self):
        folder, definition = self.with_day("if(row() == 5, lag(date, 3), date)")
        _, err = run("features", definition, "--in", folder, "--out", self.path("no"), code=4)
        self.assertIn("SPY.parquet, row 5: day 2004-01-06 comes after 2004-01-08: the rows are not sorted", err)
        self.assertIn("3 failed", err)

    def test_missing_order_key(self):
        folder, definition = self.with_day("lag(date, 1)")
        _, err = run("features", definition, "--in", folder, "--out", self.path("no"), code=4)
        self.assertIn("SPY.parquet, row 0: day is missing", err)

    def test_duplicates(self):
        folder, definition = self.with_day('if(row() == 5 and close > 90, lag(date, 1), date)')
        no, first, last = self.path("no"), self.path("first"), self.path("last")
        _, err = run("features", definition, "--in", folder, "--out", no, code=1)
        self.assertIn("SPY.parquet, row 5: day 2004-01-08 repeats 2004-01-08; --on-duplicate first or last keeps one row", err)
        self.assertEqual([f for f in files_below(no) if "SPY" in f], [])
        for keep, out, row in (("first", first, 4), ("last", last, 5)):
            run("features", definition, "--in", folder, "--out", out, "--quiet", "--on-duplicate", keep)
            rows = [json.loads(r) for r in run("cat", out + "/SPY.parquet", "--format", "jsonl", "--rows", "3..5")[0].splitlines()]
            close = [json.loads(r)["close_"] for r in run("cat", folder + "/SPY.parquet", "--format", "jsonl", "--rows", "0..6")[0].splitlines()]
            self.assertEqual(rows[1], {"ticker": "SPY", "day": "2004-01-08", "s": close[3] + close[row]})

    def test_resources(self):
        out = self.path("out")
        _, err = run("features", FIRST, "--in", self.market, "--out", out, "--memory", "15MB", code=5)
        self.assertIn("--memory", err)
        window = self.write("w.loom", BARS + "feature a = median(close, 2000000000)\n")
        run("features", window, "--in", self.market, "--out", out, "--quiet")  # no stream is that long

        def small_files():
            resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))

        done = subprocess.run([TICKLOOM, "features", FIRST, "--in", self.market, "--out", self.path("full"), "--quiet"], capture_output=True, text=True, preexec_fn=small_files)
        self.assertEqual(done.returncode, 5, done.stderr)
        self.assertIn("File too large", done.stderr)
        self.no_strays(self.path("full"))


    def test_beyond_the_stream(self):
        """Windows and labels that reach beyond both ends of every stream."""
        text = BARS + "feature a = mean(close, 5)\nfeature b = mean(close, 5000, min: 1)\nfeature c = lag(close, 6000)\nlabel far = lead(close, 5000) / close\nlabel near = lead(close, 1)\n"
        out, near = self.path("out"), self.path("near")
        record = json.loads(run("features", self.write("far.loom", text), "--in", self.market, "--out", out, "--json")[0])
        missing = {f["name"]: f["missing_by"] for f in record["features"]}
        self.assertEqual(missing["far"], {"window": record["rows"], "input": 0, "domain": 0})
        self.assertEqual(missing["c"], missing["far"])
        self.assertEqual(missing["near"], {"window": 24, "input": 0, "domain": 0})
        run("features", self.write("near.loom", text.replace("label far = lead(close, 5000) / close\n", "")), "--in", self.market, "--out", near, "--quiet")
        ours = hashes(out)
        del ours["far"]
        self.assertEqual(hashes(near), ours)

    def test_reasons(self):
        """Missing values by reason: the window is not full, an input in reach is missing, no number comes of it."""
        folder = self.some()
        copy = self.path("copy")
        definition = BARS + "feature open_ = open\nfeature high_ = high\nfeature low_ = low\nfeature volume_ = volume\nfeature close_ = if(row() == 300, na, close)\n"
        run("features", self.write("copy.loom", definition), "--in", folder, "--out", copy, "--quiet")
        text = RAW + "feature a = mean(close, 10)\nfeature b = log(close - 1e9)\nfeature c = lag(close, 3)\n"
        out = self.path("out")
        record = json.loads(run("features", self.write("r.loom", text), "--in", copy, "--out", out, "--json")[0])
        found = {f["name"]: f["missing_by"] for f in record["features"]}
        long_ones = sum(len(run("cat", f, "--format", "csv", "--columns", "date")[0].splitlines()) - 1 > 320 for f in glob.glob(folder + "/*.parquet"))
        self.assertEqual(found["a"], {"window": 9 * record["streams"], "input": 10 * long_ones, "domain": 0})
        self.assertEqual(found["c"], {"window": 3 * record["streams"], "input": long_ones, "domain": 0})
        self.assertEqual(found["b"], {"window": 0, "input": long_ones, "domain": record["rows"] - long_ones})


class Outputs(Case):
    def test_rerun_replaces(self):
        folder, out = self.copy_market(), self.path("out")
        run("features", FIRST, "--in", folder, "--out", out, "--quiet")
        os.remove(folder + "/T00005.parquet")
        with open(out + "/mine.txt", "w") as f:
            f.write("a stranger's file")
        run("features", FIRST, "--in", folder, "--out", out, "--quiet")
        found = files_below(out)
        self.assertNotIn("T00005.parquet", found)
        self.assertIn("T00004.parquet", found)
        self.assertIn("mine.txt", found)
        with open(out + "/_tickloom/manifest.json") as f:
            manifest = json.load(f)
        self.assertEqual(len(manifest["files"]), 23)
        self.assertEqual(len(glob.glob(out + "/_tickloom/runs/*.json")), 2)

    def test_output_below_the_input(self):
        folder = self.copy_market()
        run("features", FIRST, "--in", folder, "--out", folder + "/features", "--quiet")
        again = self.path("again")
        run("features", FIRST, "--in", folder, "--out", again, "--quiet")
        self.assertEqual(hashes(again), self.reference)

    def test_generate_spares_what_is_not_ours(self):
        folder = self.path("mine")
        os.makedirs(folder)
        with open(folder + "/SPY.parquet", "w") as f:
            f.write("precious")
        run("generate", "daily", "--tickers", 2, "--rows", 5, "--out", folder, code=2)
        self.assertEqual(files_below(folder), ["SPY.parquet"])

    def test_not_ours(self):
        out = self.path("out")
        os.makedirs(out)
        with open(out + "/thesis.txt", "w") as f:
            f.write("precious")
        _, err = run("features", FIRST, "--in", self.market, "--out", out, code=2)
        self.assertIn("not written by tickloom", err)
        self.assertEqual(files_below(out), ["thesis.txt"])

    def test_record(self):
        out = self.path("out")
        record = json.loads(run("features", FIRST, "--in", self.market, "--out", out, "--json")[0])
        self.assertEqual(record["exit_code"], 0)
        self.assertEqual(record["streams"], 24)
        self.assertEqual(len(record["features"]), 21)
        beta = [f for f in record["features"] if f["name"] == "beta_spy"][0]
        self.assertEqual(beta["first_valid_row"], 252)
        self.assertEqual(beta["warmup"], 252)
        for key in ("rows", "time", "tasks", "memory", "failures", "checks", "bytes_read"):
            self.assertIn(key, record)
        self.assertLess(record["memory"]["peak_resident"], 256e6)

    def test_checks(self):
        text = BARS + "feature a = close\nfeature b = 0 * close\nfeature c = log(close - 50)\ncheck a: between 0 and 1\ncheck b: not constant\ncheck c: finite\ncheck a: increasing, missing < 1%\n"
        definition, out = self.write("c.loom", text), self.path("out")
        _, err = run("features", definition, "--in", self.market, "--out", out, "--quiet")
        for part in ("check a: between 0 and 1 failed in 24 of 24", "check b: not constant failed in 24", "check c: finite failed", "check a: increasing failed"):
            self.assertIn(part, err)
        self.assertNotIn("missing < 1%", err)
        run("features", definition, "--in", self.market, "--out", self.path("strict"), "--strict", "--quiet", code=4)

    def test_types(self):
        text = BARS + "feature up = close > open\nfeature d = date(date)\nfeature w = weekday(date)\nfeature l = lag(date, 1)\nfeature n = row()\n"
        out = self.path("out")
        run("features", self.write("t.loom", text), "--in", self.market, "--out", out, "--quiet")
        rows = [json.loads(r) for r in run("cat", out + "/SPY.parquet", "--format", "jsonl", "--rows", "0..2")[0].splitlines()]
        self.assertEqual(rows[1], {"ticker": "SPY", "date": "2004-01-05", "up": rows[1]["up"], "d": "2004-01-05", "w": 1.0, "l": "2004-01-02", "n": 1.0})
        self.assertIs(type(rows[1]["up"]), bool)


class Check(Case):
    """tickloom check finds what is wrong, and nothing else."""

    def found(self, path, *args):
        text, _ = run("check", path, "--json", *args, code=4)
        report = json.loads(text)
        self.assertFalse(report["ok"])
        return [(f["kind"], f.get("file")) for f in report["findings"]], text

    def test_nothing_wrong(self):
        for args in ([self.out], [self.market, "--by", "ticker,date"], [self.market + "/SPY.parquet"]):
            report = json.loads(run("check", *args, "--json")[0])
            self.assertTrue(report["ok"], report)
            self.assertGreater(report["rows"], 0)
        self.assertIn("nothing is wrong", run("check", self.out)[0])
        self.assertEqual(json.loads(run("check", self.out, "--json")[0])["by"], "ticker,date")

    def test_manifest(self):
        out = self.path("out")
        shutil.copytree(self.out, out)
        os.remove(out + "/T00001.parquet")
        shutil.copy(out + "/T00002.parquet", out + "/stray.parquet")
        shutil.copy(out + "/T00004.parquet", out + "/T00003.parquet")
        kinds, text = self.found(out)
        self.assertIn(("manifest", "T00001.parquet"), kinds)
        self.assertIn(("manifest", "stray.parquet"), kinds)
        self.assertIn(("overlap", "T00004.parquet"), kinds)
        self.assertIn("not in the manifest", text)

    def test_damage(self):
        """Every flipped byte of the pages is found by a CRC or by what it decodes to, and the footer's by itself or by the values."""
        path = self.path("x.parquet")
        with open(self.out + "/SPY.parquet", "rb") as f:
            whole = f.read()
        for at in range(8, len(whole) // 2, len(whole) // 40):
            with open(path, "wb") as f:
                f.write(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
            kinds, _ = self.found(path)
            self.assertIn(kinds[0][0], ("unreadable", "statistics", "order"))
        with open(path, "wb") as f:
            f.write(whole[: len(whole) // 2])
        self.assertEqual(self.found(path)[0], [("unreadable", os.path.basename(path))])

    def test_statistics(self):
        """A footer has no CRC: what it says of a column is compared with the values."""
        path = self.path("x.parquet")
        with open(self.out + "/SPY.parquet", "rb") as f:
            whole = f.read()
        footer = len(whole) - 8 - struct.unpack("<I", whole[-8:-4])[0]
        values = [json.loads(line)["daily_return"] for line in run("cat", self.out + "/SPY.parquet", "--format", "jsonl")[0].splitlines()]
        for bound, wrong in ((max(v for v in values if v is not None), 0.0), (min(v for v in values if v is not None), 0.0)):
            at = whole.index(struct.pack("<d", bound), footer)
            with open(path, "wb") as f:
                f.write(whole[:at] + struct.pack("<d", wrong) + whole[at + 8 :])
            text = self.found(path)[1]
            findings = json.loads(text)["findings"]
            self.assertEqual([f["kind"] for f in findings], ["statistics"])
            self.assertIn("column daily_return, row group 0", findings[0]["reason"])
            beyond = [i for i, v in enumerate(values) if v is not None and (v > wrong if bound > 0 else v < wrong)]
            self.assertEqual(findings[0]["row"], beyond[0])

    def test_order(self):
        text = COPY + "feature day = if(row() == 5, lag(date, 3), if(row() == 9, lag(date, 1), date))\n"
        out = self.path("out")
        run("features", self.write("day.loom", text), "--in", self.market + "/SPY.parquet", "--out", out, "--quiet")
        _, text = self.found(out + "/SPY.parquet", "--by", "ticker,day")
        report = json.loads(text)
        self.assertEqual([(f["kind"], f["row"]) for f in report["findings"]], [("order", 5), ("duplicate", 9)])
        self.assertEqual(self.found(out + "/SPY.parquet", "--by", "ticker,nothing")[0][0][0], "key")
        run("check", out + "/SPY.parquet", "--by", "ticker,close_", code=2)
        run("check", out + "/nowhere", code=2)

    def test_unfinished(self):
        out, folder = self.path("out"), self.copy_market()
        with open(folder + "/T00003.parquet", "wb") as f:
            f.write(b"PAR1 nothing PAR1")
        run("features", FIRST, "--in", folder, "--out", out, "--quiet", code=1)
        self.assertEqual(self.found(out)[0], [("unfinished", None)])


class Tables(Case):
    """Commands over Parquet: rewrite, stats, conditions, slices; the same bits whatever the threads, processor, order and layout."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        rng = random.Random(5)
        rows = []
        for i in range(30000):
            price = "" if rng.random() < 0.05 else "%.2f" % (100 + rng.gauss(0, 30))
            if i in (17, 20000):
                price = ("NaN", "inf")[i == 17]
            rows.append("%s,%d,%s,%d,%s" % (rng.choice("ABCDE") * 3, 1700000000000000000 + i * 10**9, price, rng.randrange(10**17, 10**18), rng.choice(("true", "false", ""))))
        cls.csv = os.path.join(cls.dir, "rows.csv")
        with open(cls.csv, "w") as f:
            f.write("name,ts,price,size,flag\n" + "\n".join(rows) + "\n")
        cls.rows = [r.split(",") for r in rows]
        cls.file = os.path.join(cls.dir, "rows.parquet")
        run("import", "csv", cls.csv, cls.file, "--row-group", 7000)

    def stats(self, path, *options, **env):
        return json.loads(run("stats", path, "--json", *options, **env)[0])

    def test_totals_are_exact(self):
        got = self.stats(self.file)
        self.assertEqual(got["rows"], 30000)
        prices = [float(r[2]) for r in self.rows if r[2] not in ("", "NaN", "inf")]
        price = got["columns"]["price"]
        self.assertEqual(price["sum"], math.fsum(prices))
        self.assertEqual((price["missing"], price["nonfinite"]), (sum(r[2] == "" for r in self.rows), 2))
        self.assertEqual((price["min"], price["max"]), (min(prices), max(prices)))
        self.assertEqual(price["distinct"], len(set(prices)))
        self.assertEqual(got["columns"]["size"]["sum"], sum(int(r[3]) for r in self.rows))
        self.assertEqual(got["columns"]["ts"]["sum"], sum(int(r[1]) for r in self.rows))
        self.assertGreater(got["columns"]["ts"]["sum"], 2**64)
        self.assertIsNone(got["columns"]["name"]["sum"])
        self.assertEqual(got["columns"]["name"]["distinct"], 5)
        mean = math.fsum(prices) / len(prices)
        self.assertAlmostEqual(price["stddev"], math.sqrt(math.fsum((p - mean) ** 2 for p in prices) / (len(prices) - 1)), delta=1e-12)
        self.assertEqual(list(self.stats(self.file, "--only", "sum,rows", "--columns", "price,`price`")["columns"]), ["price"])
        run("stats", self.file, "--only", "median", code=2)

    def test_totals_have_the_same_bits(self):
        reference = run("stats", self.file, "--json", "--threads", 1)[0]
        sorted_file = self.path("sorted.parquet")
        run("rewrite", self.file, sorted_file, "--sort", "-price,name", "--profile", "fast", "--row-group", 999, "--force")
        for path in (self.file, sorted_file):
            for threads in (1, 2, 5):
                self.assertEqual(run("stats", path, "--json", "--threads", threads)[0], reference)
            for isa in ("baseline", "avx2"):
                if isa_available(isa):
                    self.assertEqual(run("stats", path, "--json", env={"TICKLOOM_ISA": isa})[0], reference)
            self.assertEqual(run("stats", path, "--json", "--where", "missing(price) or not missing(price)")[0], reference)
            self.assertEqual(run("stats", path, "--json", "--memory-map-threshold-mb", 1)[0], reference)

    def test_rewriting_keeps_every_row(self):
        for profile in ("compact", "fast"):
            out = self.path(profile + ".parquet")
            run("rewrite", self.file, out, "--profile", profile)
            self.assertEqual(run("hash", out)[0], run("hash", self.file)[0])
            self.assertEqual(run("cat", out, "--format", "csv")[0], run("cat", self.file, "--format", "csv")[0])
            run("rewrite", self.file, out, code=2)
            run("check", out)
        out = self.path("same.parquet")
        run("rewrite", self.file, out)
        run("rewrite", out, out, "--force")
        self.assertEqual(run("hash", out)[0], run("hash", self.file)[0])

    def test_sorting_is_stable_and_bounded(self):
        once, often = self.path("once.parquet"), self.path("often.parquet")
        run("rewrite", self.file, once, "--sort", "name,-price")
        run("rewrite", self.file, often, "--sort", "name,-price", "--memory", "8MB")
        with open(once, "rb") as a, open(often, "rb") as b:
            self.assertEqual(a.read(), b.read())
        self.assertEqual(glob.glob(often + "*"), [often])

        def key(r):  # NaN is behind all numbers, so first where it descends; missing ones are last
            value = float(r[2]) if r[2] else 0.0
            return r[0], r[2] == "", 0 if r[2] == "NaN" else 1, 0 if r[2] == "NaN" else -value

        expected = sorted(self.rows, key=key)
        got = [line.split(",") for line in run("cat", once, "--format", "csv", "--columns", "name,ts")[0].split("\n")[1:-1]]
        self.assertEqual(got, [[r[0], r[1]] for r in expected])
        run("rewrite", self.file, once, "--sort", "nome", "--force", code=2)

    def test_conditions_select_rows(self):
        everything = [json.loads(line) for line in run("cat", self.file, "--format", "jsonl")[0].splitlines()]
        conditions = {
            "price > 120.5": lambda r: number(r) is not None and number(r) > 120.5,
            "name in ('AAA', 'EEE') and size < 500000000000000000": lambda r: r["name"] in ("AAA", "EEE") and r["size"] < 500000000000000000,
            "ts between 1700000100000000000 and 1700000200000000000": lambda r: 1700000100000000000 <= r["ts"] <= 1700000200000000000,
            "not (price > 100)": lambda r: not (number(r) is not None and number(r) > 100),
            "flag": lambda r: r["flag"] is True,
            "name == 'none such'": lambda r: False,
        }

        def number(r):
            return {"NaN": math.nan, "Infinity": math.inf}.get(r["price"], r["price"])

        for where, holds in conditions.items():
            expected = [r for r in everything if holds(r)]
            for threads in (1, 2):
                out = run("cat", self.file, "--format", "jsonl", "--where", where, "--threads", threads)[0]
                self.assertEqual([json.loads(line) for line in out.splitlines()], expected, where)
            out = run("cat", self.file, "--format", "jsonl", "--where", where, "--rows", "3..10", "--columns", "ts")[0]
            self.assertEqual([json.loads(line) for line in out.splitlines()], [{"ts": r["ts"]} for r in expected[3:10]], where)
            self.assertEqual(self.stats(self.file, "--where", where, "--only", "rows")["rows"], len(expected), where)
            selected = self.path("selected.parquet")
            run("rewrite", self.file, selected, "--where", where, "--force")
            self.assertEqual([json.loads(line) for line in run("cat", selected, "--format", "jsonl")[0].splitlines()], expected, where)
        for bad in ("price >", "prize > 1", "name > 5", "ts > 'yesterday'", "1 < price < 2"):
            self.assertIn("tickloom", run("cat", self.file, "--where", bad, code=2)[1])

    def test_slices_are_of_the_whole(self):
        lines = run("cat", self.file, "--format", "csv")[0].split("\n")
        for first, end in ((0, 1), (6999, 7001), (12345, 12400), (29999, 40000), (40000, 50000)):
            self.assertEqual(run("cat", self.file, "--format", "csv", "--rows", "%d..%d" % (first, end))[0].split("\n")[1:-1], lines[1:-1][first:end])


class Import(Case):
    def csv(self, name, text):
        path = self.path(name)
        with open(path, "w", newline="") as f:
            f.write(text)
        return path

    def test_csv_becomes_parquet(self):
        source = self.csv("a.csv", 'ticker,date,close\nAAPL,2024-01-02,1.50\n"B,""x",2024-01-03,\n"",2024-01-04,1.00\n')
        out = self.path("a.parquet")
        said = json.loads(run("import", "csv", source, out, "--schema", "close:decimal(12, 2)", "--json")[0])
        self.assertEqual([(c["name"], c["type"]) for c in said["columns"]], [("ticker", "string"), ("date", "date"), ("close", "decimal(12, 2)")])
        self.assertEqual(said["rows"], 3)
        self.assertEqual(run("cat", out, "--format", "csv")[0], 'ticker,date,close\nAAPL,2024-01-02,1.50\n"B,""x",2024-01-03,\n"",2024-01-04,1.00\n')
        run("import", "csv", source, out, code=2)
        run("import", "csv", source, source, "--force", code=2)
        self.assertIn("3 rows of 1 file", run("import", "csv", source, out, "--force")[0])

    def test_bad_csv_leaves_nothing(self):
        source = self.csv("b.csv", "a,b\n1,2\n" * 1 + "3,4\n" * 20000 + "x,5\n")
        out = self.path("b.parquet")
        said = run("import", "csv", source, out, code=4)[1]
        self.assertIn("line 20003, column a: 'x' is no int64", said)
        self.assertIn("--schema 'a:string'", said)
        self.assertEqual(glob.glob(out + "*"), [])
        run("import", "csv", source, out, "--schema", "a:string", "--profile", "fast", "--row-group", 4096)
        run("import", "csv", source, out, "--delimiter", "ab", code=2)
        run("import", "csv", source, out, "--profile", "slow", code=2)
        run("import", "parquet", source, out, code=2)

    def test_folders_and_tabs(self):
        folder = self.path("folder")
        os.makedirs(folder)
        for name, text in (("b.csv", "2.5\tx\n"), ("a.csv", "1\t\n")):
            with open(os.path.join(folder, name), "w") as f:
                f.write(text)
        out = self.path("f.parquet")
        run("import", "csv", folder, out, "--no-header", "--delimiter", "tab")
        self.assertEqual(run("cat", out, "--format", "csv")[0], "column1,column2\n1.0,\n2.5,x\n")


class Inspect(Case):
    """tickloom inspect says what a file holds, and what is wrong with it does not hide the rest."""

    def look(self, path, *args, code=0):
        text, err = run("inspect", path, "--json", *args, code=code)
        return json.loads(text), err

    def ticks(self, **style):
        path = self.path("ticks.parquet")
        days = [i // 3 for i in range(20)]
        prices = [None if i % 7 == 3 else i / 4 for i in range(20)]
        parquet_fixture.write(path, [("day", "date", days), ("symbol", "string", ["AB"[i % 2] for i in range(20)]), ("price", "double", prices)], **style)
        return path

    def check_sums(self, report, size):
        """Chunks are in the file once, pages in their chunks, rows in their pages."""
        self.assertEqual(report["bytes"], size)
        self.assertEqual(report["problems"], [])
        self.assertEqual(sum(g["rows"] for g in report["row_groups"]), report["rows"])
        chunks = [c for g in report["row_groups"] for c in g["columns"]]
        stored = sum(c["compressed_bytes"] for c in chunks)
        self.assertEqual(sum(c["compressed_bytes"] for c in report["columns"]), stored)
        self.assertLess(stored, size - report["footer_bytes"])
        self.assertGreater(stored + report["footer_bytes"] + sum(c["index_bytes"] + c["bloom_filter_bytes"] for c in report["columns"]) + 200, size * 0.99)
        for group in report["row_groups"]:
            for chunk in group["columns"]:
                pages = chunk["pages"]
                self.assertEqual(sum(p["header_size"] + p["compressed_size"] for p in pages), chunk["compressed_bytes"])
                data = [p for p in pages if p["type"] in ("v1", "v2")]
                self.assertEqual(sum(p["values"] for p in data), group["rows"])
                self.assertEqual([p["first_row"] for p in data], [sum(q["rows"] for q in data[:i]) for i in range(len(data))])

    def test_sums(self):
        sorted_, fast = self.path("sorted.parquet"), self.path("fast.parquet")
        run("rewrite", self.out, sorted_, "--sort", "ticker,date", "--row-group", 3000)
        run("rewrite", self.out, fast, "--profile", "fast")
        for path in (sorted_, fast):
            report, _ = self.look(path, "--pages")
            self.check_sums(report, os.path.getsize(path))
            pages = [p for g in report["row_groups"] for c in g["columns"] for p in c["pages"]]
            self.assertEqual({p["crc"] for p in pages}, {True})
            self.assertEqual({c["name"]: c["data_pages"] for c in report["columns"]}, {c["name"]: sum(len([p for p in k["pages"] if p["type"] != "dictionary"]) for g in report["row_groups"] for k in g["columns"] if k["name"] == c["name"]) for c in report["columns"]})
            ticker = [c for c in report["columns"] if c["name"] == "ticker"][0]
            self.assertEqual((ticker["min"], ticker["max"], ticker["nulls"]), ("SPY", "T00023", 0))
            for group in report["row_groups"]:
                for chunk in group["columns"]:
                    self.assertIsNotNone(chunk["column_index"])
                    bounds = [p for p in chunk["pages"] if p["type"] != "dictionary"]
                    if chunk["name"] == "date":
                        self.assertEqual((min(p["min"] for p in bounds), max(p["max"] for p in bounds)), (chunk["min"], chunk["max"]))
        self.assertEqual(self.look(sorted_)[0]["order"]["claimed"], [{"column": c, "descending": False, "nulls_first": False} for c in ("ticker", "date")])
        self.assertIs(self.look(sorted_)[0]["order"]["verified"], True)
        self.assertIn("sorted by ticker, date: verified, over all row groups", run("inspect", sorted_)[0])

    def test_columns(self):
        path = self.ticks(group_rows=6)
        report, _ = self.look(path, "--columns", "price,day")
        self.assertEqual([c["name"] for c in report["columns"]], ["day", "price"])
        self.assertEqual({len(g["columns"]) for g in report["row_groups"]}, {2})
        _, err = run("inspect", path, "--columns", "prize", code=2)
        self.assertIn("did you mean price?", err)
        run("inspect", self.market, "--pages", code=2)
        run("inspect", code=2)
        run("inspect", path + "-not", code=2)

    def test_order(self):
        """Claims are believed only after the rows were read; what nobody claims is found."""
        cases = (
            ([1, 2, 2, None], (0, False, False), True, None),
            ([None, None, 3, 2, 2], (0, True, True), True, None),
            ([1, None, 2], (0, False, False), False, 2),
            ([1, 2, None], (0, False, True), False, 2),
            ([5, 4, 4, 6], (0, True, False), False, 3),
        )
        for values, claim, verified, row in cases:
            with self.subTest(values):
                path = self.path("sorted.parquet")
                parquet_fixture.write(path, [("k", "int64", values), ("v", "int64", list(range(len(values))))], sorting=[claim, (1, False, False)], page_rows=2)
                order = self.look(path)[0]["order"]
                self.assertEqual((order["verified"], order["broken_row"]), (verified, row))
                self.assertEqual(self.look(path, "--no-verify")[0]["order"]["verified"], None)
                self.assertIn("verified" if verified else "BROKEN, first at row %d" % (row or 0), run("inspect", path)[0])

    def test_order_of_row_groups(self):
        """The claim is one within each row group; rows of 40000 come in several batches."""
        path = self.path("groups.parquet")
        values = list(range(40000)) + list(range(40000))
        parquet_fixture.write(path, [("k", "int64", values)], group_rows=40000, sorting=[(0, False, False)])
        order = self.look(path)[0]["order"]
        self.assertEqual((order["verified"], order["across_row_groups"]), (True, False))
        for row in (8192, 16384, 20000, 32768):  # also where one batch ends and the next begins
            broken = values[:row] + [0] + values[row + 1 :]
            parquet_fixture.write(path, [("k", "int64", broken)], group_rows=40000, sorting=[(0, False, False)])
            self.assertEqual(self.look(path)[0]["order"]["broken_row"], row)
            parquet_fixture.write(path, [("k", "int64", broken[:40000])])
            self.assertEqual(self.look(path)[0]["order"]["ascending"], [])

    def test_order_that_nobody_claims(self):
        path = self.path("free.parquet")
        times = [i * 1000 for i in range(30000)]
        columns = [("id", "int64", [i // 2 for i in range(30000)]), ("at", "timestamp_us", times), ("x", "int64", times)]
        parquet_fixture.write(path, columns, group_rows=7000)
        self.assertEqual(self.look(path)[0]["order"]["ascending"], [{"column": "id", "strict": False, "constant": False}, {"column": "at", "strict": True, "constant": False}])
        self.assertIn("at: ascending, no value twice (not claimed)", run("inspect", path)[0])
        self.assertEqual(self.look(path, "--no-verify")[0]["order"]["ascending"], [])
        times[29999] = 0
        parquet_fixture.write(path, columns, group_rows=7000)
        self.assertEqual([c["column"] for c in self.look(path)[0]["order"]["ascending"]], ["id"])

    def test_damage(self):
        """A page that is damaged is named; everything else is told."""
        path = self.ticks(group_rows=10, page_rows=5, crc=True)
        report, _ = self.look(path, "--pages")
        chunk = report["row_groups"][1]["columns"][2]
        self.assertEqual([p["crc"] for p in chunk["pages"]], [True, True])
        with open(path, "r+b") as f:
            f.seek(chunk["pages"][1]["offset"] + chunk["pages"][1]["header_size"] + 8)
            f.write(b"\xff")
        again, err = self.look(path, "--pages", code=4)
        self.assertEqual([p["crc"] for g in again["row_groups"] for c in g["columns"] for p in c["pages"]].count(False), 1)
        self.assertIn("column price, row group 1, page 1, byte %d: the page's CRC does not match" % chunk["pages"][1]["offset"], err)
        self.assertEqual(again["problem_count"], 1)
        self.assertIn("WRONG", run("inspect", path, "--pages", code=4)[0])
        self.look(path)
        with open(path, "r+b") as f:
            f.seek(chunk["pages"][1]["offset"])
            f.write(b"\xff" * 8)
        again, err = self.look(path, code=4)
        self.assertIn("column price, row group 1, page 1, byte %d: the page header is damaged" % chunk["pages"][1]["offset"], err)
        self.assertEqual(len(again["row_groups"]), 2)

    def test_every_flip(self):
        """Whatever the bytes are, it ends, and says so in JSON that parses."""
        path = self.ticks(group_rows=10, page_rows=5, crc=True, sorting=[(0, False, False)])
        with open(path, "rb") as f:
            whole = f.read()
        for at in range(4, len(whole), 7):
            with open(path, "wb") as f:
                f.write(whole[:at] + bytes([whole[at] ^ (1 << at % 8)]) + whole[at + 1 :])
            done = subprocess.run([TICKLOOM, "inspect", path, "--pages", "--json"], capture_output=True, timeout=60)
            self.assertIn(done.returncode, (0, 4), (at, done.stderr))
            if done.stdout:
                json.loads(done.stdout)

    def test_chunks_on_each_other(self):
        """A footer may name the same bytes a thousand times; they are not walked a thousand times."""
        path, f = self.path("many.parquet"), parquet_fixture
        rows, columns = 20000, [("c%d" % i, "int32", []) for i in range(1000)]
        pages = b"".join(f.page("int32", [i], False, 1, False) for i in range(rows))
        about = lambda name: [(1, f.I32, 1), (2, f.LIST, (f.I32, [0])), (3, f.LIST, (f.BINARY, [name])), (4, f.I32, 0), (5, f.I64, rows), (6, f.I64, len(pages)), (7, f.I64, len(pages)), (9, f.I64, 4)]
        chunks = [[(2, f.I64, 0), (3, f.STRUCT, about(name))] for name, _, _ in columns]
        group = [(1, f.LIST, (f.STRUCT, chunks)), (2, f.I64, 0), (3, f.I64, rows)]
        footer = f.structure([(1, f.I32, 1), (2, f.LIST, (f.STRUCT, list(f.schema(columns, set())))), (3, f.I64, rows), (4, f.LIST, (f.STRUCT, [group]))])
        with open(path, "wb") as out:
            out.write(b"PAR1" + pages + footer + struct.pack("<i", len(footer)) + b"PAR1")
        report, err = self.look(path, "--pages", "--no-verify", code=4)
        self.assertIn("column chunks lie on each other", err)
        self.assertIn("more things are wrong", err)
        self.assertEqual(sum(len(c["pages"]) for c in report["row_groups"][0]["columns"]), rows)

    def test_wide(self):
        path = self.path("wide.parquet")
        parquet_fixture.write(path, [("column%04d" % i, "int32", [i]) for i in range(1500)])
        text = run("inspect", path)[0]
        self.assertIn("... and 1400 more (--json has all", text)
        self.assertLess(len(text.splitlines()), 400)
        self.assertEqual(len(self.look(path)[0]["columns"]), 1500)

    def test_names_from_files(self):
        """Names and texts cannot steer a terminal, and are JSON whatever they are."""
        path = self.path("names.parquet")
        parquet_fixture.write(path, [("a\x1b[31m\n", "string", ["x\ty"]), ("b", "int32", [1])])
        self.assertNotIn("\x1b", run("inspect", path)[0])
        self.assertEqual(self.look(path)[0]["columns"][0]["name"], "a\x1b[31m\n")

    def test_folder(self):
        tree = self.path("tree")
        for i, day in enumerate(("2024-01-02", "2024-01-03", "2024-01-05")):
            os.makedirs("%s/date=%s/n=%d" % (tree, day, i))
            columns = [("k", "int64", [i, 10 - i]), ("x", "double", [1.5, None])][: 2 if i else 1]
            parquet_fixture.write("%s/date=%s/n=%d/part.parquet" % (tree, day, i), columns)
        report, _ = self.look(tree)
        self.assertEqual((report["files"], report["rows"], report["row_groups"]), (3, 6, 3))
        self.assertEqual([(k["name"], k["type"], k["min"], k["max"], k["files"]) for k in report["hive_keys"]], [("date", "date", "2024-01-02", "2024-01-05", 3), ("n", "int64", "0", "2", 3)])
        self.assertEqual([(c["name"], c["files"], c["values"]) for c in report["columns"]], [("k", 3, 6), ("x", 2, 4)])
        self.assertEqual([(c["name"], c["nullable"]) for c in report["schema"]], [("k", False), ("x", True)])
        self.assertEqual(report["bytes"], sum(os.path.getsize(os.path.join(tree, f)) for f in files_below(tree)))
        self.assertIn("3 files, 6 rows", run("inspect", tree)[0])
        with open(tree + "/bad.parquet", "wb") as f:
            f.write(b"PAR1 nothing")
        report, err = self.look(tree, code=4)
        self.assertEqual((report["files"], report["problem_count"]), (3, 1))
        self.assertIn("bad.parquet", err)

    def test_goldens(self):
        path = self.ticks(group_rows=8, page_rows=5, crc=True, sorting=[(0, False, False)])
        clean = lambda text: text.replace(path, "ticks.parquet")
        self.golden("inspect.txt", clean(run("inspect", path)[0]))
        self.golden("inspect_pages.txt", clean(run("inspect", path, "--pages", "--columns", "day,price")[0]))
        self.golden("inspect.json", clean(run("inspect", path, "--pages", "--columns", "price", "--json")[0]))

    @unittest.skipUnless(os.path.isdir(DATA + "/parquet_files/good"), "the shared data is not here")
    def test_files_of_others(self):
        wrong_crc = ("datapage_v1-corrupt-checksum.parquet", "rle-dict-uncompressed-corrupt-checksum.parquet")
        for path in sorted(glob.glob(DATA + "/parquet_files/good/*.parquet")):
            with self.subTest(os.path.basename(path)):
                run("inspect", path)
                report, _ = self.look(path, "--pages", code=4 if path.endswith(wrong_crc) else 0)
                repeated = {c["name"] for c in report["columns"] if c["repeated"]}
                for group in report["row_groups"]:
                    for chunk in group["columns"]:
                        values = sum(p["values"] for p in chunk["pages"] if p["type"] in ("v1", "v2"))
                        self.assertEqual(values, chunk["values"])
                        if chunk["name"] not in repeated:
                            self.assertEqual(values, group["rows"])
        for path in sorted(glob.glob(DATA + "/parquet_files/bad/*.parquet")):
            for args in ([], ["--pages"], ["--pages", "--json"]):
                done = subprocess.run([TICKLOOM, "inspect", path, *args], capture_output=True, timeout=10)
                self.assertIn(done.returncode, (0, 4), path)


class Diff(Case):
    def test_same(self):
        one = self.path("one.parquet")
        run("features", FIRST, "--in", self.market, "--out", one, "--quiet", "--codec", "zstd")
        self.assertIn("no difference", run("diff", self.out, one)[0])
        self.assertTrue(json.loads(run("diff", self.out, one, "--json")[0])["same"])

    def test_values(self):
        """A changed price shows in the rows and columns that it reaches."""
        copy, changed = self.path("copy"), self.path("changed")
        definition = BARS + "feature shut = close\nfeature mean5 = mean(close, 5)\n"
        run("features", self.write("a.loom", definition), "--in", self.market, "--out", copy, "--quiet")
        run("features", self.write("b.loom", definition.replace("shut = close", "shut = if(row() == 600, close * 2, close)")), "--in", self.market, "--out", changed, "--quiet")
        report = json.loads(run("diff", copy, changed, "--json", "--limit", 3, code=1)[0])
        self.assertEqual({c["name"]: c["differing"] for c in report["columns"]}, {"ticker": 0, "date": 0, "shut": self.long_streams(), "mean5": 0})
        first = [c for c in report["columns"] if c["name"] == "shut"][0]["first"]
        self.assertEqual(len(first), 3)
        self.assertAlmostEqual(float(first[0]["b"]), 2 * float(first[0]["a"]))
        self.assertIn("ticker SPY, date", first[0]["keys"])
        self.assertEqual(json.loads(run("diff", copy, changed, "--json", "--limit", 3, "--memory", "100kB", code=1)[0]), report)

    def long_streams(self):
        return sum(len(run("cat", f, "--format", "csv", "--columns", "date")[0].splitlines()) > 601 for f in glob.glob(self.market + "/*.parquet"))

    def test_rows_and_columns(self):
        fewer, other = self.copy_market(), self.path("out")
        os.remove(fewer + "/T00001.parquet")
        run("features", FIRST, "--in", fewer, "--out", other, "--quiet", "--select", "daily_return")
        report = json.loads(run("diff", self.out, other, "--json", code=1)[0])
        self.assertGreater(report["only_in_a"]["rows"], 0)
        self.assertEqual(report["only_in_b"]["rows"], 0)
        self.assertIn("T00001", report["only_in_a"]["first"][0]["keys"])
        self.assertEqual({c["only_in"] for c in report["columns"] if "only_in" in c}, {"a"})
        self.assertEqual([c["differing"] for c in report["columns"] if c["name"] == "daily_return"], [0])
        text, _ = run("diff", self.out, other, code=1)
        self.assertIn("rows are only in A", text)
        run("diff", self.out, code=2)
        run("diff", self.out, other, "--by", "nothing", code=2)
        run("diff", self.out, other + "-not", code=2)


class Commands(Case):
    def test_cat(self):
        spy = self.market + "/SPY.parquet"
        csv = run("cat", spy, "--format", "csv", "--rows", "2..4", "--columns", "close,date")[0].splitlines()
        self.assertEqual(csv[0], "close,date")
        self.assertEqual(len(csv), 3)
        jsonl = run("cat", spy, "--format", "jsonl", "--rows", "2..4")[0].splitlines()
        self.assertEqual(csv[1], "%s,%s" % (json.loads(jsonl[0])["close"], json.loads(jsonl[0])["date"]))
        self.assertEqual(len(run("cat", self.market, "--format", "csv")[0].splitlines()) - 1, sum(len(run("cat", f, "--format", "csv")[0].splitlines()) - 1 for f in glob.glob(self.market + "/*")))
        for args in (["--rows", "5"], ["--rows", "5..2"], ["--columns", "clos"], ["--format", "xml"]):
            run("cat", spy, *args, code=2)
        run("cat", spy + ".not", code=2)

    def test_hash_ignores_layout(self):
        one, many = self.path("one.parquet"), self.path("many")
        definition = self.write("c.loom", COPY)
        run("features", definition, "--in", self.market, "--out", one, "--quiet", "--codec", "none", "--encoding", "plain")
        run("features", definition, "--in", self.market, "--out", many, "--quiet", "--codec", "zstd")
        self.assertEqual(hashes(one), hashes(many))
        self.assertNotEqual(hashes(one, "--by", "date"), hashes(one))
        run("hash", one, "--by", "nothing", code=2)

    def test_help(self):
        for command in ("features", "explain", "ops", "inspect", "cat", "hash", "diff", "check", "generate", "version", "help"):
            self.assertIn("usage:", run("help", command)[0])
            self.assertEqual(run("help", command)[0], run(command, "--help")[0])
        self.assertIn("stddev", run("ops")[0])
        self.assertIn("ddof", run("ops", "stddev")[0])
        self.assertGreater(len(json.loads(run("ops", "--json")[0])), 50)
        run("ops", "sttdev", code=2)

    def test_goldens(self):
        """Text that people read, and the bits of a small market: regenerate with --regenerate, and look at the difference."""
        relative = lambda text: text.replace(ROOT + "/", "").replace(self.dir, "DIR")
        texts = {
            "ops.txt": run("ops")[0],
            "explain.txt": relative(run("explain", FIRST)[0]),
            "hash.txt": run("hash", self.out)[0],
            "market.txt": run("hash", self.market, "--by", "date")[0],
            "cat.txt": run("cat", self.out + "/SPY.parquet", "--rows", "300..304", "--columns", "ticker,date,daily_return,beta_spy,spy_above_sma")[0],
            "help.txt": run("help")[0],
        }
        for name, text in texts.items():
            self.golden(name, text)


class Tapes(Case):
    """Pack, look, sort and trade; test/tape.py holds what comes of it against an oracle."""

    STRATEGY = os.path.join(ROOT, "strategies/ema_cross.loom")

    def setUp(self):
        self.raw = self.path("raw")
        run("generate", "options", "--contracts", 24, "--rows", 30000, "--days", 2, "--seed", 3, "--out", self.raw)

    def pack(self, tape, *more, raw=None, code=0):
        text, err = run("pack", "options", raw or self.raw, "--calendar", self.raw + "/expiry_calendar.csv", "--out", tape, "--json", *more, code=code)
        return json.loads(text) if code in (0, 1) else err

    def test_a_tape(self):
        again, tape, plain = self.path("again"), self.path("tape"), self.path("plain")
        run("generate", "options", "--contracts", 24, "--rows", 30000, "--days", 2, "--seed", 3, "--out", again)
        for name in files_below(self.raw):
            self.assertTrue(filecmp.cmp(os.path.join(self.raw, name), os.path.join(again, name), shallow=False), name)
        record = self.pack(tape)
        self.assertEqual((record["files"], record["packed"], record["days"], record["partitions"], record["contracts"]), (24, 24, 2, 4, 24))
        self.assertEqual(json.loads(run("check", tape, "--json")[0])["ok"], True)
        self.assertEqual(self.pack(tape)["unchanged"], 24)
        self.pack(plain, "--layout", "plain", "--threads", 1, "--memory", "40MB", "--profile", "fast")
        self.assertIn("2024-11-18/SENSEX/part-sensex-0.parquet", files_below(plain))
        self.assertEqual(hashes(tape, "--by", "timestamp"), hashes(plain, "--by", "timestamp"))
        seen = json.loads(run("inspect", tape, "--json")[0])["tape"]
        self.assertEqual((seen["days"], seen["contracts"], sum(p["rows"] for p in seen["parts"])), (2, 24, record["rows"]))
        text = run("pack", "options", self.raw, "--calendar", self.raw + "/expiry_calendar.csv", "--dry-run")[0]
        self.assertIn("sensex24nov80200ce.parquet: SENSEX 2024-11-28 CE 80200.0, monthly, read by nse", text)

    def test_trades(self):
        tape, trades = self.path("tape"), self.path("trades.parquet")
        self.pack(tape)
        wanted = json.loads(run("backtest", self.STRATEGY, "--in", tape, "--profile", "tick", "--threads", 1, "--trades", trades, "--json")[0])
        self.assertGreater(wanted["trades"], 50)
        rows = [json.loads(line) for line in run("cat", trades, "--format", "jsonl")[0].splitlines()]
        self.assertEqual(len(rows), wanted["trades"])
        self.assertEqual(functools.reduce(lambda a, b: a + b, (r["pnl"] for r in rows)), wanted["pnl"])
        order = [(r["exit_timestamp"], r["underlying"], r["expiry"], r["opt_type"], r["strike"], r["entry_timestamp"]) for r in rows]
        self.assertEqual(order, sorted(order))
        for more in (["--threads", 3], ["--tile-rows", 1], ["--tile-rows", 7]):
            other = json.loads(run("backtest", self.STRATEGY, "--in", tape, "--profile", "tick", "--json", *more)[0])
            self.assertEqual((other["trades"], other["pnl"]), (wanted["trades"], wanted["pnl"]), more)
        windows = self.write("w.loom", "stream by underlying, expiry, opt_type, strike order by timestamp ties\nreset each day\ninput price\n"
                             "enter long when price > mean(price, 10)\nexit long when price < lag(price, 3)\n")
        found = {json.dumps([json.loads(run("backtest", windows, "--in", tape, "--profile", "tick", "--json", "--tile-rows", n)[0])[k] for k in ("trades", "pnl")])
                 for n in (1, 5, 64)}  # windows count rows: lanes begin together
        self.assertEqual(len(found), 1)
        dear = json.loads(run("backtest", self.STRATEGY, "--in", tape, "--profile", "tick", "--fee", "0.001", "--slippage", "0.001", "--json")[0])
        self.assertLess(dear["pnl"], wanted["pnl"] - 1)
        days = json.loads(run("backtest", self.STRATEGY, "--in", tape, "--profile", "tick", "--by", "day", "--json")[0])["by"]
        self.assertEqual([d["date"] for d in days], ["2024-11-18", "2024-11-19"])
        self.assertEqual(sum(d["trades"] for d in days), wanted["trades"])

    def test_another_pack(self):
        ticks, tape = self.path("ticks"), self.path("tape")
        os.mkdir(ticks)
        for name, price in (("beta", 2), ("alpha", 1)):
            with open(os.path.join(ticks, name + ".csv"), "w") as file:
                file.write("timestamp,price,size,venue\n" + "".join("2024-01-0%d 10:00:0%d,%d.5,%d,X\n" % (d, s, price, s) for d in (2, 3) for s in range(4)))
        record = json.loads(run("pack", "trades", ticks, "--out", tape, "--json")[0])
        self.assertEqual((record["rows"], record["days"], record["partitions"]), (16, 2, 2))
        rows = [json.loads(line) for line in run("cat", tape, "--format", "jsonl")[0].splitlines()]
        self.assertEqual([r["symbol"] for r in rows], (["alpha"] * 4 + ["beta"] * 4) * 2)
        self.assertEqual([r["notional"] for r in rows[:4]], [0.0, 1.5, 3.0, 4.5])
        self.assertEqual({r["venue"] for r in rows}, {"X"})

    def test_usage(self):
        tape = self.path("tape")
        self.pack(tape)
        for code, text, *args in (
            (2, "--calendar is needed", "pack", "options", self.raw, "--out", tape),
            (2, "nothing called option can be packed", "pack", "option", self.raw, "--out", tape),
            (2, "laid out with --layout hive", "pack", "options", self.raw, "--calendar", self.raw + "/expiry_calendar.csv", "--out", tape, "--layout", "plain"),
            (2, "an output of tickloom", "pack", "options", tape, "--calendar", self.raw + "/expiry_calendar.csv", "--out", self.path("other")),
            (3, "a definition of packing", "features", os.path.join(ROOT, "packs/options.loom"), "--in", tape, "--out", self.path("f")),
            (3, "packs nothing", "pack", self.STRATEGY, self.raw, "--out", self.path("other")),
            (3, "no strategy", "backtest", FIRST, "--in", tape, "--profile", "tick"),
            (2, "--profile tick is needed", "backtest", self.STRATEGY, "--in", tape),
            (2, "has no column timestamp", "backtest", self.STRATEGY, "--in", self.market, "--profile", "tick", "--where", "volume > 0"),
            (2, "its order is not known", "sort", self.market),
        ):
            self.assertIn(text, run(*args, code=code)[1])
        self.assertFalse(os.path.exists(self.path("other")))


@unittest.skipUnless(os.path.isdir(DATA + "/daily"), "the shared data is not here")
class RealData(Case):
    def test_daily(self):
        out = self.path("out")
        record = json.loads(run("features", FIRST, "--in", DATA + "/daily", "--out", out, "--json")[0])
        self.assertEqual((record["rows"], record["streams"], record["exit_code"]), (70025, 21, 0))
        two = self.path("two.parquet")
        run("features", FIRST, "--in", DATA + "/daily", "--out", two, "--quiet", "--threads", 1, env={"TICKLOOM_ISA": "baseline"})
        self.assertEqual(hashes(out), hashes(two))

    def test_panel(self):
        out, first = self.path("out"), self.path("first")
        args = ["features", FIRST, "--in", DATA + "/daily_panel", "--key", "ticker=symbol", "--side", "spy=" + DATA + "/daily", "--json"]
        text, err = run(*args, "--out", out, code=1)
        record = json.loads(text)
        self.assertEqual(record["streams"], 479)
        self.assertEqual(sorted(f["stream"] for f in record["failures"]), ["CBS", "STI", "VIAB"])
        for name in ("CBS", "STI", "VIAB", "repeats", "2019-12-0"):
            self.assertIn(name, err)
        record = json.loads(run(*args, "--out", first, "--on-duplicate", "first")[0])
        self.assertEqual((record["streams"], record["rows"], record["duplicates_dropped"]), (482, 592355, 3))


if __name__ == "__main__":
    unittest.main(argv=["cli"], verbosity=1)
