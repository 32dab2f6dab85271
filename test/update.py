"""Keeping up: update.py TICKLOOM SOURCE_ROOT [--seed N] [--rounds N] [TEST...]

Whatever happens to an input between two runs (new days, new tickers, late and corrected rows, files that go, are cut anew or touched,
runs that are killed), `features --update` leaves what a run over everything leaves, by its hash."""
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import parquet_fixture  # noqa: E402

TICKLOOM, ROOT = map(os.path.abspath, sys.argv[1:3])
SMALL = """stream by ticker order by day
input close, volume, high?
side spy from "SPY"
param n = 20

let r = pct_change(close)
feature fast   = ema(close, 5) / ema(close, 12, seed: mean) - 1
feature spread = stddev(r, n, min: 2)
feature place  = (close - min(close, 30, min: 1)) / max(close, 30)
feature vol    = rank(volume, 15, min: 1) + median(volume, 7, min: 1)
feature market = beta(r, pct_change(spy.close), 25, min: 5)
feature trend  = mean(spy.close, 10) - lag(mean(here(spy.close), 10, min: 1), 3)
feature chain  = mean(stddev(r, n, min: 2), 40, min: 1) + cumsum(volume)
feature since  = if(missing(high), 0, high) + first(close, each: month)
"""


def execute(*args, codes=(0,)):
    done = subprocess.run([TICKLOOM, *map(str, args)], capture_output=True, text=True, errors="replace", timeout=300)
    assert done.returncode in codes, "exit %d, expected %s: %s\n%s" % (done.returncode, codes, " ".join(map(str, args)), done.stderr)
    return done


def run(*args):
    return execute(*args).stdout


def hashes(path):
    return run("hash", path, "--by", "ticker,day")


class Market:
    """Rows by ticker and day, as files in one of several layouts; files whose rows did not change are not touched."""

    def __init__(self, folder, layout, seed):
        self.folder, self.layout, self.dice = folder, layout, random.Random(seed)
        self.rows = {}  # (ticker, day) -> row
        self.batch = {}  # (ticker, day) -> the file that has it, where files are by batch
        self.written = {}
        self.twice = set()  # keys whose rows are written two times, which fails their streams
        self.garbage = set()  # files that are none
        self.batches = 0
        self.last = 0
        os.makedirs(folder)

    def price(self):
        return (50 + 10 * self.dice.random(), float(self.dice.randrange(1000)), None if self.dice.random() < 0.1 else 60 + self.dice.random())

    def put(self, ticker, day, row):
        self.rows[ticker, day] = row
        self.batch.setdefault((ticker, day), "batch-%03d" % self.batches)

    def drop(self, key):
        del self.rows[key]
        del self.batch[key]

    def tickers(self):
        return sorted({t for t, _ in self.rows})

    def add_days(self, count, tickers=None):
        """New days for some tickers, with gaps; the market never misses one."""
        self.batches += 1
        for _ in range(count):
            self.last += self.dice.choice((1, 1, 1, 3))
            for t in tickers or self.tickers():
                if t == "SPY" or self.dice.random() < 0.9:
                    self.put(t, self.last, self.price())

    def place(self, key):
        ticker, day = key
        if self.layout == "ticker":
            return ticker + ".parquet"
        if self.layout == "hive":
            return "ticker=%s/part.parquet" % ticker
        if self.layout == "day":
            return "%05d%s.parquet" % (day, "" if self.batch[key] == self.batch.get(("SPY", day)) else "-late")
        return self.batch[key] + ".parquet" if self.layout == "batch" else "panel.parquet"

    def write(self):
        files = {}
        for key in sorted(self.rows, key=lambda k: k if self.layout in ("ticker", "hive", "panel") else (k[1], k[0])):
            files.setdefault(self.place(key), []).extend([key] * (2 if key in self.twice else 1))
        for name in set(self.written) - set(files):
            os.remove(os.path.join(self.folder, name))
            del self.written[name]
        for name, keys in files.items():
            content = [(k, self.rows[k]) for k in keys] + [name in self.garbage]
            if self.written.get(name) == content:
                continue
            self.written[name] = content
            self.save(name, keys)
            if name in self.garbage:
                with open(os.path.join(self.folder, name), "wb") as f:
                    f.write(b"no Parquet file %d" % self.dice.randrange(100))

    def save(self, name, keys, group_rows=40):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        rows = [self.rows[k] for k in keys]
        columns = [("day", "date", [10000 + d for _, d in keys]), ("close", "double", [r[0] for r in rows]), ("volume", "double", [r[1] for r in rows]),
                   ("high", "double", [r[2] for r in rows])]
        if self.layout in ("day", "batch", "panel"):
            columns.insert(0, ("ticker", "string", [t for t, _ in keys]))
        parquet_fixture.write(path + ".new", columns, group_rows=group_rows)
        os.replace(path + ".new", path)


