// Package faults is a layer between the SDK and a store that lets requests fail, as
// networks and stores do: an [http.RoundTripper] under the SDK's clients ([DynamoDB], [S3]),
// or a server on loopback in front of a store that other processes use ([NewProxy]). What is
// tested above it is the production code, unchanged.
//
// What happens to a request is decided by a [Plan]: a [Script] for certain requests, or
// [Random] by a seed. A random decision follows from the seed, the operation, the stream
// that the request is about, and how many requests of that operation and stream came before
// it, and from nothing else: neither from time nor from other streams. So one client that
// makes the same requests one after the other meets the same faults again, whatever else
// goes on. What a seed does not repeat is the order in which several clients of one stream
// make their requests, which the scheduler decides: then the same faults happen, to other
// requests of the same operation and stream. What is late, or delivered twice, is delivered
// just before a later request of the same stream, counted in requests as well.
//
// Delays are of real time. Requests that are about no stream, such as scans and lists, are
// counted as those of a stream without a name.
package faults
