"""Write Grafana's dashboards from panels.py; `--check` only reports stale ones."""

from __future__ import annotations

import sys
from pathlib import Path

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import BigValueTextMode, LegendPlacement, StackingMode, TooltipDisplayMode
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DataSourceRef,
    Threshold,
    ThresholdsMode,
    VariableRefresh,
)
from panels import BOARDS, Panel

HERE = Path(__file__).resolve().parent
SOURCE = DataSourceRef(type_val="prometheus", uid="${source}")
HEIGHT, LOW = 8, 4


def built(number: int, panel: Panel) -> timeseries.Panel | stat.Panel:
    """Grafana's panel of a Panel; `number` is its id on the dashboard."""
    built_panel: timeseries.Panel | stat.Panel = stat.Panel() if panel.single else timeseries.Panel()
    built_panel.title(panel.title).description(panel.meaning).unit(panel.unit).datasource(SOURCE).span(panel.width)
    built_panel.height(LOW if panel.single else HEIGHT).id(number)
    if isinstance(built_panel, timeseries.Panel):
        built_panel.legend(common.VizLegendOptions().show_legend(True).placement(LegendPlacement.BOTTOM))
        built_panel.tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
    else:
        built_panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        if any("_info" in query.expr for query in panel.queries):
            built_panel.text_mode(BigValueTextMode.NAME)
    if panel.red_above is not None:
        steps = [Threshold(value=None, color="green"), Threshold(value=panel.red_above, color="red")]
        built_panel.thresholds(dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps))
    if panel.stacked and isinstance(built_panel, timeseries.Panel):
        built_panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL)).fill_opacity(20)
    for query, name in zip(panel.queries, "ABCDEFGH", strict=False):
        target = prometheus.Dataquery().expr(query.expr).legend_format(query.legend).ref_id(name)
        built_panel.with_target(target.instant() if panel.single else target.range())
    return built_panel


def board(uid: str, title: str, panels: tuple[Panel, ...]) -> str:
    """A dashboard as JSON, ending in a newline."""
    source = dashboard.DatasourceVariable("source").label("Prometheus").type("prometheus")
    instance = dashboard.QueryVariable("instance").label("Daemon").datasource(SOURCE)
    instance.query("label_values(sentinel_build_info, instance)").refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
    instance.multi(True).include_all(True).all_value(".*")
    firing = dashboard.AnnotationQuery().name("Alerts").datasource(SOURCE).enable(True).icon_color("red")
    firing.expr('ALERTS{alertstate="firing", alertname=~"Sentinel.+"}')
    result = dashboard.Dashboard(f"Sentinel: {title}").uid(f"sentinel-{uid}").tags(["sentinel"]).readonly()
    result.refresh("15s").time("now-6h", "now").tooltip(DashboardCursorSync.CROSSHAIR)
    result.with_variable(source).with_variable(instance).annotation(firing)
    for number, panel in enumerate(panels, 1):
        result.with_panel(built(number, panel))
    return JSONEncoder(sort_keys=True, indent=1).encode(result.build()) + "\n"


def main() -> int:
    """Returns the exit code: 1 if `--check` finds a stale dashboard."""
    stale = 0
    for uid, (title, panels) in BOARDS.items():
        path, new = HERE / "dashboards" / f"{uid}.json", board(uid, title, panels)
        if "--check" not in sys.argv[1:]:
            path.write_text(new, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != new:
            print(f"{path.name} is stale: run `make generate`", file=sys.stderr)
            stale = 1
    return stale


if __name__ == "__main__":
    sys.exit(main())
