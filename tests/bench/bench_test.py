"""Tests of the bench's own parts: the packages that it makes, the judge, the measuring, the tables and the picture."""

import gzip
import hashlib
import json
import lzma
import subprocess
import sys
import tempfile
import unittest
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import judge
import measure
import plot
import pool
import report
from judge import Change, Expected, Judge
from pool import Package, Pool

LIST = """Package: one
Source: sources (1.0)
Version: 2:1.0-1
Architecture: amd64
Description: the first
 in two lines
Description-md5: 00
Tag: a::b,
 c::d
Filename: pool/main/o/one.deb
Size: 1
SHA256: 00

Package: libtwo
Version: 3
Architecture: all
Section: libs

Package: one
Version: 0.9
Architecture: amd64
"""


class PackagesTest(unittest.TestCase):
    def test_of_a_stanza_stays_what_the_package_itself_says(self):
        one, two = pool.parse(LIST)
        expected = "Package: one\nSource: sources (1.0)\nVersion: 2:1.0-1\nArchitecture: amd64\n"
        self.assertEqual(one.control, expected + "Description: the first\n in two lines\nTag: a::b,\n c::d\n")
        self.assertEqual((one.source, two.source), ("sources", "libtwo"))
        self.assertEqual(two.field("Section"), "libs")
        self.assertIsNone(one.field("Filename"))

    def test_what_is_no_package_is_passed_over(self):
        self.assertEqual(pool.parse(""), [])
        self.assertEqual(pool.parse("Package: none\nArchitecture: all\n\nOrigin: x\n"), [])

    def test_paths_are_as_policy_has_them(self):
        one, two = pool.parse(LIST)
        self.assertEqual(one.path(), "pool/main/s/sources/one_1.0-1_amd64.deb")
        self.assertEqual(two.path(), "pool/main/libt/libtwo/libtwo_3_all.deb")

    def test_a_bump_is_newer_for_dpkg_and_does_not_pile_up(self):
        one = pool.parse(LIST)[0]
        versions = [one.version, one.bumped(9).version, one.bumped(9).bumped(10).version]
        self.assertEqual(versions[1:], ["2:1.0-1+u9", "2:1.0-1+u10"])
        for older, newer in pairwise(versions):
            subprocess.run(["dpkg", "--compare-versions", older, "lt", newer], check=True)
        self.assertIn("\nVersion: 2:1.0-1+u9\n", one.bumped(9).control)

    def test_updates_are_twenty_and_no_package_twice(self):
        packages = [Package(str(number), "1", "all", "s", "") for number in range(207)]
        for chosen in (pool.together(packages), pool.spread(packages)):
            self.assertEqual(len({package.name for package in chosen}), pool.UPDATES)
        places = [int(package.name) for package in pool.spread(packages)]
        self.assertEqual(places, sorted(places))
        self.assertLess(max(after - before for before, after in pairwise(places)), 12)

    def test_too_few_packages_are_refused(self):
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(LIST)
            file.flush()
            with self.assertRaisesRegex(pool.PoolError, "20 packages are wanted and the lists have 2"):
                pool.of_release(Path(file.name), None)

    def test_dpkg_deb_reads_what_is_written_by_hand(self):
        one = pool.parse(LIST)[0].built_for("s390x")
        with tempfile.TemporaryDirectory() as folder:
            path = pool.write_packages(Path(folder), [one]) / one.path()
            self.assertEqual(said("dpkg-deb", "--field", str(path)), one.control)
            said("dpkg-deb", "--info", str(path))
            self.assertEqual(said("dpkg-deb", "--contents", str(path)), "")

    def test_an_odd_member_of_an_ar_is_padded(self):
        self.assertEqual(pool.ar([("a", b"1")])[8:], b"a               1700000000  0     0     100644  1         `\n1\n")

    def test_a_pool_is_made_once_and_again_for_others(self):
        packages = pool.parse(LIST)
        with tempfile.TemporaryDirectory() as folder:
            lines = []
            for architectures in ((), (), ("amd64", "arm64"), ("amd64", "i386"), ("amd64", "i386")):
                made = pool.kept_pool(Path(folder), packages, architectures, lines.append)
                self.assertEqual(len(list(made.folder.rglob("*.deb"))), len(made))
            self.assertEqual(len(lines), 3, lines)
            self.assertEqual(sorted(path.name for path in Path(folder).iterdir()), ["pool-2", "pool-2-times-2"])


class MeasureTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.log = Path(folder.name) / "log"

    def test_all_processes_of_a_command_count(self):
        each = 40 << 20
        child = f"x = bytearray({each}); time.sleep(0.2); os._exit(0)"
        forks = f"import os, time\nfor _ in range(2):\n if not os.fork():\n  {child}\nos.wait(); os.wait()"
        found = measure.run([sys.executable, "-c", forks], self.log)
        self.assertGreater(found.peak_bytes, 2 * each)
        self.assertGreater(found.seconds, 0.2)
        self.assertLess(found.cpu_seconds, found.seconds)

    def test_the_memory_of_the_bench_is_not_the_command_s(self):
        kept = bytearray(b"x" * (64 << 20))
        self.assertLess(measure.run(["true"], self.log).peak_bytes, len(kept))

    def test_a_failure_is_told_with_what_was_said(self):
        with self.assertRaisesRegex(measure.StepError, "exit code 3(.|\n)*went wrong"):
            measure.run(["sh", "-c", "echo went wrong; exit 3"], self.log)
        with self.assertRaisesRegex(measure.StepError, "signal 9"):
            measure.run(["sh", "-c", "kill -9 $$"], self.log)
        with self.assertRaisesRegex(measure.StepError, "No such file"):
            measure.run(["/no/such/program"], self.log)


class Unsigned(Judge):
    def signatures(self):
        """There is no key here."""