class Kit(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="tickloom-update-")
        self.at = lambda *parts: os.path.join(self.folder.name, *parts)
        self.definition(SMALL)
        self.went_on = self.updates = self.reasons = 0

    def tearDown(self):
        self.folder.cleanup()

    def definition(self, text):
        with open(self.at("small.loom"), "w", encoding="utf-8") as f:
            f.write(text)

    def market(self, layout, seed, days=60):
        m = Market(self.at("in"), layout, seed)
        m.add_days(days, ["SPY", "A", "B", "CC"])
        m.write()
        return m

    def update(self, *options, codes=(0,)):
        return json.loads(execute("features", self.at("small.loom"), "--in", self.at("in"), "--out", self.at("out"), "--json", "--update", *options, codes=codes).stdout)

    def check(self, what, *options):
        """Updates, and compares with a run over everything."""
        record = self.update(*options, codes=(0, 1))
        shutil.rmtree(self.at("full"), ignore_errors=True)
        full = json.loads(execute("features", self.at("small.loom"), "--in", self.at("in"), "--out", self.at("full"), "--json", *options, codes=(0, 1)).stdout)
        failures = lambda r: sorted((os.path.basename(f.get("file", "")), f.get("stream", ""), f["status"]) for f in r["failures"])
        self.assertEqual((record["exit_code"], failures(record)), (full["exit_code"], failures(full)), what)
        self.assertEqual(hashes(self.at("out")), hashes(self.at("full")), what)
        return record

    def goes_on(self, what, *options):
        record = self.check(what, *options)
        self.assertTrue(record["update"]["went_on"], (what, record["update"]))
        return record


