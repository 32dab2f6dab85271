"""One long stream in row ranges: ranges.py TICKLOOM SOURCE_ROOT

All lanes at once, on several threads, a stream has the bits that it has when it passes through one lane (as it does where repeated rows may be dropped,
since rows are then numbered only once all before them are read)."""
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import parquet_fixture  # noqa: E402

TICKLOOM, ROOT = map(os.path.abspath, sys.argv[1:3])
ROWS = 150000
ONE_LANE = ["--on-duplicate", "first"]
EVERYTHING = """stream by ticker order by day
input close, volume
side other from dataset on sector
let r = pct_change(close)
feature odd     = mean(close, 37) + sum(close, 101, min: 3) + stddev(r, 23) / var(r, 53, min: 2)
feature pairs   = beta(close, volume, 61) + corr(close, volume, 20, min: 4) + r2(close, volume, 90)
feature lines   = slope(close, 30) + resid(close, 17) + ema(linearreg(close, 12), 9)
feature shape   = skew(r, 40) + kurt(r, 41, min: 10)
feature places  = argmax(close, 25) + argmin(close, 33, min: 1) + max(close, 77) - min(close, 78, min: 5) + count(close, 11)
feature ordered = rank(close, 120) + median(close, 15, min: 1) + quantile(volume, 31, 0.3)
feature paths   = adjusted_range(r, 50) + mad(close, 19, min: 3) + curve_length(close, 64)
feature chained = wilder(mean(ema(close, 12, seed: mean), 14), 9) + mean(wilder(stddev(r, 21), 14), 28) + lag(cumsum(volume), 5)
feature states  = since(close > lag(close, 1)) + row() + first(close, each: month) + cummax(close)
feature beside  = mean(other.close, 10) + stddev(here(other.close), 25, min: 2)
feature edges   = first(close, 9) - last(volume, 10, min: 1) + if(missing(close), 1, 0)
check odd: missing < %d%%
"""


def run(*args, code=0):
    done = subprocess.run([TICKLOOM, *map(str, args)], capture_output=True, text=True)
    assert done.returncode == code, "exit %d, expected %d: %s\n%s" % (done.returncode, code, args, done.stderr)
    return done


class Ranges(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, rows, seed=1, spoil=None, first=0):
        chance = random.Random(seed)
        price, days, close, volume = 100.0, [], [], []
        for i in range(rows):
            price *= 1 + 0.02 * (chance.random() - 0.5)
            days.append(-200000 + i)
            close.append(None if chance.random() < 0.001 else price)
            volume.append(1e12 if i == 7000 else float(chance.randint(0, 1000)))
        if spoil:
            days[spoil] = days[spoil - 1] - 1
        ticker = [os.path.basename(name)[0]] * rows
        sector = ["A" if i // 9000 % 2 else "B" for i in range(rows)]
        columns = [("ticker", "string", ticker), ("day", "date", days), ("close", "double", close), ("volume", "double", volume), ("sector", "string", sector)]
        parquet_fixture.write(self.path(name), [(name, kind, values[first:]) for name, kind, values in columns], 40000, 10000)

    def market(self, rows=ROWS):
        os.mkdir(self.path("in"))
        os.mkdir(self.path("side"))
        self.write("in/X.parquet", rows)
        self.write("side/A.parquet", 30000, seed=2)
        self.write("side/B.parquet", 90000, seed=3)

    def features(self, text, *more, out="out", code=0):
        with open(self.path("d.loom"), "w") as file:
            file.write(text)
        done = run("features", self.path("d.loom"), "--in", self.path("in"), "--out", self.path(out), "--side", "other=" + self.path("side"), "--json", *more, code=code)
        return json.loads(done.stdout) if code in (0, 1) else done.stderr

    def hash(self, out="out"):
        return run("hash", self.path(out)).stdout

    def test_every_kind_of_node(self):
        self.market()
        text = EVERYTHING % 50
        record = self.features(text, *ONE_LANE, "--threads", 1)
        self.assertEqual(record["tasks"]["count"], 1)
        whole, values = self.hash(), record["features"]
        for more in (["--threads", 1], ["--threads", 2], ["--threads", 2, "--memory", "90MB"]):
            record = self.features(text, *more)
            self.assertEqual(self.hash(), whole, more)
            self.assertGreater(record["tasks"]["count"], 1, more)
            for one, other in zip(values, record["features"]):
                self.assertEqual({k: v for k, v in one.items() if not k.endswith("_s") and k != "seconds"}, {k: v for k, v in other.items() if not k.endswith("_s") and k != "seconds"})
        bounds = ["--from", "1500-01-01", "--to", "1700-01-01"]
        self.features(text, *bounds, *ONE_LANE)
        part = self.hash()
        self.features(text, *bounds)
        self.assertEqual(self.hash(), part)

    def test_shipped_definitions(self):
        run("generate", "daily", "--tickers", 1, "--rows", ROWS, "--seed", 5, "--out", self.path("market"))
        for name in ("technical_v2.loom", "technical.loom"):
            record = json.loads(run("features", os.path.join(ROOT, "features", name), "--in", self.path("market"), "--out", self.path("out"), "--json").stdout)
            self.assertGreater(record["tasks"]["count"], 1)
            found = self.hash()
            run("features", os.path.join(ROOT, "features", name), "--in", self.path("market"), "--out", self.path("out"), *ONE_LANE)
            self.assertEqual(self.hash(), found)

    def test_an_update_goes_on(self):
        text = EVERYTHING.replace("side other from dataset on sector\n", "side other from dataset\n") % 50
        os.mkdir(self.path("in"))
        os.mkdir(self.path("side"))
        self.write("side/A.parquet", 90000, seed=3)
        self.write("in/X.parquet", ROWS - 3)
        record = self.features(text)
        self.assertGreater(record["tasks"]["count"], 1)
        self.write("in/X2.parquet", ROWS, first=ROWS - 3)
        record = self.features(text, "--update")
        self.assertTrue(record["update"]["went_on"], record["update"])
        updated = self.hash()
        self.assertEqual(record["rows"], 3)
        self.features(text, *ONE_LANE, out="whole")
        self.assertEqual(self.hash("whole"), updated)

    def test_what_is_wrong_with_a_stream(self):
        self.market()
        self.write("in/X.parquet", ROWS, spoil=120000)
        shutil.copy(self.path("side/B.parquet"), self.path("in/B.parquet"))
        for more in (ONE_LANE, ["--threads", 1], ["--threads", 2]):
            record = self.features(EVERYTHING % 50, *more, code=1)
            self.assertEqual([(f["stream"], f["row"]) for f in record["failures"]], [("X", 120000)])
            self.assertIn("the rows are not sorted", record["failures"][0]["reason"])
            self.assertEqual(sorted(n for n in os.listdir(self.path("out")) if n != "_tickloom"), ["B.parquet"])
        os.remove(self.path("in/B.parquet"))
        self.write("in/X.parquet", ROWS)
        shutil.rmtree(self.path("out"))
        self.assertIn("check `odd", self.features(EVERYTHING % 0, "--strict", code=4))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]] + sys.argv[3:])
