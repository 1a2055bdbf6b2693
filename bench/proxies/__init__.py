"""The proxies that are measured: each module knows how one is installed, configured and run."""
