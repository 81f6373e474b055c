// The changes bootstrap is a function for the table's change stream: it prints what
// each record says. It fails the first time it sees the one of a stream named "twice",
// and each time it sees the one of a stream named "poison".
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	failed := false
	lambda.Start(func(_ context.Context, e events.DynamoDBEvent) error {
		for _, r := range e.Records {
			name := r.Change.Keys["pk"].String()
			if name == "stream#poison" {
				return errors.New("never this one")
			}
			if name == "stream#twice" && !failed {
				failed = true
				return errors.New("this one again")
			}
			fmt.Fprintln(os.Stderr, "change", r.EventName, name)
		}
		return nil
	})
}
