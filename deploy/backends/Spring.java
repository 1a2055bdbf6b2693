// Who is signed in? Spring Boot 3 with spring-boot-starter-oauth2-resource-server.
// In a controller: @AuthenticationPrincipal Jwt user; user.getSubject() is the user id.
@Configuration
class GatewayIdentity {
    static final String ISSUER = "https://app.example.com", AUDIENCE = "legacy";

    @Bean
    JwtDecoder jwtDecoder() {
        var decoder = NimbusJwtDecoder.withJwkSetUri(ISSUER + "/_gateway/jwks.json")
            .jwsAlgorithm(SignatureAlgorithm.ES256).build();
        decoder.setJwtValidator(new DelegatingOAuth2TokenValidator<>(
            JwtValidators.createDefaultWithIssuer(ISSUER), // iss, exp, nbf with 60 s of leeway
            new JwtClaimValidator<List<String>>("aud", aud -> aud != null && aud.contains(AUDIENCE)),
            new JwtClaimValidator<Boolean>("bound", Boolean.TRUE::equals),
            new JwtClaimValidator<Instant>("exp", Objects::nonNull)));
        return decoder;
    }

    @Bean
    SecurityFilterChain chain(HttpSecurity http) throws Exception {
        return http.authorizeHttpRequests(all -> all.anyRequest().authenticated())
            .oauth2ResourceServer(server -> server.jwt(Customizer.withDefaults())
                .bearerTokenResolver(request -> request.getHeader("X-User")))
            .sessionManagement(session -> session.sessionCreationPolicy(SessionCreationPolicy.STATELESS)).build();
    }
}
