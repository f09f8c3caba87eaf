"""What only the notebooks need: verdicts on what the papers print, and their figures re-made. Not in the wheel."""
