// Package cdn has the configuration of a caching proxy, Varnish, in front of a server
// (default.vcl), and the tests that show what it saves: many readers of one stream cost the
// origin a handful of requests an event, and nobody misses, repeats or loops.
//
// There is nothing to import. `make cdn` runs the tests with many readers and prints figures.
package cdn
