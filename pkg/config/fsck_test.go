package config_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
)

// TestFsckReadsWhatItsStoreNeeds: the variables of the server, or of the functions.
func TestFsckReadsWhatItsStoreNeeds(t *testing.T) {
	c, err := config.ReadFsck(map[string]string{})
	if err != nil || c.Store != "embedded" || c.DataDir != "./.data" || c.BucketEndpoint != "" {
		t.Errorf("%+v, %v", c, err)
	}
	bucket := map[string]string{"S3_ENDPOINT": "http://127.0.0.1:9000", "BUCKET_NAME": "b", "S3_ACCESS_KEY_ID": "k", "S3_SECRET_ACCESS_KEY": "s"}
	if c, err = config.ReadFsck(bucket); err != nil || c.BucketName != "b" || c.BucketRegion != "us-east-1" {
		t.Errorf("%+v, %v", c, err)
	}
	functions := map[string]string{
		"STORE": "dynamodb", "TABLE_NAME": "streams", "BUCKET_NAME": "b", "AWS_REGION": "eu-west-1",
		"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret",
	}
	if c, err = config.ReadFsck(functions); err != nil || c.Function.Table != "streams" || c.Function.Bucket != "b" || c.Function.Region != "eu-west-1" {
		t.Errorf("%+v, %v", c, err)
	}
	for _, wrong := range []struct {
		from        map[string]string
		name, value string
	}{
		{nil, "STORE", "memory"},
		{bucket, "BUCKET_NAME", ""},
		{functions, "TABLE_NAME", ""},
		{functions, "AWS_REGION", ""},
	} {
		changed := maps.Clone(wrong.from)
		if changed == nil {
			changed = make(map[string]string)
		}
		changed[wrong.name] = wrong.value
		if _, err := config.ReadFsck(changed); err == nil || !strings.Contains(err.Error(), wrong.name) {
			t.Errorf("%s=%q: %v", wrong.name, wrong.value, err)
		}
	}
}
