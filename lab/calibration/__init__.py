"""The experiment behind docs/calibration."""
