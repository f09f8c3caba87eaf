"""Pictures as data: functions of values, and what a renderer draws."""
