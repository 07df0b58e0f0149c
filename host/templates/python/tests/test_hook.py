"""The hook's code, in plain Python, with a host of the tests' own."""

import sys
import unittest
from pathlib import Path
from types import SimpleNamespace

import fake_host
from fake_host import HOST, Outcome, source

sys.path.insert(0, str(Path(__file__).parent.parent))
import hook  # noqa: E402  (the host has to be there first)

PASS = SimpleNamespace(run=7, priority=1, distribution="debian", archive="debian", suites=[])
END = SimpleNamespace(run=7, priority=1, distribution="debian", archives=["debian"], suites=[])


class HookTest(unittest.TestCase):
    def setUp(self):
        fake_host.reset(changes=[source("zlib", "1.3.1-1"), source("bash", "5.2.37-2")])

    def test_sources_are_in_order(self):
        self.assertEqual(list(hook.published()), ["bash", "zlib"])
@if pre-publication

    def test_sources_are_listed_before_publication(self):
        self.assertEqual(hook.PrePublication().run(PASS).outcome, Outcome.DONE)
        self.assertEqual(HOST.files, {hook.PATH: b"bash 5.2.37-2\nzlib 1.3.1-1\n"})

    def test_a_source_can_be_held(self):
        HOST.config = '{"hold": ["zlib"]}'
        with self.assertRaises(fake_host.Err) as raised:
            hook.PrePublication().run(PASS)
        self.assertIsInstance(raised.exception.value, fake_host.HookError_Veto)
        self.assertEqual(HOST.files, {})
@end
@if post-publication

    def test_sources_are_counted_after_publication(self):
        self.assertEqual(hook.PostPublication().run(PASS).summary, "2 sources published in debian")
        fake_host.reset()
        self.assertEqual(hook.PostPublication().run(PASS).outcome, Outcome.SKIPPED)
@end
@if finalize

    def test_passes_are_counted_at_the_end(self):
        for number in (1, 2):
            self.assertIn(f"pass {number} ", hook.Finalize().run(END).summary)
            self.assertEqual(HOST.state, {"passes": str(number).encode()})
@end


if __name__ == "__main__":
    unittest.main()
