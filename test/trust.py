"""Runs that can be trusted, as seen from outside: trust.py TICKLOOM SOURCE_ROOT

Any layout of the same rows gives the same bits, within the memory that was allowed. A run that is killed, stopped, starved or fed
garbage leaves nothing half-written, says what failed, and the same command goes on. The contract: ARCHITECTURE.md and
`tickloom help features`."""
import collections
import csv
import io
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import parquet_fixture  # noqa: E402

TICKLOOM = os.path.abspath(sys.argv[1])
ROOT = os.path.abspath(sys.argv[2])
FIRST = os.path.join(ROOT, "features/first.loom")
BARS = "stream by ticker order by date\ninput open, high, low, close, volume\n"
PRICES = [("open", "double"), ("high", "double"), ("low", "double"), ("close", "double"), ("volume", "int64")]
LIMIT = 64_000_000
with open(TICKLOOM, "rb") as binary:
    SANITIZER = re.search(rb"__asan_init|__tsan_init", binary.read())


# ---- running ----


def execute(*args, limit=None):
    done = subprocess.run([TICKLOOM, *map(str, args)], capture_output=True, text=True, errors="replace", preexec_fn=limit, timeout=120)
    assert 0 <= done.returncode <= 5, "exit %d: %s\n%s" % (done.returncode, " ".join(map(str, args)), done.stderr)
    return done


def run(*args, code=0, limit=None):
    """Runs tickloom; checks the exit code; returns standard output and standard error."""
    done = execute(*args, limit=limit)
    assert done.returncode == code, "exit %d, expected %d: %s\n%s" % (done.returncode, code, " ".join(map(str, args)), done.stderr)
    return done.stdout, done.stderr


def features(source, out, *options, definition=FIRST, code=0, limit=None):
    return run("features", definition, "--in", source, "--out", out, "--quiet", *options, code=code, limit=limit)


def record(source, out, *options, definition=FIRST, code=0):
    return json.loads(run("features", definition, "--in", source, "--out", out, "--json", *options, code=code)[0])


def hashes(path, *args):
    return dict(line.split("\t") for line in run("hash", path, *args)[0].splitlines())


def lines(path, columns=None):
    """The rows of a dataset as text, without the head."""
    return run("cat", path, "--format", "csv", *(["--columns", columns] if columns else []))[0].splitlines()[1:]


def start(source, out, *options, definition=FIRST):
    command = [TICKLOOM, "features", definition, "--in", source, "--out", out, "--quiet", *options]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def usual_seconds(source, out, *options):
    """The duration of a run, the quickest of three."""
    best = 60
    for _ in range(3):
        shutil.rmtree(out, ignore_errors=True)
        begin = time.monotonic()
        features(source, out, *options)
        best = min(best, time.monotonic() - begin)
    shutil.rmtree(out)
    return best


def killed(process, seconds):
    """Kills a run after a while; says whether it still ran."""
    time.sleep(seconds)
    process.kill()
    process.communicate()
    return process.returncode == -signal.SIGKILL


# ---- looking ----


def files_below(folder):
    """Hidden ones too, which glob would pass over."""
    found = []
    for path, _, names in os.walk(folder):
        found += [os.path.relpath(os.path.join(path, name), folder) for name in names]
    return sorted(found)


def data_below(folder):
    return [f for f in files_below(folder) if not f.startswith("_tickloom/")]


def strays(out):
    """Temporary names that a finished run left; what the next update goes on from, under the dataset's own number, is no such name."""
    found = [f for f in files_below(out) if os.path.basename(f).startswith(".") or f.startswith("_tickloom/tmp/") or f.startswith("_tickloom/state/")]
    if os.path.exists(out + "/_tickloom/manifest.json"):
        with open(out + "/_tickloom/manifest.json", encoding="utf-8") as f:
            generation = json.load(f)["generation"]
        found = [f for f in found if f not in ("_tickloom/state/ledger-" + generation, "_tickloom/state/records-" + generation)]
    return found + [f for f in os.listdir(os.path.dirname(out)) if f.startswith(".")]


def contents(folder):
    found = {}
    for name in files_below(folder):
        with open(os.path.join(folder, name), "rb") as f:
            found[name] = f.read()
    return found


def rewrite(path, data):
    with open(path, "wb") as f:
        f.write(data)


def read(path):
    with open(path, "rb") as f:
        return f.read()


# ---- the same rows in many layouts ----


def day_number(text):
    return round((time.mktime(time.strptime(text, "%Y-%m-%d")) - time.mktime((1970, 1, 1, 0, 0, 0, 0, 0, 0))) / 86400)


def read_market(market):
    """[(ticker, date, open, high, low, close, volume)] by ticker, then date."""
    rows, days = [], {}
    for name in sorted(os.listdir(market)):
        for line in csv.reader(io.StringIO(run("cat", os.path.join(market, name), "--format", "csv", "--columns", "date,open,high,low,close,volume")[0])):
            if line[0] == "date":
                continue
            day = days.setdefault(line[0], day_number(line[0]))
            rows.append((name[:-8], day, *[float(v) if v else None for v in line[1:5]], int(line[5]) if line[5] else None))
    return rows


def write_rows(path, rows, keys=("ticker", "date"), **style):
    columns = list(zip(*rows)) if rows else [()] * 7
    wanted = [("ticker", "string", columns[0])] * ("ticker" in keys) + [("date", "date", columns[1])] * ("date" in keys)
    return parquet_fixture.write(path, wanted + [(name, kind, columns[i + 2]) for i, (name, kind) in enumerate(PRICES)], **style)


def by_date(rows):
    return sorted(rows, key=lambda r: (r[1], r[0]))


def write_days(folder, rows, reverse=False):
    """A file a day; with names that run backwards."""
    os.makedirs(folder)
    days = collections.defaultdict(list)
    for row in rows:
        days[row[1]].append(row)
    for i, day in enumerate(sorted(days)):
        write_rows(os.path.join(folder, "x%06d.parquet" % (len(days) - i if reverse else i)), days[day])


def write_tickers(folder, rows, **style):
    os.makedirs(folder)
    tickers = collections.defaultdict(list)
    for row in rows:
        tickers[row[0]].append(row)
    for ticker, own in tickers.items():
        write_rows(os.path.join(folder, ticker + ".parquet"), own, **style)


class World:
    """One small market in many layouts, made once."""


