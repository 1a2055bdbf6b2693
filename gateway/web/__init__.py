"""Where people sign in, bind and sign out: the gateway's own pages, an aiohttp application without a listener."""
