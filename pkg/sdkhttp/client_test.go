package sdkhttp_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/commoncurriculum/durable-streams-aws/pkg/sdkhttp"
)

// behind is a client whose connections return from the write that ends a request only
// when the SDK has begun to read the answer, as a busy machine may have it.
type behind struct {
	aws.HTTPClient
	reads chan struct{}
	wrote chan error
}

func (b *behind) Do(r *http.Request) (*http.Response, error) {
	resp, err := b.HTTPClient.Do(r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		WroteRequest: func(i httptrace.WroteRequestInfo) { b.wrote <- i.Err },
	})))
	if err == nil {
		resp.Body = &firstRead{ReadCloser: resp.Body, first: sync.OnceFunc(func() { close(b.reads) })}
	}
	return resp, err
}

type firstRead struct {
	io.ReadCloser
	first func()
}

func (f *firstRead) Read(p []byte) (int, error) {
	f.first()
	return f.ReadCloser.Read(p)
}

// slowConn holds up the writer after the end of a JSON body.
type slowConn struct {
	net.Conn
	until <-chan struct{}
}

func (c slowConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if bytes.HasSuffix(p, []byte("}")) {
		<-c.until
	}
	return n, err
}

// An answer that is read before its connection knows that the request is written, is
// whole. (With the SDK's own client, wrote has io.EOF, and PutItem fails.)
func TestAnswerBeforeTheRequestIsWritten(t *testing.T) {
	b := &behind{reads: make(chan struct{}), wrote: make(chan error, 1)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusOK)
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		// The connection, if it fails, does so before there is more of the answer.
		if err := <-b.wrote; err != nil {
			t.Errorf("writing the request: %v", err)
			<-r.Context().Done()
		}
		if _, err := w.Write([]byte("{}")); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	b.HTTPClient = sdkhttp.Client{BuildableClient: awshttp.NewBuildableClient().WithTransportOptions(func(tr *http.Transport) {
		tr.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, address)
			return slowConn{conn, b.reads}, err
		}
	})}
	client := dynamodb.New(dynamodb.Options{
		Region: "us-east-1", BaseEndpoint: &server.URL, HTTPClient: b, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
	})
	// It does not fit into the buffer of a connection, which would be written at the end.
	large := &types.AttributeValueMemberS{Value: strings.Repeat("x", 10_000)}
	if _, err := client.PutItem(t.Context(), &dynamodb.PutItemInput{
		TableName: aws.String("t"), Item: map[string]types.AttributeValue{"k": large},
	}); err != nil {
		t.Error(err)
	}
}