def setUpModule():
    World.dir = tempfile.mkdtemp(prefix="tickloom-trust-")
    World.market = os.path.join(World.dir, "market")
    run("generate", "daily", "--tickers", 24, "--rows", 400, "--seed", 7, "--out", World.market)
    World.rows = read_market(World.market)
    World.layouts = {"ticker": World.market}

    def place(name):
        World.layouts[name] = os.path.join(World.dir, name)
        return World.layouts[name]

    write_rows(place("one.parquet"), World.rows)
    write_rows(place("date.parquet"), by_date(World.rows), group_rows=2000)
    days = collections.Counter(r[1] for r in World.rows)  # the last day first, a row group each, tickers backwards
    write_rows(place("reversed.parquet"), by_date(World.rows)[::-1], group_rows=[days[d] for d in sorted(days, reverse=True)])
    write_rows(place("tickers-reversed.parquet"), sorted(World.rows, key=lambda r: (r[1], -int("0" + r[0][1:] if r[0] != "SPY" else "0"))), group_rows=997)
    write_rows(place("groups-997.parquet"), World.rows, group_rows=997, crc=True)
    write_rows(place("v2.parquet"), by_date(World.rows), group_rows=3000, page_rows=450, version=2, crc=True)
    write_tickers(place("ticker-v2"), World.rows, group_rows=150, page_rows=37, version=2)
    write_days(place("days"), World.rows, reverse=True)
    os.makedirs(place("thirds"))
    cuts = [0, *(sorted(days)[len(days) * i // 3] for i in (1, 2)), 10**6]
    for i in range(3):  # every ticker's years in three files, tickers backwards, the names too
        part = sorted((r for r in World.rows if cuts[i] <= r[1] < cuts[i + 1]), key=lambda r: (r[0], -r[1]), reverse=True)
        write_rows(os.path.join(World.layouts["thirds"], "%s.parquet" % "zyx"[i]), part, group_rows=(997, 10, 5000)[i], version=1 + i % 2)
    World.reference_out = os.path.join(World.dir, "reference")
    features(World.market, World.reference_out)
    World.reference = hashes(World.reference_out)
    World.reference_lines = lines(World.reference_out)
    World.columns = run("cat", World.reference_out, "--format", "csv", "--rows", "0..1")[0].splitlines()[0]


def tearDownModule():
    shutil.rmtree(World.dir, ignore_errors=True)


class Case(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="tickloom-", dir=World.dir)

    def tearDown(self):
        shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text):
        rewrite(self.path(name), text.encode())
        return self.path(name)

    def copy_market(self, name="in", tickers=None):
        os.makedirs(self.path(name))
        for file in sorted(os.listdir(World.market)):
            if tickers is None or file[:-8] in tickers:
                shutil.copy(os.path.join(World.market, file), self.path(name))
        return self.path(name)

    def assertSame(self, got, expected):
        """Like assertEqual for long lists, with the first difference alone."""
        for i, (a, b) in enumerate(zip(got, expected)):
            self.assertEqual(a, b, "item %d" % i)
        self.assertEqual(len(got), len(expected))

    def settled(self, out, reference=None):
        """A dataset as a finished run leaves it: the manifest's files and no other, nothing temporary."""
        with open(os.path.join(out, "_tickloom/manifest.json"), encoding="utf-8") as f:
            manifest = json.load(f)
        self.assertEqual(strays(out), [])
        self.assertEqual(data_below(out), sorted(f["name"] for f in manifest["files"]))
        self.assertEqual(hashes(out), World.reference if reference is None else reference)


# ---- layouts and memory ----


class Layouts(Case):
    def test_same_bits(self):
        for i, (name, path) in enumerate(World.layouts.items()):
            for memory in ("64MB", "256MB"):
                threads = 1 + (i + (memory == "64MB")) % 2
                with self.subTest(name, memory=memory, threads=threads):
                    out = self.path("%s-%s" % (name, memory))
                    got = record(path, out, "--memory", memory, "--threads", threads)
                    self.settled(out)
                    self.assertEqual((got["rows"], got["streams"]), (len(World.rows), 24))

    def test_threads_and_styles(self):
        for name in ("ticker", "date.parquet", "days"):
            for options in (["--threads", 4], ["--durable"], ["--codec", "none", "--encoding", "plain"], ["--tile-rows", 7]):
                with self.subTest(name, options=options):
                    out = self.path("out")
                    features(World.layouts[name], out, *options)
                    self.settled(out)
                    shutil.rmtree(out)

    def test_one_output_file(self):
        for name, path in World.layouts.items():
            with self.subTest(name):
                out = self.path(name + "-out.parquet")
                features(path, out, "--memory", "64MB")
                self.assertEqual(hashes(out), World.reference)
                self.assertEqual([f for f in os.listdir(self.dir) if not f.endswith("-out.parquet")], [])

    def test_whole_streams_keep_their_names(self):
        out = self.path("out")
        features(World.layouts["ticker-v2"], out)
        self.assertEqual(data_below(out), sorted(os.listdir(World.market)))
        features(World.layouts["days"], out)
        self.assertEqual([f for f in data_below(out) if not f.startswith("part-")], [])

    def test_types_unified(self):
        """Whole numbers here and fractions there, dates here and timestamps there: one stream, one type."""
        folder, out, plain = self.path("in"), self.path("out"), self.path("plain")
        definition = self.write("d.loom", "stream by ticker order by date\ninput close\nfeature a = mean(close, 3)\nfeature d = lag(date, 1)\n")
        os.makedirs(folder)
        os.makedirs(plain)
        tickers, days, close = ["A"] * 40, list(range(12000, 12040)), [(i * 7) % 13 for i in range(40)]
        both = lambda kind, unit, price, of, part: [("ticker", "string", tickers[part]), ("date", kind, [d * unit for d in days[part]]), ("close", price, list(map(of, close[part])))]
        parquet_fixture.write(folder + "/b.parquet", both("date", 1, "int32", int, slice(0, 20)))
        parquet_fixture.write(folder + "/a.parquet", both("timestamp_us", 86_400_000_000, "double", float, slice(20, 40)))
        parquet_fixture.write(plain + "/all.parquet", both("timestamp_us", 86_400_000_000, "double", float, slice(0, 40)))
        features(folder, out, definition=definition)
        features(plain, self.path("expected"), definition=definition)
        self.assertSame(lines(out), lines(self.path("expected")))


@unittest.skipIf(SANITIZER, "a sanitizer takes memory of its own")
class Memory(Case):
    """The bound is kept by the process as the system counts it."""

    def bounded(self, source, out, *options, definition=FIRST):
        """Through a shell: the system counts what a process was before it became another one, here this Python."""
        command = [TICKLOOM, "features", definition, "--in", source, "--out", out, "--json", "--memory", "64MB", *map(str, options)]
        done = subprocess.run(["sh", "-c", '"$@"; exit $?', "sh", *command], capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        got = json.loads(done.stdout)
        self.assertLess(got["memory"]["peak_resident"], LIMIT)
        self.assertLessEqual(got["memory"]["planned"], LIMIT)
        return got

    def generate(self, tickers, rows):
        market = self.path("market-%d" % tickers)
        run("generate", "daily", "--tickers", tickers, "--rows", rows, "--seed", 3, "--out", market)
        return market

    def test_few_long_streams(self):
        self.bounded(self.generate(10, 20000), self.path("out"))

    def test_one_very_long_stream(self):
        market = self.generate(1, 300_000)
        for threads in (1, 2):
            got = self.bounded(market, self.path("out"), "--threads", threads)
            self.assertEqual(got["rows"], 300_000)
        features(market, self.path("wide"), "--memory", "2GB")
        self.assertEqual(hashes(self.path("out")), hashes(self.path("wide")))

    def test_many_short_streams(self):
        market, out = self.generate(3000, 50), self.path("out")
        self.assertEqual(self.bounded(market, out)["streams"], 3000)
        one = self.path("one.parquet")
        self.bounded(market, one)
        self.assertEqual(hashes(one), hashes(out))

    def test_scattered(self):
        """300 tickers x 400 days by date in one file."""
        tickers, days = ["SPY"] + ["T%05d" % i for i in range(1, 300)], range(12000, 12400)
        rows = [(t, d, *[50 + (i * 31 + d * 17) % 97 / 8 + o for o in (0, 1, -1, 0.5)], 1000 + i) for d in days for i, t in enumerate(tickers)]
        by_day, by_ticker = self.path("by-day.parquet"), self.path("by-ticker.parquet")
        write_rows(by_day, rows, group_rows=50_000, page_rows=10_000)
        write_rows(by_ticker, sorted(rows), group_rows=50_000, page_rows=10_000)
        got = self.bounded(by_day, self.path("a"))
        self.assertGreater(got["spilled_bytes"], 0)
        self.bounded(by_ticker, self.path("b"))
        self.assertEqual(hashes(self.path("a")), hashes(self.path("b")))

    def test_what_cannot_fit_is_refused(self):
        """Before any work: windows that are greater than the bound."""
        market, out = self.generate(1, 200_000), self.path("out")
        definition = self.write("w.loom", BARS + "".join("feature w%d = median(close, %d)\n" % (i, 190_000 + i) for i in range(40)))
        _, err = features(market, out, "--memory", "64MB", definition=definition, code=5)
        self.assertIn("--memory", err)
        self.assertFalse(os.path.exists(out))

    def test_of_the_run_alone(self):
        """The record counts the run, not the process that started it."""
        great = bytearray(b"x") * 150_000_000
        self.assertLess(record(World.market, self.path("out"), "--memory", "64MB")["memory"]["peak_resident"], LIMIT, len(great))

    def test_a_page_greater_than_the_budget(self):
        """A foreign page of 24 MB, where the bound leaves 8: within the bound all the same, or exit 5 and no allocation."""
        rows, out = 3_000_000, self.path("out")
        os.makedirs(self.path("in"))
        parquet_fixture.write(self.path("in/A.parquet"), [("date", "int64", range(rows)), ("close", "double", [1.5] * rows)])
        definition = self.write("d.loom", "stream by ticker order by date\ninput close\nfeature a = close\n")
        done = execute("features", definition, "--in", self.path("in"), "--out", out, "--quiet", "--memory", "64MB")
        if done.returncode == 0:
            self.bounded(self.path("in"), out, definition=definition)
            return
        self.assertEqual(done.returncode, 5)
        self.assertIn("A.parquet", done.stderr)
        self.assertIn("--memory", done.stderr)


# ---- an end at any moment ----


class Killed(Case):
    """kill -9 at any moment, then the same command: as if nothing had been."""

    def olds(self):
        """Datasets that stand at the output: other values under the same names, other names, fewer columns."""
        if not hasattr(World, "olds"):
            World.olds = []
            for name, source, options in (("same-names", "ticker", ["--param", "fast=21"]), ("parts", "date.parquet", ["--param", "fast=21"]), ("fewer", "days", ["--select", "daily_return,beta_spy"])):
                path = os.path.join(World.dir, "old-" + name)
                features(World.layouts[source], path, *options)
                World.olds.append((path, hashes(path)))
        return World.olds

    def test_at_random_moments(self):
        rng = random.Random(11)
        sources = [World.layouts[name] for name in ("ticker", "date.parquet", "days")]
        usual = {source: usual_seconds(source, self.path("usual")) for source in sources}
        hits = mixtures = 0
        for trial in range(100):
            source, replace, out = sources[trial % 3], trial // 3 % 2 == 1, self.path("out-%d" % trial)
            old, was = self.olds()[rng.randrange(3)]
            if replace:
                shutil.copytree(old, out)
            for _ in range(rng.choice((1, 1, 1, 2, 4))):
                hits += killed(start(source, out), rng.random() * usual[source])
                if replace:
                    mixtures += hashes(out) not in (was, World.reference)
                    self.assertFalse([f for f in os.listdir(self.dir) if f.startswith(".")])
            with self.subTest(trial=trial, source=source, replace=replace and old):
                features(source, out)
                self.settled(out)
            shutil.rmtree(out)
        self.assertEqual(mixtures, 0, "datasets that were neither the old one nor the new one")
        self.assertGreater(hits, 70)

    def killed_once(self, source, out, seen):
        """Starts a run and kills it as soon as seen(); whether that was in time."""
        process = start(source, out)
        while process.poll() is None and not seen():
            pass
        return killed(process, 0)

    def test_while_an_older_dataset_is_replaced(self):
        """Killed when the first files change: a reader sees the old dataset or the new one."""
        for old, was in self.olds():
            for trial in range(8):
                out = self.path("out")
                shutil.copytree(old, out)
                before = {f: os.stat(os.path.join(out, f)).st_ino for f in data_below(out)}
                count = trial % 4 * 5  # so many files into it

                def seen():
                    changed = 0
                    for entry in os.scandir(out):
                        changed += entry.name.endswith(".parquet") and before.get(entry.name) != entry.inode()
                    return changed > count

                hit = self.killed_once(World.market, out, seen)
                with self.subTest(os.path.basename(old), trial=trial, hit=hit):
                    self.assertIn(hashes(out), (was, World.reference))
                    features(World.market, out)
                    self.settled(out)
                shutil.rmtree(out)

    def test_then_another_command(self):
        """Files that a killed run put in place are no part of what another command makes there."""
        fewer = self.copy_market("fewer", tickers=("SPY", "T00001", "T00002"))
        features(fewer, self.path("expected"))
        for old in [None] + [path for path, _ in self.olds()]:
            for trial in range(4):
                out = self.path("out")
                if old:
                    shutil.copytree(old, out)
                before = {f: os.stat(os.path.join(out, f)).st_ino for f in data_below(out)}
                seen = lambda: os.path.isdir(out) and any(before.get(e.name) != e.inode() for e in os.scandir(out) if e.name.endswith(".parquet"))
                hit = self.killed_once(World.market, out, seen)
                with self.subTest(old and os.path.basename(old), trial=trial, hit=hit):
                    features(fewer, out)
                    self.settled(out, hashes(self.path("expected")))
                shutil.rmtree(out)

    def test_one_output_file(self):
        """The name is there whole or not at all; nothing else is, once the next run has started."""
        rng = random.Random(5)
        usual = usual_seconds(World.layouts["date.parquet"], self.path("usual"))
        out = self.path("out/features.parquet")
        os.makedirs(self.path("out"))
        for trial in range(20):
            killed(start(World.layouts["date.parquet"], out), rng.random() * usual)
            if os.path.exists(out):
                self.assertEqual(hashes(out), World.reference)
            if trial % 4 == 3:
                features(World.layouts["date.parquet"], out)
                self.assertEqual(hashes(out), World.reference)
                self.assertEqual(files_below(self.path("out")), ["features.parquet"])
                os.remove(out)


class Stopped(Case):
    """SIGINT and SIGTERM: what is committed stays, exit 1, the same command goes on."""

    def test_signals(self):
        market = self.path("market")
        run("generate", "daily", "--tickers", 300, "--rows", 60, "--seed", 3, "--out", market)
        panel = self.path("panel.parquet")
        rows = World.rows
        write_rows(panel, by_date([("%s-%d" % (r[0], k), *r[1:]) if k else r for k in range(3) for r in rows]), group_rows=5000)
        for source in (market, panel):
            usual = usual_seconds(source, self.path("usual"))
            features(source, self.path("whole"))
            expected = hashes(self.path("whole"))
            for number in (signal.SIGINT, signal.SIGTERM):
                for share in (0.4, 0.7, 0.9):
                    out = self.path("out")
                    process = start(source, out)
                    time.sleep(usual * share)
                    process.send_signal(number)
                    err = process.communicate(timeout=60)[1]
                    with self.subTest(os.path.basename(source), signal=number.name, share=share):
                        self.assertIn(process.returncode, (0, 1), err)  # 0 where it came too late
                        if process.returncode == 1:
                            self.assertIn("stopped by a signal", err)
                        there = data_below(out) if os.path.isdir(out) else []
                        for name in there:
                            self.assertTrue(name.endswith(".parquet"), name)
                        if there:
                            run("cat", os.path.join(out, there[-1]), "--rows", "0..1")
                        again = record(source, out)
                        if process.returncode == 1:
                            self.assertEqual(again["files_finished_before"], len(there))
                        self.settled(out, expected)
                    shutil.rmtree(out, ignore_errors=True)
            shutil.rmtree(self.path("whole"))

    def test_while_replacing(self):
        """A stopped run changes nothing of the dataset that it was to replace."""
        source, out = World.layouts["days"], self.path("out")
        features(source, out, "--select", "daily_return")
        before, old = hashes(out), data_below(out)
        usual = usual_seconds(source, self.path("usual"))
        process = start(source, out)
        time.sleep(usual * 0.5)
        process.send_signal(signal.SIGTERM)
        process.communicate()
        self.assertEqual(process.returncode, 1)
        self.assertEqual((hashes(out), data_below(out)), (before, old))
        features(source, out)
        self.settled(out)


class Shapes(Case):
    """Streams of every length beside each other, and keys of every form."""

    LONG = "stream by k order by t\ninput x\nfeature a = mean(x, 5)\nfeature b = ema(x, 9)\nlabel c = lead(x, 3)\n"

    def series(self, path, keys, rows, kind="string", start=0, late=None):
        """`keys` streams of `rows` rows each, one after the other; `late`: the last row of all has this time."""
        count = len(keys) * rows
        times = [start + i % rows for i in range(count)]
        if late is not None:
            times[-1] = late
        columns = [("k", kind, [k for k in keys for _ in range(rows)])] if kind else []
        parquet_fixture.write(path, columns + [("t", "int64", times), ("x", "double", [float((i * 7919) % 1009) for i in range(count)])], group_rows=20000)

    def test_long_and_short_side_by_side(self):
        """Long streams with files of their own, and a file of many short ones whose size lies between."""
        folder, definition = self.path("in"), self.write("long.loom", self.LONG)
        os.makedirs(folder)
        self.series(folder + "/a.parquet", ["A"], 50000)
        self.series(folder + "/b.parquet", ["B%02d" % i for i in range(20)], 2200)
        self.series(folder + "/c.parquet", ["C"], 40000)
        expected = None
        for options in (["--threads", "1"], ["--threads", "2"], ["--threads", "4"], ["--threads", "1", "--memory", "20MB"], ["--memory", "1GB", "--tile-rows", "7"]):
            out = self.path("out%d" % len(os.listdir(self.dir)))
            got = record(folder, out, *options, definition=definition)
            self.assertEqual((got["rows"], got["streams"]), (134000, 22), options)
            expected = expected or hashes(out)
            self.assertEqual(hashes(out), expected, options)

    def test_repeats_in_long_streams(self):
        """Which row of a repeated key stays, and what is counted, do not depend on where a stretch ends."""
        path, definition = self.path("in.parquet"), self.write("long.loom", self.LONG)
        times = sorted([i for i in range(60000)] + [i for i in range(0, 60000, 7)] + [59999] * 5)
        values = [float("nan") if i % 5 == 0 else float(i) for i in range(len(times))]
        parquet_fixture.write(path, [("k", "string", ["A"] * len(times)), ("t", "int64", times), ("x", "double", values)], group_rows=7001)
        for keep in ("first", "last"):
            found = []
            for memory in ("17MB", "19MB", "23MB", "31MB", "1GB"):
                out = self.path(keep + memory)
                got = record(path, out, "--on-duplicate", keep, "--memory", memory, definition=definition)
                found.append((got["rows"], got["duplicates_dropped"], got["nonfinite_inputs"], hashes(out)))
            self.assertEqual(found[0][:3], (60000, len(times) - 60000, sum(1 for v in values if v != v)), keep)
            for other in found[1:]:
                self.assertEqual(other, found[0], keep)

    def test_long_stream_that_fails_late(self):
        """Its rows are taken back, and the older dataset stays: as if it had been looked at whole."""
        folder, definition, out = self.path("in"), self.write("long.loom", self.LONG), self.path("out")
        os.makedirs(folder)
        self.series(folder + "/a.parquet", ["A"], 60000)
        features(folder, out, definition=definition)
        before = hashes(out)
        self.series(folder + "/a.parquet", ["A"], 60000, late=5)
        _, err = features(folder, out, definition=definition, code=4)
        self.assertIn("row 59999", err)
        self.assertEqual(hashes(out), before)
        fresh = self.path("fresh")
        features(folder, fresh, definition=definition, code=4)
        self.assertEqual(data_below(fresh), [])

    def test_keys_of_every_width(self):
        folder, definition, out = self.path("in"), self.write("long.loom", self.LONG), self.path("out.parquet")
        os.makedirs(folder)
        self.series(folder + "/a.parquet", [1], 4, "int32")
        self.series(folder + "/b.parquet", [(1 << 32) + 1], 4, "int64")
        features(folder, out, definition=definition)
        self.assertEqual(sorted(set(lines(out, "k"))), ["1", str((1 << 32) + 1)])

    def test_keys_in_some_paths(self):
        folder, definition, out = self.path("in"), self.write("long.loom", self.LONG), self.path("out")
        os.makedirs(folder + "/k=B")
        self.series(folder + "/a.parquet", ["A"], 4)
        self.series(folder + "/k=B/b.parquet", ["B"], 4, kind=None)
        features(folder, out, definition=definition)
        self.assertEqual(sorted(set(lines(out, "k"))), ["A", "B"])

    def test_ties(self):
        path, out = self.path("in.parquet"), self.path("out")
        parquet_fixture.write(path, [("k", "string", ["A"] * 6), ("t", "int64", [1, 2, 2, 2, 3, 3]), ("x", "double", [1.0, 2, 3, 4, 5, 6])])
        features(path, out, definition=self.write("ties.loom", self.LONG.replace("order by t", "order by t ties")))
        self.assertIn("nothing is wrong", run("check", out)[0])
        run("check", path, "--by", "k,t", code=4)

    def test_times_beyond_64_bits_of_nanoseconds(self):
        path, year = self.path("far.parquet"), 365 * 86400 * 10**6
        times = [y * year for y in (-400, -320, 0, 300, 400)]
        parquet_fixture.write(path, [("k", "string", ["A"] * 5), ("t", "timestamp_us", times)])
        self.assertIn("nothing is wrong", run("check", path, "--by", "k,t")[0])
        parquet_fixture.write(path, [("k", "string", ["A"] * 5), ("t", "timestamp_us", times[:3] + [times[4], times[3]])])
        run("check", path, "--by", "k,t", code=4)

    def test_many_equal_keys_in_diff(self):
        path = self.path("in.parquet")
        parquet_fixture.write(path, [("k", "string", ["A"] * 60000), ("t", "int64", [1] * 60000), ("x", "double", [float(i) for i in range(60000)])])
        other = self.path("other.parquet")
        parquet_fixture.write(other, [("k", "string", ["A"] * 60000), ("t", "int64", [1] * 60000), ("x", "double", [float(i + (i == 9)) for i in range(60000)])])
        self.assertIn("x: 1 of 60,000 rows differ", run("diff", path, other, "--by", "k,t", code=1)[0])


class Twice(Case):
    def test_two_runs_on_one_output(self):
        for replace in (False, True):
            out = self.path("out-%d" % replace)
            if replace:
                features(World.market, out, "--param", "fast=21")
            first = start(World.layouts["days"], out)
            while first.poll() is None and not os.path.exists(out + "/_tickloom/state/progress.jsonl"):
                pass
            first.send_signal(signal.SIGSTOP)
            self.assertTrue(os.WIFSTOPPED(os.waitpid(first.pid, os.WUNTRACED)[1]))  # not before then does nothing change
            before = files_below(out)
            _, err = features(World.market, out, code=5)
            self.assertIn("in use", err)
            self.assertEqual(files_below(out), before)
            first.send_signal(signal.SIGCONT)
            self.assertEqual((first.wait(), first.communicate()[1]), (0, ""))
            self.settled(out)

    def test_two_at_once(self):
        """Started together: each ends well or finds the output in use; what is there is whole."""
        for trial in range(10):
            out = self.path("out")
            two = [start(World.layouts["days"], out), start(World.market, out)]
            codes = []
            for process in two:
                err = process.communicate()[1]
                codes.append(process.returncode)
                if process.returncode:
                    self.assertEqual(process.returncode, 5, err)
                    self.assertIn("in use", err)
            self.assertIn(0, codes)
            self.settled(out)
            shutil.rmtree(out)

    def test_one_file(self):
        out = self.path("features.parquet")
        first = start(World.layouts["days"], out)
        while first.poll() is None and not any(f.startswith(".features") for f in os.listdir(self.dir)):
            pass
        time.sleep(0.005)  # the file is there a moment before its lock
        first.send_signal(signal.SIGSTOP)
        self.assertIsNone(first.poll())
        _, err = features(World.market, out, code=5)
        self.assertIn("in use", err)
        first.send_signal(signal.SIGCONT)
        self.assertEqual((first.wait(), first.communicate()[1]), (0, ""))
        self.assertEqual((hashes(out), os.listdir(self.dir)), (World.reference, ["features.parquet"]))


class GoingOn(Case):
    """After a failure the same command does what is missing, and nothing else."""

    def test_killed_while_going_on(self):
        """What lies ready of the second run is not the dataset before its manifest says so."""
        folder, out = self.copy_market(), self.path("out")
        self.spoil(folder, "garbage")
        features(folder, out, code=1)
        before = hashes(out)
        shutil.copy(os.path.join(World.market, "T00005.parquet"), folder)
        for name in ("T00006.parquet", "T00007.parquet"):
            os.utime(os.path.join(folder, name))
        for moment in range(6):
            process = start(folder, out)
            while process.poll() is None and not any(f.endswith(".ready") for f in os.listdir(out + "/_tickloom/state")):
                pass
            process.kill()
            process.communicate()
            self.assertIn(hashes(out), (before, World.reference))
        features(folder, out)
        self.assertEqual((hashes(out), strays(out)), (World.reference, []))

    def test_plans_of_some_bad_files(self):
        folder = self.copy_market()
        self.spoil(folder, "garbage")
        run("features", FIRST, "--in", folder, "--dry-run", code=1)
        run("explain", FIRST, "--in", folder, code=1)

    def spoil(self, folder, how):
        path = folder + "/T00005.parquet"
        whole = read(path)
        if how == "garbage":
            rewrite(path, b"no Parquet at all" * 20)
        elif how == "page":  # a footer that is sound, and pages that are not
            rows = [r for r in World.rows if r[0] == "T00005"]
            places = write_rows(path, rows, crc=True)
            data = bytearray(read(path))
            data[places["close"][0][0] + 5] ^= 4
            rewrite(path, data)
        elif how == "gone":
            os.remove(path)
        return whole

    def test_one_bad_file_of_many(self):
        for how in ("garbage", "page"):
            with self.subTest(how):
                folder, out = self.copy_market("in-" + how), self.path("out-" + how)
                whole = self.spoil(folder, how)
                text, err = run("features", FIRST, "--in", folder, "--out", out, "--json", code=1)
                self.assertIn("T00005.parquet", err)
                self.assertIn("1 failed", err.splitlines()[-1])
                failures = json.loads(text)["failures"]
                self.assertEqual(len(failures), 1)
                self.assertIn("T00005.parquet", failures[0]["file"])
                self.assertGreater(len(failures[0]["reason"]), 10)
                self.assertEqual(data_below(out), [f for f in sorted(os.listdir(World.market)) if "T00005" not in f])
                self.assertEqual([s for s in strays(out) if "/state/" not in s], [])
                self.assertSame(lines(out), [r for r in World.reference_lines if not r.startswith("T00005")])
                again = record(folder, out, code=1)
                self.assertEqual(again["files_finished_before"], 23)
                rewrite(folder + "/T00005.parquet", whole)
                mended = record(folder, out)
                self.assertEqual((mended["files_finished_before"], mended["streams"], mended["failures"]), (23, 24, []))
                self.settled(out)
                self.assertEqual(record(folder, out)["files_finished_before"], 0)
                self.settled(out)

    def test_scattered(self):
        """One broken page of a file a day: streams with rows there are out, or all; mended, the run ends well."""
        folder, out = self.path("in"), self.path("out")
        shutil.copytree(World.layouts["days"], folder)
        path = folder + "/x000007.parquet"
        whole = read(path)
        rewrite(path, b"nothing")
        _, err = features(folder, out, code=execute("features", FIRST, "--in", folder, "--out", self.path("code"), "--quiet").returncode)
        self.assertIn("x000007.parquet", err)
        rewrite(path, whole)
        features(folder, out)
        self.settled(out)

    def test_other_input_in_between(self):
        """Finished files are of use only while what they were made from is what it was."""
        folder, out = self.copy_market(), self.path("out")
        whole = self.spoil(folder, "garbage")
        features(folder, out, code=1)
        rewrite(folder + "/T00005.parquet", whole)
        shutil.copy(World.market + "/T00003.parquet", folder + "/T00004.parquet")  # another content
        again = record(folder, out)
        self.assertEqual(again["files_finished_before"], 22)
        features(folder, self.path("fresh"))
        self.settled(out, hashes(self.path("fresh")))

    def test_other_side_in_between(self):
        """A side that changed makes everything anew, also when it lies in another folder, rewritten in place."""
        for elsewhere in (False, True):
            with self.subTest(elsewhere=elsewhere):
                folder, out, there = self.copy_market("in-%d" % elsewhere), self.path("out-%d" % elsewhere), self.path("there")
                options = []
                if elsewhere:
                    os.makedirs(there)
                    shutil.copy(World.market + "/SPY.parquet", there)
                    options = ["--side", "spy=" + there]
                whole = self.spoil(folder, "garbage")
                features(folder, out, *options, code=1)
                rewrite(folder + "/T00005.parquet", whole)
                rewrite((there if elsewhere else folder) + "/SPY.parquet", read(World.market + "/T00003.parquet"))
                features(folder, out, *options)
                features(folder, self.path("fresh-%d" % elsewhere), *options)
                self.settled(out, hashes(self.path("fresh-%d" % elsewhere)))

    def test_other_command_in_between(self):
        for options in (["--param", "fast=21"], ["--select", "gap"], ["--float32"], ["--from", "2004-06-01"], ["--codec", "zstd"], ["--on-duplicate", "first"], ["--where", "close > 0"]):
            with self.subTest(options):
                folder, out = self.copy_market("in" + options[0]), self.path("out" + options[0])
                whole = self.spoil(folder, "garbage")
                features(folder, out, code=1)
                rewrite(folder + "/T00005.parquet", whole)
                self.assertEqual(record(folder, out, *options)["files_finished_before"], 0)
                features(World.market, self.path("fresh" + options[0]), *options)
                self.settled(out, hashes(self.path("fresh" + options[0])))

    def test_output_touched_in_between(self):
        """A finished file that somebody removed or changed is made again."""
        folder, out = self.copy_market(), self.path("out")
        whole = self.spoil(folder, "garbage")
        features(folder, out, code=1)
        rewrite(folder + "/T00005.parquet", whole)
        os.remove(out + "/T00001.parquet")
        data = bytearray(read(out + "/T00002.parquet"))
        data[100] ^= 1
        rewrite(out + "/T00002.parquet", data)
        self.assertEqual(record(folder, out)["files_finished_before"], 21)
        self.settled(out)


# ---- a part of the work ----


class Bounds(Case):
    def between(self, low, high):
        return [line for line in World.reference_lines if low <= line.split(",")[1] <= high]

    def test_dates(self):
        for name in ("ticker", "date.parquet", "days", "groups-997.parquet"):
            for low, high in (("2005-01-03", "2005-02-11"), ("2004-11-27", "2004-11-28"), ("2005-03-01", None), (None, "2004-02-02"), ("2004-05-05", "2004-05-05")):
                with self.subTest(name, low=low, high=high):
                    out = self.path("out")
                    features(World.layouts[name], out, *(["--from", low] if low else []), *(["--to", high] if high else []))
                    self.assertSame(sorted(lines(out)), sorted(self.between(low or "0", high or "9")))
                    self.assertEqual(strays(out), [])
                    shutil.rmtree(out)

    def timed(self, kind, days):
        os.makedirs(self.path("in"))
        parquet_fixture.write(self.path("in/A.parquet"), [("at", kind, days), ("close", "double", [float(i) for i in range(len(days))])])
        return self.path("in"), self.write("t.loom", "stream by ticker order by at\ninput close\nfeature s = sum(close, 4)\n")

    def test_times(self):
        """A day as the upper bound is the whole of it."""
        hour = 3_600_000_000
        source, definition = self.timed("timestamp_us", [24 * hour * 12000 + i * 6 * hour for i in range(20)])
        features(source, self.path("full"), definition=definition)
        full = lines(self.path("full"))
        for low, high, first, behind in (("2002-11-10", "2002-11-11", 4, 12), ("2002-11-10T06:00:00", "2002-11-10T18:00:00", 5, 8), ("2002-11-10T06:00:01", "2002-11-10T17:59:59", 6, 7)):
            out = self.path("out-%d" % first)
            features(source, out, "--from", low, "--to", high, definition=definition)
            self.assertSame(lines(out), full[first:behind])

    def test_numbers(self):
        source, definition = self.timed("int64", range(100, 200, 2))
        features(source, self.path("full"), definition=definition)
        full = lines(self.path("full"))
        features(source, self.path("out"), "--from", "110", "--to", "121", definition=definition)
        self.assertSame(lines(self.path("out")), full[5:11])
        features(source, self.path("no"), "--from", "2004-01-01", definition=definition, code=2)

    def test_wrong(self):
        out = self.path("out")
        for options in (["--from", "yesterday"], ["--from", "2004-13-01"], ["--to", "2004-02-30"], ["--from", ""], ["--to", "2004-01-01x"], ["--from", "5"], ["--from", "2005-01-01", "--to", "2004-01-01"], ["--from"]):
            with self.subTest(options):
                _, err = features(World.market, out, *options, code=2)
                self.assertIn(options[0], err)
                self.assertFalse(os.path.exists(out))


class Plans(Case):
    def test_dry_run_creates_nothing(self):
        out = self.path("a/b/out")
        for source in (World.market, World.layouts["days"]):
            plan = json.loads(run("features", FIRST, "--in", source, "--out", out, "--dry-run", "--json")[0])
            self.assertEqual((plan["rows"], plan["streams"]), (len(World.rows), 24))
            self.assertIn("planned", plan["memory"])
            self.assertEqual(os.listdir(self.dir), [])
        text = run("features", FIRST, "--in", World.layouts["days"], "--out", out, "--dry-run")[0]
        self.assertIn("memory", text)
        self.assertEqual(os.listdir(self.dir), [])

    def test_dry_run_changes_nothing(self):
        out, folder = self.path("out"), self.copy_market()
        features(folder, out)
        rewrite(folder + "/T00005.parquet", b"bad")
        before = contents(out)
        execute("features", FIRST, "--in", folder, "--out", out, "--dry-run", "--param", "fast=21")
        self.assertEqual(contents(out), before)

    def test_explain(self):
        text = run("explain", FIRST, "--in", World.market)[0]
        self.assertRegex(text, r"memory: .*MB of 256 MB")
        self.assertNotIn("scratch", text)
        text = run("explain", FIRST, "--in", World.layouts["date.parquet"], "--memory", "64MB")[0]
        self.assertRegex(text, r"memory: .*MB of 64.*MB")
        self.assertRegex(text, r"scratch files of .*B")

    def test_scratch_space_is_what_was_said(self):
        plan = json.loads(run("features", FIRST, "--in", World.layouts["date.parquet"], "--out", self.path("x"), "--dry-run", "--json")[0])
        got = record(World.layouts["date.parquet"], self.path("out"))
        self.assertGreater(got["spilled_bytes"], 0)
        self.assertLessEqual(got["spilled_bytes"], plan["spilled_bytes"])
        self.assertLess(plan["spilled_bytes"], 2 * got["spilled_bytes"])


class Hive(Case):
    def tree(self, name, tickers):
        for ticker in tickers:
            os.makedirs(self.path(name + "/ticker=" + ticker))
            shutil.copy(World.market + "/%s.parquet" % ticker, self.path(name + "/ticker=%s/part-0.parquet" % ticker))
        return self.path(name)

    def test_mirrored_and_pruned(self):
        tickers = [f[:-8] for f in sorted(os.listdir(World.market))]
        out = self.path("out")
        features(self.tree("all", tickers), out)
        self.settled(out)
        self.assertEqual(data_below(out), ["ticker=%s/part-0.parquet" % t for t in tickers])
        fewer = self.tree("fewer", ["SPY", "T00001"])
        shutil.copy(World.market + "/T00009.parquet", fewer + "/ticker=T00001/part-0.parquet")
        features(fewer, out)
        self.assertEqual(data_below(out), ["ticker=%s/part-0.parquet" % t for t in tickers])
        got, expected = lines(out, World.columns), World.reference_lines
        self.assertSame([r for r in got if "T00001" not in r], [r for r in expected if "T00001" not in r])
        renamed = [r.replace("T00009", "T00001") for r in expected if "T00009" in r]
        self.assertSame(sorted(r for r in got if "T00001" in r), sorted(renamed))
        features(fewer, out, "--prune")
        self.assertEqual(data_below(out), ["ticker=SPY/part-0.parquet", "ticker=T00001/part-0.parquet"])
        self.assertEqual(sorted(os.listdir(out)), ["_tickloom", "ticker=SPY", "ticker=T00001"])
        self.assertEqual(strays(out), [])

    def test_failed_partition_keeps_the_others(self):
        tickers = ["SPY", "T00001", "T00002"]
        out, tree = self.path("out"), self.tree("tree", tickers)
        features(tree, out)
        before = lines(out)
        rewrite(tree + "/ticker=T00002/part-0.parquet", b"PAR1 nothing PAR1")
        _, err = features(tree, out, code=1)
        self.assertIn("ticker=T00002/part-0.parquet", err)
        self.assertSame([r for r in lines(out) if "T00002" not in r], [r for r in before if "T00002" not in r])

    def test_date_in_the_path(self):
        """date=2004-01-02/part.parquet, where no file has a date."""
        days = collections.defaultdict(list)
        for row in World.rows:
            days[row[1]].append(row)
        dates = sorted({line.split(",")[1] for line in World.reference_lines})
        for text, number in zip(dates, sorted(days)):
            os.makedirs(self.path("in/date=" + text))
            write_rows(self.path("in/date=%s/part.parquet" % text), days[number], keys=("ticker",))
        out = self.path("out")
        features(self.path("in"), out, "--memory", "64MB")
        self.settled(out)
        self.assertEqual([f for f in data_below(out) if "=" in f], [])


# ---- rows that are selected ----


class Where(Case):
    """A run with --where is the run over a copy that has only these rows."""

    # text, the same for a row of World.rows; what selects nothing in some tickers, or every other row, or parts of time
    CONDITIONS = (
        ("close > open", lambda r: None not in (r[5], r[2]) and r[5] > r[2]),
        ("not close > open", lambda r: None in (r[5], r[2]) or r[5] <= r[2]),
        ("close > 120 or date < '2004-02-01'", lambda r: (r[5] is not None and r[5] > 120) or r[1] < day_number("2004-02-01")),
        ("date between '2004-06-01' and '2005-03-31'", lambda r: day_number("2004-06-01") <= r[1] <= day_number("2005-03-31")),
        ("date = '2004-06-01'", lambda r: r[1] == day_number("2004-06-01")),
        ("volume >= 0 or volume < 0 or not volume >= 0", lambda r: True),
    )
    BY_KEY = ("ticker in ('SPY', 'T00003', 'T00020') and close > open", lambda r: r[0] in ("SPY", "T00003", "T00020") and r[5] is not None and r[5] > r[2])

    def expected(self, holds):
        copy, out = tempfile.mkdtemp(dir=self.dir), tempfile.mkdtemp(dir=self.dir)
        write_tickers(copy + "/in", [r for r in World.rows if holds(r)])
        features(copy + "/in", out + "/out")
        return hashes(out + "/out")

    def test_law_over_layouts(self):
        names = {text: self.expected(holds) for text, holds in (*self.CONDITIONS, self.BY_KEY)}
        number = 0
        for layout, path in World.layouts.items():
            for text, holds in (*self.CONDITIONS, self.BY_KEY):
                if "ticker" in text and layout == "ticker":  # the key is in the names of the files alone
                    continue
                with self.subTest(layout=layout, where=text):
                    number += 1
                    out = self.path("out-%d" % number)
                    got = record(path, out, "--where", text, "--threads", str(1 + number % 2), "--memory", ("16MB", "64MB", "256MB")[number % 3])
                    self.assertEqual(hashes(out), names[text])
                    self.assertEqual((got["rows"], got["where"], got["failures"]), (sum(map(holds, World.rows)), text, []))
                    self.settled(out, names[text])

    def test_copies_by_our_own_hand(self):
        """Per file, with rewrite: the same files, names and paths, also of those in which nothing is left."""
        definition = self.write("d.loom", BARS + "feature a = mean(close, 5)\nfeature b = close / lag(close, 1) - 1\nlabel c = lead(close, 2)\n")
        for i, text in enumerate(("close > open and volume > 2000000", "close > 100", "close < 0", "date < '2004-03-01'")):
            with self.subTest(text):
                copy, out, other = (self.path(name + str(i)) for name in ("copy", "out", "other"))
                os.makedirs(copy)
                for name in os.listdir(World.market):
                    run("rewrite", World.market + "/" + name, copy + "/" + name, "--where", text)
                got = record(World.market, out, "--where", text, definition=definition)
                wanted = record(copy, other, definition=definition)
                self.assertEqual(data_below(out), data_below(other))
                self.assertEqual([got[k] for k in ("rows", "streams", "failures")], [wanted[k] for k in ("rows", "streams", "failures")])
                for a, b in zip(got["features"], wanted["features"]):
                    self.assertEqual({k: v for k, v in a.items() if k != "seconds"}, {k: v for k, v in b.items() if k != "seconds"})
                self.assertSame(lines(out), lines(other))

    def test_with_other_options(self):
        options = ["--from", "2004-05-05", "--to", "2004-12-01", "--float32", "--select", "volatility_5d,beta_spy"]
        text, holds = self.CONDITIONS[0]
        write_tickers(self.path("copy"), [r for r in World.rows if holds(r)])
        features(self.path("copy"), self.path("a"), *options)
        for layout in ("ticker", "days", "one.parquet"):
            features(World.layouts[layout], self.path(layout), *options, "--where", text)
            self.assertEqual(hashes(self.path(layout)), hashes(self.path("a")))
        features(World.layouts["ticker"], self.path("single.parquet"), *options, "--where", text)
        self.assertEqual(hashes(self.path("single.parquet")), hashes(self.path("a")))

    def test_keys_of_paths(self):
        text = "ticker in ('SPY', 'T00003') and close > open"
        expected = self.expected(lambda r: r[0] in ("SPY", "T00003") and r[5] is not None and r[5] > r[2])
        tickers = [f[:-8] for f in sorted(os.listdir(World.market))][:6]
        tree = Hive.tree(self, "tree", tickers)
        features(tree, self.path("out"), "--where", text)
        got = record(tree, self.path("out"), "--where", text)
        self.assertEqual(got["streams"], len(tickers))  # a file that is its stream is one without rows, too
        self.assertEqual(len(data_below(self.path("out"))), len(tickers))
        self.assertEqual(hashes(self.path("out")), expected)

    def test_times_of_paths(self):
        """The order key is in the path; so are whole months that are not read."""
        days = collections.defaultdict(list)
        for row in World.rows[:2000]:
            days[row[1]].append(row)
        for number, rows in days.items():
            date = time.strftime("%Y-%m-%d", time.gmtime(number * 86400))
            os.makedirs(self.path("in/date=" + date))
            write_rows(self.path("in/date=%s/part.parquet" % date), rows, keys=("ticker",))
        text = "date >= '2004-06-01' and date < '2004-09-01' and close > open"
        low, high = day_number("2004-06-01"), day_number("2004-09-01")
        write_tickers(self.path("copy"), [r for r in World.rows[:2000] if low <= r[1] < high and r[5] is not None and r[5] > r[2]])
        features(self.path("copy"), self.path("a"))
        features(self.path("in"), self.path("b"), "--where", text, "--memory", "32MB")
        self.assertEqual(hashes(self.path("b")), hashes(self.path("a")))

    def long_file(self, name, rows, **style):
        """Alternating rows, a struct, and a column that is no input."""
        os.makedirs(self.path(name), exist_ok=True)
        parquet_fixture.write(
            self.path(name + "/A.parquet"),
            [("date", "int64", rows), ("close", "double", [50 + (r * 31) % 97 / 8 for r in rows]), ("odd", "int32", [r % 2 for r in rows]), ("about.tenth", "int64", [r % 10 for r in rows])],
            **style,
        )
        return self.path(name)

    def test_long_streams_of_alternating_rows(self):
        """In stretches; and where the parts are too many to keep, by way of scratch files."""
        definition = self.write("d.loom", "stream by ticker order by date\ninput close\nfeature a = mean(close, 20)\nfeature b = ema(close, 9) / median(close, 31)\n")
        whole = self.long_file("in", range(120_000), page_rows=5000, group_rows=50_000)
        for i, (text, keep) in enumerate((("odd = 1", lambda r: r % 2 == 1), ("about.tenth = 3 and odd = 1", lambda r: r % 10 == 3), ("about.tenth < 5", lambda r: r % 10 < 5), ("date >= 77777", lambda r: r >= 77777))):
            copy = self.long_file("copy-%d" % i, [r for r in range(120_000) if keep(r)])
            features(copy, self.path("copy-out-%d" % i), definition=definition)
            for k, memory in enumerate(("16MB", "128MB")):
                out = self.path("out-%d-%d" % (i, k))
                got = record(whole, out, "--where", text, "--memory", memory, definition=definition)
                self.assertEqual(hashes(out), hashes(self.path("copy-out-%d" % i)))
                self.assertEqual(got["spilled_bytes"] > 0, text == "odd = 1" and memory == "16MB")
                if not SANITIZER:
                    self.assertLess(got["memory"]["peak_resident"], (16_000_000, 128_000_000)[k])

    def test_duplicates_and_places(self):
        """Errors name the true row of the true file; a repeated row that is not selected repeats nothing."""
        definition = self.write("d.loom", "stream by ticker order by date\ninput close\nfeature a = mean(close, 2)\n")
        os.makedirs(self.path("in"))
        rows = [("A", 1, 5.0), ("A", 2, 6.0), ("A", 2, 7.0), ("A", 3, 8.0), ("B", 1, 5.5), ("A", 4, 1.0), ("B", 0, 9.0)]

        columns = list(zip(*rows))
        parquet_fixture.write(self.path("in/x.parquet"), [("ticker", "string", columns[0]), ("date", "int64", columns[1]), ("close", "double", columns[2])])
        got = record(self.path("in"), self.path("a"), "--where", "close != 7 and close < 8", definition=definition)
        self.assertEqual((got["rows"], got["streams"], got["duplicates_dropped"], got["spilled_bytes"] > 0), (4, 2, 0, True))
        got = record(self.path("in"), self.path("b"), "--where", "ticker = 'A' and close > 5", definition=definition, code=4)
        self.assertEqual([(f["row"], "repeats 2" in f["reason"]) for f in got["failures"]], [(2, True)])
        got = record(self.path("in"), self.path("c"), "--where", "ticker = 'A' and close > 5", "--on-duplicate", "last", definition=definition)
        self.assertEqual((got["rows"], got["duplicates_dropped"]), (2, 1))
        got = record(self.path("in"), self.path("d"), "--where", "close > 8 or close = 5.5", definition=definition, code=4)
        self.assertEqual([(f["row"], "0 comes after 1" in f["reason"]) for f in got["failures"]], [(6, True)])

    def test_sides(self):
        """Of the same dataset: selected too. From elsewhere: whole."""
        text, holds = "close > open", self.CONDITIONS[0][1]
        definition = self.write("d.loom", BARS + 'side spy from "SPY"\nfeature a = close - spy.close\nfeature b = here(mean(spy.close, 5))\n')
        write_tickers(self.path("copy"), [r for r in World.rows if holds(r)])
        elsewhere = ["--side", "spy=" + World.market + "/SPY.parquet"]
        for i, options in enumerate(([], elsewhere)):
            features(self.path("copy"), self.path("copy-out-%d" % i), *options, definition=definition)
            for layout in ("ticker", "days", "groups-997.parquet"):
                out = self.path("%s-%d" % (layout, i))
                features(World.layouts[layout], out, "--where", text, *options, definition=definition)
                self.assertEqual(hashes(out), hashes(self.path("copy-out-%d" % i)))
        self.assertNotEqual(hashes(self.path("copy-out-0")), hashes(self.path("copy-out-1")))
        _, err = features(World.layouts["days"], self.path("none"), "--where", "ticker != 'SPY'", definition=definition, code=3)
        self.assertIn("among the rows that --where selects", err)

    def test_mistakes(self):
        for command in (["features", FIRST, "--out", self.path("out"), "--quiet"], ["features", FIRST, "--dry-run"], ["explain", FIRST]):
            for text, said in (
                ("close >", "ends too early"),
                ("", "condition"),
                ("clos > 5", "did you mean close?"),
                ("ticker > 5", "no column ticker"),
                ("close > 'high'", "they do not compare"),
                ("date > 'soon'", "date"),
                ("close + 'a' > 5", "number"),
            ):
                with self.subTest(command[0], where=text):
                    _, err = run(*command, "--in", World.market, "--where", text, code=2)
                    self.assertIn(said, err)
                    self.assertFalse(os.path.exists(self.path("out")))
        # before anything but footers is read: the pages of this file are gone
        folder = self.copy_market()
        data = bytearray(read(folder + "/T00002.parquet"))
        data[4:2000] = bytes(1996)
        rewrite(folder + "/T00002.parquet", bytes(data))
        _, err = features(folder, self.path("out"), "--where", "clos > 5", code=2)
        self.assertNotIn("T00002", err)
        _, err = features(folder, self.path("out"), "--where", "close > 5", code=1)
        self.assertIn("T00002", err)
        run("explain", FIRST, "--where", "close > 5", code=2)

    def test_one_file_of_another_type(self):
        """In the one file the column is a text: found before the run. A file that lacks it has nothing there."""
        definition = self.write("d.loom", "stream by ticker order by date\ninput close\nfeature a = close\n")
        os.makedirs(self.path("in"))
        base = [("date", "int64", [1, 2, 3]), ("close", "double", [1.0, 2.0, 3.0])]
        parquet_fixture.write(self.path("in/A.parquet"), base + [("mark", "int64", [1, 0, 1])])
        parquet_fixture.write(self.path("in/B.parquet"), base)
        got = record(self.path("in"), self.path("a"), "--where", "mark = 1", definition=definition)
        self.assertEqual((got["rows"], got["streams"]), (2, 2))
        parquet_fixture.write(self.path("in/C.parquet"), base + [("mark", "string", ["1", "0", "1"])])
        _, err = features(self.path("in"), self.path("b"), "--where", "mark = 1", definition=definition, code=2)
        self.assertIn("C.parquet", err)
        self.assertFalse(os.path.exists(self.path("b")))

    def test_what_cannot_hold_is_not_read(self):
        """A damaged page outside of what is selected is never met, and the bytes that are read are in proportion."""
        one, names = self.path("one.parquet"), self.path("copy-of.loom")
        rewrite(names, (BARS + "".join("feature %s_ = %s\n" % (c, c) for c, _ in PRICES)).encode())
        features(World.market, self.path("panel.parquet"), definition=names)
        run("rewrite", self.path("panel.parquet"), one, "--row-group", 1000, "--profile", "fast")
        definition = self.write("r.loom", "stream by ticker order by date\n" + "".join("input %s = %s_\n" % (c, c) for c, _ in PRICES) + "feature a = mean(close, 5)\nfeature b = open + high + low + volume\n")
        whole = record(one, self.path("whole"), definition=definition)
        some = record(one, self.path("some"), "--where", "ticker = 'T00020'", definition=definition)
        self.assertEqual((some["streams"], some["rows"]), (1, sum(r[0] == "T00020" for r in World.rows)))
        self.assertLess(some["bytes_read"], whole["bytes_read"] / 5)
        expected = [r for r in lines(self.path("whole")) if "T00020" in r]
        self.assertSame(lines(self.path("some")), expected)
        data = bytearray(read(one))
        data[4:200_000] = bytes(199_996)  # the first tickers
        rewrite(one, bytes(data))
        features(one, self.path("none"), definition=definition, code=4)
        features(one, self.path("again"), "--where", "ticker = 'T00020'", definition=definition)
        self.assertSame(lines(self.path("again")), expected)

    def test_plans(self):
        text = "close > open"
        holds = sum(map(self.CONDITIONS[0][1], World.rows))
        plan = json.loads(run("features", FIRST, "--in", World.layouts["days"], "--out", self.path("x"), "--where", text, "--dry-run", "--json")[0])
        self.assertEqual((plan["rows"], plan["where"]), (holds, text))
        self.assertIn("that --where selects", run("explain", FIRST, "--in", World.market, "--where", text)[0])


# ---- bad input ----


class BadFiles(Case):
    """One of three files is spoilt: it is named, the others are as they would be, nothing else is there."""

    others = ("SPY", "T00002")

    def setUp(self):
        super().setUp()
        self.folder = self.copy_market(tickers=(*self.others, "T00001"))
        self.bad = self.folder + "/T00001.parquet"
        self.rows = [r for r in World.rows if r[0] == "T00001"][:60]
        self.good_lines = [r for r in World.reference_lines if r.split(",")[0] in self.others]
        self.count = 0

    def attempt(self, content=None, codes=(1,), texts=("T00001.parquet",), definition=FIRST):
        """A run over what is there now: the exit code, and everything that must hold whatever happens."""
        out = self.path("out-%d" % self.count)
        self.count += 1
        if content is not None:
            rewrite(self.bad, content)
        done = execute("features", definition, "--in", self.folder, "--out", out, "--quiet", "--memory", "64MB")
        self.assertIn(done.returncode, codes, done.stderr)
        if done.returncode:
            for text in texts:
                self.assertIn(text, done.stderr)
        if done.returncode in (0, 1):
            self.assertEqual([s for s in strays(out) if "/state/" not in s], [])
            self.assertEqual(data_below(out), sorted(t + ".parquet" for t in (*self.others, *(["T00001"] * (done.returncode == 0)))))
        if definition == FIRST:
            self.assertSame([r for r in lines(out) if not r.startswith("T00001")], self.good_lines)
        shutil.rmtree(out, ignore_errors=True)
        return done

    def test_truncated(self):
        write_rows(self.bad, self.rows, crc=True, page_rows=25)
        whole = read(self.bad)
        for size in [*range(0, 12), *range(12, len(whole), len(whole) // 40), *range(len(whole) - 12, len(whole))]:
            with self.subTest(size=size):
                self.attempt(whole[:size])
        self.attempt(whole, codes=(0,))

    def test_forged_footer_length(self):
        write_rows(self.bad, self.rows)
        whole = read(self.bad)
        true = int.from_bytes(whole[-8:-4], "little")
        for size in (0, 1, 7, true - 1, true + 1, len(whole) - 12, len(whole) - 8, len(whole), 2**24, 2**31 - 1, 2**31, 2**32 - 1):
            with self.subTest(size=size):
                self.attempt(whole[:-8] + size.to_bytes(4, "little") + b"PAR1")

    def test_forged_counts(self):
        """Rows of the file, rows of a row group, values of a chunk: three that must agree, and one of them does not."""
        rows = [r for r in World.rows if r[0] == "T00001"][:300]
        write_rows(self.bad, rows)
        whole = read(self.bad)
        true = parquet_fixture.zigzag(len(rows))
        footer = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
        places = [i for i in range(footer, len(whole) - 8) if whole[i : i + len(true)] == true]
        self.assertEqual(len(places), 1 + 7 + 1)
        for place in (places[0], places[1], places[4], places[-1]):
            for count in (0, len(rows) - 1, len(rows) + 1, 2**31, 2**62):
                forged = whole[footer:place] + parquet_fixture.zigzag(count) + whole[place + len(true) : -8]
                with self.subTest(place="file, ticker, high, group".split(", ")[(places[0], places[1], places[4], places[-1]).index(place)], count=count):
                    silent = place == places[0] and count == 0  # some writers say 0 there
                    self.attempt(whole[:footer] + forged + len(forged).to_bytes(4, "little") + b"PAR1", codes=(0,) if silent else (1,))

    def test_bit_flips_under_a_checksum(self):
        for version in (1, 2):
            places = write_rows(self.bad, self.rows, crc=True, version=version, page_rows=25)
            whole = read(self.bad)
            rng = random.Random(version)
            for column in ("date", "close", "volume", "ticker"):
                for first, end in places[column][:2]:
                    spoilt, place = bytearray(whole), rng.randrange(first, end)
                    spoilt[place] ^= 1 << rng.randrange(8)
                    with self.subTest(version=version, column=column, place=place):
                        self.attempt(bytes(spoilt))

    def test_bit_flips_in_the_footer(self):
        write_rows(self.bad, self.rows)
        whole = read(self.bad)
        footer = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
        rng = random.Random(3)
        for place in range(footer, len(whole), 13):
            spoilt = bytearray(whole)
            spoilt[place] ^= 1 << rng.randrange(8)
            with self.subTest(place=place):
                self.attempt(bytes(spoilt), codes=(0, 1), texts=("T00001",))

    def test_garbage(self):
        rng = random.Random(1)
        noise = bytes(rng.randrange(256) for _ in range(5000))
        for content in (b"", b"\n", b"PAR1", b"PAR1PAR1", b"date,close\n2004-01-02,5\n" * 50, noise, b"PAR1" + noise + b"PAR1", bytes(10000), b"\xff" * 999, b"PAR1" + noise + (4000).to_bytes(4, "little") + b"PAR1"):
            with self.subTest(content[:12]):
                self.attempt(content)

    def test_order(self):
        """Rows that are not sorted, repeated, or without a date: the stream is left out, with the row."""
        swapped, twice, missing = list(self.rows), list(self.rows), list(self.rows)
        swapped[20], swapped[21] = swapped[21], swapped[20]
        twice[31] = (*twice[30][:2], *twice[31][2:])
        missing[40] = (missing[40][0], None, *missing[40][2:])
        for rows, texts in ((swapped, ("row 21", "not sorted")), (twice, ("row 31", "repeats", "--on-duplicate")), (missing, ("row 40", "missing"))):
            for style in ({}, {"group_rows": 7, "version": 2}):
                write_rows(self.bad, rows, **style)
                with self.subTest(texts, style=style):
                    self.attempt(texts=("T00001.parquet", *texts))

    def test_order_of_scattered_rows(self):
        """The same in one file by date: only that stream is out."""
        for kind in ("twice", "missing"):
            rows = by_date(World.rows)
            at = next(i for i, r in enumerate(rows) if r[0] == "T00001" and i > 3000)
            if kind == "twice":
                rows.insert(at + 1, rows[at])
            else:
                rows[at] = (rows[at][0], None, *rows[at][2:])
            panel, out = self.path(kind + ".parquet"), self.path(kind)
            write_rows(panel, rows, group_rows=2500)
            _, err = features(panel, out, code=1)
            self.assertIn("T00001", err)
            self.assertIn("row %d" % (at + (kind == "twice")), err)
            self.assertSame(lines(out), [r for r in World.reference_lines if not r.startswith("T00001,")])

    def test_columns(self):
        """A column of another type, absent, or named twice."""
        days, n = [r[1] for r in self.rows], len(self.rows)
        numbers = {name: ("double" if name != "volume" else "int64", [r[i + 2] for r in self.rows]) for i, (name, _) in enumerate(PRICES)}
        tables = {
            "text": [("date", "date", days)] + [(k, *v) for k, v in numbers.items() if k != "close"] + [("close", "string", ["much"] * n)],
            "bytes": [("date", "date", days)] + [(k, *v) for k, v in numbers.items() if k != "close"] + [("close", "bytes", [b"\1\2"] * n)],
            "absent": [("date", "date", days)] + [(k, *v) for k, v in numbers.items() if k != "close"],
            "twice": [("date", "date", days)] + [(k, *v) for k, v in numbers.items()] + [("close", *numbers["close"])],
            "no date": [(k, *v) for k, v in numbers.items()],
            "text date": [("date", "string", ["2004-01-02"] * n)] + [(k, *v) for k, v in numbers.items()],
            "double date": [("date", "double", [d + 0.5 for d in days])] + [(k, *v) for k, v in numbers.items()],
        }
        for name, columns in tables.items():
            parquet_fixture.write(self.bad, columns)
            with self.subTest(name):
                self.attempt(texts=("T00001.parquet", "date" if "date" in name else "close"))

    def test_values(self):
        """All missing, NaN, Inf: missing values, with one warning where they are not finite; exit 0."""
        nan, inf = float("nan"), float("inf")
        for close, warned in ([None] * 60, False), ([nan] * 60, True), ([inf, -inf] * 30, True), ([1.0] * 30 + [nan] + [1.0] * 29, True):
            write_rows(self.bad, [(*r[:5], c, r[6]) for r, c in zip(self.rows, close)])
            with self.subTest(close[:2]):
                done = self.attempt(codes=(0,))
                self.assertEqual(done.stderr.count("NaN or infinite"), int(warned))

    def test_no_rows_and_one(self):
        for count in (0, 1):
            write_rows(self.bad, self.rows[:count], keys=("date",))
            with self.subTest(count=count):
                self.attempt(codes=(0,))

    def test_key_missing(self):
        rows = by_date(World.rows)
        rows[50] = (None, *rows[50][1:])
        panel = self.path("panel.parquet")
        write_rows(panel, rows, group_rows=2500)
        _, err = features(panel, self.path("out"), code=1)
        self.assertIn("row 50", err)
        self.assertIn("ticker is missing", err)


class BadPlaces(Case):
    """Folders, sides, limits, disks."""

    def test_only_empty_files(self):
        """No rows at all: an output without rows, exit 0."""
        os.makedirs(self.path("in"))
        for name in ("SPY", "B"):
            write_rows(self.path("in/%s.parquet" % name), [])
        features(self.path("in"), self.path("out"), definition=self.write("d.loom", BARS + "feature a = mean(close, 3)\n"))
        self.assertSame(lines(self.path("out")) if data_below(self.path("out")) else [], [])
        self.assertEqual(strays(self.path("out")), [])

    def test_nothing_to_read(self):
        out = self.path("out")
        os.makedirs(self.path("empty"))
        os.makedirs(self.path("hidden/_tmp"))
        rewrite(self.path("hidden/.x.parquet"), b"")
        rewrite(self.path("hidden/_x.parquet"), b"")
        rewrite(self.path("hidden/readme.txt"), b"")
        for source in ("empty", "hidden", "nowhere", "nowhere/x.parquet"):
            with self.subTest(source):
                _, err = features(self.path(source), out, code=2)
                self.assertIn(self.path(source), err)
                self.assertFalse(os.path.exists(out))

    def test_all_bad(self):
        os.makedirs(self.path("in"))
        for name in ("SPY", "B"):
            rewrite(self.path("in/%s.parquet" % name), b"no")
        _, err = features(self.path("in"), self.path("out"), code=4)
        self.assertIn("SPY.parquet", err)
        self.assertIn("B.parquet", err)
        self.assertFalse(os.path.exists(self.path("out")))

    def test_all_bad_over_an_older_dataset(self):
        """Nothing could be made: what stands there stays."""
        out, folder = self.path("out"), self.copy_market(tickers=("SPY", "T00001"))
        features(folder, out)
        before = hashes(out)
        for name in ("SPY", "T00001"):
            rewrite(folder + "/%s.parquet" % name, b"no")
        features(folder, out, code=4)
        self.assertEqual(hashes(out), before)
        self.assertEqual(data_below(out), ["SPY.parquet", "T00001.parquet"])

    def test_sides(self):
        out = self.path("out")
        here = self.copy_market(tickers=("T00001", "T00002"))
        _, err = features(here, out, code=3)
        self.assertIn("SPY", err)
        self.assertFalse(os.path.exists(out))
        features(here, out, "--side", "spy=" + self.path("nowhere"), code=2)
        self.assertFalse(os.path.exists(out))
        two = self.path("two")
        os.makedirs(two)
        for name in ("T00001", "T00003"):
            shutil.copy(World.market + "/%s.parquet" % name, two)
        _, err = features(here, out, "--side", "spy=" + two, code=3)
        self.assertIn("SPY", err)
        late = self.path("late")
        os.makedirs(late)
        rows = [r for r in World.rows if r[0] == "SPY"]
        write_rows(late + "/SPY.parquet", [(r[0], r[1] + 20000, *r[2:]) for r in rows])
        _, err = features(here, out, "--side", "spy=" + late)
        self.assertEqual(err.count("warn"), 1, err)
        self.assertIn("side spy", err)

    def test_output_that_is_not_ours(self):
        for name, content in (("thesis.txt", b"precious"), ("SPY.parquet", b"precious"), (".hidden", b""), ("sub/x.txt", b"1")):
            with self.subTest(name):
                out = self.path("out-" + name.replace("/", "-"))
                os.makedirs(os.path.dirname(os.path.join(out, name)))
                rewrite(os.path.join(out, name), content)
                before = contents(out)
                for source in (World.market, World.layouts["days"]):
                    _, err = features(source, out, code=2)
                    self.assertIn("not written by tickloom", err)
                    self.assertEqual(contents(out), before)
                    self.assertEqual([f for f in os.listdir(self.dir) if f.startswith(".")], [])
        rewrite(self.path("file"), b"precious")
        features(World.market, self.path("file"), code=2)
        features(World.market, self.path("file/below"), code=2)
        self.assertEqual(read(self.path("file")), b"precious")

    def test_manifest_that_is_bad(self):
        """A manifest that leads outside removes nothing outside; one that cannot be read is told."""
        out = self.path("out")
        features(World.market, out)
        rewrite(self.path("mine.parquet"), b"precious")
        path = out + "/_tickloom/manifest.json"
        manifest = json.loads(read(path))
        manifest["files"] += [{"name": n, "rows": 1, "size": 1} for n in ("../mine.parquet", self.path("mine.parquet"), "_tickloom/../../mine.parquet")]
        rewrite(path, json.dumps(manifest).encode())
        features(World.market, out)
        self.assertEqual(read(self.path("mine.parquet")), b"precious")
        for content in (b"", b"{", b"[]", b'{"files": 5}', b"\xff\xfe", read(path)[:-40]):
            with self.subTest(content[:10]):
                rewrite(path, content)
                before = data_below(out)
                done = execute("features", FIRST, "--in", World.market, "--out", out, "--quiet")
                if done.returncode:
                    self.assertIn("manifest.json", done.stderr)
                    self.assertEqual(data_below(out), before)
                else:
                    self.settled(out)

    @unittest.skipIf(SANITIZER and SANITIZER[0] == b"__tsan_init", "the thread sanitizer writes files of its own")
    def test_file_size_limit(self):
        """The smallest output is some 25 kB, the greatest some 60: files that do not fit are not there, the others are whole."""
        features(World.market, self.path("sizes"))
        sizes = {f: os.path.getsize(os.path.join(self.path("sizes"), f)) for f in data_below(self.path("sizes"))}
        cut = sorted(sizes.values())[len(sizes) // 2] - 1
        for source in (World.market, World.layouts["days"]):
            for limit in (0, 1, 100, 3000, 20000, cut):
                out = self.path("out")
                done = execute("features", FIRST, "--in", source, "--out", out, "--quiet", limit=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
                with self.subTest(os.path.basename(source), limit=limit):
                    some = limit == cut and source == World.market
                    self.assertEqual(done.returncode, 1 if some else 5, done.stderr)
                    self.assertIn("File too large", done.stderr)
                    self.assertIn("failed", done.stderr.splitlines()[-1] if some else "failed")
                    there = data_below(out) if os.path.isdir(out) else []
                    if source == World.market:
                        self.assertEqual(there, sorted(f for f in sizes if sizes[f] <= limit))
                    for name in there:
                        self.assertSame(lines(os.path.join(out, name)), [r for r in World.reference_lines if r.startswith(name[:-8] + ",")])
                    self.assertEqual([f for f in files_below(self.dir) if os.path.basename(f).startswith(".")], [])
                    features(source, out)
                    self.settled(out)
                shutil.rmtree(out, ignore_errors=True)

    def test_full_disk(self):
        """A disk that is full at many sizes: exit 1 or 5, the reason said, nothing half-written; with room the same command ends well."""
        disk = self.path("disk")
        os.makedirs(disk)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", disk], capture_output=True).returncode != 0:
            self.skipTest("no disk can be mounted here: a full disk was NOT tried")
        try:
            for source in (World.market, World.layouts["days"]):
                for old in (False, True):
                    for size in (0, 40, 100, 400, 700, 1400):
                        subprocess.run(["mount", "-o", "remount,size=100m", disk], check=True)
                        out = disk + "/out"
                        if old:
                            features(World.market, out, "--select", "gap,atr14")
                            before = hashes(out)
                        used = int(subprocess.run(["du", "-sk", disk], capture_output=True, text=True).stdout.split()[0])
                        subprocess.run(["mount", "-o", "remount,size=%dk" % (max(used + size, 4) + 3 & ~3), disk], check=True)
                        done = execute("features", FIRST, "--in", source, "--out", out, "--quiet")
                        with self.subTest(os.path.basename(source), old=old, size=size):
                            self.assertIn(done.returncode, (0, 1, 5), done.stderr)
                            if done.returncode:
                                self.assertIn("No space left", done.stderr)
                            self.assertEqual([f for f in files_below(disk) if os.path.basename(f).startswith(".")], [])
                            for name in data_below(out) if os.path.isdir(out) else []:
                                run("hash", os.path.join(out, name))
                            if old and done.returncode == 5:
                                self.assertEqual(hashes(out), before)
                            subprocess.run(["mount", "-o", "remount,size=100m", disk], check=True)
                            features(source, out)
                            self.settled(out)
                        shutil.rmtree(out, ignore_errors=True)
        finally:
            subprocess.run(["umount", disk], check=True)

    def test_options(self):
        out = self.path("out")
        for options in (["--threads", "-1"], ["--threads", "two"], ["--memory", "-5MB"], ["--memory", "64XB"], ["--codec", "rar"], ["--encoding", "none"], ["--tile-rows", "0"], ["--on-duplicate", "middle"], ["--select", ""], ["--select", "nothing"], ["--param", "fast=1000"], ["--param", "fast=x"], ["--key", "ticker"], ["--side", "spy"], ["--prune=yes"], ["--nothing"], ["more"]):
            with self.subTest(options):
                _, err = features(World.market, out, *options, code=2)
                self.assertGreater(len(err), 10)
                self.assertFalse(os.path.exists(out))
        for memory in ("1MB", "1", "15MB"):
            features(World.market, out, "--memory", memory, code=5)
            self.assertFalse(os.path.exists(out))
        features(World.market, World.market, code=2)
        features(World.market, World.market + "/", code=2)


class BadDefinitions(Case):
    """Limits are told with the line, at once, and nothing is created."""

    def test_limits(self):
        out = self.path("out")
        doubling = "def f0(x) = x + x\n" + "".join("def f%d(x) = f%d(x) + f%d(x + %d)\n" % (i, i - 1, i - 1, i) for i in range(1, 40))
        for name, text, place in (
            ("brackets", "feature a = " + "(" * 100_000 + "close" + ")" * 100_000, ":3:"),
            ("open brackets", "feature a = " + "(" * 100_000, ":3:"),
            ("minus signs", "feature a = " + "-" * 100_000 + "close", ":3:"),
            ("calls", "feature a = " + "abs(" * 100_000 + "close" + ")" * 100_000, ":3:"),
            ("nots", "feature a = " + "not " * 100_000 + "(close > 1)", ":3:"),
            ("defs", doubling + "feature a = f39(close)", ":"),
            ("a chain", "feature a = close" + " + close" * 200_000, ":3:"),
            ("window", "feature a = mean(close, 1e18)", ":3:"),
            ("window", "feature a = mean(close, 1000000000000000000)", ":3:"),
            ("infinite window", "feature a = mean(close, 1e999)", ":3:"),
            ("lag", "feature a = lag(close, 1e18)", ":3:"),
            ("name", "feature " + "n" * 300 + " = close", ":3:"),
            ("nul", "feature a = close\0 + 1", ":3:"),
            ("not utf-8", "feature a = \udcff\udcfe", ":3:"),
            ("self", "def f(x) = f(x)\nfeature a = f(close)", ":3:"),
            ("no end of text", 'side spy from "SPY\nfeature a = close', ":3:"),
        ):
            with self.subTest(name):
                definition = self.path("d.loom")
                rewrite(definition, (BARS + text + "\n").encode("utf-8", "surrogateescape"))
                begin = time.monotonic()
                _, err = features(World.market, out, definition=definition, code=3)
                self.assertLess(time.monotonic() - begin, 2)
                self.assertIn("d.loom" + place, err)
                self.assertLess(len(err), 3000)
                self.assertFalse(os.path.exists(out))

    def test_garbage(self):
        rng = random.Random(2)
        for content in (b"", b"\n", bytes(3000), bytes(rng.randrange(256) for _ in range(3000)), b"\xef\xbb\xbf", read(World.market + "/SPY.parquet")):
            definition = self.path("d.loom")
            rewrite(definition, content)
            _, err = features(World.market, self.path("out"), definition=definition, code=3)
            self.assertGreater(len(err), 10)
            self.assertFalse(os.path.exists(self.path("out")))
        features(World.market, self.path("out"), definition=self.path("nowhere.loom"), code=2)
        features(World.market, self.path("out"), definition=self.dir, code=2)

    def test_great_window(self):
        """2^31 rows are allowed; memory is that of the rows that there are."""
        definition = self.write("d.loom", BARS + "feature a = mean(close, 2147483648)\nfeature b = median(close, 2000000000)\n")
        features(World.market, self.path("out"), "--memory", "64MB", definition=definition)


if __name__ == "__main__":
    unittest.main(argv=["trust"], verbosity=1)
