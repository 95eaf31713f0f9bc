"""Prints the unit's journal, one JSON object a line, from a second connection as the host link has one."""

import json
import sqlite3

with sqlite3.connect("file:/var/lib/manul/journal/journal.sqlite?mode=ro", uri=True, timeout=10) as journal:
    for seq, kind, body in journal.execute("SELECT seq, kind, body FROM entries ORDER BY seq"):
        print(json.dumps({"seq": seq, "kind": kind, "body": json.loads(body)}))
