// Package bucket stores objects through the S3 API: in Cloudflare R2 and in Amazon
// S3. It implements [stream.Objects] for one bucket, which must exist. Old versions, if
// the bucket keeps them, are billed until a lifecycle removes them; the stack keeps them
// for 35 days, so that a restored table finds its objects.
//
// The requests that a call makes when nothing fails, in the words of the two price
// lists (R2's class A, $4.50 a million, are writes and lists, its class B, $0.36 a
// million, reads; S3 in us-east-1 takes $5 a million for the former and $0.40 for
// the latter; neither charges for deletes):
//
//	PutObject       1 write; 1 read more if something is stored under the key
//	Object          1 read
//	ListObjects     1 list for each 1,000 keys
//	RemoveObjects   the deletes, and 1 list for each 1,000 objects that are stored between
//	                the first and the last key; fewer where keys are far apart
//	DiscardObjects  1 list for each 1,000 objects and 1 more, and the deletes
//
// What a request may take and how often it is repeated is in [Options]: the SDK's
// own repetitions are switched off, because only who sees all attempts of a call
// can say what it did. A put is repeatable here: it never overwrites, and one
// that finds its own body stored has succeeded.
//
// A call holds no more of a body in memory than it returns: a put and its comparison
// with what is stored take some hundred kilobytes, whatever the size.
//
// # Integrity
//
// A body is protected on its way to the store by the SHA-256 of the request's
// signature. Its CRC32C is stored with it as metadata, and compared whenever an
// object is read as a whole. The checksums of the S3 API are not used for that:
// R2 computes others than S3 does, and does not serve them with ranges.
//
// # Permissions
//
// s3:GetObject, s3:PutObject and s3:DeleteObject on the objects, s3:ListBucket on
// the bucket. Without the last one S3 answers 403 instead of 404 for an object
// that is not there, which is an error here, and not [stream.ErrNoItem].
package bucket
