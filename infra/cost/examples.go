package main

// Examples are workloads that many have, from nothing to what this server is not made
// for.
func Examples() []Workload {
	idle := Usual()
	idle.Name, idle.About = "idle", "deployed, with a hundred streams that nobody uses"
	idle.Streams = 100

	chat := Usual()
	chat.Name, chat.About = "chat", "a thousand rooms, five messages a second in all, clients that long-poll only while they are looked at"
	chat.Streams, chat.ActiveStreams = 1000, 200
	chat.AppendsPerSecond, chat.MessageBytes, chat.Producers = 5, 200, 1
	chat.ReadsPerSecond, chat.ReadBytes, chat.Tail = 2, 4<<10, 0.8
	chat.LiveReaders, chat.WatchedStreams, chat.LongPoll = 20, 10, true
	chat.RetentionDays, chat.CreatedPerDay, chat.DeletedPerDay = 365, 20, 20

	agents := Usual()
	agents.Name, agents.About = "agents", "sessions of AI agents: 10,000 a day, 500 events each in batches of ten, read back once, forked now and then"
	agents.Streams, agents.ActiveStreams = 300_000, 400
	agents.AppendsPerSecond, agents.MessagesPerRequest, agents.MessageBytes, agents.Producers = 10_000*500/10/86400.0, 10, 150, 1
	agents.ReadsPerSecond, agents.ReadBytes, agents.Cold = 10_000/86400.0, 75_000, 0.5
	agents.CreatedPerDay, agents.DeletedPerDay, agents.ForksPerDay = 10_000, 10_000, 500
	agents.LiveReaders, agents.WatchedStreams = 40, 40

	log := Usual()
	log.Name, log.About = "log", "an event log of 100 batches a second of a hundred messages of 1 KiB, read twice, half of it when it is old"
	log.Streams, log.ActiveStreams = 100, 100
	log.AppendsPerSecond, log.MessagesPerRequest, log.MessageBytes, log.Producers = 100, 100, 1<<10, 1
	log.ReadsPerSecond, log.ReadBytes, log.Cold = 5, 4<<20, 0.5
	log.RetentionDays = 30

	firehose := Usual()
	firehose.Name, firehose.About = "firehose", "1,000 single messages of 100 bytes a second, one a request, read once at the tail"
	firehose.Streams, firehose.ActiveStreams = 1000, 1000
	firehose.AppendsPerSecond, firehose.MessageBytes = 1000, 100
	firehose.ReadsPerSecond, firehose.ReadBytes, firehose.Tail = 20, 5000, 0.5
	firehose.RetentionDays = 30

	live := Usual()
	live.Name, live.About = "live", "1,000 clients connected day and night by SSE to 50 streams, a message a second on each"
	live.Streams, live.ActiveStreams = 50, 50
	live.AppendsPerSecond, live.MessageBytes = 50, 200
	live.LiveReaders, live.WatchedStreams = 1000, 50
	live.RetentionDays = 7

	edge := live
	edge.Name, edge.About = "live-cdn", "the same by long-poll, with CloudFront in front that asks once for many"
	edge.LongPoll, edge.CloudFront = true, true

	return []Workload{idle, chat, agents, log, firehose, live, edge}
}
