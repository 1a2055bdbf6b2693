"""WeChat: the authorize URL, the state of a dance, and the only code that calls WeChat's API."""
