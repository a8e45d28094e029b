"""The recorder's HTTP API: one fixed list of routes, whatever door a request came through."""
