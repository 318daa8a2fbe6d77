"""Embedding on a Ray cluster: shards go to workers, each writes its part of the set.

`run`       the whole of it: connect, share out, finish
`crew`      the workers as the driver sees them: given shards, watched, replaced when lost
`hands`     one of them: a Ray actor and the answers awaited from it
`worker`    what runs on the nodes: models loaded once, one part after the other
`places`    how many workers a cluster has room for, and how large they are
`orders`    what the driver and the workers tell each other
`tally`     how far all of them are

Only `crew`, `hands` and `places` import Ray, and only inside functions. No sound, vector or picture
passes through Ray: a worker reads recordings and writes parts itself.
"""
