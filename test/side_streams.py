"""Sides with a stream for each value of a column: side_streams.py TICKLOOM

`side sector from dataset on COLUMN`, against joins by hand over lists, for all the ways in which rows and what picks their side's stream can lie."""
import bisect
import datetime
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
DEFINITION = """stream by ticker order by day
input close
side sector from dataset on %s
feature last   = here(sector.close)
feature mean3  = mean(sector.close, 3)
feature apart  = close - sector.close
feature window = sum(here(sector.close), 4, min: 1)
"""
NAMES = ["T%d" % i for i in range(9)]
SECTORS = ["XA", "XB", "XC"]


def market(seed):
    """ticker -> [(day, close, sector)]; sectors are tickers too, change within a ticker, are missing now and then, and may not exist."""
    chance = random.Random(seed)
    out = {}
    for name in NAMES + SECTORS:
        days = sorted(chance.sample(range(100, 400), chance.randint(40, 250)))
        sector, rows = chance.choice(SECTORS), []
        for day in days:
            if chance.random() < 0.05:
                sector = chance.choice(SECTORS + ["XX"])
            rows.append((day, float(chance.randint(1, 1000)), None if chance.random() < 0.03 else sector))
        out[name] = rows
    return out


def expected(rows, by_key, within=None, before=False):
    """(ticker, day) -> the features' values, by looking each up."""
    out = {}
    for ticker, own in rows.items():
        seen = []
        for day, close, sector in own:
            other = rows.get(ticker if by_key else sector, [])
            days = [d for d, _, _ in other]
            at = (bisect.bisect_left if before else bisect.bisect_right)(days, day) - 1
            if at < 0 or (within is not None and day - days[at] > within):
                last = mean3 = None
            else:
                last = other[at][1]
                mean3 = sum(c for _, c, _ in other[at - 2 : at + 1]) / 3 if at >= 2 else None
            seen.append(last)
            present = [v for v in seen[-4:] if v is not None]
            out[ticker, day] = (last, mean3, None if last is None else close - last, sum(present) if present else None)
    return out


def write_files(folder, rows, numbers=False):
    os.makedirs(folder)
    for ticker, own in rows.items():
        sector = ("sector", "int64" if numbers else "string", [s if s is None or not numbers else ord(s[1]) for _, _, s in own])
        parquet_fixture.write(os.path.join(folder, ticker + ".parquet"), [("day", "date", [d for d, _, _ in own]), ("close", "double", [c for _, c, _ in own]), sector], 50)


def write_by_day(folder, rows):
    os.makedirs(folder)
    flat = sorted((day, ticker, close, sector) for ticker, own in rows.items() for day, close, sector in [(d, c, s or "") for d, c, s in own])
    parquet_fixture.write(os.path.join(folder, "all.parquet"), [("day", "date", [f[0] for f in flat]), ("ticker", "string", [f[1] for f in flat]), ("close", "double", [f[2] for f in flat]), ("sector", "string", [f[3] or None for f in flat])], 300)


def write_hive(folder, rows):
    """One sector a ticker, said by the path."""
    for ticker, own in rows.items():
        place = os.path.join(folder, "sector=" + own[0][2])
        os.makedirs(place, exist_ok=True)
        parquet_fixture.write(os.path.join(place, ticker + ".parquet"), [("day", "date", [d for d, _, _ in own]), ("close", "double", [c for _, c, _ in own])], 50)


