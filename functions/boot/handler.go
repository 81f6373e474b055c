package boot

import (
	"log/slog"
	"net/http"

	"github.com/commoncurriculum/durable-streams-aws/pkg/admin"
	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
	"github.com/commoncurriculum/durable-streams-aws/pkg/protocol"
)

// Check reports what no function could start with.
func Check(c config.Function) error {
	_, err := Handler(c, slog.New(slog.DiscardHandler), false)
	return err
}

// Handler returns the protocol on the configured store, and the administrators' API
// beside it, for a front door that sends answers as they are written, or buffered, once
// the handler has returned. Metrics are not among what the API offers: a process of
// Lambda knows only its own, so they go to CloudWatch (requests.go).
func Handler(c config.Function, logger *slog.Logger, buffered bool) (http.Handler, error) {
	log, err := Log(c)
	if err != nil {
		return nil, err
	}
	streams, err := protocol.New(log, protocol.Config{
		LongPollWait:      c.LongPollWait,
		SSELifetime:       c.SSELifetime,
		MaxBody:           int64(c.MaxBodyBytes),
		CompressFrom:      c.CompressFrom,
		PageMaxAge:        c.PageMaxAge,
		FlushBeforeAnswer: c.FlushBeforeAnswer,
		Buffered:          buffered,
		Logger:            logger,
		Report:            reporter(Namespace(c)),
		RequestID:         requestID,
	})
	if err != nil {
		return nil, err
	}
	return admin.New(log, admin.Config{Token: c.AdminToken, Logger: logger}).Mount(streams), nil
}
