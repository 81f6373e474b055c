package boot_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/functions/boot"
)

// manager is a Secrets Manager with some secrets. It answers no request before atOnce of
// them are under way.
func manager(t *testing.T, secrets map[string]string, atOnce int) (endpoint string, asked func() []string) {
	t.Helper()
	var mu sync.Mutex
	var ids []string
	together := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct{ SecretId string }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || r.Header.Get("X-Amz-Target") != "secretsmanager.GetSecretValue" {
			t.Errorf("%s: %v", r.Header.Get("X-Amz-Target"), err)
		}
		mu.Lock()
		if ids = append(ids, in.SecretId); len(ids) == atOnce {
			close(together)
		}
		mu.Unlock()
		<-together
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		value, ok := secrets[in.SecretId]
		if !ok {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"__type":"ResourceNotFoundException","Message":"Secrets Manager can't find the specified secret."}`))
			return
		}
		answer, err := json.Marshal(map[string]string{"ARN": in.SecretId, "Name": in.SecretId, "SecretString": value})
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(answer)
	}))
	t.Cleanup(s.Close)
	return s.URL, func() []string { mu.Lock(); defer mu.Unlock(); return ids }
}

func environ(endpoint, list string) map[string]string {
	return map[string]string{
		"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key",
		"SECRETS_ENDPOINT": endpoint, "SECRETS": list,
	}
}

// TestFetchSecrets: each secret is asked for once, and all at the same time.
func TestFetchSecrets(t *testing.T) {
	const token = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:Token-AbCdEf"
	endpoint, asked := manager(t, map[string]string{token: "t0ken", "r2/keys": `{"S3_ACCESS_KEY_ID":"k","S3_SECRET_ACCESS_KEY":"s=#,"}`}, 2)
	vars := environ(endpoint, "AUTH_TOKEN="+token+",S3_ACCESS_KEY_ID=r2/keys#S3_ACCESS_KEY_ID,S3_SECRET_ACCESS_KEY=r2/keys#S3_SECRET_ACCESS_KEY")
	if err := boot.FetchSecrets(t.Context(), vars); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"AUTH_TOKEN": "t0ken", "S3_ACCESS_KEY_ID": "k", "S3_SECRET_ACCESS_KEY": "s=#,"} {
		if vars[name] != want {
			t.Errorf("%s is %q, want %q", name, vars[name], want)
		}
	}
	if len(asked()) != 2 {
		t.Errorf("it asked for %v", asked())
	}
}

// TestNoSecretsNoRequest: without SECRETS a process starts as fast as ever.
func TestNoSecretsNoRequest(t *testing.T) {
	endpoint, asked := manager(t, nil, 1)
	if err := boot.FetchSecrets(t.Context(), environ(endpoint, "")); err != nil || len(asked()) != 0 {
		t.Errorf("%v, and it asked for %v", err, asked())
	}
}

// TestSecretsThatCannotBeHad: the error says which variable, and nothing of a secret.
func TestSecretsThatCannotBeHad(t *testing.T) {
	const canary = "canary-0123456789"
	secrets := map[string]string{"text": canary, "object": `{"a":1,"b":"` + canary + `"}`}
	for _, c := range []struct{ list, want string }{
		{"ADMIN_TOKEN=missing", "ADMIN_TOKEN: secret missing"},
		{"ADMIN_TOKEN=text#key", "not a JSON object"},
		{"ADMIN_TOKEN=object#a", `no key "a"`},
		{"ADMIN_TOKEN=object#c", `no key "c"`},
		{"ADMIN_TOKEN", "SECRETS has"},
		{"=text", "SECRETS has"},
		{"ADMIN_TOKEN=text#", "SECRETS has"},
		{"AWS_REGION=text", "AWS_REGION, which is set too"},
	} {
		endpoint, _ := manager(t, secrets, 1)
		err := boot.FetchSecrets(t.Context(), environ(endpoint, c.list))
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v, want %q", c.list, err, c.want)
		}
	}
	if err := boot.FetchSecrets(t.Context(), environ("localhost:1", "ADMIN_TOKEN=text")); err == nil || !strings.Contains(err.Error(), "SECRETS_ENDPOINT") {
		t.Errorf("%v", err)
	}
}

// TestOriginSecret: who goes around the CDN is told so, and reaches nothing.
func TestOriginSecret(t *testing.T) {
	h, err := boot.Handler(function(t, map[string]string{"ORIGIN_SECRET": "origin-0123456789", "ORIGIN_SECRET_PREVIOUS": "before-0123456789", "DYNAMODB_ENDPOINT": "http://127.0.0.1:1"}), slog.New(slog.DiscardHandler), false)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		headers []string
		status  int
	}{
		{nil, http.StatusForbidden},
		{[]string{""}, http.StatusForbidden},
		{[]string{"origin-0123456788"}, http.StatusForbidden},
		{[]string{"origin-0123456789", "origin-0123456789"}, http.StatusForbidden},
		{[]string{"origin-0123456789"}, http.StatusNoContent},
		{[]string{"before-0123456789"}, http.StatusNoContent},
		{[]string{"before-0123456788"}, http.StatusForbidden},
	} {
		r := httptest.NewRequest(http.MethodOptions, "/v1/stream/x", nil)
		for _, value := range c.headers {
			r.Header.Add(boot.OriginHeader, value)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.status {
			t.Errorf("%q: %d, want %d", c.headers, w.Code, c.status)
		}
	}
}

// TestNoSecretIsNone: without a secret before, an empty header is not taken for it.
func TestNoSecretIsNone(t *testing.T) {
	h, err := boot.Handler(function(t, map[string]string{"ORIGIN_SECRET": "origin-0123456789", "DYNAMODB_ENDPOINT": "http://127.0.0.1:1"}), slog.New(slog.DiscardHandler), false)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodOptions, "/v1/stream/x", nil)
	r.Header.Set(boot.OriginHeader, "")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusForbidden {
		t.Errorf("an empty header: %d", w.Code)
	}
}
