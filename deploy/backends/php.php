<?php
// Who is signed in? Needs firebase/php-jwt 6 and a PSR-6 cache, PSR-17/18 for the keys.
// $claims = user($keys);  $claims->sub is the user id.
use Firebase\JWT\{CachedKeySet, JWT};

const ISSUER = 'https://app.example.com';
const AUDIENCE = 'legacy';

function keys($httpClient, $httpFactory, $cache): CachedKeySet
{
    // 300 s in the cache; an unknown kid fetches again, at most ten times a minute.
    return new CachedKeySet(ISSUER . '/_gateway/jwks.json', $httpClient, $httpFactory, $cache, 300, true, 'ES256');
}

function user(CachedKeySet $keys): object
{
    JWT::$leeway = 60;
    try {
        $claims = JWT::decode($_SERVER['HTTP_X_USER'] ?? '', $keys); // signature, algorithm, exp, nbf
    } catch (\Throwable) {
        http_response_code(401);
        exit;
    }
    $mine = in_array(AUDIENCE, (array) ($claims->aud ?? null), true) && ($claims->iss ?? null) === ISSUER;
    if (!$mine || !isset($claims->exp) || ($claims->bound ?? null) !== true) {
        http_response_code(401);
        exit;
    }
    return $claims;
}
