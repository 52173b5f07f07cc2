"""Measurements that anyone can rerun; each prints its n and spread and keeps them in `bench/results/`."""
