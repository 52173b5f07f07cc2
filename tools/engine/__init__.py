"""A Docker engine for tests: `python -m tools.engine up|down`, or `while COMMAND…`.

If one answers (the one that DOCKER_HOST names, or that of the default socket), it is used as it is. Else, as root on
Debian, Debian's own `docker.io` is installed if it is missing, and its `dockerd` is started in a session of its own,
with a pid file that no service uses: `down` ends the engine that this pid file names and no other. `while` has one
for a command, and ends it only if it started it. Everywhere else an engine is the user's affair, and `up` says what to
install.
"""
