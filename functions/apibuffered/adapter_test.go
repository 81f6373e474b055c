package main

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/awslabs/aws-lambda-go-api-proxy/httpadapter"
)

// What package httpadapter gets wrong, each a reason for something in this package.
// A case that fails was mended by a new version: what works around it can go.
func TestAdapterDefects(t *testing.T) {
	v2 := func(e events.APIGatewayV2HTTPRequest, h http.HandlerFunc) (events.APIGatewayV2HTTPResponse, error) {
		return httpadapter.NewV2(h).ProxyWithContext(t.Context(), e)
	}
	alb := func(e events.ALBTargetGroupRequest, h http.HandlerFunc) (events.ALBTargetGroupResponse, error) {
		return httpadapter.NewALB(h).ProxyWithContext(t.Context(), e)
	}
	nothing := func(http.ResponseWriter, *http.Request) {}
	for name, defect := range map[string]func() bool{
		"V2: a decoded path ends at its question mark": func() (defect bool) {
			_, _ = v2(events.APIGatewayV2HTTPRequest{RawPath: "/a?b"}, func(_ http.ResponseWriter, r *http.Request) { defect = r.URL.Path == "/a" })
			return defect
		},
		"V2: a decoded path with a percent sign is an error": func() bool {
			_, err := v2(events.APIGatewayV2HTTPRequest{RawPath: "/50%"}, nothing)
			return err != nil && strings.Contains(err.Error(), "URL escape")
		},
		"V2: a header with a comma becomes two": func() (defect bool) {
			_, _ = v2(events.APIGatewayV2HTTPRequest{Headers: map[string]string{"producer-id": "a,b"}},
				func(_ http.ResponseWriter, r *http.Request) { defect = len(r.Header["Producer-Id"]) == 2 })
			return defect
		},
		"V2: Host stays among the headers": func() (defect bool) {
			_, _ = v2(events.APIGatewayV2HTTPRequest{Headers: map[string]string{"host": "a"}},
				func(_ http.ResponseWriter, r *http.Request) { defect = r.Header.Get("Host") != "" && r.Host == "" })
			return defect
		},
		"V2: no method is GET": func() (defect bool) {
			_, _ = v2(events.APIGatewayV2HTTPRequest{}, func(_ http.ResponseWriter, r *http.Request) { defect = r.Method == http.MethodGet })
			return defect
		},
		"V2: a handler that writes nothing is an error": func() bool {
			_, err := v2(events.APIGatewayV2HTTPRequest{}, nothing)
			return err != nil
		},
		"V2: the last status counts": func() bool {
			out, _ := v2(events.APIGatewayV2HTTPRequest{}, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204); w.WriteHeader(500) })
			return out.StatusCode == 500
		},
		"V2: HEAD has a body": func() bool {
			e := events.APIGatewayV2HTTPRequest{}
			e.RequestContext.HTTP.Method = http.MethodHead
			out, _ := v2(e, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "x") })
			return out.Body != ""
		},
		"V2: a panic is not caught": func() (defect bool) {
			defer func() { defect = recover() != nil }()
			_, _ = v2(events.APIGatewayV2HTTPRequest{}, func(http.ResponseWriter, *http.Request) { panic("") })
			return false
		},
		"ALB: the query is encoded twice": func() (defect bool) {
			_, _ = alb(events.ALBTargetGroupRequest{QueryStringParameters: map[string]string{"offset": "%2D1"}},
				func(_ http.ResponseWriter, r *http.Request) { defect = r.URL.Query().Get("offset") == "%2D1" })
			return defect
		},
		"ALB: a path that is not encoded correctly is an error": func() bool {
			_, err := alb(events.ALBTargetGroupRequest{Path: "/%zz"}, nothing)
			return err != nil
		},
		"ALB: Host is lost with multi-value headers": func() (defect bool) {
			_, _ = alb(events.ALBTargetGroupRequest{MultiValueHeaders: map[string][]string{"host": {"a"}}},
				func(_ http.ResponseWriter, r *http.Request) { defect = r.Host == "" })
			return defect
		},
		"ALB: the response has no headers for a target group without multi-value headers": func() bool {
			out, _ := alb(events.ALBTargetGroupRequest{Headers: map[string]string{}}, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "x") })
			return out.Headers == nil && out.MultiValueHeaders != nil
		},
		"ALB: the status description is not as documented": func() bool {
			out, _ := alb(events.ALBTargetGroupRequest{}, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })
			return out.StatusDescription != "204 No Content"
		},
	} {
		if !defect() {
			t.Errorf("mended: %s", name)
		}
	}
}
