package main

import (
	"strings"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// report is what a run has done, as the function returns and logs it. The counts are
// those of [stream.Swept].
type report struct {
	TookMS     int64 `json:"tookMs"`
	Items      int   `json:"items"`
	ItemsEnd   bool  `json:"itemsEnd"`
	Objects    int   `json:"objects"`
	ObjectsEnd bool  `json:"objectsEnd"`
	Discarded  int   `json:"discarded"`
	// NotDiscarded counts the ended lives whose data could not be discarded yet.
	NotDiscarded int   `json:"notDiscarded"`
	Expired      int   `json:"expired"`
	Sealed       int   `json:"sealed"`
	Segments     int   `json:"segments"`
	Bytes        int64 `json:"bytes"`
	Registered   int   `json:"registered"`
	Released     int   `json:"released"`
	Recounted    int   `json:"recounted"`
	Retired      int   `json:"retired"`
	Removed      int   `json:"removed"`
	Orphans      int   `json:"orphans"`
	Foreign      int   `json:"foreign"`
	Problems     int   `json:"problems"`
	// Errors tells the first few of the problems.
	Errors []string `json:"errors,omitempty"`
}

func newReport(s stream.Swept, took time.Duration, err error) *report {
	r := &report{
		TookMS: took.Milliseconds(),
		Items:  s.Items, ItemsEnd: s.ItemsEnd, Objects: s.Objects, ObjectsEnd: s.ObjectsEnd,
		Discarded: s.Settled, NotDiscarded: s.Failed,
		Expired: s.Expired, Sealed: s.Sealed, Segments: s.Segments, Bytes: s.Bytes,
		Registered: s.Registered, Released: s.Released, Recounted: s.Recounted,
		Retired: s.Retired, Removed: s.Removed, Orphans: s.Orphans, Foreign: s.Foreign, Problems: s.Problems,
	}
	if err != nil {
		// A joined error has a line for each.
		r.Errors = strings.Split(err.Error(), "\n")
	}
	return r
}