class Steps(Kit):
    """Each kind of change alone, in each layout, and whether a run over everything was avoided."""

    def each(self, act, layouts=("ticker", "day", "batch", "panel")):
        for layout in layouts:
            with self.subTest(layout=layout):
                for name in ("in", "out", "full"):
                    shutil.rmtree(self.at(name), ignore_errors=True)
                act(self.market(layout, 1))

    def test_new_days(self):
        def act(m):
            self.check("first")
            for days in (1, 1, 5, 1):
                before = len(m.rows)
                m.add_days(days)
                m.write()
                self.assertEqual(self.goes_on("days")["rows"], len(m.rows) - before)
        self.each(act)

    def test_nothing_new(self):
        def act(m):
            self.check("first")
            names = sorted(os.listdir(self.at("out")))
            idle = self.goes_on("nothing")
            self.assertEqual((idle["rows"], idle["bytes_read"]), (0, 0))  # no file was opened
            for name in m.written:
                os.utime(os.path.join(m.folder, name))
            self.assertEqual(self.goes_on("touched")["rows"], 0)
            self.assertEqual(names, sorted(os.listdir(self.at("out"))))
        self.each(act)

    def test_a_new_ticker(self):
        def act(m):
            self.check("first")
            m.batches += 1
            m.add_days(3, ["SPY", "A", "NEW"])
            m.write()
            self.goes_on("a new ticker")
            m.add_days(2)
            m.write()
            self.goes_on("and its next days")
        self.each(act)

    def test_a_new_ticker_with_a_history(self):
        """More rows than a thread's share of what is new."""
        def act(m):
            self.check("first")
            m.batches += 1
            for day in range(-900, m.last + 1):
                m.put("OLD", day, m.price())
            m.write()
            self.goes_on("a new ticker")
            m.rows["OLD", -3] = m.price()
            m.write()
            self.goes_on("a row of it")
            m.add_days(2)
            m.write()
            self.goes_on("the next days")
        self.each(act, layouts=("ticker", "batch", "panel"))

    def test_files_cut_anew(self):
        def act(m):
            self.check("first")
            for name, content in m.written.items():
                m.save(name, [k for k, _ in content[:-1]], group_rows=17)
            self.assertEqual(self.goes_on("other row groups")["rows"], 0)
        self.each(act)

    def test_long_streams(self):
        """Streams that pass through the lanes in stretches leave their state, too."""
        m = Market(self.at("in"), "ticker", 11)
        m.add_days(45000, ["SPY", "A"])
        m.write()
        self.check("first", "--memory", "24MB")
        m.batches += 1
        m.layout = "batch"  # the next days in a file of their own
        m.place = lambda key, place=m.place: key[0] + ".parquet" if m.batch[key] == "batch-001" else place(key)
        for days in (1, 30):
            m.add_days(days)
            m.write()
            self.assertEqual(self.goes_on("more", "--memory", "24MB")["streams"], 2)
        m.rows["A", m.last] = m.price()
        m.write()
        self.goes_on("corrected", "--memory", "24MB")

    def test_a_killed_update(self):
        m = self.market("ticker", 3)
        self.check("first")
        for delay in (0.001, 0.003, 0.005, 0.008, 0.012, 0.02):
            m.add_days(1)
            m.write()
            process = subprocess.Popen([TICKLOOM, "features", self.at("small.loom"), "--in", self.at("in"), "--out", self.at("out"), "--update", "--quiet"],
                                       stderr=subprocess.DEVNULL)
            time.sleep(delay)
            process.kill()
            process.wait()
            self.check("after a kill")

    def test_a_state_that_is_damaged(self):
        m = self.market("ticker", 4)
        self.check("first")
        for kind in ("ledger", "records"):
            for how in ("flip", "cut", "remove"):
                state = self.at("out", "_tickloom", "state")
                path = next(os.path.join(state, n) for n in os.listdir(state) if n.startswith(kind))
                with open(path, "rb") as f:
                    content = bytearray(f.read())
                content[len(content) // 2] ^= 1
                os.remove(path)
                if how != "remove":
                    with open(path, "wb") as f:
                        f.write(content[:len(content) // (3 if how == "cut" else 1)])
                m.add_days(1)
                m.write()
                self.assertFalse(self.check("%s: %s" % (kind, how))["update"]["went_on"])

    def test_what_cannot_be_kept_up(self):
        """Labels look ahead and windows of time are not kept: everything is computed, and the record says why."""
        for line, word in (("label next = lead(close, 2)", "labels"), ("feature recent = sum(volume, 9d)", "windows of time")):
            with self.subTest(line):
                for name in ("in", "out", "full"):
                    shutil.rmtree(self.at(name), ignore_errors=True)
                self.definition(SMALL + line + "\n")
                m = self.market("ticker", 2)
                self.check("first")
                m.add_days(1)
                m.write()
                record = self.check("more")
                self.assertFalse(record["update"]["went_on"])
                self.assertIn(word, record["update"]["everything_since"])

    def test_options_that_differ(self):
        m = self.market("ticker", 5)
        self.check("first")
        self.assertEqual(self.goes_on("another param", "--param", "n=9")["update"]["copied"], ["fast", "place", "vol", "market", "trend", "since"])
        m.add_days(1)
        m.write()
        self.assertIn("the features changed", self.check("the same param", "--param", "n=9")["update"]["everything_since"])
        m.add_days(1)
        m.write()
        self.goes_on("and again", "--param", "n=9")
        self.assertFalse(self.check("where", "--param", "n=9", "--where", "volume > 10")["update"]["went_on"])
        m.add_days(2)
        m.write()
        self.goes_on("the same condition", "--param", "n=9", "--where", "volume > 10")

    def test_changed_definitions(self):
        """Only what is new is computed, whatever files the rows lie in by then; the rest is copied."""
        more = ["feature extra = mean(close, 11)", "feature word = close > 55", "feature when = lag(day, 1)", "label next = lead(close, 3)", "feature peak = max(high, 5, min: 1)"]
        def act(m):
            self.definition(SMALL)
            self.check("first")
            for days in (1, 3):
                m.add_days(days)
                m.write()
                self.goes_on("days")
            self.definition(SMALL + more[0] + "\n")
            record = self.goes_on("one more")
            self.assertEqual([f["name"] for f in record["features"]], ["extra"])
            self.assertEqual(len(record["update"]["copied"]), 8)
            self.assertEqual(self.goes_on("nothing")["rows"], 0)
            self.definition(SMALL.replace("ema(close, 5)", "ema(close, 6)").replace("feature chain", "feature links") + "\n".join(more) + "\n")
            self.assertEqual(len(self.goes_on("others")["update"]["copied"]), 7)
            self.definition(SMALL.replace("param n = 20", "param n = 19"))
            self.goes_on("fewer")
            self.goes_on("only some", "--select", "vol,place")
            self.goes_on("other types", "--select", "vol,place,since", "--float32=vol")
            self.definition(SMALL)
            m.add_days(1)
            m.write()
            self.assertFalse(self.check("days and features")["update"]["went_on"])
            m.add_days(1)
            m.write()
            self.goes_on("days")
            self.definition(SMALL.replace('from "SPY"', 'from "A"'))
            self.assertFalse(self.check("another side")["update"]["went_on"])
        self.each(act)

    def test_files_of_the_output_that_change(self):
        """One that is gone is missed, and damaged pages are not copied."""
        self.market("ticker", 4)
        self.check("first", "--codec", "none", "--encoding", "plain")
        os.remove(self.at("out", "A.parquet"))
        record = self.check("one is gone", "--codec", "none", "--encoding", "plain")
        self.assertEqual(record["update"]["everything_since"], "files of the output are gone")
        with open(self.at("out", "A.parquet"), "r+b") as f:
            f.seek(1500)
            byte = f.read(1)[0]
            f.seek(1500)
            f.write(bytes([byte ^ 16]))
        self.definition(SMALL.replace("feature since ", "feature until "))
        self.assertFalse(self.check("one is damaged", "--codec", "none", "--encoding", "plain")["update"]["went_on"])

    def test_ties_are_a_setting(self):
        self.market("ticker", 4)
        self.check("first")
        self.definition(SMALL.replace("order by day", "order by day ties"))
        self.assertFalse(self.check("ties")["update"]["went_on"])

    def test_a_stream_that_fails(self):
        """One bad ticker does not keep the others from being kept up, and is named each time until it is mended."""
        def act(m):
            day = lambda t: next(k for k in sorted(m.rows) if k[0] == t)
            m.twice.add(day("A"))
            m.write()
            self.assertEqual(self.check("first")["exit_code"], 1)
            m.add_days(2)
            m.write()
            self.assertEqual(self.goes_on("days")["exit_code"], 1)
            m.twice.clear()
            m.write()
            self.assertEqual(self.goes_on("mended")["exit_code"], 0)
            m.twice.add(day("B"))
            m.write()
            self.assertEqual(self.goes_on("another")["exit_code"], 1)
        self.each(act)

    def test_a_file_that_is_none(self):
        def act(m):
            self.check("first")
            m.garbage.add("B.parquet")
            m.write()
            self.assertEqual(self.check("garbage")["exit_code"], 1)
            self.assertEqual(self.goes_on("still")["exit_code"], 1)
            m.add_days(1)
            m.write()
            self.assertEqual(self.goes_on("days")["exit_code"], 1)
            m.garbage.clear()
            m.write()
            self.assertEqual(self.goes_on("mended")["exit_code"], 0)
        self.each(act, ("ticker",))

    def test_from_to(self):
        m = self.market("ticker", 6)
        self.check("first", "--from", "1997-06-20")
        m.add_days(1)
        m.write()
        self.goes_on("from", "--from", "1997-06-20")

    def test_a_side_from_elsewhere(self):
        m = self.market("batch", 7)
        os.makedirs(self.at("side"))

        def write_side():
            keys = sorted(k for k in m.rows if k[0] == "SPY")
            parquet_fixture.write(self.at("side", "spy.parquet"), [("day", "date", [10000 + d for _, d in keys]), ("close", "double", [m.rows[k][0] for k in keys])])
        write_side()
        option = ("--side", "spy=" + self.at("side"))
        self.check("first", *option)
        m.add_days(2)
        m.write()
        write_side()
        self.goes_on("a day", *option)
        m.rows["SPY", 5] = m.price()
        write_side()
        self.assertFalse(self.check("a corrected side", *option)["update"]["went_on"])

    def test_single_files_cannot_be_kept_up(self):
        self.market("ticker", 8)
        done = subprocess.run([TICKLOOM, "features", self.at("small.loom"), "--in", self.at("in"), "--out", self.at("x.parquet"), "--update"], capture_output=True,
                              text=True)
        self.assertEqual(done.returncode, 2)
        self.assertIn("--update", done.stderr)


    def test_parts_are_merged(self):
        for layout in ("ticker", "day", "hive"):
            with self.subTest(layout=layout):
                for name in ("in", "out", "full"):
                    shutil.rmtree(self.at(name), ignore_errors=True)
                m = self.market(layout, 9)
                self.check("first")
                before = len(self.files())
                for i in range(40):
                    m.add_days(1)
                    m.write()
                    self.update()
                    if i % 7 == 0:
                        self.goes_on("merging")
                self.check("merged")
                self.assertLess(len(self.files()), before + 20 * (len(m.tickers()) if layout == "hive" else 1))
                state = os.listdir(self.at("out", "_tickloom", "state"))
                self.assertEqual(sum(n.startswith("ledger-") for n in state), 1, state)
                self.assertLess(len(state), 12, state)

    def files(self):
        return [os.path.join(folder, n) for folder, _, names in os.walk(self.at("out")) for n in names if n.endswith(".parquet")]


class Random(Kit):
    """Random sequences of all of it."""

    def change(self, m):
        dice = m.dice
        kind = dice.choice(("days", "days", "days", "days", "late", "corrected", "dropped", "ticker", "listing", "definition", "definition", "gone", "touch", "cut", "market", "twice", "once", "garbage", "mended"))
        keys = [k for k in m.rows if k[0] != "SPY"]
        if kind == "days":
            m.add_days(dice.choice((1, 1, 2, 9)))
        elif kind == "late":
            m.batches += 1
            t = dice.choice([t for t in m.tickers() if t != "SPY"])
            free = [d for d in range(1, m.last) if (t, d) not in m.rows]
            if free:
                day = dice.choice(free)
                m.put(t, day, m.price())
                there = [d for s, d in m.rows if s == t and d != day]
                if m.layout == "batch" and there: # among the rows that it belongs to; a file of its own would make these unsorted
                    m.batch[t, day] = m.batch[t, min(there, key=lambda d: abs(d - day))]
        elif kind == "corrected":
            m.rows[dice.choice(keys)] = m.price()
        elif kind == "market":
            m.rows[dice.choice([k for k in m.rows if k[0] == "SPY"])] = m.price()
        elif kind == "dropped":
            m.drop(dice.choice(keys))
        elif kind == "ticker":
            m.add_days(dice.choice((1, 4)), m.tickers() + ["N%d" % len(m.rows)])
        elif kind == "listing" and m.layout != "day":
            m.batches += 1
            name, begin = "L%d" % len(m.rows), -dice.choice((200, 700))
            for day in range(begin, m.last + 1):
                m.put(name, day, m.price())
        elif kind == "definition":
            lines = SMALL.splitlines(keepends=True)
            features = [l.replace("20", str(dice.choice((19, 20)))).replace("5)", "%d)" % dice.choice((5, 6))) for l in lines if l.startswith("feature")]
            features += ["feature more%d = mean(close, %d)\n" % (i, 3 + i) for i in range(3) if dice.random() < 0.3]
            dice.shuffle(features)
            self.definition("".join([l for l in lines if not l.startswith("feature")] + features))
        elif kind == "gone":
            t = dice.choice([t for t in m.tickers() if t != "SPY"])
            if len(m.tickers()) > 3:
                for k in [k for k in m.rows if k[0] == t]:
                    m.drop(k)
        elif kind == "twice":
            m.twice.add(dice.choice(keys))
        elif kind == "once" and m.twice:
            m.twice.remove(dice.choice(sorted(m.twice)))
        elif kind == "garbage" and m.layout in ("ticker", "hive"):
            t = dice.choice([t for t in m.tickers() if t != "SPY"])
            m.garbage.add(m.place((t, 0)))
        elif kind == "mended" and m.garbage:
            m.garbage.remove(dice.choice(sorted(m.garbage)))
        elif kind == "touch":
            os.utime(os.path.join(m.folder, dice.choice(sorted(m.written))))
        elif kind == "cut":
            name = dice.choice(sorted(m.written))
            if name not in m.garbage:
                m.save(name, [k for k, _ in m.written[name][:-1]], group_rows=dice.choice((5, 23, 1000)))
        m.write()
        return kind

    def sequences(self, layout):
        went_on = updates = 0
        for seed in range(SEED, SEED + ROUNDS):
            for name in ("in", "out", "full"):
                shutil.rmtree(self.at(name), ignore_errors=True)
            m = self.market(layout, seed, days=m_days(seed))
            options = OPTIONS[seed % len(OPTIONS)]
            self.definition(SMALL)
            self.check("first", *options)
            for step in range(12):
                done = [self.change(m) for _ in range(m.dice.choice((1, 1, 2)))]
                record = self.check("seed %d, step %d: %s" % (seed, step, done), *options)
                updates += 1
                went_on += record["update"]["went_on"]
        print("%s: %d of %d updates went on" % (layout, went_on, updates), file=sys.stderr)
        self.assertGreater(went_on, updates / 4)

    def test_a_file_a_ticker(self):
        self.sequences("ticker")

    def test_a_file_a_batch(self):
        self.sequences("batch")

    def test_a_file_a_day(self):
        self.sequences("day")

    def test_one_panel(self):
        self.sequences("panel")

    def test_hive(self):
        self.sequences("hive")


OPTIONS = ((), ("--threads", "1", "--memory", "16MB"), ("--where", "volume > 100"), ("--on-duplicate", "last", "--float32=spread,vol"),
           ("--select", "fast,market,trend", "--tile-rows", "5"), ("--from", "1997-06-01", "--to", "1997-09-01"))


def m_days(seed):
    return (3, 30, 90)[seed % 3]


def option(name, default):
    if name not in sys.argv:
        return default
    at = sys.argv.index(name)
    value = int(sys.argv[at + 1])
    del sys.argv[at:at + 2]
    return value


SEED, ROUNDS = option("--seed", 1), option("--rounds", 3)

if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
