// Who is signed in? Needs jose 5 or later. `await user(request.headers)` in any framework.
import { createRemoteJWKSet, jwtVerify } from "jose";

const issuer = "https://app.example.com";
const keys = createRemoteJWKSet(new URL(`${issuer}/_gateway/jwks.json`), { cooldownDuration: 60_000 });

/** The claims of the signed-in user; `sub` is the user id. Throws for anybody else: answer 401. */
export async function user(headers) {
  const { payload } = await jwtVerify(headers["x-user"] ?? "", keys, {
    algorithms: ["ES256"],
    issuer,
    audience: "legacy",
    clockTolerance: 60,
    requiredClaims: ["exp", "nbf", "sub"],
  });
  if (payload.bound !== true) throw new Error("not bound");
  return payload;
}
