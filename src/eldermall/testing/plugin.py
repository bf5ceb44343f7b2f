"""The plugin that pytest loads: ``--eldermall-conformance``."""
