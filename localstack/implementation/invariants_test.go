package implementation

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// Whatever is done in whatever order: a stream reads as what was appended to it, from any offset
// that was handed out; offsets only grow; and what was read once reads the same for ever.
func TestRandomOperations(t *testing.T) {
	s := start(t)
	for range 3 {
		seed := rand.Uint64()
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			st := s.create(t, "random", "text/plain")
			text, seq := "", 0
			type place struct {
				offset string
				at     int
			}
			places := []place{{"-1", 0}, {st.tail(t), 0}}
			for range 80 {
				switch random.IntN(4) {
				case 0, 1:
					piece := strings.Repeat(string(rune('a'+random.IntN(26))), 1+random.IntN(2000))
					var headers []string
					if random.IntN(2) == 0 {
						headers = producer("p", "0", strconv.Itoa(seq))
						seq++
					}
					next := st.put(t, piece, headers...).next()
					if headers != nil && random.IntN(2) == 0 {
						// It is sent once more.
						if again := st.do(t, "POST", "", piece, headers...).want(t, 204).next(); again != next {
							t.Fatalf("the duplicate is at %s, not %s", again, next)
						}
					}
					text += piece
					if last := places[len(places)-1].offset; next <= last {
						t.Fatalf("after %s comes %s", last, next)
					}
					places = append(places, place{next, len(text)})
				case 2:
					p := places[random.IntN(len(places))]
					if got := st.read(t, p.offset); got != text[p.at:] {
						t.Fatalf("from %s: %d bytes, want %d", p.offset, len(got), len(text)-p.at)
					}
				case 3:
					p := places[random.IntN(len(places)-1)]
					if p.at == len(text) {
						continue
					}
					a := st.do(t, "GET", "?live=long-poll&offset="+p.offset, "").want(t, 200)
					if !strings.HasPrefix(text[p.at:], a.body) || a.body == "" {
						t.Fatalf("from %s by long-poll: %d bytes that are not there", p.offset, len(a.body))
					}
				}
			}
		})
	}
}
