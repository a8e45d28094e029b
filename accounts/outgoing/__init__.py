"""How the portal itself goes to addresses that somebody typed: judged, bounded, pinned."""
