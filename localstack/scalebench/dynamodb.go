package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/commoncurriculum/durable-streams-aws/localstack/standin"
	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// world is a store, and where its objects are.
type world struct {
	driver  stream.Driver
	objects stream.Objects
	limits  stream.Limits
}

// process is a log that has seen nothing: what it costs is what it costs a function that
// has just started.
func (w *world) process() (*stream.Log, error) {
	return stream.New(w.driver, stream.Options{Limits: w.limits, Objects: w.objects})
}

// onDynamoDB measures on a stand-in for DynamoDB.
func onDynamoDB(ctx context.Context, o options, show func(*series) error) error {
	db, err := standin.DynamoDB(ctx)
	if err != nil {
		return err
	}
	// With so much in its memory it may be killed because it takes long to end: that is no
	// failure here.
	defer func() { _ = db.Stop() }()
	objects := new(madeObjects)
	open := func() (*world, error) {
		client := dynamo.NewClient("us-east-1", db.Endpoint, credentials.NewStaticCredentialsProvider("local", "local", ""))
		definition := dynamo.Table("scale" + rand.Text())
		definition.StreamSpecification = nil // nobody reads it, and it makes a stand-in slow
		if _, err := client.CreateTable(ctx, definition); err != nil {
			return nil, err
		}
		d, err := dynamo.New(client, dynamo.Options{Table: *definition.TableName})
		w := &world{driver: d, objects: objects, limits: dynamo.Limits(stream.DefaultLimits())}
		w.limits.PageSize = 64 << 10
		return w, err
	}
	gets := func() int { return int(objects.gets.Load()) }
	w, err := open()
	if err != nil {
		return err
	}
	s := &series{store: "DynamoDB", what: "messages in a stream", counted: true, sizes: []int{1, 10_000, o.messages}}
	for _, size := range s.sizes {
		if err := w.grow(ctx, fmt.Sprint(size), size); err != nil {
			return err
		}
	}
	s.operations = append(append(w.operations(), w.ofMany()...), w.deleting())
	if err := s.run(ctx, o, gets, show); err != nil {
		return err
	}

	s = &series{store: "DynamoDB", what: "forks of forks", counted: true, sizes: []int{1, 5, 20}}
	if w, err = open(); err != nil {
		return err
	}
	if err := w.descend(ctx, s.sizes); err != nil {
		return err
	}
	s.operations = append(w.operations(), w.deleting())
	if err := s.run(ctx, o, gets, show); err != nil {
		return err
	}

	s = &series{store: "DynamoDB", what: "streams in the table", counted: true, sizes: []int{1, 1000, o.streams}}
	worlds := make(map[int]*world)
	for _, size := range s.sizes {
		if worlds[size], err = open(); err != nil {
			return err
		}
		if err := worlds[size].populate(ctx, size); err != nil {
			return err
		}
	}
	s.operations = ofWorlds(worlds)
	return s.run(ctx, o, gets, show)
}

// ofWorlds are the operations on the stream 0 of stores that differ in size.
func ofWorlds(worlds map[int]*world) (all []operation) {
	for i, op := range worlds[1].operations() {
		op.do = func(ctx context.Context, size int) error { return worlds[size].operations()[i].do(ctx, 0) }
		if op.undo != nil {
			op.undo = func(ctx context.Context, size int) error { return worlds[size].operations()[i].undo(ctx, 0) }
		}
		all = append(all, op)
	}
	return all
}

// run measures, and shows what came out.
func (s *series) run(ctx context.Context, o options, gets func() int, show func(*series) error) error {
	if err := s.measure(ctx, o.rounds, gets); err != nil {
		return err
	}
	return show(s)
}

var config = stream.Config{ContentType: "application/json"}

// grow makes a stream with so many messages. All but the last one are in segments that are
// compacted: there is what would be there.
func (w *world) grow(ctx context.Context, name string, messages int) error {
	now := time.Now().Truncate(time.Millisecond).UTC()
	h := &stream.Head{Incarnation: incarnation(), Version: uint64(messages), Config: config, CreatedAt: now, UsedAt: now, Commits: uint64(messages)}
	if segments := uint64(messages / perSegment); segments > 0 {
		h.Tail = stream.Offset{Segment: segments - 1, Position: perSegment}
		h.SegmentCount, h.SegmentSize, h.Compacted = perSegment, perSegment*len(record), segments
		err := together(int(segments), func(i int) error {
			m, err := manifest(uint64(i))
			if err != nil {
				return err
			}
			return w.driver.PutManifest(ctx, h.Life(name), m)
		})
		if err != nil {
			return err
		}
	}
	if err := w.driver.Create(ctx, name, h, nil); err != nil {
		return err
	}
	log, err := w.process()
	if err != nil {
		return err
	}
	return add(ctx, log, name)
}

// descend forks a stream, and its fork, and so on: the deepest of the sizes. Each has a
// message of its own.
func (w *world) descend(ctx context.Context, depths []int) error {
	log, err := w.process()
	if err != nil {
		return err
	}
	source := "root"
	if _, _, err := log.Create(ctx, source, &stream.Create{Config: config, Records: records()}); err != nil {
		return err
	}
	for depth := 1; depth <= depths[len(depths)-1]; depth++ {
		name := fmt.Sprint(depth)
		if _, _, err := log.Create(ctx, name, &stream.Create{Fork: &stream.Fork{Source: source}}); err != nil {
			return err
		}
		if err := add(ctx, log, name); err != nil {
			return err
		}
		source = name
	}
	return nil
}

// populate makes so many streams, one of which is called 0.
func (w *world) populate(ctx context.Context, streams int) error {
	now := time.Now().Truncate(time.Millisecond).UTC()
	err := together(streams, func(i int) error {
		h := &stream.Head{Incarnation: incarnation(), Config: config, CreatedAt: now, UsedAt: now}
		return w.driver.Create(ctx, fmt.Sprint(i), h, nil)
	})
	if err != nil {
		return err
	}
	log, err := w.process()
	if err != nil {
		return err
	}
	return add(ctx, log, "0")
}

func incarnation() (inc stream.Incarnation) {
	_, _ = rand.Read(inc[:]) // it never fails
	return inc
}

func records() (r stream.Records) {
	r.Add(record)
	return r
}

func add(ctx context.Context, log *stream.Log, name string) error {
	done, err := log.Append(ctx, name, &stream.Append{ContentType: config.ContentType, Records: records()})
	if err == nil && done.FlushDue() {
		err = log.Flush(ctx, name, done)
	}
	return err
}

// together calls do for each number below n, several at a time.
func together(n int, do func(i int) error) error {
	const workers = 8
	errs := make([]error, workers)
	var all sync.WaitGroup
	for worker := range workers {
		all.Go(func() {
			for i := worker; i < n && errs[worker] == nil; i += workers {
				errs[worker] = do(i)
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}
