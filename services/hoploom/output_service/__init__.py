"""Where results go: stored durably and once, read by anybody with sqlite3, dumped while ingest goes on."""
