package httpresponse

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
)

// StreamContentType is what a runtime posts a streamed HTTP response as.
const StreamContentType = "application/vnd.awslambda.http-integration-response"

const (
	// separatorLength is the number of NUL bytes between prelude and body.
	separatorLength = 8
	// maxPrelude is more than any header of HTTP may have.
	maxPrelude = 1 << 20
)

// ReadStream reads the prelude of a streamed response, and returns it and the
// body, which yields bytes as soon as the source does. The error wraps
// [ErrMalformed], or is the source's.
func ReadStream(source io.Reader) (Head, io.Reader, error) {
	body := bufio.NewReaderSize(source, 32<<10)
	prelude, err := readPrelude(body)
	if err != nil {
		return Head{}, nil, err
	}
	var d document
	if err := json.Unmarshal(prelude, &d); err != nil {
		return Head{}, nil, fmt.Errorf("%w: prelude: %w", ErrMalformed, err)
	}
	h, err := d.head()
	return h, body, err
}

// readPrelude reads up to and including the separator. JSON has no NUL bytes.
func readPrelude(from *bufio.Reader) ([]byte, error) {
	var prelude []byte
	for {
		b, err := from.ReadByte()
		switch {
		case err == io.EOF:
			return nil, fmt.Errorf("%w: it ends in the prelude", ErrMalformed)
		case err != nil:
			return nil, err
		case b == 0:
			return prelude, skipSeparator(from)
		}
		if prelude = append(prelude, b); len(prelude) > maxPrelude {
			return nil, fmt.Errorf("%w: the prelude does not end", ErrMalformed)
		}
	}
}

// skipSeparator reads the separator's other bytes.
func skipSeparator(from *bufio.Reader) error {
	for range separatorLength - 1 {
		switch b, err := from.ReadByte(); {
		case err == io.EOF || err == nil && b != 0:
			return fmt.Errorf("%w: after the prelude are fewer than %d NUL bytes", ErrMalformed, separatorLength)
		case err != nil:
			return err
		}
	}
	return nil
}
