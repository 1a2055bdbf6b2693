"""HTTP/1.1 on both sides: bytes to events, limits, back-pressure. Knows nothing of WeChat or stores."""
