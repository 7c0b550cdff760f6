"""`AsyncClient` by resource. `orchestra.client.synchronous` is made of these modules by `make client`."""
