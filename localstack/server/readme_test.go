package main

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
)

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestCurlTour runs the README's tour, command by command, as a reader would: against a
// server of its own, or the one at BASE_URL.
func TestCurlTour(t *testing.T) {
	// What each command must answer, in the order of the README.
	want := []struct{ status, contains string }{
		{"201", "Stream-Next-Offset: 0000000000000000_0000000000000000"},
		{"204", "Stream-Next-Offset: 0000000000000000_0000000000000001"},
		{"204", "Stream-Next-Offset: 0000000000000000_0000000000000003"},
		{"200", `[{"from":"ann","text":"hello"},{"from":"bob","text":"hi"},{"from":"ann","text":"how are you?"}]`},
		{"200", `[{"from":"ann","text":"how are you?"}]`},
		{"200", "\r\n\r\n[]"},
		{"200", "Content-Type: application/json"},
		{"200", "Etag: "},
		{"304", "Etag: "},
		{"200", "Stream-Cursor: "},
		{"", `data:{"streamNextOffset":"0000000000000000_0000000000000003"`},
		{"200", "Producer-Seq: 0"},
		{"204", "Producer-Seq: 0"},
		{"409", "Producer-Expected-Seq: 1"},
		{"200", "Producer-Epoch: 1"},
		{"403", "Producer-Epoch: 1"},
		{"204", ""},
		{"409", "Stream-Seq"},
		{"204", "Stream-Closed: true"},
		{"409", "Stream-Closed: true"},
		{"204", ""},
		{"201", ""},
		{"204", "Stream-Closed: true"},
		{"204", "Stream-Closed: true"},
		{"201", "Stream-Closed: true"},
		{"200", "all there is"},
		{"201", "0000000000000000_0000000000000003"},
		{"201", "0000000000000000_0000000000000001"},
		{"204", "0000000000000001_0000000000000001"},
		{"200", `["one","another two"]`},
		{"204", ""},
		{"410", ""},
		{"204", ""},
		{"404", ""},
		{"200", `{"type":"stream","key":"tour/chat","headers":{"operation":"delete"}}`},
		{"405", "Allow: GET, HEAD, OPTIONS"},
		{"201", ""},
		{"200", ""},
		{"200", "Stream-Ttl: 3600"},
		{"201", ""},
		{"201", ""},
		{"", " 00 01 02 ff\n"},
		{"200", "data:AAEC/w=="},
		{"204", ""},
		{"200", "Content-Encoding: "},
		{"204", "Access-Control-Allow-Methods: "},
		{"204", ""},
	}
	streams := strings.TrimRight(os.Getenv("BASE_URL"), "/") + "/v1/stream/"
	if os.Getenv("BASE_URL") == "" {
		streams = mustStart(t, serverBinary(), "STORE=memory").url
	}
	_, tour, _ := strings.Cut(readme(t), "## A tour with curl")
	tour, _, _ = strings.Cut(tour, "\n## ")
	commands := regexp.MustCompile(`(?m)^.*\bcurl .*http.*$`).FindAllString(tour, -1)
	if len(commands) != len(want) {
		t.Fatalf("the tour has %d commands, the test expects %d", len(commands), len(want))
	}
	for i, command := range commands {
		there := strings.ReplaceAll(command, "http://127.0.0.1:4437/v1/stream/", streams)
		if !strings.Contains(there, streams) {
			t.Errorf("%s: does not address the local server", command)
		}
		out, err := exec.Command("bash", "-c", there).Output()
		// 28 is curl's --max-time, which ends the look at a live stream.
		if exit, ok := err.(*exec.ExitError); err != nil && (!ok || exit.ExitCode() != 28) {
			t.Errorf("%s: %v", command, err)
		}
		answer := string(out)
		if want[i].status != "" && !strings.HasPrefix(answer, "HTTP/1.1 "+want[i].status+" ") {
			t.Errorf("%s\nwant %s, got:\n%s", command, want[i].status, answer)
		}
		if !strings.Contains(answer, want[i].contains) {
			t.Errorf("%s\nwant %q in:\n%s", command, want[i].contains, answer)
		}
	}
}

// TestAdminCommands runs what the README says of the admin API.
func TestAdminCommands(t *testing.T) {
	want := []string{`"name":"tour/full"`, `"stream":"tour/full"`, "# TYPE "}
	_, section, _ := strings.Cut(readme(t), "## See what is stored")
	section, _, _ = strings.Cut(section, "\n## ")
	token := regexp.MustCompile(`(?m)^ADMIN_TOKEN=(\S+) make run$`).FindStringSubmatch(section)
	commands := regexp.MustCompile(`(?m)^curl .*$`).FindAllString(section, -1)
	if token == nil || len(commands) != len(want) {
		t.Fatalf("the section has the token %q and %d commands, the test expects %d", token, len(commands), len(want))
	}
	p := mustStart(t, serverBinary(), "STORE=memory", "ADMIN_TOKEN="+token[1], "SEGMENT_MAX_MESSAGES=2")
	create := exec.Command("bash", "-c", "curl -sf -X PUT "+p.url+"tour/full -H 'Content-Type: application/json' -d '[1,2]' &&"+
		" curl -sf -X POST "+p.url+"tour/full -H 'Content-Type: application/json' -d '[3]'")
	if out, err := create.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for i, command := range commands {
		there := strings.ReplaceAll(command, "http://127.0.0.1:4437/v1/", strings.TrimSuffix(p.url, "stream/"))
		// Segments are compacted in the background.
		eventually(t, "an answer with "+want[i]+" to "+command, func() bool {
			out, err := exec.Command("bash", "-c", there).Output()
			return err == nil && strings.HasPrefix(string(out), "HTTP/1.1 200 ") && strings.Contains(string(out), want[i])
		})
	}
}

func TestReadmeListsEveryVariable(t *testing.T) {
	for _, c := range []any{config.Server{}, config.Function{}, config.LambdaHost{}, config.Container{}, config.Perf{}, config.Soak{}, config.Stack{}} {
		rows := []string{"| variable | default | meaning |", "|---|---|---|"}
		for _, v := range config.Variables(c) {
			value := "`" + v.Default + "`"
			switch {
			case v.Required:
				value = "*required*"
			case v.Default == "":
				value = ""
			}
			rows = append(rows, fmt.Sprintf("| `%s` | %s | %s |", v.Name, value, v.Doc))
		}
		table := strings.Join(rows, "\n") + "\n"
		if !strings.Contains(readme(t), table) {
			t.Errorf("README.md should have this table of the variables of %T:\n%s", c, table)
		}
	}
}

func TestReadmeNamesOnlyCommandsThatExist(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?m)(?:^|`)(?:[A-Z_]+=\\S+ )*make ([a-z-]+)").FindAllStringSubmatch(readme(t), -1) {
		if !strings.Contains(string(makefile), "\n"+m[1]+":") {
			t.Errorf("README.md says make %s, which the Makefile does not have", m[1])
		}
	}
}
