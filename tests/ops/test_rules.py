"""The shipped rules: valid, each tried by promtool, each with a page that says what to do."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import promql_parser
import pytest
import yaml

from sentinel.core.actions import Discarded, DiscardReason, Stage
from sentinel.observe.instruments import Instruments
from tests.ops.monitored import DEPLOY
from tests.ops.tools import tool

RULES = yaml.safe_load((DEPLOY / "prometheus/rules/sentinel.yml").read_text())["groups"][0]["rules"]
NAMES = [rule["alert"] for rule in RULES]
PAGES = DEPLOY.parent / "docs" / "runbook"


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*tool("promtool"), *arguments], capture_output=True, text=True, check=False)


def test_configuration_and_rules_are_valid() -> None:
    """promtool and amtool take the files as they are shipped."""
    done = promtool("check", "config", DEPLOY / "prometheus/prometheus.yml")
    assert done.returncode == 0, done.stderr
    manager: list[str | Path] = [*tool("amtool"), "check-config", DEPLOY / "alertmanager/alertmanager.yml"]
    assert subprocess.run(manager, capture_output=True, check=False).returncode == 0


def test_every_alert_is_quiet_then_fires_then_clears(tmp_path: Path) -> None:
    """promtool runs a series through each alert; none is left out, and one that can never fire is found."""
    tests = DEPLOY / "prometheus/tests/sentinel.yml"
    done = promtool("test", "rules", tests)
    assert done.returncode == 0, done.stdout + done.stderr
    tried = yaml.safe_load(tests.read_text())["tests"]
    assert [one["name"] for one in tried] == NAMES
    assert all([bool(q["exp_samples"]) for q in one["promql_expr_test"]] == [False, True, False] for one in tried)
    shutil.copytree(DEPLOY / "prometheus", tmp_path / "p")
    broken = tmp_path / "p/rules/sentinel.yml"
    broken.write_text(broken.read_text().replace("sentinel_nonce_gap > 0", "sentinel_nonce_gap > 5"))
    done = promtool("test", "rules", tmp_path / "p/tests/sentinel.yml")
    assert done.returncode != 0
    assert "SentinelNonceGap" in done.stdout + done.stderr


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_an_alert_names_what_exists_and_has_a_page(rule: dict[str, Any]) -> None:
    """Its expression parses and uses exported metrics alone; its page says what to look at and what to do."""
    promql_parser.parse(rule["expr"])
    known = {one.name for one in Instruments().described}
    for name in set(re.findall(r"sentinel_\w+", rule["expr"])):
        assert name in known or re.sub(r"_(sum|count|bucket)$", "", name) in known
    page = (PAGES / f"{rule['alert']}.md").read_text()
    assert rule["annotations"]["runbook_url"] == f"docs/runbook/{rule['alert']}.md"
    assert all(f"\n## {part}\n" in page for part in ("Look first", "Do", "Harmless"))


def test_runbook_pages_name_real_metrics_commands_and_settings() -> None:
    """No page is left over, and what stands in code style there exists."""
    from sentinel.config.settings import names

    assert {page.stem for page in PAGES.glob("*.md")} == set(NAMES)
    known = {one.name for one in Instruments().described}
    listed = subprocess.run(
        [sys.executable, "-m", "sentinel", "--help"], capture_output=True, text=True, check=True
    ).stdout
    for page in PAGES.glob("*.md"):
        text = page.read_text()
        assert set(re.findall(r"`(sentinel_\w+)", text)) <= known, page
        assert set(re.findall(r"`(SENTINEL_[A-Z0-9_]+)", text)) <= set(names()), page
        for command in re.findall(r"`sentinel ([a-z-]+)", text):
            assert re.search(rf"(?m)^\W*{command}\s", listed), (page, command)


def test_a_scrape_is_well_formed_and_labels_stay_bounded() -> None:
    """promtool has nothing to say on names, units and help; 10,000 hostile label values end as 65 at most."""
    from sentinel.observe.metrics import ALARMS, MAX_LABEL_VALUES, Metrics
    from tests.daemon import values

    metrics = Metrics(values.NETWORK)
    for number in range(10_000):
        metrics.alarm(f"what_{number}")
        metrics.ran(f"<script>{number}</script>")
    proposal = values.record(values.act()).proposal
    assert proposal is not None
    for number in range(100):
        stage, reasons = cast(Stage, f"stage_{number}"), cast(list[DiscardReason], [f"reason_{k}" for k in range(10)])
        dropped = tuple(Discarded(0, stage, reason) for reason in reasons)
        metrics.observe(replace(values.record(values.act()), proposal=replace(proposal, discarded=dropped)))
    metrics.observe(values.record(values.act(), intent_id="a1"))
    metrics.observe_settled(values.settled(), shortfall_bps=2.5, waited=4.0)
    text = metrics.exposition()
    done = subprocess.run([*tool("promtool"), "check", "metrics"], input=text, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert text.count(b"sentinel_alarms_total{") <= MAX_LABEL_VALUES + len(ALARMS) + 1  # and "other"
    assert text.count(b"sentinel_discarded_samples_total{") <= MAX_LABEL_VALUES + 1
    assert b"<script" not in text
