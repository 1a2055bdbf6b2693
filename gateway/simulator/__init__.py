"""A painted WeChat and a small legacy web application, for demos and tests. Shares no code with the gateway."""
