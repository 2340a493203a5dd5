"""Any engine, described: the graph, the target file, requests built and answers read. No I/O."""
