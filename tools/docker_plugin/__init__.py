"""A Pulumi resource plugin for `pulumi_docker`, for machines that cannot download Pulumi's official one.

Pulumi starts a plugin as a process and speaks gRPC with it (`pulumi.runtime.proto.provider_pb2`). This one serves the
four resources that our stacks are made of, `Network`, `Volume`, `RemoteImage` and `Container`, with exactly the
arguments that they use, over Docker's own Python client. Any other argument is refused by name: nothing is silently
left out.

* `values`: what goes over the wire, with its secrets and its values that are not known yet.
* `arguments`: the arguments of each resource as types. `checking` and `diffing` know nothing beyond these.
* `engine`: the way to the Docker engine, and its errors as sentences.
* `resources/`: what creating, reading, updating and deleting mean, a module a resource.
* `provider`: the protocol; `__main__`: the process.
"""