class JudgeTest(unittest.TestCase):
    """A suite made by hand is right; with one thing changed it is refused."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.served = Path(folder.name)
        self.packages = pool.parse(LIST)
        pool.write_packages(self.served, self.packages)
        self.expected = Expected.of_pool(Pool(self.served, self.packages))
        self.judge = Unsigned(self.served, self.served, self.expected)
        self.write(self.packages, [])

    def write(self, main, contrib, xz=None, release=lambda text: text):
        suite = self.served / "dists" / judge.SUITE
        sums = {"md5": [], "sha256": []}
        for component, packages in (("main", main), ("contrib", contrib)):
            text = "".join(self.stanza(package) for package in packages).encode()
            forms = {"": text, ".gz": gzip.compress(text), ".xz": xz or lzma.compress(text)}
            for ending, content in forms.items():
                path = suite / f"{component}/binary-amd64/Packages{ending}"
                if ending:
                    for file in (path, path.parent / "by-hash/SHA256" / hashlib.sha256(content).hexdigest()):
                        file.parent.mkdir(parents=True, exist_ok=True)
                        file.write_bytes(content)
                for algorithm, lines in sums.items():
                    lines.append(f" {hashlib.new(algorithm, content).hexdigest()} {len(content)} {path.relative_to(suite)}\n")
        text = "Suite: bench\nMD5Sum:\n" + "".join(sums["md5"]) + "SHA256:\n" + "".join(sums["sha256"])
        (suite / "Release").write_text(release(text))

    def stanza(self, package):
        content = (self.served / package.path()).read_bytes()
        sums = f"MD5sum: {hashlib.md5(content).hexdigest()}\nSHA256: {hashlib.sha256(content).hexdigest()}\n"
        return f"{package.control}Filename: {package.path()}\nSize: {len(content)}\n{sums}\n"

    def refused(self, why, look=None):
        with self.assertRaisesRegex(judge.WrongError, why):
            (look or self.judge.first)()

    def test_what_is_right_is_taken(self):
        self.judge.first()
        self.judge.changed([])

    def test_an_update_and_a_move_are_seen(self):
        self.judge.first()
        one, two = self.packages
        newer = one.bumped(1)
        pool.write_packages(self.served, [newer])
        self.refused("whether one .* is in main", lambda: self.judge.changed([Change(newer)]))
        self.write([newer, two], [])
        self.judge.changed([Change(newer)])
        self.write([newer], [two])
        self.judge.changed([Change(two, "contrib")])
        self.refused("section of libtwo", lambda: self.judge.changed([Change(two, "contrib", "misc")]))

    def test_what_is_for_all_stays_while_what_was_built_with_it_is_there(self):
        of_one = replace(self.packages[0], source="both", control="Version: 2:1.0-1\nArchitecture: amd64\n")
        of_all = replace(of_one, name="for-all", architecture="all")
        expected, main = Expected.of_pool(Pool(self.served, [of_one, of_all])), ("main", "amd64")
        expected.apply([Change(of_all.bumped(1))])
        self.assertEqual(
            expected.versions(main), [("for-all", of_all.version), ("for-all", of_all.bumped(1).version), (of_one.name, of_one.version)]
        )
        expected.apply([Change(of_one.bumped(2))])
        self.assertEqual(expected.versions(main), [("for-all", of_all.bumped(1).version), (of_one.name, of_one.bumped(2).version)])

    def test_what_was_not_asked_for_is_refused(self):
        self.judge.first()
        one, two = self.packages
        self.write([one], [two])
        self.refused("whether libtwo .* is in contrib", lambda: self.judge.changed([]))

    def test_a_package_that_is_missing(self):
        self.write(self.packages[:1], [])
        self.refused("whether libtwo .* is in main/binary-amd64/Packages: there is False, and it has to be True")

    def test_a_file_of_the_pool_that_is_missing(self):
        (self.served / self.packages[1].path()).unlink()
        self.refused("size of pool/main/libt/libtwo")

    def test_an_xz_that_is_broken(self):
        self.write(self.packages, [], xz=lzma.compress(b"text")[:-4])
        self.refused("xz -t")

    def test_an_xz_with_another_text(self):
        self.write(self.packages, [], xz=lzma.compress(b"other"))
        self.refused("have the same text")

    def test_a_release_that_is_not_of_the_files(self):
        for wrong, why in (
            (lambda text: text.replace("SHA256:", "SHA512:"), "kinds of sums"),
            (lambda text: text[: text.rindex("\n", 0, -1) + 1], "the files with an MD5Sum"),
            (
                lambda text: text.replace(" main/binary-amd64/Packages.gz", " main/binary-amd64/Other.gz"),
                "Packages.gz in Release",
            ),
        ):
            self.write(self.packages, [], release=wrong)
            self.refused(why)

    def test_nothing_under_by_hash(self):
        for file in self.served.rglob("by-hash/SHA256/*"):
            file.write_bytes(b"")
        self.refused("under by-hash")


def fixed_results():
    """Results of a run of two rounds; Pressroom is ten times as fast, and misses some targets."""
    figures = []
    for tool, factor in (("reprepro", 30), ("aptly", 10), ("pressroom", 1)):
        for step in ("first", "update-together", "update-spread"):
            for round in (0, 1):
                for part in ("import", "publish"):
                    seconds = factor * (0.2 if step != "first" else 2) * (1 + round)
                    figures.append(figure("whole", tool, step, part, round, seconds))
    figures.append(figure("whole", "pressroom", "nothing", "publish", 0, 0.02))
    figures.append(figure("ten-times", "pressroom", "update-together", "publish", 0, 0.9))
    machine = {
        "processor": "A & B",
        "cores": 2,
        "memory_bytes": 4 << 30,
        "kernel": "6.1",
        "filesystem": "ext4",
        "system": "Debian",
    }
    size = {"form": "xz", "when": "first publication", "bytes": 1_100_000, "reference_bytes": 1_000_000, "text_bytes": 5_000_000}
    return {
        "made": "2026-01-02", "took_seconds": 100, "busy_share": 0.01, "machine": machine, "versions": {"pressroom": "0.1.0"},
        "memory_how": "sampled", "parameters": {"whole": True, "packages": 60000, "rounds": 2, "first_rounds": 2},
        "figures": figures, "sizes": [size], "left_out": [{"what": "a removal", "why": "there is none"}],
    }  # fmt: skip


def figure(archive, tool, step, part, round, seconds):
    return {
        "archive": archive, "tool": tool, "step": step, "part": part, "round": round,
        "seconds": seconds, "cpu_seconds": seconds / 2, "peak_bytes": 50 << 20,
    }  # fmt: skip


class ReportTest(unittest.TestCase):
    def setUp(self):
        self.results = json.loads(json.dumps(fixed_results()))

    def test_costs_are_sums_of_parts_and_medians_of_rounds(self):
        cost = report.costs(self.results)["whole", "aptly", "update-together"]
        self.assertEqual((cost.rounds, cost.seconds, cost.least_seconds), (2, 6.0, 4.0))
        self.assertEqual((cost.cpu_seconds, cost.peak_bytes), (3.0, 50 << 20))

    def test_each_target_has_its_verdict(self):
        found = {(row.what, row.against.partition(":")[0]): (row.measured, row.verdict) for row in report.rows(self.results)}
        holds, misses = "holds", "**misses**"
        self.assertEqual(found["import + first publication", "aptly"], ("1/10", holds))
        self.assertEqual(found["20 updates, of few sources", "aptly"], ("1/10", misses))
        self.assertEqual(found["20 updates, spread over the archive", "reprepro"], ("1/30", misses))
        self.assertEqual(found["nothing to do", "aptly, 20 updates, of few sources"], ("1/300", holds))
        ten = "20 updates, of few sources, at ten times the archive", "the same with one architecture"
        self.assertEqual(found[ten], ("1.5", holds))
        self.assertEqual(found["peak memory, any change after that", ""], ("50 MiB", holds))
        self.assertEqual(found["Packages.xz, first publication", "`xz -6`"], ("1.100", misses))
        self.assertEqual(len(found), 10)

    def test_the_page_says_all_and_the_summary_the_worst(self):
        page = report.page(self.results, "results.svg")
        for words in ("60,000 packages", "in one run of 100.0 s", "- a removal: there is none", "| 20 updates, of few sources "):
            self.assertIn(words, page)
        summary = report.summary(self.results, "a.svg", "b.md")
        self.assertIn("](a.svg)", summary)
        self.assertEqual(summary.count("aptly: "), 2)
        self.assertNotIn("not the whole release", page)

    def test_a_busy_machine_and_a_part_of_the_release_are_said(self):
        self.results["busy_share"] = 0.5
        self.results["parameters"]["whole"] = False
        said = report.terminal(self.results)
        self.assertIn("not to be trusted", said)
        self.assertIn("only show the way", said)

    def test_without_peers_there_are_fewer_targets(self):
        self.results["figures"] = [one for one in self.results["figures"] if one["tool"] == "pressroom"]
        self.assertNotIn("aptly:", report.targets(self.results))
        plot.picture(self.results)

    def test_a_block_is_filled_and_filled_again(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "README.md"
            file.write_text("before\n<!-- bench -->\nold\n<!-- /bench -->\nafter\n")
            for block in ("new\n", "newer\n"):
                report.fill(file, block)
                self.assertEqual(file.read_text(), f"before\n<!-- bench -->\n{block}<!-- /bench -->\nafter\n")
            for text in ("nothing", "<!-- /bench --><!-- bench -->", "<!-- bench -->" * 2 + "<!-- /bench -->"):
                file.write_text(text)
                with self.assertRaises(report.ReportError):
                    report.fill(file, "new")
                self.assertEqual(file.read_text(), text)

    def test_figures_are_written_as_they_are_read(self):
        self.assertEqual([report.time(x) for x in (0.0341, 0.5, 29.84, 200)], ["34 ms", "0.50 s", "29.8 s", "3 min 20 s"])
        self.assertEqual([report.ratio(x) for x in (0.4, 2, 1.25, 1 / 15, 1 / 14.9)], ["0.4", "2", "1.25", "1/15", "1/14.9"])


class PictureTest(unittest.TestCase):
    def test_every_bar_is_within_and_as_long_as_its_figure(self):
        root = ElementTree.fromstring(plot.picture(fixed_results()))
        bars = [node for node in root if node.tag.endswith("rect")]
        # three tools in three steps, nothing to do, one at ten times, and the memory of three tools in two
        self.assertEqual(len(bars), 9 + 1 + 1 + 6)
        ends = [float(bar.get("x")) + float(bar.get("width")) for bar in bars]
        self.assertTrue(all(plot.LEFT < end <= plot.RIGHT for end in ends))
        self.assertLess(ends[0], ends[1])
        height = float(root.get("height"))
        self.assertTrue(all(float(node.get("y", 0)) < height for node in root))

    def test_scales_hold_all_values(self):
        for values in ([0.02, 33], [1, 1], [7e-4, 7e-4], [96.0, 498.0]):
            for scale in (plot.powers(values), plot.plain(values)):
                self.assertTrue(all(plot.LEFT < scale.place(value) <= plot.RIGHT + 0.01 for value in values), (scale, values))
                self.assertLessEqual(len(scale.lines), 11)


def said(*command):
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout


if __name__ == "__main__":
    unittest.main()
