"""A Pulumi program of all four resources, as a stack's own is: it does not know which plugin serves it.

What it is to make is in the environment variable PROGRAM, as JSON: see `test_pulumi.Program`.
"""

import json
import os

import pulumi
import pulumi_docker as docker

wanted = json.loads(os.environ["PROGRAM"])
name, label = wanted["name"], wanted["label"]
image = docker.RemoteImage("image", name=wanted["image"], keep_locally=True)
network = docker.Network("network", name=name, labels=[label])
volume = docker.Volume("volume", name=name, labels=[label])
container = docker.Container(
    "container",
    name=name,
    image=image.image_id,
    command=["httpd", "-f", "-p", "80", "-h", "/srv"],
    envs=[pulumi.Output.concat("TOKEN=", pulumi.Output.secret(wanted["token"]))],
    ports=[docker.ContainerPortArgs(internal=80, ip="127.0.0.1")],
    networks_advanced=[docker.ContainerNetworksAdvancedArgs(name=network.name, aliases=["web"])],
    volumes=[docker.ContainerVolumeArgs(volume_name=volume.name, container_path="/data")],
    uploads=[
        docker.ContainerUploadArgs(file="/password", content=pulumi.Output.secret(wanted["password"])),
        docker.ContainerUploadArgs(file="/srv/index.html", content=wanted["greeting"]),
    ],
    healthcheck=docker.ContainerHealthcheckArgs(
        tests=["CMD", "busybox", "wget", "-q", "-O-", "http://127.0.0.1/"], interval="200ms", timeout="5s"
    ),
    wait=True,
    wait_timeout=60,
    restart="unless-stopped",
    memory=wanted["memory"],
    stop_timeout=1,  # httpd does not heed TERM
    labels=[label],
    **wanted["extra"],
)
pulumi.export("id", container.id)
pulumi.export("port", container.ports.apply(lambda ports: ports[0].external if ports else None))
