import { charts } from "/static/charts.js";
import { controls } from "/static/controls.js";
import { live } from "/static/live.js";

live(charts());
controls();
