"""The Docker backend: the four systems as containers on one engine, by `pulumi_docker`.

Which plugin serves `pulumi_docker`, Pulumi's own or the small one under `tools/docker_plugin`, this package does not
know. Container images speak the official ones' interface, whoever built them.
"""
