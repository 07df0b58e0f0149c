"""Tests of what the bench of hooks makes of its figures."""

import unittest

import hooks
from hooks import Figures


class FiguresTest(unittest.TestCase):
    def figures(self, call: float, many: float) -> Figures:
        return Figures([1.0, 1.2, 9.0], [8.0], [call], [call + 1], [many], [many])

    def test_targets_are_judged_by_medians(self):
        for call, many, met in ((2.4, 40.0, [True, True]), (2.5, 40.1, [False, False]), (1.0, 80.0, [True, False])):
            targets = hooks.evaluate(self.figures(call, many))["targets"]
            self.assertEqual([target["met"] for target in targets], met)

    def test_the_table_says_what_is_missed_and_that_a_machine_was_busy(self):
        results = hooks.evaluate(self.figures(2.5, 12)) | {"busy_share": 0.5}
        shown = hooks.table(results)
        self.assertIn("MISSED", shown)
        self.assertIn("50% of the processors", shown)
        self.assertNotIn("say little", hooks.table(results | {"busy_share": 0.0}))
        self.assertEqual(len([line for line in shown.splitlines() if " ms" in line]), len(hooks.ROWS))

    def test_spans_of_hooks_are_found_among_others(self):
        def event(kind: str, name: str, at: float, thread: int = 1) -> dict:
            return {"ph": kind, "name": name, "ts": at, "tid": thread}

        events = [
            {"ph": "M", "name": "thread_name", "tid": 1},
            event("B", "publish", 0),
            event("B", "hook", 1000),
            event("B", "work", 1200, 2),
            event("B", "inner", 1500),
            event("E", "inner", 1600),
            event("E", "hook", 3000),
            event("E", "work", 3100, 2),
            event("B", "hook", 4000),
            event("E", "hook", 4500),
            event("E", "publish", 9000),
        ]
        self.assertEqual(hooks.hook_spans(events), [2.0, 0.5])
        self.assertEqual(hooks.hook_spans([]), [])


if __name__ == "__main__":
    unittest.main()
