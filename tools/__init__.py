"""What set-up needs: the locks, the installers, and the Go modules that Pulumi is built from."""
