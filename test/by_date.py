"""An output by date: by_date.py TICKLOOM

The same rows as in files of streams, by their hashes, in a file a day; kept up to date by files of the days that are new."""
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

TICKLOOM = os.path.abspath(sys.argv[1])
DAILY = """stream by ticker order by date
input close
side spy from "A"
%s
feature fast = ema(close, 5)
feature wide = stddev(pct_change(close), 20, min: 2)
feature best = argmax(close, 7)
feature up   = close > lag(close, 1)
feature then = lag(date, 1)
feature side = mean(spy.close, 3)
"""
TICKS = """stream by venue, id order by time
input close
feature fast = ema(close, 5)
feature wide = stddev(close, 50, min: 2)
"""


class ByDate(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        os.mkdir(self.path("in"))

    def path(self, name):
        return os.path.join(self.folder, name)

    def run_features(self, text, *more, out="days", code=0):
        with open(self.path("d.loom"), "w") as file:
            file.write(text)
        done = subprocess.run([TICKLOOM, "features", self.path("d.loom"), "--in", self.path("in"), "--out", self.path(out), "--json", *more], capture_output=True, text=True)
        self.assertEqual(done.returncode, code, done.stderr)
        return json.loads(done.stdout) if code in (0, 1) else done.stderr

    def hash(self, out):
        done = subprocess.run([TICKLOOM, "hash", self.path(out)], capture_output=True, text=True, check=True)
        return sorted(line for line in done.stdout.splitlines())

    def compare(self, text, *more, code=0):
        """By date and not; returns the record of the former."""
        shutil.rmtree(self.path("streams"), ignore_errors=True)
        self.run_features(text, *more, out="streams", code=code)
        record = self.run_features(text, "--partition", "date", *more, code=code)
        whole, days = self.hash("streams"), self.hash("days")
        self.assertEqual(whole, [line for line in days if not (line.startswith("date\t") and line not in whole)])
        check = subprocess.run([TICKLOOM, "check", self.path("days")], capture_output=True, text=True)
        self.assertIn(check.returncode, (0, 4) if code else (0,), check.stdout + check.stderr)  # 4: what failed is said to be unfinished
        return record

    def days(self):
        return {n: sorted(os.listdir(self.path("days/" + n))) for n in os.listdir(self.path("days")) if n.startswith("date=")}

    def write_daily(self, tickers, rows, seed=1, first=0):
        for ticker in tickers:
            chance = random.Random(seed * 1000 + ord(ticker))
            days = sorted(chance.sample(range(9000, 9000 + 2 * rows), rows))
            close = [None if chance.random() < 0.02 else 50 + chance.random() for _ in days]
            parquet_fixture.write(self.path("in/%s.parquet" % ticker), [("date", "date", days[first:]), ("close", "double", close[first:])], 100)

    def test_daily_bars(self):
        self.write_daily("ABCDE", 300)
        text = DAILY % ""
        for more in ([], ["--threads", "1"], ["--threads", "2", "--memory", "20MB"], ["--from", "1995-01-01", "--to", "1995-09-01"]):
            self.compare(text, *more, "--prune")
        shutil.rmtree(self.path("days"))
        self.run_features(DAILY % "partition by date")
        self.assertTrue(all(files == ["part-00000.parquet"] for files in self.days().values()))

    def test_ticks_of_few_days(self):
        """More rows a day than memory holds, streams that are cut into ranges and stretches, keys of two kinds."""
        rows = 90000
        chance = random.Random(3)
        columns = {"venue": [], "id": [], "time": [], "close": []}
        for venue, number in (("X", 1), ("X", 2), ("Y", 1)):
            at = -86400 * 10**6
            for _ in range(rows):
                at += chance.randint(1, 2 * 10**6)
                columns["venue"].append(venue), columns["id"].append(number), columns["time"].append(at), columns["close"].append(chance.random())
        kinds = {"venue": "string", "id": "int64", "time": "timestamp_us", "close": "double"}
        parquet_fixture.write(self.path("in/all.parquet"), [(n, kinds[n], v) for n, v in columns.items()], 60000)
        for more in ([], ["--threads", "1", "--memory", "17MB"], ["--on-duplicate", "first"]):
            self.compare(TICKS, *more)
        self.assertEqual(sorted(self.days()), ["date=1969-12-31", "date=1970-01-01"])
        with open(self.path("in/bad.parquet"), "w") as bad:
            bad.write("no Parquet")
        self.compare(TICKS, code=1)

    def test_streams_that_are_left_out(self):
        self.write_daily("ABC", 300)
        chance = random.Random(5)
        days = list(range(9000, 9000 + 60000))
        days[50000] = 9001
        parquet_fixture.write(self.path("in/D.parquet"), [("date", "date", days), ("close", "double", [chance.random() for _ in days])], 10000)
        for more in ([], ["--on-duplicate", "first"]):
            record = self.compare(DAILY % "", *more, code=1)
            self.assertEqual([f["stream"] for f in record["failures"]], ["D"])
            self.assertEqual(record["streams"], 3)

    def test_keeping_up(self):
        text, chance, days = DAILY % "partition by date", random.Random(21), list(range(9000, 9300))
        close = {ticker: [None if chance.random() < 0.02 else 50 + chance.random() for _ in days] for ticker in "ABCDE"}
        for ticker in "ABCDE":
            parquet_fixture.write(self.path("in/%s.parquet" % ticker), [("ticker", "string", [ticker] * 297), ("date", "date", days[:297]), ("close", "double", close[ticker][:297])], 100)
        self.run_features(text)
        stamp = lambda: {(n, f): os.stat(self.path("days/%s/%s" % (n, f))).st_mtime_ns for n, files in self.days().items() for f in files}
        for step in range(297, 300):  # a day of all comes, in a file beside the others: a file of its day is added, and the others stay
            before = stamp()
            parquet_fixture.write(self.path("in/step%d.parquet" % step), [("ticker", "string", list("ABCDE")), ("date", "date", [days[step]] * 5), ("close", "double", [close[t][step] for t in "ABCDE"])])
            record = self.run_features(text, "--update")
            self.assertTrue(record["update"]["went_on"], record["update"])
            self.assertEqual(record["rows"], 5)
            after = stamp()
            self.assertEqual({k: after[k] for k in before}, before)
            self.assertEqual(len(after), len(before) + 1)
            shutil.rmtree(self.path("streams"), ignore_errors=True)
            self.run_features(DAILY % "", out="streams")
            self.assertEqual(self.hash("days"), self.hash("streams"))
        self.write_daily("F", 300, seed=9)  # a new ticker goes on as well: its rows are parts of days that are there
        self.assertTrue(self.run_features(text, "--update")["update"]["went_on"])
        self.run_features(DAILY % "", out="streams")
        self.assertEqual(self.hash("days"), self.hash("streams"))
        self.assertTrue(any(len(files) > 1 for files in self.days().values()))
        self.write_daily("F", 300, seed=10)  # rows that are there change: everything is computed again
        record = self.run_features(text, "--update")
        self.assertFalse(record["update"]["went_on"], record)
        self.run_features(DAILY % "", out="streams")
        self.assertEqual(self.hash("days"), self.hash("streams"))
        self.assertTrue(all(len(files) == 1 for files in self.days().values()))

    def test_what_is_refused(self):
        self.write_daily("A", 30)
        text = DAILY % ""
        self.assertIn("--partition month", self.run_features(text, "--partition", "month", code=2))
        self.assertIn("names a single file", self.run_features(text, "--partition", "date", out="x.parquet", code=2))
        self.assertIn("by date alone", self.run_features(DAILY % "partition by ticker", code=3))
        self.assertIn("a feature has that name", self.run_features(TICKS.replace("venue, id", "ticker").replace("time", "day").replace("fast", "date"), "--key", "day=date", "--partition", "date", code=3))
        numbers = self.path("in/A.parquet")
        parquet_fixture.write(numbers, [("date", "date", [0, 2932897]), ("close", "double", [1.0, 2.0])])
        self.assertIn("years 0 to 9999", self.run_features(text, "--partition", "date", code=4))
        parquet_fixture.write(numbers, [("date", "int64", [1, 2]), ("close", "double", [1.0, 2.0])])
        self.assertIn("is a plain integer", self.run_features(text.replace("feature then = lag(date, 1)\n", ""), "--partition", "date", code=3))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]] + sys.argv[2:])
