"""Reads documents with the loop of examples/incremental_sync.py, which lies beside this file; prints them per second.

Argument: how many. The connection is made before the time begins.
"""

import sys
import time

from google.cloud import firestore
from incremental_sync import LONG_AGO, Settings, Sync

most = int(sys.argv[1])
settings = Settings(cache_size=most)
sync = Sync(firestore.Client(project="bench").collection("events"), settings)
last = sync.page(LONG_AGO, None)[-1]
begin = time.perf_counter()
read = 0
while read < most:
    page = sync.page(LONG_AGO, last)
    for snapshot in page:
        sync.take(snapshot)
    read += len(page)
    if len(page) < settings.batch:
        break
    last = page[-1]
print(f"{read / (time.perf_counter() - begin):.1f}")