class SideStreams(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def run_features(self, data, *more, on="sector", side="", code=0):
        with open(self.path("d.loom"), "w") as out:
            out.write(DEFINITION % (on + side))
        done = subprocess.run([TICKLOOM, "features", self.path("d.loom"), "--in", data, "--out", self.path("out"), "--json", *more], capture_output=True, text=True)
        self.assertEqual(done.returncode, code, done.stderr)
        return json.loads(done.stdout) if code == 0 else done.stderr

    def output(self):
        done = subprocess.run([TICKLOOM, "cat", self.path("out"), "--format", "jsonl"], capture_output=True, text=True, check=True)
        found = {}
        for line in done.stdout.splitlines():
            row = json.loads(line)
            found[row["ticker"], row["day"]] = (row["last"], row["mean3"], row["apart"], row["window"])
        return found

    def compare(self, want):
        found = self.output()
        day = lambda n: (datetime.date(1970, 1, 1) + datetime.timedelta(days=n)).isoformat()
        self.assertEqual(len(found), len(want))
        for (ticker, number), values in want.items():
            for got, wanted in zip(found[ticker, day(number)], values):
                self.assertTrue(got == wanted or (None not in (got, wanted) and abs(got - wanted) < 1e-9), (ticker, number, found[ticker, day(number)], values))

    def test_layouts_and_threads(self):
        for seed in range(3):
            rows = market(seed)
            write_files(self.path("files%d" % seed), rows)
            write_by_day(self.path("days%d" % seed), rows)
            for data in ("files%d" % seed, "days%d" % seed):
                for more in (["--threads", "1"], ["--threads", "2", "--memory", "20MB"], ["--side", "sector=" + self.path("days%d" % seed)]):
                    self.run_features(self.path(data), *more)
                    self.compare(expected(rows, False))

    def test_age_and_strictness(self):
        rows = market(7)
        write_files(self.path("files"), rows)
        self.run_features(self.path("files"), side=" within 2d")
        self.compare(expected(rows, False, within=2))
        self.run_features(self.path("files"), side=" before")
        self.compare(expected(rows, False, before=True))

    def test_a_key_picks(self):
        rows, other = market(11), market(12)
        write_files(self.path("files"), rows)
        write_by_day(self.path("days"), rows)
        for data in ("files", "days"):
            self.run_features(self.path(data), on="ticker")
            self.compare(expected(rows, True))

    def test_the_path_picks(self):
        rows = {t: [(d, c, own[0][2] or "XA") for d, c, _ in own] for t, own in market(13).items()}
        write_hive(self.path("tree"), rows)
        self.run_features(self.path("tree"))
        self.compare(expected(rows, False))

    def test_integers_pick_texts_and_strays_are_said(self):
        rows = market(17)
        write_files(self.path("files"), rows, numbers=True)
        os.makedirs(self.path("side"))
        for name in SECTORS:
            shutil.copy(self.path("files/%s.parquet" % name), self.path("side/%d.parquet" % ord(name[1])))
        record = self.run_features(self.path("files"), "--side", "sector=" + self.path("side"))
        self.compare(expected(rows, False))
        self.assertTrue(any("has no stream for 1 of 4 values of sector, first 88" in w for w in record["warnings"]), record["warnings"])

    def test_updates_are_runs_over_everything(self):
        rows = market(19)
        write_files(self.path("files"), {t: own[:30] for t, own in rows.items()})
        self.run_features(self.path("files"))
        shutil.rmtree(self.path("files"))
        write_files(self.path("files"), rows)
        self.run_features(self.path("files"), "--update")
        self.compare(expected(rows, False))

    def test_what_is_refused(self):
        rows = market(23)
        write_files(self.path("files"), rows)
        self.assertIn("no file of", self.run_features(self.path("files"), on="gics", code=3))
        self.assertIn("a key must be a text or an integer", self.run_features(self.path("files"), on="close", code=4))
        self.assertIn("one column picks", self.run_features(self.path("files"), on="sector, close", code=3))
        os.makedirs(self.path("bad"))
        shutil.copytree(self.path("files"), self.path("bad"), dirs_exist_ok=True)
        own = rows["XB"][::-1]
        parquet_fixture.write(self.path("bad/XB.parquet"), [("day", "date", [d for d, _, _ in own]), ("close", "double", [c for _, c, _ in own]), ("sector", "string", [s for _, _, s in own])])
        self.assertIn("the side sector", self.run_features(self.path("bad"), code=4))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]] + sys.argv[2:])
