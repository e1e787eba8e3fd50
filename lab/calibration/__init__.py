"""The calibration experiment, which docs/calibration reports."""
