"""ConteraCMR, the recorder: cameras in, live and recorded video out, over one HTTP API."""

__version__ = "0.1.0"
