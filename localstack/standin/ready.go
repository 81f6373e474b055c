package standin

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// untilAnswered repeats a request for the list of tables until it is answered, or
// the context ends: a port that is open does not say yet that the API works.
// locate may fail for as long as the address is not known.
func untilAnswered(ctx context.Context, locate func() (string, error)) error {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	retry := time.NewTicker(10 * time.Millisecond)
	defer retry.Stop()
	for {
		endpoint, err := locate()
		if err == nil {
			if err = listTables(ctx, client, endpoint); err == nil {
				return nil
			}
		}
		select {
		case <-retry.C:
		case <-ctx.Done():
			return fmt.Errorf("%w; the last try: %w", context.Cause(ctx), err)
		}
	}
}

// listTables makes one request of the DynamoDB API. Stand-ins want a signature to
// be there, and do not look at it.
func listTables(ctx context.Context, client *http.Client, endpoint string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader("{}"))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	req.Header.Set("X-Amz-Target", "DynamoDB_20120810.ListTables")
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host;x-amz-date;x-amz-target, Signature=0")
	req.Header.Set("X-Amz-Date", "20260101T000000Z")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK || !strings.Contains(string(body), "TableNames") {
		return fmt.Errorf("ListTables was answered with %s: %s", resp.Status, body)
	}
	return nil
}
