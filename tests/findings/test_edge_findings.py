"""The edge of stability: runs read back from planted cells, and what is said of them."""

import numpy as np
import pytest

from overshoot.study.analysis import gather
from overshoot.study.analysis.limit_evidence import limit_evidence
from overshoot.study.analysis.sharpness_runs import edge_runs
from overshoot.study.analysis.study_tables import analyse
from overshoot.study.findings import near_the_limit
from overshoot.study.report.stability_section import limits_section
from tests.findings.test_stability_limits import looks, plain
from tests.planted_cells import INF, planted


class TestEdge:
    def runs(self, **edge):
        paths = {float(rate.removeprefix("r").replace("_", ".")): path for rate, path in edge.items()}
        return gather([planted(edge=paths)])

    def test_each_run_is_judged_by_the_last_half_of_its_way(self):
        runs = edge_runs(
            self.runs(r0_1=[5, 19, 20.5, 20], r0_2=[5, 6, 6, 6], r0_4=[3, 9, 9, 9], r0_5=[3, 9, INF])
        ).set_index("rate")
        assert runs["verdict"].to_dict() == {
            0.1: "at the threshold",
            0.2: "below",
            0.4: "above",
            0.5: "diverged",
        }
        assert runs.loc[0.1, ["threshold", "start", "reached"]].tolist() == [20, 5, 20]
        assert runs.loc[0.1, "late"] == pytest.approx(20.25 / 20)
        assert np.isnan(runs.loc[0.2, "reached"])

    def test_sentences_count_those_that_came_to_the_line(self):
        tables = analyse(self.runs(r0_1=[5, 19, 20.5, 20], r0_2=[5, 6, 6, 6], r0_5=[3, 9, INF]))
        text = plain(near_the_limit.edge(tables, limit_evidence(tables)).text)
        assert "The sharpness of 2 runs that stayed finite was followed. In 1 it rose from below" in text
        assert "Their largest sharpness was 1.025 times the threshold, and over the last half of" in text
        assert "training 1.012 times (medians). " in text
        assert "; in 1 of them it stayed within 10 % of it." in text
        assert text.endswith("1 run stayed below it.")

    def test_the_optimizers_of_those_that_came_to_it_are_named(self):
        came, stayed = {0.1: [5, 19, 20.5, 20]}, {0.2: [5, 6, 6, 6]}
        tables = analyse(gather([planted(edge=came), planted(optimizer="adam", edge=came | stayed)]))
        assert "(1 of 1 with Gradient descent, 1 of 2 with Adam)" in plain(
            near_the_limit.edge(tables, limit_evidence(tables)).text
        )

    def test_medians_over_problems_say_what_their_interval_is_of(self):
        for problems, what in (("abcde", "resampled by problem"), ("ab", "range over problems")):
            cells = [planted(p, edge={0.1: [5, 19, 20.5, 20]}) for p in problems]
            tables = analyse(gather(cells))
            text = plain(near_the_limit.edge(tables, limit_evidence(tables)).text)
            assert f" times (medians, {what}; each rate is followed on one replicate). " in text

    def test_runs_that_start_above_their_line_are_counted_apart(self):
        tables = analyse(self.runs(r1_0=[8, 4, 1, 1]))
        text = plain(near_the_limit.edge(tables, limit_evidence(tables)).text)
        assert "the largest sharpness at which their rate is stable. 0 runs stayed below it." in text
        assert "1 run started above it" in text
        assert "and ended below it, where the loss curves less, at 0.50 times" in text

    def test_where_none_came_there_it_says_so(self):
        tables = analyse(self.runs(r0_2=[5, 6, 6, 6]))
        assert "In 0 it rose from below" in near_the_limit.edge(tables, limit_evidence(tables)).text
        assert (
            "No run’s sharpness rose to its threshold and stayed there"
            in limits_section(tables, looks(tables)).blocks[0].text
        )

    def test_runs_without_a_sharpness_or_a_line_are_left_out(self):
        assert edge_runs(self.runs(r0_2=[np.nan, np.nan])).empty
        assert edge_runs(gather([planted()])).empty
