"""What the legacy system answers about people: passwords, phones, messages. It remembers what it was asked."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.test_utils import TestServer


class Legacy:
    """`passwords` and `phones` give user ids; `codes` are sent messages, `asked` the questions by path."""

    def __init__(self, passwords: dict[str, str], phones: dict[str, str]) -> None:
        self.passwords = passwords
        self.phones = phones
        self.asked: list[str] = []
        self.codes: asyncio.Queue[str] = asyncio.Queue()
        self.base = ""
        self.down = False

    @property
    def password(self) -> str:
        """The keys of [bind.password]."""
        return f'verifier = "http"\nurl = "{self.base}/verify"'

    @property
    def sms(self) -> str:
        """The keys of [bind] with the table [bind.sms]."""
        urls = f'sender_url = "{self.base}/sms"\nresolver_url = "{self.base}/phone"'
        return f'methods = ["password", "sms"]\n[bind.sms]\nsender = "http"\n{urls}'

    async def _answer(self, request: web.Request) -> web.Response:
        fields = json.loads(await request.read())
        self.asked.append(request.path)
        if self.down:
            return web.Response(status=500)
        if request.path == "/hook":
            return web.Response(status=204)
        if request.path == "/sms":
            await self.codes.put(fields["code"])
            return web.Response(status=204)
        if request.path == "/phone":
            user = self.phones.get(fields["phone"])
            return web.json_response({"user_id": user}) if user else web.Response(status=404)
        user = self.passwords.get(f"{fields['username']}:{fields['password']}")
        return web.json_response({"user_id": user}) if user else web.Response(status=401)


@asynccontextmanager
async def legacy_of(
    passwords: dict[str, str] | None = None, phones: dict[str, str] | None = None
) -> AsyncIterator[Legacy]:
    """A legacy system on a free port."""
    legacy = Legacy(passwords or {}, phones or {})
    app = web.Application()
    app.router.add_post("/{what}", legacy._answer)
    async with TestServer(app) as server:
        legacy.base = f"http://127.0.0.1:{server.port}"
        yield legacy
