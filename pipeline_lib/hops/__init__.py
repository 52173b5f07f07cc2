"""One module a system, in the order of the pipeline. Each answers the same few questions (`protocol.Hop`)."""
