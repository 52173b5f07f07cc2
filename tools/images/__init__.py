"""The container images of a stack, from the package registries alone: for sites without a registry of images.

    debian ─▶ postgres:17
           └▶ jre ─▶ kafka:4.3.1 ─▶ connect:3.7.0.Final
                  └▶ kafka:3.9.1

All are named `throughline/…`. The first is Debian's own installer's work (`base`); each of the others is a folder of
`images/` with a Dockerfile, to which the locked jars are added (`recipes`). They speak the interfaces of the official
images, so that a stack stands on either. ClickHouse has no packages in these registries: it is loaded from an archive
of an image, which its owner names with its SHA-256 (`archive`).

An image bears a label with the digest of everything that it was made from. One whose label is right is left alone.
"""
