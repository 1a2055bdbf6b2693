// Who is signed in? Needs github.com/golang-jwt/jwt/v5 and github.com/MicahParks/keyfunc/v3.
package main

import (
	"context"
	"net/http"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
)

const issuer, audience = "https://app.example.com", "legacy"

type claims struct {
	jwt.RegisteredClaims
	Bound bool `json:"bound"`
}

type userKey struct{}

// requireUser answers 401 unless X-User is valid; r.Context().Value(userKey{}) is then the user id.
func requireUser(keys keyfunc.Keyfunc, next http.Handler) http.Handler {
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"ES256"}), jwt.WithIssuer(issuer),
		jwt.WithAudience(audience), jwt.WithExpirationRequired(), jwt.WithLeeway(time.Minute))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var user claims
		_, err := parser.ParseWithClaims(r.Header.Get("X-User"), &user, keys.Keyfunc)
		if err != nil || !user.Bound || user.Subject == "" {
			http.Error(w, "sign in first", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), userKey{}, user.Subject)))
	})
}

func main() {
	keys, err := keyfunc.NewDefault([]string{issuer + "/_gateway/jwks.json"})
	if err != nil {
		panic(err)
	}
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("Hello, user " + r.Context().Value(userKey{}).(string) + "\n"))
	})
	panic(http.ListenAndServe("127.0.0.1:9000", requireUser(keys, hello)))
}
