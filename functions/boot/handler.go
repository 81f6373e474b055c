package boot

import (
	"log/slog"
	"net/http"

	"github.com/commoncurriculum/durable-streams-aws/pkg/admin"
	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
	"github.com/commoncurriculum/durable-streams-aws/pkg/protocol"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
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
	h, _, err := Serve(log, c, logger, buffered)
	return h, err
}

// Serve is [Handler] for streams that are open already. endReaders ends all live readers,
// those that come later too ([protocol.Handler.Shutdown]).
func Serve(log *stream.Log, c config.Function, logger *slog.Logger, buffered bool) (h http.Handler, endReaders func(), err error) {
	access, err := c.Auth.Open(logger)
	if err != nil {
		return nil, nil, err
	}
	settings := c.Protocol()
	settings.FlushBeforeAnswer, settings.Buffered, settings.Logger = c.FlushBeforeAnswer, buffered, logger
	settings.Report, settings.RequestID = reporter(Namespace(c)), requestID
	administration := admin.Config{Token: c.AdminToken, Logger: logger}
	if access == nil && c.DynamoDBEndpoint == "" {
		// On AWS, that is: stand-ins have an endpoint.
		logger.Warn("AUTH_MODE is off: whoever reaches the function can read, write and delete every stream")
	}
	if access != nil {
		settings.Access, administration.Admits = access, access.Admin
	}
	streams, err := protocol.New(log, settings)
	if err != nil {
		return nil, nil, err
	}
	return behindOrigin(c.OriginSecret, c.OriginPrevious, admin.New(log, administration).Mount(streams)), streams.Shutdown, nil
}
