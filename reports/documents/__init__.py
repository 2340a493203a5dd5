"""What people read: run.json, junit.xml, summary.md, the page."""
