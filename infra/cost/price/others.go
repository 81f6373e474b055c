package price

// The price pages of others.
const (
	workersPage = "https://developers.cloudflare.com/workers/platform/pricing/"
	objectsPage = "https://developers.cloudflare.com/durable-objects/platform/pricing/"
	r2Page      = "https://developers.cloudflare.com/r2/pricing/"
	upstashPage = "https://upstash.com/pricing/redis"
)

// How the prices of others are known.
const (
	cloudflareDocs = "the source of Cloudflare's documentation, undated"
	r2Quoted       = "2026-07-23, as public documents quote the page"
	upstashQuoted  = "2026-09-20, as public documents quote the page"
)

// Cloudflare is the Workers Paid plan. Sending data to the internet costs nothing.
type Cloudflare struct {
	Plan, Request, CPU                                                  Price
	ObjectRequest, ObjectDuration, RowsWritten, RowsRead, ObjectStorage Price
	R2                                                                  Bucket
}

// CloudflareList returns Cloudflare's prices. What the plan includes is not taken off.
func CloudflareList() Cloudflare {
	return Cloudflare{
		Plan:           Price{"Workers", "paid plan", 5, 1, "month", workersPage, cloudflareDocs},
		Request:        Price{"Workers", "requests", 0.30, million, "requests", workersPage, cloudflareDocs},
		CPU:            Price{"Workers", "CPU time", 0.02, million, "ms", workersPage, cloudflareDocs},
		ObjectRequest:  Price{"Durable Objects", "requests", 0.15, million, "requests", objectsPage, cloudflareDocs},
		ObjectDuration: Price{"Durable Objects", "duration", 12.50, million, "GB-seconds", objectsPage, cloudflareDocs},
		RowsWritten:    Price{"Durable Objects", "rows written", 1, million, "rows", objectsPage, cloudflareDocs},
		RowsRead:       Price{"Durable Objects", "rows read", 0.001, million, "rows", objectsPage, cloudflareDocs},
		ObjectStorage:  Price{"Durable Objects", "storage", 0.20, 1, "GB-month", objectsPage, cloudflareDocs},
		R2: Bucket{
			Put:     Price{"R2", "class A (PUT, LIST)", 4.50, million, "requests", r2Page, r2Quoted},
			Get:     Price{"R2", "class B (GET)", 0.36, million, "requests", r2Page, r2Quoted},
			Storage: Price{"R2", "storage", 0.015, 1, "GB-month", r2Page, r2Quoted},
		},
	}
}

// Upstash is Redis, paid as you go: the managed service of the comparison.
type Upstash struct{ Command, Storage, Transfer Price }

// UpstashList returns the prices of Upstash. The first GB of storage and the first 200
// GB of transfer, which are free, are not taken off.
func UpstashList() Upstash {
	return Upstash{
		Command:  Price{"Upstash Redis", "commands", 0.20, 100_000, "commands", upstashPage, upstashQuoted},
		Storage:  Price{"Upstash Redis", "storage", 0.25, 1, "GB-month", upstashPage, upstashQuoted},
		Transfer: Price{"Upstash Redis", "out to the internet", 0.03, 1, "GB", upstashPage, upstashQuoted},
	}
}
