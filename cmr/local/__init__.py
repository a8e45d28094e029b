"""The recorder's own page and its local accounts: it is used without any portal."""
