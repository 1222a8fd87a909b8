"""What an operator does beside the app: look, catch up, prove, recover, report. The app itself imports none of it."""
