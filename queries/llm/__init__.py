"""Language models that write and judge: on this machine, or behind an endpoint."""
