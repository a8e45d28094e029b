"""The portal's composition: settings, routes and programs; only its own programs import it."""
