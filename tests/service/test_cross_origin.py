"""A script of another origin, in a real browser: what it may ask, and what it may read."""

import asyncio
import json
import shutil
from typing import Any

from playwright.async_api import Page, async_playwright

from .conftest import Open
from .upstream import Seen, StrictUpstream, canned

# Chromium does not care how the gateway reads heads.
FETCH = """async url => {
  try {
    const answer = await fetch(url, { method: "PUT", headers: { "X-A": "1" }, credentials: "include" });
    return { status: answer.status, body: await answer.json() };
  } catch (error) { return { status: 0, body: error.name }; }
}"""


async def fetched(page: Page, url: str) -> tuple[int, Any]:
    """What the page's script gets: 0 if the browser does not let it see anything."""
    result = await page.evaluate(FETCH, url)
    return result["status"], result["body"]


async def test_a_script_of_another_origin(open_house: Open) -> None:
    """It reads why it was refused, and with a session it gets through: the upstream answers the browser's question."""
    pages = StrictUpstream(respond=canned(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nok"))
    spa = f"http://127.0.0.1:{await pages.start()}"
    cors = f'access = "bound"\ncors = {{ origins = ["{spa}"] }}\n'
    house = await open_house(policies={"cross": f'{cors}preflight = "forward"\n', "api": cors})
    consent = f"Access-Control-Allow-Origin: {spa}\r\nAccess-Control-Allow-Credentials: true\r\n"

    async def respond(seen: Seen, writer: asyncio.StreamWriter) -> bool:
        if seen.method == "OPTIONS":
            allowed = "Access-Control-Allow-Methods: PUT\r\nAccess-Control-Allow-Headers: x-a\r\n"
            writer.write(f"HTTP/1.1 204 No Content\r\n{consent}{allowed}\r\n".encode())
        else:
            body = json.dumps(seen.claims and seen.claims["sub"])
            writer.write(f"HTTP/1.1 200 OK\r\n{consent}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        return True

    house.upstream.respond = respond
    browser = await house.signed_in()
    house.upstream.seen.clear()
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        try:
            page = await chromium.new_page()
            await page.goto(spa)
            status, body = await fetched(page, f"{house.origin}/cross/x")
            assert (status, body["error"]) == (401, "login_required")
            assert [(seen.method, seen.claims) for seen in house.upstream.seen] == [("OPTIONS", None)]

            jar = [{"name": name, "value": value, "url": house.origin} for name, value in browser.jar.items()]
            await page.context.add_cookies(jar)  # type: ignore[arg-type]
            assert await fetched(page, f"{house.origin}/cross/x") == (200, "1001")
            preflight, request = house.upstream.seen[-2:]
            assert (preflight.method, preflight.claims, preflight.get("cookie")) == ("OPTIONS", None, None)
            assert (request.method, request.get("x-a"), request.get("cookie")) == ("PUT", "1", None)

            house.upstream.seen.clear()
            assert await fetched(page, f"{house.origin}/api/x") == (0, "TypeError")  # asked first, and refused
            assert house.upstream.seen == []
        finally:
            await chromium.close()
            await pages.stop()
