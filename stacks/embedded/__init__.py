"""The embedded backend: the four systems on this machine, each the real one, without root and without Docker."""
