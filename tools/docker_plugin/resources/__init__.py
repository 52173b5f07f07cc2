"""What the protocol's calls mean for each resource, a module a resource; `Kind` is what they all say."""
